"""How far grasps are from each other."""

from __future__ import annotations

from typing import Protocol, Sequence

import numpy as np

from pspgrasp.bag.results.frame import FoundGrasp

SAME_MM, SAME_DEG = 10.0, 30.0  # within which two grasps are one


class Grasps(Protocol):
    """N grasps: the columns u, v [px], angle_rad, width_m and position_m (N, 3), NaN where there is none."""

    def __getitem__(self, name: str, /) -> np.ndarray:
        """Return a column."""


class Apart:
    """N grasps against N others; a column is worked out when it is asked for. All are (N,), NaN where one is."""

    def __init__(self, one: Grasps, other: Grasps) -> None:
        self._one, self._other = one, other

    @property
    def distance_px(self) -> np.ndarray:
        """In the image [px]."""
        return np.hypot(self._step("u"), self._step("v"))

    @property
    def angle_deg(self) -> np.ndarray:
        """Between their directions, which are the same after half a turn: 0 to 90 [deg]."""
        return np.degrees(np.abs((self._step("angle_rad") + np.pi / 2) % np.pi - np.pi / 2))

    @property
    def distance_mm(self) -> np.ndarray:
        """In space [mm]."""
        return 1000 * np.linalg.norm(self._step("position_m"), axis=-1)

    @property
    def width_mm(self) -> np.ndarray:
        """Between their openings [mm]; NaN where one isn't known in metres."""
        return 1000 * np.abs(self._step("width_m"))

    @property
    def same(self) -> np.ndarray:
        """Whether the two are one grasp to a robot, bool; never where one is missing."""
        return (self.distance_mm <= SAME_MM) & (self.angle_deg <= SAME_DEG)

    def _step(self, name: str) -> np.ndarray:
        return self._one[name] - self._other[name]


def has(grasps: Sequence[FoundGrasp], one: FoundGrasp) -> bool:
    """Tell whether some grasps have one among them."""
    names = ("u", "v", "angle_rad", "width_m", "position_m")
    every = {name: np.array([getattr(grasp, name) for grasp in grasps]) for name in names}
    return bool(Apart(every, {name: np.array(getattr(one, name)) for name in names}).same.any())
