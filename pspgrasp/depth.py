"""Depth images: what the bytes mean is settled here, once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Tuple

import numpy as np

from pspgrasp.camera import PinholeCamera
from pspgrasp.errors import DepthError, unknown_name

NEAREST_M = 0.05  # below any depth camera's range

#: ROS encodings of depth -> (numpy type, metres per unit); REP 118 and what drivers publish.
DEPTH_ENCODINGS: Dict[str, Tuple[str, float]] = {
    "16UC1": ("u2", 0.001),
    "mono16": ("u2", 0.001),
    "32FC1": ("f4", 1.0),
}


@dataclass(frozen=True)
class DepthFrame:
    """One depth image with everything needed to turn a pixel into a point.

    Attributes:
        depth_m: (H, W) float32 [m] along the optical axis, NaN = no measurement; read-only.
        camera: The camera that took it; its size is that of the image.
        frame_id: Name of the camera's optical frame.
        stamp_ns: Time of exposure [ns].

    Raises:
        DepthError: The image is not 2-D, is empty, or its size is not the camera's.
    """

    depth_m: np.ndarray
    camera: PinholeCamera
    frame_id: str = "camera_depth_optical_frame"
    stamp_ns: int = 0

    def __post_init__(self) -> None:
        depth_m = measured(self.depth_m)
        if depth_m.shape != (self.camera.height_px, self.camera.width_px):
            raise DepthError(
                f"depth image is {depth_m.shape[1]}x{depth_m.shape[0]} px but its camera_info says "
                f"{self.camera.width_px}x{self.camera.height_px}; both must come from one stream"
            )
        depth_m.flags.writeable = False
        object.__setattr__(self, "depth_m", depth_m)


def measured(depth_m: np.ndarray) -> np.ndarray:
    """Return a copy (H, W) float32 [m] in which everything that is no measurement is NaN.

    Not finite, zero and negative all mean "no measurement" (REP 118 for the first two).

    Raises:
        DepthError: The array is not a non-empty image.
    """
    if depth_m.ndim != 2 or depth_m.size == 0:
        raise DepthError(f"a depth image must be (H, W) and not empty; got shape {depth_m.shape}")
    copy = np.array(depth_m, dtype=np.float32, order="C")
    # Written so that NaN fails the comparison too.
    copy[~((copy > 0) & (copy < np.inf))] = np.nan
    return copy


def decode_depth(
    data: bytes, encoding: str, height_px: int, width_px: int, step_bytes: int, is_bigendian: bool = False
) -> np.ndarray:
    """Return the depth (H, W) float32 [m], NaN = no measurement, that the bytes of a ROS image hold.

    Rows may be padded: `step_bytes` is the distance between two row starts.

    Raises:
        DepthError: Unknown encoding, empty image, rows shorter than their pixels, or too few bytes.
    """
    if encoding not in DEPTH_ENCODINGS:
        raise DepthError(unknown_name("depth encoding", encoding, DEPTH_ENCODINGS))
    kind, metres_per_unit = DEPTH_ENCODINGS[encoding]
    pixel = np.dtype((">" if is_bigendian else "<") + kind)
    _check_layout(len(data), height_px, width_px, step_bytes, pixel.itemsize)
    raw: np.ndarray = np.ndarray((height_px, width_px), dtype=pixel, buffer=data, strides=(step_bytes, pixel.itemsize))
    return measured(raw.astype(np.float32) * np.float32(metres_per_unit))


def _check_layout(size_bytes: int, height_px: int, width_px: int, step_bytes: int, pixel_bytes: int) -> None:
    if height_px <= 0 or width_px <= 0:
        raise DepthError(f"image of {width_px}x{height_px} px is empty")
    if step_bytes < width_px * pixel_bytes:
        raise DepthError(f"row step of {step_bytes} bytes is too short for {width_px} px of {pixel_bytes} bytes")
    needed_bytes = (height_px - 1) * step_bytes + width_px * pixel_bytes
    if size_bytes < needed_bytes:
        raise DepthError(f"image data holds {size_bytes} bytes; {width_px}x{height_px} px need {needed_bytes}")
