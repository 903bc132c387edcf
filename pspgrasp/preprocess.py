"""From depth in metres to network input: the same function for training, a bag and a robot."""

from __future__ import annotations

from typing import Optional, Tuple

import cv2
import numpy as np

from pspgrasp.config import PreprocessConfig
from pspgrasp.errors import ConfigError


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


def without_holes(depth_m: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Return depth (S, S) float32 [m] with its holes (NaN) filled, and the mask (S, S) bool of what was a hole.

    At least one pixel must be measured.
    """
    missing = np.isnan(depth_m)
    return (fill_holes(depth_m, missing) if missing.any() else depth_m), missing


def network_input(filled_m: np.ndarray, config: PreprocessConfig, focal_px: Optional[float] = None) -> np.ndarray:
    """Return the network input (C, S, S) float32 of depth without holes (S, S) [m].

    Channel 0 is the depth minus its mean [m]. That hides the scale: the same image may show a thimble at hand or a
    barrel far off. Channel 1, where `config` has it, is log(1000 depth / focal length), the log of the millimetres
    that a pixel spans.

    Args:
        filled_m: (S, S) float32 [m], all measured or filled.
        config: From the checkpoint.
        focal_px: Focal length [px of this image]; needed for channel 1.

    Raises:
        ConfigError: Channel 1 is asked for and the focal length is not known.
    """
    channels = [normalise(filled_m, config.clip_m)]
    if config.pixel_size_channel:
        if focal_px is None:
            raise ConfigError("this network takes the size of a pixel (pixel_size_channel): give the focal length")
        channels.append(np.log(np.maximum(filled_m, np.float32(1e-3)) * np.float32(1000 / focal_px)))
    return np.stack(channels).astype(np.float32, copy=False)


def prepare(
    depth_m: np.ndarray, config: PreprocessConfig, focal_px: Optional[float] = None
) -> Tuple[np.ndarray, np.ndarray]:
    """Return the network input (C, S, S) float32 and the mask (S, S) bool of what was not measured.

    Args:
        depth_m: (S, S) float32 [m], NaN = no measurement; at least one pixel is measured.
        config: From the checkpoint.
        focal_px: As in `network_input`.
    """
    filled_m, missing = without_holes(depth_m)
    return network_input(filled_m, config, focal_px), missing
