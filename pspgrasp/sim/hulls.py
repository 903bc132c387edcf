"""Parts as convex bodies, which is what a physics engine takes: points whose hull is the part, or a piece of it."""

from __future__ import annotations

import math
from typing import List

import numpy as np

from pspgrasp.data.synthetic.solids import Part

RIM_POINTS = 24  # on a cross-section
LEVELS = 9  # of a part that bulges
BANDS = 6  # into which the wall of a hollow one is cut from bottom to top
WEDGES = 16  # into which a wall is cut round its hole: the corners of a box lie between two of them
ARC_POINTS = 4  # on the rim of a wedge


def hulls(part: Part) -> List[np.ndarray]:
    """Return sets of points (K, 3) [m], in the coordinates that the part is placed in.

    The union of their convex hulls is the part, up to the roundness that so many points can show. A hole is taken to
    stand upright in its part: what lies below and above it is whole, and the wall round it is cut into wedges.
    """
    if part.hole is None:
        return [_placed(part, _between(part, -part.half_m[2], part.half_m[2]))]
    hole = part.hole
    off_m = part.rotation.T @ (hole.centre_m - part.centre_m)
    low_m = max(-part.half_m[2], off_m[2] - hole.half_m[2])
    high_m = min(part.half_m[2], off_m[2] + hole.half_m[2])
    floors = [(-part.half_m[2], low_m), (high_m, part.half_m[2])]
    pieces = [_between(part, bottom, top) for bottom, top in floors if top - bottom > 1e-6]
    bands = BANDS if _bulges(part) or _bulges(hole) else 1
    levels, turns = np.linspace(low_m, high_m, bands + 1), np.linspace(0, 2 * math.pi, WEDGES + 1)
    for bottom, top in zip(levels, levels[1:]):
        for first, last in zip(turns, turns[1:]):
            angles = np.linspace(first, last, ARC_POINTS)
            rims = [
                (_rim(part, level, angles), _rim(hole, level - off_m[2], angles) + off_m) for level in (bottom, top)
            ]
            pieces.append(np.concatenate([rim for pair in rims for rim in pair]))
    return [_placed(part, piece) for piece in pieces]


def _bulges(part: Part) -> bool:
    """Tell whether the outline along z is curved outwards, as an ellipsoid's is."""
    return bool(part.square[2] > 0)


def _between(part: Part, low_m: float, high_m: float) -> np.ndarray:
    levels = np.linspace(low_m, high_m, LEVELS if _bulges(part) else 2)
    # A box needs no more than its corners; points between them make contacts hop from one to the next.
    count = RIM_POINTS if part.square[:2].any() else 4
    angles = (np.arange(count) + 0.5) * (2 * math.pi / count)
    return np.concatenate([_rim(part, level, angles) for level in levels])


def _rim(part: Part, level_m: float, angles_rad: np.ndarray) -> np.ndarray:
    """Return the border (K, 3) [m] of the cross-section at a height, in the part's own coordinates."""
    around = np.stack([np.cos(angles_rad), np.sin(angles_rad)], axis=1)
    if part.square[:2].any():
        left = -(part.constant + part.square[2] * level_m**2 + part.linear * level_m)
        rim = (around * np.sqrt(max(left, 0.0) / part.square[:2])).clip(-part.half_m[:2], part.half_m[:2])
    else:  # a box: its corners are at 45 degrees, whatever its sides
        rim = around / np.abs(around).max(axis=1, keepdims=True) * part.half_m[:2]
    return np.column_stack([rim, np.full(len(rim), level_m)])


def _placed(part: Part, points_m: np.ndarray) -> np.ndarray:
    return points_m @ part.rotation.T + part.centre_m
