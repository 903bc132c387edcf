"""Where things begin to fall."""

from __future__ import annotations

from typing import List, Sequence, Tuple

import numpy as np

from pspgrasp.data.synthetic.solids import Part
from pspgrasp.sim.objects import SimObject

APART_M = 0.01  # between things before they fall


def before_falling(objects: Sequence[SimObject], walls: Sequence[Part]) -> Tuple[SimObject, ...]:
    """Return things where they begin to fall: over walls and things that they would fall on, and no higher.

    Args:
        objects: x and y count, their heights don't.
        walls: Of a bin, say.
    """
    boxes = [(wall.rotation, *_around(wall.rotation.T @ wall.centre_m, wall.half_m)) for wall in walls]
    lifted: List[SimObject] = []
    for thing in objects:
        points_m = np.concatenate(thing.pieces)
        tops_m = [high_m[2] for turn, low_m, high_m in boxes if _over(points_m @ turn, low_m, high_m)]
        up_m = np.array([0.0, 0.0, max(tops_m, default=0.0) + APART_M - points_m[:, 2].min()])
        lifted.append(thing.moved(np.eye(3), up_m))
        boxes.append((np.eye(3), points_m.min(axis=0) + up_m, points_m.max(axis=0) + up_m))
    return tuple(lifted)


def _around(middle_m: np.ndarray, half_m: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    return middle_m - half_m, middle_m + half_m


def _over(points_m: np.ndarray, low_m: np.ndarray, high_m: np.ndarray) -> bool:
    """Tell whether points overlap a box as seen from above."""
    least_m, most_m = points_m.min(axis=0), points_m.max(axis=0)
    return bool((least_m < high_m)[:2].all() and (most_m > low_m)[:2].all())
