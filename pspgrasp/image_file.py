"""PNG and TIFF images of unknown origin: their size is looked at before there is room made for their pixels.

OpenCV alone would take any of its twenty formats, and make room for a thousand million pixels that a file of a hundred
bytes claims.
"""

from __future__ import annotations

import struct
from typing import Optional, Tuple

import cv2
import numpy as np

from pspgrasp.errors import DepthError

MOST_PIXELS = 1 << 24  # 4096x4096; depth cameras have a tenth of it
_PNG = b"\x89PNG\r\n\x1a\n"
_TIFF_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_TIFF_SIDES = {256: "width", 257: "height"}  # tags of the first directory
_TIFF_NUMBERS = {3: "H", 4: "I"}  # types of a side: 16 or 32 bits


def decode_image(data: bytes) -> np.ndarray:
    """Return the pixels of a PNG or TIFF, of whatever type and number of channels it is.

    Raises:
        DepthError: It is none, not whole, or claims more pixels than any camera has.
    """
    size_px = _png_size_px(data) or _tiff_size_px(data)
    if size_px is None:
        raise DepthError("it is no PNG or TIFF")
    if size_px[0] * size_px[1] > MOST_PIXELS:
        raise DepthError(f"it claims {size_px[0]}x{size_px[1]} px, more than {MOST_PIXELS}")
    if data.startswith(_PNG) and not _is_whole_png(data):
        raise DepthError("it is no whole PNG")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        image = None
    if image is None:
        raise DepthError("it can't be decoded")
    return image


def decode_uint16(data: bytes) -> np.ndarray:
    """Return the pixels (H, W) uint16 of a PNG or TIFF.

    Raises:
        DepthError: As `decode_image`, or it is of another type or has several channels.
    """
    image = decode_image(data)
    if image.dtype != np.uint16 or image.ndim != 2:
        raise DepthError(f"it holds {image.dtype} of shape {image.shape}")
    return image


def _png_size_px(data: bytes) -> Optional[Tuple[int, int]]:
    """Return width and height as a PNG tells them; None if it is no PNG."""
    if not data.startswith(_PNG) or data[12:16] != b"IHDR" or len(data) < 24:
        return None
    width_px, height_px = struct.unpack_from(">II", data, 16)
    return width_px, height_px


def _is_whole_png(data: bytes) -> bool:
    """Tell whether a PNG's chunks lead from one to the next to its last.

    OpenCV makes room for as long a chunk as is claimed, fills up what is missing, and says nothing to its caller.
    """
    at = len(_PNG)
    while at + 12 <= len(data):  # length, kind and checksum of a chunk without content
        length, kind = struct.unpack_from(">I4s", data, at)
        at += 12 + length
        if kind == b"IEND":
            return at <= len(data)
    return False


def _tiff_size_px(data: bytes) -> Optional[Tuple[int, int]]:
    """Return width and height as the first directory of a TIFF tells them; None if it is no TIFF."""
    order = _TIFF_ORDERS.get(data[:4])
    if order is None:
        return None
    sides = {}
    try:
        (directory,) = struct.unpack_from(f"{order}I", data, 4)
        (entries,) = struct.unpack_from(f"{order}H", data, directory)
        for at in range(directory + 2, directory + 2 + 12 * entries, 12):
            tag, kind = struct.unpack_from(f"{order}HH", data, at)
            if tag in _TIFF_SIDES and kind in _TIFF_NUMBERS:
                (sides[_TIFF_SIDES[tag]],) = struct.unpack_from(order + _TIFF_NUMBERS[kind], data, at + 8)
    except struct.error:
        return None
    return (sides["width"], sides["height"]) if len(sides) == len(_TIFF_SIDES) else None
