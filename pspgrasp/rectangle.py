"""The grasp rectangle of Jiang et al. 2011: an opening between two jaws, at an angle."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pspgrasp.grasp import ImageGrasp


@dataclass(frozen=True)
class GraspRectangle:
    """A rectangle in the image, floats all the way.

    Attributes:
        u: Column of the centre [px].
        v: Row of the centre [px].
        angle_rad: Direction of the opening, anticlockwise as seen.
        opening_px: Side along the opening [px].
        jaw_px: Side along the jaws [px].
    """

    u: float
    v: float
    angle_rad: float
    opening_px: float
    jaw_px: float

    @classmethod
    def of_grasp(cls, grasp: ImageGrasp, jaw_px: float) -> GraspRectangle:
        """Return the rectangle that a gripper with jaws of `jaw_px` sweeps."""
        return cls(grasp.u, grasp.v, grasp.angle_rad, grasp.width_px, jaw_px)

    def corners(self) -> np.ndarray:
        """Return (4, 2) float64 (u, v) [px]; corner 0 to 1 runs along the opening, as in Cornell."""
        along = self.opening_px / 2 * np.array([math.cos(self.angle_rad), -math.sin(self.angle_rad)])
        across = self.jaw_px / 2 * np.array([math.sin(self.angle_rad), math.cos(self.angle_rad)])
        centre = np.array([self.u, self.v])
        return np.stack(
            [
                centre - along - across,
                centre + along - across,
                centre + along + across,
                centre - along + across,
            ]
        )
