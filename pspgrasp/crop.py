"""The square window of an image that the network looks at, and the way back from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Optional, Tuple

import cv2
import numpy as np

from pspgrasp.config import CropConfig
from pspgrasp.grasp import ImageGrasp


@dataclass(frozen=True)
class SquareCrop:
    """A square window of an image, resized to a square of `out_px`.

    Attributes:
        left_px: First column of the window in the image.
        top_px: First row.
        size_px: Side of the window [image px].
        out_px: Side after resizing [crop px].
    """

    left_px: int
    top_px: int
    size_px: int
    out_px: int

    @classmethod
    def asked(cls, config: CropConfig, shape: Tuple[int, ...], out_px: int) -> SquareCrop:
        """Return the window that `config` asks for in an image of this shape (H, W), fit or not."""
        left = (shape[1] - config.size_px) // 2 + config.offset_u_px
        top = (shape[0] - config.size_px) // 2 + config.offset_v_px
        return cls(left, top, config.size_px, out_px)

    @classmethod
    def placed(cls, config: CropConfig, shape: Tuple[int, ...], out_px: int) -> SquareCrop:
        """Return the window for an image of this shape (H, W): `asked`, shrunk and moved until it fits."""
        size = min(config.size_px, *shape)
        fitting = cls.asked(replace(config, size_px=size), shape, out_px)
        left, top = (_clamped(p, n - size) for p, n in ((fitting.left_px, shape[1]), (fitting.top_px, shape[0])))
        return replace(fitting, left_px=left, top_px=top)

    @property
    def scale(self) -> float:
        """Image pixels per crop pixel."""
        return self.size_px / self.out_px

    def cut(self, image: np.ndarray) -> np.ndarray:
        """Return the window (size, size) of an image (H, W), as a view."""
        return image[self.top_px : self.top_px + self.size_px, self.left_px : self.left_px + self.size_px]

    def extract(self, depth_m: np.ndarray) -> np.ndarray:
        """Return the window of a depth image (H, W) [m] as (out, out) float32 [m], NaN = no measurement."""
        return resize_depth(self.cut(depth_m), self.out_px)

    def to_image(self, grasp: ImageGrasp) -> ImageGrasp:
        """Return a grasp of the crop in pixels of the image; its width too."""
        u = self.left_px + (grasp.u + 0.5) * self.scale - 0.5
        v = self.top_px + (grasp.v + 0.5) * self.scale - 0.5
        return replace(grasp, u=u, v=v, width_px=grasp.width_px * self.scale)

    def to_crop(self, grasp: ImageGrasp) -> ImageGrasp:
        """Return a grasp of the image in pixels of the crop, the inverse of `to_image`."""
        u = (grasp.u - self.left_px + 0.5) / self.scale - 0.5
        v = (grasp.v - self.top_px + 0.5) / self.scale - 0.5
        return replace(grasp, u=u, v=v, width_px=grasp.width_px / self.scale)


def resize_depth(depth_m: np.ndarray, out_px: int, interpolation: Optional[int] = None) -> np.ndarray:
    """Return depth [m] resized to (out, out).

    Enlarged, whatever blends a missing pixel is missing (NaN). Shrunk, a pixel is the mean of what is measured in its
    area, and missing where that is less than half of it: else a few missing pixels of a large image spread to many.

    Args:
        depth_m: (S, S) [m], NaN = no measurement.
        out_px: Side of the result.
        interpolation: OpenCV's; None is INTER_AREA for a smaller result, since looking at one place in three breaks
            thin things, and INTER_LINEAR for a larger one.
    """
    if depth_m.shape == (out_px, out_px):
        return np.array(depth_m, dtype=np.float32)
    missing = np.isnan(depth_m)
    if interpolation is None:
        interpolation = cv2.INTER_AREA if out_px < depth_m.shape[0] else cv2.INTER_LINEAR
    size = (out_px, out_px)
    if not missing.any():
        return cv2.resize(depth_m, size, interpolation=interpolation)
    known_m = cv2.copyTo(depth_m, (~missing).view(np.uint8))  # zero elsewhere
    resized_m: np.ndarray = cv2.resize(known_m, size, interpolation=interpolation)
    share = cv2.resize(missing.astype(np.float32), size, interpolation=interpolation)
    if interpolation != cv2.INTER_AREA:
        resized_m[share > 0] = np.nan
        return resized_m
    resized_m /= np.maximum(1 - share, np.float32(0.5))
    resized_m[share > 0.5] = np.nan
    return resized_m


def _clamped(value: int, highest: int) -> int:
    return max(0, min(value, highest))
