"""The pinhole camera of a depth image."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Tuple

import numpy as np

from pspgrasp.errors import DepthError


@dataclass(frozen=True)
class PinholeCamera:
    """A pinhole camera without distortion; optical frame: x right, y down, z forward.

    Attributes:
        width_px: Columns of the image.
        height_px: Rows of the image.
        fx: Focal length along u [px].
        fy: Focal length along v [px].
        cx: Column of the principal point [px]; pixel centres lie at whole numbers.
        cy: Row of the principal point [px].

    Raises:
        DepthError: A size or focal length is not positive, or a number is not finite.
    """

    width_px: int
    height_px: int
    fx: float
    fy: float
    cx: float
    cy: float

    def __post_init__(self) -> None:
        if self.width_px <= 0 or self.height_px <= 0:
            raise DepthError(f"camera image is {self.width_px}x{self.height_px} px; both must be positive")
        numbers = (self.fx, self.fy, self.cx, self.cy)
        if not all(math.isfinite(n) for n in numbers) or self.fx <= 0 or self.fy <= 0:
            raise DepthError(
                f"camera matrix fx={self.fx} fy={self.fy} cx={self.cx} cy={self.cy} is not calibrated; "
                "fx and fy must be positive and all finite (is camera_info filled in?)"
            )

    @property
    def focal_px(self) -> float:
        """One focal length [px] for both directions, their geometric mean."""
        return math.sqrt(self.fx * self.fy)

    def deproject(self, u: float, v: float, depth_m: float) -> np.ndarray:
        """Return the point (3,) [m] in the optical frame that pixel (u, v) sees at `depth_m` along z."""
        return np.array([(u - self.cx) / self.fx * depth_m, (v - self.cy) / self.fy * depth_m, depth_m])

    def window(self, left_px: int, top_px: int, side_px: int) -> PinholeCamera:
        """Return the camera of a square window of the image."""
        return PinholeCamera(side_px, side_px, self.fx, self.fy, self.cx - left_px, self.cy - top_px)

    def project(self, point_m: np.ndarray) -> Tuple[float, float]:
        """Return the pixel (u, v) that sees the point (3,) [m]; the inverse of `deproject`."""
        x, y, z = (float(c) for c in point_m)
        return x / z * self.fx + self.cx, y / z * self.fy + self.cy

    def length_m(self, length_px: float, angle_rad: float, depth_m: float) -> float:
        """Return the length [m] at `depth_m` of an image segment of `length_px` that lies at `angle_rad`."""
        return depth_m * length_px * math.hypot(math.cos(angle_rad) / self.fx, math.sin(angle_rad) / self.fy)
