"""Laws of the window: there and back, and never outside the image."""

from __future__ import annotations

from dataclasses import astuple

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pspgrasp.config import CropConfig
from pspgrasp.crop import SquareCrop, resize_depth
from pspgrasp.grasp import ImageGrasp

laws = settings(deadline=None, max_examples=100, derandomize=True)
crops = st.builds(SquareCrop, st.integers(0, 400), st.integers(0, 400), st.integers(1, 1000), st.integers(1, 512))
grasps = st.builds(
    ImageGrasp,
    st.floats(0.0, 500.0),
    st.floats(0.0, 500.0),
    st.floats(-1.57, 1.57),
    st.floats(0.0, 150.0),
    st.just(0.7),
)
windows = st.builds(CropConfig, st.integers(16, 4096), st.integers(-4096, 4096), st.integers(-4096, 4096))


@laws
@given(crops, grasps)
def test_into_the_image_and_back_is_no_move(crop: SquareCrop, grasp: ImageGrasp) -> None:
    assert astuple(crop.to_crop(crop.to_image(grasp))) == pytest.approx(astuple(grasp), abs=1e-6)
    assert astuple(crop.to_image(crop.to_crop(grasp))) == pytest.approx(astuple(grasp), abs=1e-6)


@laws
@given(crops, grasps)
def test_a_width_scales_as_distances_do_and_the_angle_stays(crop: SquareCrop, grasp: ImageGrasp) -> None:
    moved, further = crop.to_image(grasp), crop.to_image(ImageGrasp(grasp.u + 1, grasp.v, 0.0, 1.0, 1.0))
    assert further.u - moved.u == pytest.approx(further.width_px, rel=1e-6)
    assert moved.width_px == pytest.approx(grasp.width_px * crop.scale)
    assert (moved.angle_rad, moved.quality) == (grasp.angle_rad, grasp.quality)


@laws
@given(crops)
def test_the_corners_of_the_crop_are_the_corners_of_the_window(crop: SquareCrop) -> None:
    first = crop.to_image(ImageGrasp(-0.5, -0.5, 0.0, 0.0, 0.0))
    last = crop.to_image(ImageGrasp(crop.out_px - 0.5, crop.out_px - 0.5, 0.0, 0.0, 0.0))
    assert (first.u, first.v) == pytest.approx((crop.left_px - 0.5, crop.top_px - 0.5))
    assert (last.u, last.v) == pytest.approx((crop.left_px + crop.size_px - 0.5, crop.top_px + crop.size_px - 0.5))


@laws
@given(crops)
def test_every_pixel_of_the_crop_rounds_to_a_pixel_of_the_window(crop: SquareCrop) -> None:
    for pixel in (0, crop.out_px - 1):
        place = crop.to_image(ImageGrasp(pixel, pixel, 0.0, 0.0, 0.0))
        assert crop.left_px <= round(place.u) < crop.left_px + crop.size_px
        assert crop.top_px <= round(place.v) < crop.top_px + crop.size_px


@laws
@given(windows, st.integers(1, 1300), st.integers(1, 1300))
def test_a_window_lies_inside_whatever_image_it_is_asked_of(config: CropConfig, height_px: int, width_px: int) -> None:
    crop = SquareCrop.placed(config, (height_px, width_px), 300)
    assert 0 <= crop.left_px <= width_px - crop.size_px
    assert 0 <= crop.top_px <= height_px - crop.size_px
    assert crop.size_px == min(config.size_px, height_px, width_px)
    assert crop.out_px == 300


def test_without_an_offset_the_window_lies_in_the_middle() -> None:
    assert SquareCrop.placed(CropConfig(size_px=300), (480, 640), 300) == SquareCrop(170, 90, 300, 300)


def test_an_offset_moves_right_and_down() -> None:
    config = CropConfig(size_px=300, offset_u_px=20, offset_v_px=-40)
    assert SquareCrop.placed(config, (480, 640), 300) == SquareCrop(190, 50, 300, 300)


def test_an_offset_beyond_the_image_stops_at_its_border() -> None:
    config = CropConfig(size_px=300, offset_u_px=4000, offset_v_px=-4000)
    assert SquareCrop.placed(config, (480, 640), 300) == SquareCrop(340, 0, 300, 300)


@pytest.mark.parametrize(("size_px", "out_px"), [(300, 300), (200, 300), (400, 300), (300, 281), (90, 30)])
def test_a_bump_is_found_where_to_image_says(size_px: int, out_px: int) -> None:
    rows, columns = np.mgrid[:480, :640]
    depth_m = (1.0 - 0.5 * np.exp(-((columns - 333.0) ** 2 + (rows - 222.0) ** 2) / 2 / 12.0**2)).astype(np.float32)
    crop = SquareCrop.placed(CropConfig(size_px=size_px), depth_m.shape, out_px)
    row, column = np.unravel_index(np.argmin(crop.extract(depth_m)), (out_px, out_px))
    found = crop.to_image(ImageGrasp(float(column), float(row), 0.0, 0.0, 1.0))
    assert (found.u, found.v) == pytest.approx((333.0, 222.0), abs=crop.scale)


def test_a_window_of_the_network_size_is_copied_bit_by_bit() -> None:
    depth_m = np.random.default_rng(1).uniform(0.3, 1.0, (480, 640)).astype(np.float32)
    window_m = SquareCrop(170, 90, 300, 300).extract(depth_m)
    np.testing.assert_array_equal(window_m, depth_m[90:390, 170:470])
    assert not np.shares_memory(window_m, depth_m)


@pytest.mark.parametrize("out_px", [20, 40, 60, 97])
def test_resizing_leaves_its_argument_alone_and_keeps_a_plane(out_px: int) -> None:
    depth_m = np.full((40, 40), 0.7, np.float32)
    depth_m[10, 12] = np.nan
    before = depth_m.copy()
    resized_m = resize_depth(depth_m, out_px)
    np.testing.assert_array_equal(depth_m, before)
    assert resized_m.shape == (out_px, out_px)
    assert resized_m.dtype == np.float32
    np.testing.assert_allclose(resized_m[~np.isnan(resized_m)], 0.7, rtol=1e-6)


@pytest.mark.parametrize("out_px", [31, 50, 77, 120])
def test_a_missing_pixel_never_blends_into_a_measurement(out_px: int) -> None:
    rng = np.random.default_rng(2)
    depth_m = np.where(rng.random((60, 60)) < 0.1, np.nan, 0.8).astype(np.float32)
    resized_m = resize_depth(depth_m, out_px)
    assert np.isnan(resized_m).any()
    np.testing.assert_allclose(resized_m[~np.isnan(resized_m)], 0.8, rtol=1e-6)


@pytest.mark.parametrize("out_px", [1, 7, 300])
def test_an_image_of_one_pixel_and_one_without_depth_can_be_resized(out_px: int) -> None:
    np.testing.assert_array_equal(resize_depth(np.full((1, 1), 0.5, np.float32), out_px), np.float32(0.5))
    assert np.isnan(resize_depth(np.full((9, 9), np.nan, np.float32), out_px)).all()


@pytest.mark.parametrize("out_px", [20, 30, 45])
def test_turning_an_image_turns_its_resized_image(out_px: int) -> None:
    depth_m = np.random.default_rng(3).uniform(0.3, 1.0, (30, 30)).astype(np.float32)
    np.testing.assert_allclose(
        resize_depth(np.rot90(depth_m), out_px), np.rot90(resize_depth(depth_m, out_px)), rtol=1e-5
    )


@pytest.mark.parametrize("out_px", [7, 30, 59, 61, 90])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.6])
def test_a_resized_image_is_what_is_known_over_how_much_is_known(out_px: int, share: float) -> None:
    rng = np.random.default_rng(5)
    depth_m = rng.uniform(0.3, 1.0, (60, 80)).astype(np.float32)[:, 10:70]
    missing = rng.random(depth_m.shape) < share
    depth_m[missing] = np.nan
    how = cv2.INTER_AREA if out_px < 60 else cv2.INTER_LINEAR
    sums, gone = (
        cv2.resize(np.ascontiguousarray(image, np.float32), (out_px, out_px), interpolation=how)
        for image in (np.where(missing, 0, depth_m), missing)
    )
    known = gone <= (0.5 if out_px < 60 else 0.0)
    expected_m = np.where(known, sums / np.where(known, 1 - gone, 1), np.nan)
    np.testing.assert_allclose(resize_depth(depth_m, out_px), expected_m, rtol=1e-6)


def test_cutting_is_a_view_of_the_window() -> None:
    image = np.arange(48).reshape(6, 8)
    np.testing.assert_array_equal(SquareCrop(2, 1, 3, 300).cut(image), image[1:4, 2:5])


def test_a_smaller_picture_is_the_mean_of_what_is_measured_in_each_area() -> None:
    depth_m = np.full((30, 30), 0.6, np.float32)
    depth_m[:, 12:15] = 0.5  # a third of the areas that it lies in
    depth_m[0, 0] = np.nan  # one of nine
    depth_m[27:, 27:] = np.nan
    depth_m[29, 29] = 0.7  # one measured of nine
    shrunk_m = resize_depth(depth_m, 10)
    np.testing.assert_allclose(shrunk_m[5], [0.6] * 4 + [0.5] + [0.6] * 5, rtol=1e-6)
    assert shrunk_m[0, 0] == pytest.approx(0.6)
    assert np.isnan(shrunk_m[9, 9])
    assert np.isnan(shrunk_m).sum() == 1


@pytest.mark.parametrize("share", [0.02, 0.05, 0.2])
def test_speckles_do_not_spread_when_a_picture_is_made_smaller(share: float) -> None:
    depth_m = np.full((480, 480), 0.6, np.float32)
    depth_m[np.random.default_rng(0).random(depth_m.shape) < share] = np.nan
    shrunk_m = resize_depth(depth_m, 300)
    assert np.isnan(shrunk_m).mean() < share
    np.testing.assert_allclose(shrunk_m[~np.isnan(shrunk_m)], 0.6, rtol=1e-5)


def test_a_thin_thing_is_not_lost_between_pixels() -> None:
    depth_m = np.full((900, 900), 0.6, np.float32)
    depth_m[:, 451] = 0.57
    assert resize_depth(depth_m, 300)[:, 150] == pytest.approx(0.59, abs=1e-6)
