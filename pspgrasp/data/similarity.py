"""Turns, zooms, mirrors and shifts of the image plane: one motion for points, grasps and pixels alike."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Tuple

import cv2
import numpy as np

from pspgrasp.crop import SquareCrop
from pspgrasp.grasp import wrap_half_turn
from pspgrasp.rectangle import GraspRectangle

EXACT = 1e-12  # cosines below are 0: that of a quarter turn is 6e-17 in floats, and must land on pixels


@dataclass(frozen=True)
class PlanarSimilarity:
    """A similarity of the image plane, p -> zoom * R(angle) * F * p + shift with p = (u, v) [px].

    It moves pixels and leaves their depth alone. A picture zoomed by z shows what a lens of z times the focal length
    sees from the same place, so for any scene the depth stays right and the focal length is to be multiplied by z.

    Attributes:
        angle_rad: Turn, anticlockwise as seen.
        zoom: Pixels after per pixel before, above 0.
        flipped: Whether left and right are exchanged, u -> -u, before the turn.
        shift_px: (u, v) [px], after all else.
    """

    angle_rad: float = 0.0
    zoom: float = 1.0
    flipped: bool = False
    shift_px: Tuple[float, float] = (0.0, 0.0)

    @classmethod
    def of_crop(cls, crop: SquareCrop) -> PlanarSimilarity:
        """Return what takes pixels of the image to pixels of its crop, as `SquareCrop.to_crop` does."""
        left, top = ((0.5 - first) / crop.scale - 0.5 for first in (crop.left_px, crop.top_px))
        return cls(zoom=1 / crop.scale, shift_px=(left, top))

    def about(self, centre_px: Tuple[float, float]) -> PlanarSimilarity:
        """Return the same motion with its fixed point moved from (0, 0) to (u, v), and then its shift."""
        u, v = np.asarray(centre_px) - self.linear() @ centre_px + self.shift_px
        return replace(self, shift_px=(float(u), float(v)))

    def linear(self) -> np.ndarray:
        """Return zoom * R * F, (2, 2) float64, without the shift."""
        cosine, sine = (0.0 if abs(n) < EXACT else n for n in (math.cos(self.angle_rad), math.sin(self.angle_rad)))
        mirror = -1.0 if self.flipped else 1.0
        return self.zoom * np.array([[cosine * mirror, sine], [-sine * mirror, cosine]])

    def points(self, points_px: np.ndarray) -> np.ndarray:
        """Return points (..., 2) (u, v) [px], moved."""
        return np.asarray(points_px) @ self.linear().T + self.shift_px

    def rectangle(self, rectangle: GraspRectangle) -> GraspRectangle:
        """Return a grasp rectangle, moved; a mirror negates its angle."""
        u, v = self.points(np.array([rectangle.u, rectangle.v]))
        angle_rad = (-1 if self.flipped else 1) * rectangle.angle_rad + self.angle_rad
        opening_px, jaw_px = self.zoom * rectangle.opening_px, self.zoom * rectangle.jaw_px
        return GraspRectangle(float(u), float(v), wrap_half_turn(angle_rad), opening_px, jaw_px)

    def warp(self, depth_m: np.ndarray, shape: Tuple[int, ...] = ()) -> np.ndarray:
        """Return depth (H, W) [m] with its pixels moved, float32 [m], bilinear.

        Whatever blends a missing pixel, or one from outside of the picture, is missing (NaN).

        Args:
            depth_m: (H, W) [m], NaN = no measurement.
            shape: Rows and columns of the result; () is those of `depth_m`.
        """
        height_px, width_px = shape or depth_m.shape
        missing = np.isnan(depth_m)
        matrix = np.hstack([self.inverse().linear(), np.reshape(self.inverse().shift_px, (2, 1))])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        filled_m = np.where(missing, np.float32(0), depth_m).astype(np.float32, copy=False)
        warped_m = cv2.warpAffine(filled_m, matrix, (width_px, height_px), flags=flags)
        blended = cv2.warpAffine(
            missing.astype(np.float32), matrix, (width_px, height_px), flags=flags, borderValue=(1.0,)
        )
        warped_m[blended > 0] = np.nan
        return warped_m

    def then(self, second: PlanarSimilarity) -> PlanarSimilarity:
        """Return the similarity that does this one first and `second` after it."""
        turned_rad = -self.angle_rad if second.flipped else self.angle_rad
        u, v = second.points(np.array(self.shift_px))
        return PlanarSimilarity(
            turned_rad + second.angle_rad, self.zoom * second.zoom, self.flipped != second.flipped, (float(u), float(v))
        )

    def inverse(self) -> PlanarSimilarity:
        """Return the similarity that undoes this one."""
        angle_rad = self.angle_rad if self.flipped else -self.angle_rad
        back = PlanarSimilarity(angle_rad, 1 / self.zoom, self.flipped)
        u, v = -back.points(np.array(self.shift_px))
        return replace(back, shift_px=(float(u), float(v)))
