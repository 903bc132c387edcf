"""What the network should put out for labelled rectangles: the maps Q, Phi, W of Morrison et al. 2018, section V-B."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Sequence, Tuple

import numpy as np

from pspgrasp.config import setting
from pspgrasp.maps import GraspMaps
from pspgrasp.rectangle import GraspRectangle

ROUNDING_PX = 1e-6  # a pixel on the edge is inside, whatever the last bit of a cosine says
SMALLEST_PX = math.sqrt(0.5)  # half a pixel's diagonal: the pixel nearest to a centre is always within it
TIES = 9  # decimals: two labels as central as each other up to rounding are equal, and the first of them wins
NARROWEST_PX = 1.0  # of contact widths


@dataclass(frozen=True)
class TargetConfig:
    """How a rectangle becomes quality."""

    centre_share: float = setting(1 / 3, "share of the opening, in its middle, where grasps are good", 0.01, 1.0)
    edge_quality: float = setting(
        1.0, "quality at the edge of that part; 1 everywhere is GG-CNN's, less falls off from the centre", 0.0, 1.0
    )


def grasp_target(
    rectangles: Sequence[GraspRectangle], size_px: int, clearance_px: float = 0.0, config: TargetConfig = TargetConfig()
) -> GraspMaps:
    """Return the maps (S, S) of labels: the middle of each rectangle is good to grasp at, with its angle and width.

    A pixel belongs to a rectangle if its centre lies inside; corners are floats. Where labels overlap, the one wins in
    whose middle part the pixel is most central: crossing labels keep their own angles, while a mean of cos 2phi and
    sin 2phi of grasps at right angles would be none. The width is the CONTACT width, the opening less what the data
    set's labels are wider than the thing. Outside of all labels the four maps are 0.

    Args:
        rectangles: In pixels of the map.
        size_px: Side of the maps.
        clearance_px: Opening of the labels beyond the contact width, both sides together [map px].
        config: Which part, and how its quality falls off.
    """
    most_central = np.full((size_px, size_px), -1.0)
    maps = np.zeros((4, size_px, size_px), np.float32)
    for rectangle in rectangles:
        patch, central = _centrality(rectangle, size_px, config.centre_share)
        wins = central > most_central[patch]
        most_central[patch][wins] = central[wins]
        double_rad = 2 * rectangle.angle_rad
        maps[(slice(1, 4), *patch)][:, wins] = np.array(
            [[math.cos(double_rad)], [math.sin(double_rad)], [max(NARROWEST_PX, rectangle.opening_px - clearance_px)]]
        )
    fallen = (1 - config.edge_quality) * (1 - most_central)
    maps[0] = np.where(most_central >= 0, 1 - fallen, 0)
    return GraspMaps(*maps)


def _centrality(rectangle: GraspRectangle, size_px: int, centre_share: float) -> Tuple[Tuple[slice, slice], np.ndarray]:
    """Return a part of the map, and there how central each pixel is (h, w): 1 at the centre, 0 at the edge, -1 outside.

    It falls linearly along the opening and along the jaw, and the lower of the two counts.
    """
    half_px = np.maximum(SMALLEST_PX, np.array([rectangle.opening_px * centre_share, rectangle.jaw_px]) / 2)
    cosine, sine = math.cos(rectangle.angle_rad), math.sin(rectangle.angle_rad)
    reach_u, reach_v = np.abs([[cosine, sine], [sine, cosine]]) @ half_px + ROUNDING_PX
    rows, columns = _within(rectangle.v, reach_v, size_px), _within(rectangle.u, reach_u, size_px)
    v = np.arange(rows.start, rows.stop)[:, None] - rectangle.v
    u = np.arange(columns.start, columns.stop)[None] - rectangle.u
    along, across = np.abs(u * cosine - v * sine), np.abs(u * sine + v * cosine)
    inside = (along <= half_px[0] + ROUNDING_PX) & (across <= half_px[1] + ROUNDING_PX)
    central = 1 - np.minimum(1, np.maximum(along / half_px[0], across / half_px[1]))
    return (rows, columns), np.where(inside, np.round(central, TIES), -1.0)


def _within(centre_px: float, reach_px: float, size_px: int) -> slice:
    """Return the pixels of a side that are not farther than `reach_px` from a place, none if it lies outside."""
    first = min(size_px, max(0, math.ceil(centre_px - reach_px)))
    return slice(first, max(first, min(size_px, math.floor(centre_px + reach_px) + 1)))
