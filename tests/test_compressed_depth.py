"""ROS's compressedDepth: what comes in is what was measured, and a broken message is an error of ours."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pspgrasp.compressed_depth import HEADER, decode_compressed_depth
from pspgrasp.depth import DEPTH_ENCODINGS, decode_depth
from pspgrasp.errors import DepthError

laws = settings(deadline=None, max_examples=60, derandomize=True)
RAW = np.random.default_rng(0).integers(0, 65536, (24, 32)).astype(np.uint16)
A, B = 12_000.0, 2.0  # the quantisation of the publisher: png = A / z + B


def message(png: np.ndarray, a: float = 0.0, b: float = 0.0) -> bytes:
    return HEADER.pack(0, a, b) + cv2.imencode(".png", png)[1].tobytes()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@pytest.mark.parametrize(
    "image_format", ["16UC1; compressedDepth", "16UC1; compressedDepth png", "mono16;compressedDepth"]
)
def test_whole_numbers_decode_as_the_raw_image_does(image_format: str) -> None:
    raw_m = decode_depth(RAW.tobytes(), "16UC1", 24, 32, 64)
    np.testing.assert_array_equal(decode_compressed_depth(message(RAW), image_format), raw_m)


@laws
@given(arrays.arrays(np.float32, (3, 4), elements=st.floats(0.25, 8.0, width=32)))
def test_floats_come_back_within_half_a_quantisation_step(depth_m: np.ndarray) -> None:
    png = np.rint(A / depth_m + B).astype(np.uint16)
    decoded_m = decode_compressed_depth(message(png, A, B), "32FC1; compressedDepth")
    assert decoded_m.dtype == np.float32
    assert np.abs(A / decoded_m - A / depth_m).max() < 0.51


def test_zero_and_what_falls_on_or_behind_the_camera_is_no_measurement() -> None:
    png = np.array([[0, 1, 2, 3]], np.uint16)
    decoded_m = decode_compressed_depth(message(png, A, B), "32FC1; compressedDepth")
    assert np.isnan(decoded_m).tolist() == [[True, True, True, False]]
    assert decoded_m[0, 3] == np.float32(A)


@pytest.mark.parametrize(("a", "b"), [(np.nan, 0.0), (np.inf, 0.0), (-1.0, 0.0), (1.0, np.nan)])
def test_a_senseless_quantisation_measures_nothing(a: float, b: float) -> None:
    assert np.isnan(decode_compressed_depth(message(RAW, a, b), "32FC1; compressedDepth")).all()


def test_rvl_is_refused_and_the_cure_named() -> None:
    with pytest.raises(DepthError, match="png"):
        decode_compressed_depth(message(RAW), "16UC1; compressedDepth rvl")


@pytest.mark.parametrize("image_format", ["bgr8; jpeg compressed bgr8", "", "rgb8; compressedDepth"])
def test_a_colour_image_is_refused_with_all_that_is_depth(image_format: str) -> None:
    with pytest.raises(DepthError, match=r"16UC1"):
        decode_compressed_depth(message(RAW), image_format)


@pytest.mark.parametrize("encoding", DEPTH_ENCODINGS)
@pytest.mark.parametrize("length", [0, 1, 11, 12])
def test_data_shorter_than_its_header_is_refused(encoding: str, length: int) -> None:
    with pytest.raises(DepthError, match=f"{length} bytes"):
        decode_compressed_depth(message(RAW)[:length], f"{encoding}; compressedDepth")


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_a_truncated_png_is_refused(share: float) -> None:
    whole = message(RAW)
    with pytest.raises(DepthError, match="PNG"):
        decode_compressed_depth(
            whole[: HEADER.size + int(share * (len(whole) - HEADER.size))], "16UC1; compressedDepth"
        )


def test_a_png_with_a_flipped_byte_is_refused() -> None:
    broken = bytearray(message(RAW))
    broken[len(broken) // 2] ^= 0xFF
    with pytest.raises(DepthError, match="PNG"):
        decode_compressed_depth(bytes(broken), "16UC1; compressedDepth")


def test_a_png_that_claims_to_be_huge_is_refused() -> None:
    size = struct.pack(">IIBBBBB", 60_000, 60_000, 16, 0, 0, 0, 0)
    chunks = png_chunk(b"IHDR", size) + png_chunk(b"IDAT", zlib.compress(bytes(100))) + png_chunk(b"IEND", b"")
    with pytest.raises(DepthError, match="PNG"):
        decode_compressed_depth(HEADER.pack(0, 0, 0) + b"\x89PNG\r\n\x1a\n" + chunks, "16UC1; compressedDepth")


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_png_of_eight_bits_is_refused(channels: int) -> None:
    image = np.squeeze(np.dstack([RAW.astype(np.uint8)] * channels))
    with pytest.raises(DepthError, match="16-bit single-channel"):
        decode_compressed_depth(message(image), "16UC1; compressedDepth")


def test_a_png_in_colour_is_refused_at_sixteen_bits_too() -> None:
    with pytest.raises(DepthError, match="16-bit single-channel"):
        decode_compressed_depth(message(np.dstack([RAW] * 3)), "16UC1; compressedDepth")
