"""A grasp in the image and a grasp in space: g = (p, phi, w, q) of Morrison et al. 2018."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np


def wrap_half_turn(angle_rad: float) -> float:
    """Return the angle in [-pi/2, pi/2): a parallel-jaw grasp is the same after half a turn."""
    wrapped = (angle_rad + math.pi / 2) % math.pi - math.pi / 2
    # The floating-point remainder of a tiny negative number may round up to pi itself.
    return wrapped if wrapped < math.pi / 2 else -math.pi / 2


@dataclass(frozen=True)
class ImageGrasp:
    """A grasp in an image.

    Attributes:
        u: Column of the centre [px].
        v: Row of the centre [px].
        angle_rad: Direction in which the jaws close, [-pi/2, pi/2), anticlockwise as seen from the u axis.
        width_px: Opening between the jaws [px].
        quality: 0 to 1.
    """

    u: float
    v: float
    angle_rad: float
    width_px: float
    quality: float


@dataclass(frozen=True)
class Grasp:
    """A grasp in the camera's optical frame (x right, y down, z forward).

    A gripper that approaches along +z closes along the x axis turned by -angle_rad about +z, since an angle that is
    anticlockwise in the image (v down) is a negative turn about the forward axis. One that approaches another way
    closes in the direction at right angles to it that looks the same in the image.

    Attributes:
        position_m: (3,) float64 [m].
        angle_rad: As in `ImageGrasp`.
        width_m: Opening between the jaws [m].
        quality: 0 to 1.
        approach: (3,), unit vector in which the fingers point; away from the camera.
    """

    position_m: np.ndarray
    angle_rad: float
    width_m: float
    quality: float
    approach: np.ndarray = field(default_factory=lambda: np.array([0.0, 0.0, 1.0]))

    def rotation(self) -> np.ndarray:
        """Return R (3, 3), gripper in camera: columns are closing direction, its normal, approach."""
        level = self._level()
        (cx, cy, cz), (ax, ay, az) = level / math.sqrt(level @ level), self.approach
        across = (ay * cz - az * cy, az * cx - ax * cz, ax * cy - ay * cx)  # numpy's cross product takes far longer
        return np.array([(cx, cy, cz), across, self.approach]).T

    def towards(self, approach: np.ndarray) -> Grasp:
        """Return the grasp of a gripper that comes another way (3,) and looks the same: it closes across that way.

        A thing that the camera sees at a slant is wider than it looks, so the opening grows.
        """
        level = replace(self, approach=approach)._level()
        return replace(self, approach=approach, width_m=self.width_m * math.sqrt(level @ level))

    def _level(self) -> np.ndarray:
        """Return what is at right angles to the approach and is seen as one metre of the closing direction is."""
        seen = np.array([math.cos(-self.angle_rad), math.sin(-self.angle_rad), 0.0])
        along = seen @ self.approach
        # What looks like it lies in a plane with the eye.
        return seen - along / (self.position_m @ self.approach) * self.position_m if along else seen
