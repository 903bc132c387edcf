"""From depth in metres to network input: the same function for training, a bag and a robot."""

from __future__ import annotations

from typing import Callable, Dict, Optional, Tuple

import cv2
import numpy as np

from pspgrasp.config import PreprocessConfig
from pspgrasp.errors import ConfigError


def within_range(depth_m: np.ndarray, near_m: float, far_m: float) -> np.ndarray:
    """Return depth [m] in which everything outside [near, far] is missing (NaN).

    This comes before the mean is taken: one outlier at 79 m flattens a whole scene.
    """
    kept_m = np.array(depth_m)
    kept_m[(kept_m < near_m) | (kept_m > far_m)] = np.nan
    return kept_m


def push_pull(depth_m: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Return depth (H, W) float32 [m] with the `missing` pixels filled from around them, near before far.

    Push and pull, Gortler et al. 1996, section 3.3.3: halve the image until every pixel has a measurement in its area,
    then enlarge it again, and let what is known cover what is interpolated. Measurements stay as they are, bit by bit.
    """
    measured = (~missing).view(np.uint8)
    known_m = cv2.copyTo(depth_m, measured)  # zero elsewhere
    return cv2.copyTo(depth_m, measured, _coarser(known_m, measured.astype(depth_m.dtype)))


def _coarser(sums_m: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return what pixels of twice the size say of sums / weight (H, W), enlarged to (H, W)."""
    size = weight.shape[::-1]
    sums_m, weight = _halved(sums_m), _halved(weight)
    known_m, measured = cv2.divide(sums_m, weight), (weight > 0).view(np.uint8)
    if weight.size > 1 and not measured.all():
        known_m = cv2.copyTo(known_m, measured, _coarser(sums_m, weight))
    return cv2.resize(known_m, size, interpolation=cv2.INTER_LINEAR)


def _halved(image: np.ndarray) -> np.ndarray:
    """Return the means of 2x2 pixels; where a row or column is left over, its pixels count twice."""
    odd_rows, odd_columns = (side % 2 for side in image.shape)
    if odd_rows or odd_columns:
        image = cv2.copyMakeBorder(image, 0, odd_rows, 0, odd_columns, cv2.BORDER_REPLICATE)
    return cv2.resize(image, (image.shape[1] // 2, image.shape[0] // 2), interpolation=cv2.INTER_AREA)


def navier_stokes(depth_m: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Return depth (H, W) float32 [m] with the `missing` pixels filled by Navier-Stokes inpainting.

    Bertalmio et al. 2001, radius 1, as GG-CNN fills them: with a border of one mirrored pixel (OpenCV leaves
    holes at the image border otherwise) and scaled into [-1, 1], the range that OpenCV asks of floats.
    """
    bordered = cv2.copyMakeBorder(np.where(missing, np.float32(0), depth_m), 1, 1, 1, 1, cv2.BORDER_REFLECT_101)
    holes = cv2.copyMakeBorder(missing.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_REFLECT_101)
    scale_m = np.abs(bordered).max() or np.float32(1)
    return cv2.inpaint(bordered / scale_m, holes, 1, cv2.INPAINT_NS)[1:-1, 1:-1] * scale_m


#: What fills holes, by its name in `PreprocessConfig.fill`: takes depth [m] and the mask of its holes.
FILLERS: Dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "push_pull": push_pull,
    "navier_stokes": navier_stokes,
}


def normalise(depth_m: np.ndarray, clip_m: float) -> np.ndarray:
    """Return depth without holes (H, W) [m] minus its mean, clipped to +-clip_m."""
    relative_m = depth_m - depth_m.mean()
    return np.clip(relative_m, -clip_m, clip_m, out=relative_m)


def without_holes(depth_m: np.ndarray, fill: str) -> Tuple[np.ndarray, np.ndarray]:
    """Return depth (S, S) float32 [m] with its holes (NaN) filled, and the mask (S, S) bool of what was a hole.

    At least one pixel must be measured. `fill` is one of `FILLERS`.
    """
    missing = np.isnan(depth_m)
    return (FILLERS[fill](depth_m, missing) if missing.any() else depth_m), missing


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
    relative_m = normalise(filled_m, config.clip_m)
    if not config.pixel_size_channel:
        return relative_m[None].astype(np.float32, copy=False)
    if focal_px is None:
        raise ConfigError("this network takes the size of a pixel (pixel_size_channel): give the focal length")
    millimetres = np.maximum(filled_m, np.float32(1e-3)) * np.float32(1000 / focal_px)
    return np.stack([relative_m, np.log(millimetres)]).astype(np.float32, copy=False)


def prepare(
    depth_m: np.ndarray, config: PreprocessConfig, focal_px: Optional[float] = None
) -> Tuple[np.ndarray, np.ndarray]:
    """Return the network input (C, S, S) float32 and the mask (S, S) bool of what was not measured.

    Args:
        depth_m: (S, S) float32 [m], NaN = no measurement; at least one pixel is measured.
        config: From the checkpoint.
        focal_px: As in `network_input`.
    """
    filled_m, missing = without_holes(depth_m, config.fill)
    return network_input(filled_m, config, focal_px), missing
