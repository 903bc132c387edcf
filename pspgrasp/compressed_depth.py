"""ROS's compressedDepth (image_transport_plugins, compressed_depth_image_transport): a PNG behind a header.

The 12 bytes are `<iff`: format, A, B. A 16UC1 image is the PNG as it is; a 32FC1 image was quantised by inverse
depth, z = A / (png - B), with 0 for no measurement.
"""

from __future__ import annotations

import struct

import numpy as np

from pspgrasp.depth import DEPTH_ENCODINGS, measured
from pspgrasp.errors import DepthError, unknown_name
from pspgrasp.image_file import decode_uint16

HEADER = struct.Struct("<iff")


def decode_compressed_depth(data: bytes, image_format: str) -> np.ndarray:
    """Return the depth (H, W) float32 [m], NaN = no measurement, of a CompressedImage.

    Args:
        data: The message's bytes.
        image_format: Its format: "16UC1; compressedDepth", with or without " png" behind it.

    Raises:
        DepthError: Not depth, another codec (rvl), or a broken PNG.
    """
    encoding, _, transport = (part.strip() for part in image_format.partition(";"))
    if encoding not in DEPTH_ENCODINGS:
        raise DepthError(unknown_name("depth encoding", encoding, DEPTH_ENCODINGS))
    if transport not in ("compressedDepth", "compressedDepth png"):
        raise DepthError(
            f"format {image_format!r} is not understood; set the publisher's compressedDepth format to png"
        )
    png = _decode_png(data)
    if DEPTH_ENCODINGS[encoding][0] == "u2":
        return measured(png.astype(np.float32) * np.float32(DEPTH_ENCODINGS[encoding][1]))
    _, a, b = HEADER.unpack_from(data)
    with np.errstate(divide="ignore"):
        return measured(np.where(png > 0, np.float32(a) / (png.astype(np.float32) - np.float32(b)), np.float32(0)))


def _decode_png(data: bytes) -> np.ndarray:
    if len(data) <= HEADER.size:
        raise DepthError(f"compressedDepth data of {len(data)} bytes is shorter than its header")
    try:
        return decode_uint16(bytes(memoryview(data)[HEADER.size :]))
    except DepthError as error:
        raise DepthError(f"compressedDepth data holds no 16-bit single-channel PNG: {error}") from error
