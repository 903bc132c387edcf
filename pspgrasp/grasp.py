"""A grasp in the image and a grasp in space: g = (p, phi, w, q) of Morrison et al. 2018."""

from __future__ import annotations

import math
from dataclasses import dataclass

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

    The gripper approaches along +z; its closing direction is the x axis turned by -angle_rad about +z,
    since an angle that is anticlockwise in the image (v down) is a negative turn about the forward axis.

    Attributes:
        position_m: (3,) float64 [m].
        angle_rad: As in `ImageGrasp`.
        width_m: Opening between the jaws [m].
        quality: 0 to 1.
    """

    position_m: np.ndarray
    angle_rad: float
    width_m: float
    quality: float

    def rotation(self) -> np.ndarray:
        """Return R (3, 3), gripper in camera: columns are closing direction, its normal, approach."""
        c, s = math.cos(-self.angle_rad), math.sin(-self.angle_rad)
        return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
