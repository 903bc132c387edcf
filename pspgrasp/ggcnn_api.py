"""The Python interface of GG-CNN (`ggcnn.ggcnn` of dougsm/mvp_grasp c301ba2), with any network behind it.

Two calls, `process_depth_image` and `predict`, with the names, arguments and results of the original.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Optional, Tuple

import cv2
import numpy as np
from scipy import ndimage

from pspgrasp.errors import CheckpointError, ConfigError, DepthError, unknown_name
from pspgrasp.maps import GraspMaps
from pspgrasp.predictor import GraspPredictor
from pspgrasp.preprocess import navier_stokes, normalise
from pspgrasp.shipped import DEFAULT, find_checkpoint

SIDE_PX = 300  # of every map in GG-CNN's interfaces
NOMINAL_FOCAL_PX = 615.0  # of a RealSense D4xx at 640x480, the camera that the original was made for
QUIRKS = ("strict", "fixed")
Maps = Tuple[np.ndarray, np.ndarray, np.ndarray]
Pixel = Tuple[int, int]  # row, column


def cut(depth_m: np.ndarray, crop_px: int, up_px: int) -> np.ndarray:
    """Return the centred window of `crop_px`, shifted up by `up_px`, of a depth image (H, W).

    Raises:
        DepthError: The window doesn't fit into the image.
    """
    top, left = (depth_m.shape[0] - crop_px) // 2 - up_px, (depth_m.shape[1] - crop_px) // 2
    if top < 0 or left < 0 or top + crop_px > depth_m.shape[0]:
        raise DepthError(
            f"GG-CNN's window of {crop_px} px, {up_px} px up, doesn't fit into a depth image of "
            f"{depth_m.shape[1]}x{depth_m.shape[0]} px; it is made for 640x480"
        )
    return depth_m[top : top + crop_px, left : left + crop_px]


def process_depth_image(
    depth: np.ndarray, crop_size: int, out_size: int = 300, return_mask: bool = False, crop_y_offset: int = 0
) -> Any:
    """Return the window of a depth image, filled and resized: (out, out) float32 [m], or it and its mask.

    Args:
        depth: (H, W) [m], NaN = no measurement.
        crop_size: Side of the centred window [px].
        out_size: Side after resizing [px].
        return_mask: Return (depth, mask) with mask (out, out) uint8, 1 where the depth was filled in: missing
            pixels and their neighbours.
        crop_y_offset: Shift of the window upwards [px].
    """
    window_m = cut(depth, crop_size, crop_y_offset)
    bordered = np.pad(np.isnan(window_m).astype(np.uint8), 1, mode="reflect")
    mask = cv2.dilate(bordered, np.ones((3, 3), np.uint8))[1:-1, 1:-1]
    filled_m = cv2.resize(navier_stokes(window_m, mask.astype(bool)), (out_size, out_size))
    # The original passes INTER_NEAREST as dst: its masks are resized bilinearly, too.
    return (filled_m, cv2.resize(mask, (out_size, out_size))) if return_mask else filled_m


def predict(
    depth: np.ndarray,
    process_depth: bool = True,
    crop_size: int = 300,
    out_size: int = 300,
    depth_nan_mask: Optional[np.ndarray] = None,
    filters: Tuple[float, float, float] = (2.0, 1.0, 1.0),
    crop_y_offset: int = 0,
    predictor: Optional[GraspPredictor] = None,
    quirks: str = "strict",
    focal_px: Optional[float] = None,
) -> Tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return (points, angle, width, depth): quality [0, 0.999], angle [rad], width [px], input [m], all (300, 300).

    Args:
        depth: (H, W) [m], NaN = no measurement; or, without `process_depth`, (300, 300) without holes.
        process_depth: Whether to crop, fill and resize first.
        crop_size: As in `process_depth_image`.
        out_size: As in `process_depth_image`.
        depth_nan_mask: (300, 300) uint8, used without `process_depth`.
        filters: Gaussians over quality, angle and width [px]; 0 is none.
        crop_y_offset: As in `process_depth_image`.
        predictor: Whose network is used; the default checkpoint's if None.
        quirks: `strict` repeats the original's faults (rows 0 and 1 masked instead of holes, angle smoothed as a
            number), `fixed` corrects them.
        focal_px: Of the camera [px of `depth`]. Contact widths are opened by it; what the original's calls leave out is
            taken to be a RealSense's (10 mm of clearance become 9 or 11 if it is off by a tenth). Networks that
            take the size of a pixel need it.

    Raises:
        ConfigError: Unknown quirks, or the network needs `focal_px`.
    """
    if quirks not in QUIRKS:
        raise ConfigError(unknown_name("quirks", quirks, QUIRKS))
    predictor = predictor or _default_predictor()
    if focal_px is None and not predictor.preprocess.pixel_size_channel:
        focal_px = NOMINAL_FOCAL_PX
    if process_depth:
        depth, depth_nan_mask = process_depth_image(depth, crop_size, out_size, True, crop_y_offset)
        focal_px = focal_px and focal_px * out_size / crop_size
    mask = np.zeros(depth.shape, np.uint8) if depth_nan_mask is None else depth_nan_mask
    strict = quirks == "strict"
    missing = index_mask(mask) if strict else mask > 0
    quality, angle_rad, width_px = filtered(network_maps(depth, predictor, focal_px), missing, filters, strict)
    depth_m = normalise(depth, predictor.preprocess.clip_m)
    return np.clip(quality, 0.0, 1.0 - 1e-3), angle_rad, width_px, depth_m


def index_mask(mask: np.ndarray) -> np.ndarray:
    """Return what `points[mask] = 0` clears in the original: a uint8 mask is an index there, of rows 0 and 1."""
    rows = np.zeros(mask.shape, bool)
    rows[np.unique(mask)] = True
    return rows


def best_pixel(quality: np.ndarray) -> Pixel:
    """Return (row, column) of the highest quality; of equal ones the first in reading order."""
    row, column = divmod(int(np.argmax(quality)), quality.shape[1])
    return row, column


def check_map_size(predictor: GraspPredictor) -> None:
    """Refuse a network whose maps don't have the size that GG-CNN's interfaces carry.

    Raises:
        CheckpointError: Its input is not 300 px.
    """
    if predictor.preprocess.input_size_px != SIDE_PX:
        raise CheckpointError(
            f"checkpoint {predictor.name!r} has an input of {predictor.preprocess.input_size_px} px; "
            f"GG-CNN's interfaces carry {SIDE_PX} px maps"
        )


def network_maps(filled_m: np.ndarray, predictor: GraspPredictor, focal_px: Optional[float]) -> GraspMaps:
    """Return the raw maps (300, 300) of depth without holes (300, 300) [m]; `focal_px` is in pixels of the maps.

    Raises:
        CheckpointError: The network's maps are of another size.
    """
    check_map_size(predictor)
    return predictor.raw_maps(np.asarray(filled_m, np.float32), focal_px)


def filtered(maps: GraspMaps, missing: np.ndarray, sigmas_px: Tuple[float, float, float], strict: bool) -> Maps:
    """Return quality, angle [rad] and width [px] (300, 300) after masking and GG-CNN's Gaussians."""
    quality = _gaussian(maps.without(missing).quality, sigmas_px[0])
    if strict:  # the angle is smoothed as a number: +1.52 and -1.52, neighbours in truth, average to 0
        angle_rad = _gaussian(maps.angle_rad(), sigmas_px[1])
    else:
        sin_2phi, cos_2phi = _gaussian(maps.sin_2phi, sigmas_px[1]), _gaussian(maps.cos_2phi, sigmas_px[1])
        angle_rad = np.arctan2(sin_2phi, cos_2phi) / 2
    return quality, angle_rad, _gaussian(maps.width_px, sigmas_px[2])


def _gaussian(image: np.ndarray, sigma_px: float) -> np.ndarray:
    # scipy's, whose kernel (4 sigma) and border (reflect) are the original's.
    return ndimage.gaussian_filter(image, sigma_px) if sigma_px else image


@lru_cache(maxsize=1)
def _default_predictor() -> GraspPredictor:
    return GraspPredictor.from_checkpoint(find_checkpoint(DEFAULT))
