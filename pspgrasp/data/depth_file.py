"""Depth images in files: float TIFF in metres, and 16-bit PNG whose unit must be told."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from pspgrasp.depth import measured
from pspgrasp.errors import DataError, DepthError
from pspgrasp.image_file import decode_image

PLAUSIBLE_M = (0.02, 20.0)  # median depth of a scene that an arm can reach, with room to spare


def read_depth(path: Path, png_unit_m: float) -> np.ndarray:
    """Return the depth (H, W) float32 [m] of a file, NaN = no measurement.

    Args:
        path: .tiff (float, metres) or .png (uint16, 0 = no measurement).
        png_unit_m: Metres a step of a PNG.

    Raises:
        DataError: Missing, broken, of another type, or so near or far that the unit can't be right.
    """
    if not path.is_file():
        raise DataError(f"{path} is missing; its labels are there")
    try:
        image = decode_image(path.read_bytes())
    except (OSError, DepthError) as error:
        raise DataError(f"{path} can't be read as an image of one channel ({error}); is it whole?") from error
    if image.ndim != 2:
        raise DataError(f"{path} can't be read as an image of one channel: it has {image.shape[2]}")
    depth_m = _metres(image, path, png_unit_m)
    _check_plausible(depth_m, path, png_unit_m)
    return depth_m


def _metres(image: np.ndarray, path: Path, png_unit_m: float) -> np.ndarray:
    if image.dtype == np.uint16:
        return measured(image.astype(np.float32) * np.float32(png_unit_m))
    if image.dtype in (np.float32, np.float64):
        return measured(image)
    raise DataError(f"{path} holds {image.dtype}; depth is float (metres) or uint16 (steps of a unit)")


def _check_plausible(depth_m: np.ndarray, path: Path, png_unit_m: float) -> None:
    if np.isnan(depth_m).all():
        raise DataError(f"{path} holds no measurement at all")
    median_m = float(np.nanmedian(depth_m))
    if not PLAUSIBLE_M[0] <= median_m <= PLAUSIBLE_M[1]:
        told = f" at {png_unit_m:g} m a step; give the right --unit" if path.suffix == ".png" else ", and should be m"
        raise DataError(f"{path}: the median depth is {median_m:g} m{told}")


def check_unit(png_unit_m: float) -> None:
    """Refuse what is no length.

    Raises:
        DataError: Not a positive number.
    """
    if not (math.isfinite(png_unit_m) and png_unit_m > 0):
        raise DataError(f"the unit of a PNG is metres a step, a positive number such as 0.001; got {png_unit_m:g}")
