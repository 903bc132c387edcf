"""What the bytes of a depth image mean, and which pixels are no measurement."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pspgrasp.camera import PinholeCamera
from pspgrasp.depth import DEPTH_ENCODINGS, DepthFrame, decode_depth, measured
from pspgrasp.errors import DepthError

laws = settings(deadline=None, max_examples=60, derandomize=True)
shapes = arrays.array_shapes(min_dims=2, max_dims=2, max_side=7)
NO_MEASUREMENT = [np.nan, np.inf, -np.inf, 0.0, -0.0, -0.5, -1e-30]


def bytes_of(image: np.ndarray, padding: int = 0) -> bytes:
    """Return the rows of an image one after the other, each with `padding` bytes of rubbish behind it."""
    return b"".join(row.tobytes() + b"\xff" * padding for row in image)


def camera(width_px: int, height_px: int) -> PinholeCamera:
    return PinholeCamera(width_px, height_px, 600.0, 600.0, width_px / 2, height_px / 2)


@laws
@given(arrays.arrays(np.uint16, shapes), st.integers(0, 9), st.booleans(), st.sampled_from(["16UC1", "mono16"]))
def test_whole_numbers_are_millimetres_whatever_the_padding_and_the_byte_order(
    raw: np.ndarray, padding: int, is_bigendian: bool, encoding: str
) -> None:
    data = bytes_of(raw.astype(">u2" if is_bigendian else "<u2"), padding)
    depth_m = decode_depth(data, encoding, *raw.shape, raw.shape[1] * 2 + padding, is_bigendian)
    np.testing.assert_allclose(depth_m, np.where(raw > 0, raw / 1000.0, np.nan), rtol=1e-6)
    assert depth_m.dtype == np.float32


@laws
@given(
    arrays.arrays(np.float32, shapes, elements=st.floats(width=32) | st.sampled_from(NO_MEASUREMENT).map(np.float32)),
    st.integers(0, 9),
    st.booleans(),
)
def test_floats_are_metres_and_what_is_no_measurement_is_nan(raw: np.ndarray, padding: int, is_bigendian: bool) -> None:
    data = bytes_of(raw.astype(">f4" if is_bigendian else "<f4"), padding)
    depth_m = decode_depth(data, "32FC1", *raw.shape, raw.shape[1] * 4 + padding, is_bigendian)
    valid = np.isfinite(raw) & (raw > 0)
    np.testing.assert_array_equal(depth_m[valid], raw[valid])
    assert np.isnan(depth_m[~valid]).all()


@pytest.mark.parametrize("encoding", DEPTH_ENCODINGS)
def test_every_encoding_decodes_one_metre(encoding: str) -> None:
    kind, metres_per_unit = DEPTH_ENCODINGS[encoding]
    raw = np.full((2, 3), 1 / metres_per_unit, "<" + kind)
    np.testing.assert_allclose(decode_depth(raw.tobytes(), encoding, 2, 3, 3 * raw.itemsize), 1.0)


@pytest.mark.parametrize(("encoding", "near_miss"), [("16UC2", "16UC1"), ("32fc1", "32FC1"), ("mono8", "mono16")])
def test_an_unknown_encoding_is_refused_with_the_near_miss(encoding: str, near_miss: str) -> None:
    with pytest.raises(DepthError, match=near_miss):
        decode_depth(bytes(12), encoding, 2, 3, 6)


def test_a_colour_image_is_refused_with_all_that_is_depth() -> None:
    with pytest.raises(DepthError, match=r"16UC1.*32FC1.*mono16"):
        decode_depth(bytes(18), "bgr8", 2, 3, 9)


@pytest.mark.parametrize(("height_px", "width_px"), [(0, 3), (2, 0), (0, 0), (-2, 3)])
def test_an_empty_image_is_refused(height_px: int, width_px: int) -> None:
    with pytest.raises(DepthError, match="empty"):
        decode_depth(bytes(12), "16UC1", height_px, width_px, 6)


def test_data_that_is_one_byte_short_is_refused_with_both_sizes() -> None:
    with pytest.raises(DepthError, match=r"11 bytes.*12"):
        decode_depth(bytes(11), "16UC1", 2, 3, 6)


def test_rows_shorter_than_their_pixels_are_refused() -> None:
    with pytest.raises(DepthError, match="row step of 5 bytes"):
        decode_depth(bytes(100), "16UC1", 2, 3, 5)


def test_the_last_row_needs_no_padding_and_more_data_does_no_harm() -> None:
    raw = np.arange(1, 7, dtype="<u2").reshape(2, 3)
    padded = bytes_of(raw, 4)
    without = decode_depth(padded[:-4], "16UC1", 2, 3, 10)
    np.testing.assert_array_equal(without, decode_depth(padded + b"more", "16UC1", 2, 3, 10))


def test_a_row_may_be_longer_than_any_image_without_being_read() -> None:
    with pytest.raises(DepthError, match="need"):
        decode_depth(bytes(100), "16UC1", 2, 3, 2**40)


@pytest.mark.parametrize("value", NO_MEASUREMENT)
def test_a_value_that_is_no_measurement_becomes_nan(value: float) -> None:
    assert np.isnan(measured(np.array([[value, 0.7]], np.float32))).tolist() == [[True, False]]


def test_measuring_leaves_its_argument_alone_and_twice_is_once() -> None:
    depth_m = np.array([[0.0, 0.5], [-1.0, np.inf]], np.float32)
    once = measured(depth_m)
    np.testing.assert_array_equal(depth_m, np.array([[0.0, 0.5], [-1.0, np.inf]], np.float32))
    np.testing.assert_array_equal(measured(once), once)


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (4,), (4, 4, 1), ()])
def test_what_is_no_image_is_refused_with_its_shape(shape: tuple) -> None:
    with pytest.raises(DepthError, match="not empty"):
        measured(np.zeros(shape, np.float32))


def test_a_frame_is_read_only_and_its_source_stays_writeable() -> None:
    depth_m = np.full((4, 6), 0.5, np.float32)
    frame = DepthFrame(depth_m, camera(6, 4))
    with pytest.raises(ValueError, match="read-only"):
        frame.depth_m[0, 0] = 1.0
    depth_m[0, 0] = 0.0
    assert frame.depth_m[0, 0] == np.float32(0.5)


def test_a_frame_takes_any_layout_and_any_float_type() -> None:
    depth_m = np.asfortranarray(np.linspace(0.1, 1.0, 24).reshape(4, 6))
    frame = DepthFrame(depth_m[:, ::2], camera(3, 4))
    assert frame.depth_m.dtype == np.float32
    assert frame.depth_m.flags.c_contiguous
    np.testing.assert_allclose(frame.depth_m, depth_m[:, ::2], rtol=1e-6)


def test_a_frame_of_another_size_than_its_camera_is_refused_with_both_sizes() -> None:
    with pytest.raises(DepthError, match=r"6x4.*4x6"):
        DepthFrame(np.ones((4, 6), np.float32), camera(4, 6))


def test_a_frame_without_any_measurement_is_a_frame() -> None:
    assert np.isnan(DepthFrame(np.zeros((4, 6), np.float32), camera(6, 4)).depth_m).all()
