"""From depth in metres to network input: the same function for training, a bag and a robot."""

from __future__ import annotations

from typing import Tuple

import cv2
import numpy as np

from pspgrasp.config import PreprocessConfig


def within_range(depth_m: np.ndarray, near_m: float, far_m: float) -> np.ndarray:
    """Return depth [m] in which everything outside [near, far] is missing (NaN).

    This comes before the mean is taken: one outlier at 79 m flattens a whole scene.
    """
    return np.where((depth_m >= near_m) & (depth_m <= far_m), depth_m, np.float32(np.nan))


def fill_holes(depth_m: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Return depth (H, W) float32 [m] with the `missing` pixels filled by Navier-Stokes inpainting.

    Bertalmio et al. 2001, radius 1, as GG-CNN fills them: with a border of one mirrored pixel (OpenCV leaves
    holes at the image border otherwise) and scaled into [-1, 1], the range that OpenCV asks of floats.
    """
    bordered = cv2.copyMakeBorder(np.where(missing, np.float32(0), depth_m), 1, 1, 1, 1, cv2.BORDER_REFLECT_101)
    holes = cv2.copyMakeBorder(missing.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_REFLECT_101)
    scale_m = np.abs(bordered).max() or np.float32(1)
    return cv2.inpaint(bordered / scale_m, holes, 1, cv2.INPAINT_NS)[1:-1, 1:-1] * scale_m


def normalise(depth_m: np.ndarray, clip_m: float) -> np.ndarray:
    """Return depth without holes (H, W) [m] minus its mean, clipped to +-clip_m."""
    return np.clip(depth_m - depth_m.mean(), -clip_m, clip_m)


def prepare(depth_m: np.ndarray, config: PreprocessConfig) -> Tuple[np.ndarray, np.ndarray]:
    """Return the network input (S, S) float32 [m] and the mask (S, S) bool of what was not measured.

    Args:
        depth_m: (S, S) float32 [m], NaN = no measurement; at least one pixel is measured.
        config: From the checkpoint.
    """
    missing = np.isnan(depth_m)
    filled_m = fill_holes(depth_m, missing) if missing.any() else depth_m
    return normalise(filled_m, config.clip_m).astype(np.float32, copy=False), missing
