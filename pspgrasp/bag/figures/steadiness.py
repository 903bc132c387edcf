"""How steady the best grasp is: in the image while nothing moves, and in a frame that stands still."""

from __future__ import annotations

from functools import partial
from typing import List

import numpy as np

from pspgrasp.bag.figures.series import Series, apart_series, share
from pspgrasp.bag.judging.still import still
from pspgrasp.bag.results.apart import Apart
from pspgrasp.bag.results.columns import Columns

JUMP_PX = 20.0  # between the best grasps of two frames, beyond which it is another one
JUMP_MM = 30.0  # the same in a frame that stands still


def jitter(best: Columns, seen: Columns) -> List[Series]:
    """Measure the best grasp of a frame against that of the frame before, where nothing moved between them."""
    stands, apart = partial(_stands, seen), Apart(best, Before(best))

    def jumps() -> np.ndarray:
        distance_px = np.where(stands(), apart.distance_px, np.nan)
        return np.where(np.isnan(distance_px), np.nan, distance_px > JUMP_PX)

    told = share("still scene", lambda: np.where(np.arange(len(seen)) > 0, stands(), np.nan))
    return [told, *apart_series(apart, "jitter, ", stands), share("jumps", jumps)]


def stability(best: Columns, seen: Columns) -> List[Series]:
    """Measure the best grasp in a frame that stands still, where the camera's pose is known."""
    if all(np.isnan(piece["fixed_m"]).all() for piece in best.pieces()):
        return []

    def jumps() -> np.ndarray:
        steps_mm = 1000 * np.linalg.norm(np.diff(best["fixed_m"], axis=0), axis=1)
        return np.append(np.nan, np.where(np.isnan(steps_mm), np.nan, steps_mm > JUMP_MM))

    spread = Series(
        "spread in a second, fixed frame",
        "mm",
        lambda: 1000 * _spread_m(best["fixed_m"], seen["stamp_ns"] // 10**9),
        metric=True,
    )
    return [spread, share("jumps, fixed frame", jumps, metric=True)]


class Before:
    """The grasps of the frames before, as `Apart` wants them."""

    def __init__(self, grasps: Columns) -> None:
        self._grasps = grasps

    def __getitem__(self, name: str) -> np.ndarray:
        """Return a column, NaN in the first row."""
        values = self._grasps[name]
        return np.concatenate([np.full_like(values[:1], np.nan), values[:-1]])


def _stands(seen: Columns) -> np.ndarray:
    return still(seen["change"], seen["drift"])


def _spread_m(places_m: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """Return how far each place (N, 3) is from the median of those of its second (N,)."""
    spread_m = np.full(len(places_m), np.nan)
    known = np.flatnonzero(~np.isnan(places_m[:, 0]))
    known = known[np.argsort(seconds[known], kind="stable")]
    for mine in np.split(known, np.flatnonzero(np.diff(seconds[known])) + 1):
        if len(mine) > 1:
            spread_m[mine] = np.linalg.norm(places_m[mine] - np.median(places_m[mine], axis=0), axis=1)
    return spread_m
