"""Laws of what the network gets to see."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pspgrasp.config import FILLS, PreprocessConfig
from pspgrasp.errors import ConfigError
from pspgrasp.preprocess import FILLERS, network_input, normalise, prepare, push_pull, within_range, without_holes

laws = settings(deadline=None, max_examples=40, derandomize=True)
each_fill = pytest.mark.parametrize("fill", FILLS)
SIDE = 40


def scene(seed: int, holes: float) -> np.ndarray:
    """Return a tilted table (SIDE, SIDE) [m] of which a share is missing."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    depth_m = (0.6 + 0.002 * rows + 0.001 * columns + rng.normal(0, 0.001, (SIDE, SIDE))).astype(np.float32)
    depth_m[rng.random((SIDE, SIDE)) < holes] = np.nan
    depth_m[20, 20] = 0.65
    return depth_m


@laws
@given(st.integers(0, 50), st.floats(0.0, 0.98))
def test_the_input_is_finite_centred_clipped_and_its_source_stays(seed: int, holes: float) -> None:
    depth_m = scene(seed, holes)
    before = depth_m.copy()
    network_input, missing = prepare(depth_m, PreprocessConfig(input_size_px=SIDE))
    np.testing.assert_array_equal(depth_m, before)
    np.testing.assert_array_equal(missing, np.isnan(depth_m))
    assert network_input.dtype == np.float32
    assert np.isfinite(network_input).all()
    assert abs(network_input.mean()) < 1e-5


def test_every_fill_that_can_be_asked_for_is_there() -> None:
    assert set(FILLERS) == set(FILLS)


@each_fill
@laws
@given(seed=st.integers(0, 50), holes=st.floats(0.0, 0.9))
def test_filling_keeps_every_measurement_and_stays_within_their_range(fill: str, seed: int, holes: float) -> None:
    depth_m = scene(seed, holes)
    before, missing = depth_m.copy(), np.isnan(depth_m)
    filled_m, told = without_holes(depth_m, fill)
    np.testing.assert_array_equal(told, missing)
    np.testing.assert_array_equal(depth_m, before)
    np.testing.assert_allclose(filled_m[~missing], depth_m[~missing], rtol=1e-6)
    assert np.nanmin(depth_m) - 1e-4 <= filled_m.min() <= filled_m.max() <= np.nanmax(depth_m) + 1e-4


@each_fill
def test_a_hole_at_the_border_is_filled_too(fill: str) -> None:
    depth_m = np.full((SIDE, SIDE), 0.6, np.float32)
    depth_m[:, :5] = depth_m[-4:, :] = np.nan
    np.testing.assert_allclose(without_holes(depth_m, fill)[0], 0.6, rtol=1e-5)


@each_fill
def test_one_measurement_fills_everything(fill: str) -> None:
    depth_m = np.full((SIDE, SIDE), np.nan, np.float32)
    depth_m[7, 9] = 0.8
    filled_m, missing = without_holes(depth_m, fill)
    np.testing.assert_allclose(filled_m, 0.8, rtol=1e-5)
    assert missing.sum() == SIDE * SIDE - 1


def test_push_and_pull_keeps_measurements_bit_by_bit() -> None:
    depth_m = scene(6, 0.5)
    known = ~np.isnan(depth_m)
    np.testing.assert_array_equal(push_pull(depth_m, ~known)[known], depth_m[known])


def test_push_and_pull_fills_from_near_before_far() -> None:
    depth_m = np.full((128, 128), 0.5, np.float32)
    depth_m[:, 64:] = 0.9
    depth_m[40:50, 8:20] = depth_m[40:50, 100:112] = np.nan
    filled_m = push_pull(depth_m, np.isnan(depth_m))
    np.testing.assert_allclose(filled_m[:, :64], 0.5, rtol=1e-6)
    np.testing.assert_allclose(filled_m[:, 64:], 0.9, rtol=1e-6)


def test_push_and_pull_goes_on_across_a_hole_in_a_slope() -> None:
    rows, columns = np.mgrid[:96, :96].astype(np.float32)
    plane_m = 0.5 + 0.001 * rows + 0.0005 * columns
    pierced_m = plane_m.copy()
    pierced_m[40:52, 30:42] = np.nan
    off_m = np.abs(push_pull(pierced_m, np.isnan(pierced_m)) - plane_m)
    assert off_m.max() < 0.01
    assert off_m[40:52, 30:42].mean() < 0.003


def test_the_network_sees_what_its_fill_makes_of_holes() -> None:
    depth_m = scene(7, 0.3)
    seen = {fill: prepare(depth_m, PreprocessConfig(input_size_px=SIDE, fill=fill))[0] for fill in FILLS}
    for fill, image in seen.items():
        filled_m, _ = without_holes(depth_m, fill)
        np.testing.assert_array_equal(image[0], normalise(filled_m, 1.0))
    assert np.abs(seen["push_pull"] - seen["navier_stokes"]).max() > 1e-4


def test_an_unknown_fill_is_refused_with_those_that_are() -> None:
    with pytest.raises(ConfigError, match=r"unknown fill 'navier'.*navier_stokes"):
        PreprocessConfig(fill="navier")


@laws
@given(st.floats(-0.3, 0.3))
def test_the_distance_of_the_whole_scene_does_not_matter(shift_m: float) -> None:
    depth_m, config = scene(1, 0.0), PreprocessConfig(input_size_px=SIDE)
    near, far = prepare(depth_m, config)[0], prepare(depth_m + np.float32(shift_m), config)[0]
    np.testing.assert_allclose(near, far, atol=1e-5)


@laws
@given(st.floats(0.2, 3.0))
def test_the_size_of_a_pixel_tells_a_near_scene_from_its_double_far_off(times: float) -> None:
    """Twice as large and twice as far, a scene fills the same pixels; channel 0 alone can't know."""
    depth_m, config = scene(1, 0.0), PreprocessConfig(input_size_px=SIDE, clip_m=100.0, pixel_size_channel=True)
    near, far = (network_input(d, config, focal_px=500.0) for d in (depth_m, depth_m * np.float32(times)))
    assert near.shape == (2, SIDE, SIDE)
    np.testing.assert_allclose(far[0], near[0] * times, atol=1e-5)
    np.testing.assert_allclose(far[1] - near[1], np.log(times), atol=1e-5)
    np.testing.assert_allclose(np.exp(near[1]), 1000 * depth_m / 500.0, rtol=1e-5)


def test_a_longer_lens_makes_pixels_smaller() -> None:
    depth_m, config = scene(1, 0.0), PreprocessConfig(input_size_px=SIDE, pixel_size_channel=True)
    wide, long = (network_input(depth_m, config, focal_px)[1] for focal_px in (300.0, 600.0))
    np.testing.assert_allclose(wide - long, np.log(2), atol=1e-6)


def test_without_the_focal_length_there_is_no_size_of_a_pixel() -> None:
    with pytest.raises(ConfigError, match="give the focal length"):
        prepare(scene(1, 0.1), PreprocessConfig(input_size_px=SIDE, pixel_size_channel=True))


def test_preparing_is_filling_and_then_making_the_input() -> None:
    depth_m, config = scene(2, 0.2), PreprocessConfig(input_size_px=SIDE, pixel_size_channel=True)
    filled_m, missing = without_holes(depth_m, config.fill)
    image, also_missing = prepare(depth_m, config, 400.0)
    np.testing.assert_array_equal(image, network_input(filled_m, config, 400.0))
    np.testing.assert_array_equal(missing, also_missing)
    assert np.isfinite(image).all()


@pytest.mark.parametrize("clip_m", [0.01, 0.05, 1.0])
def test_what_stands_out_is_clipped(clip_m: float) -> None:
    depth_m = scene(2, 0.0)
    depth_m[0, 0] = 5.0
    assert np.abs(normalise(depth_m, clip_m)).max() == pytest.approx(clip_m)


@pytest.mark.parametrize("quarter_turns", [1, 2, 3])
def test_turning_the_scene_turns_the_input(quarter_turns: int) -> None:
    depth_m, config = scene(3, 0.0), PreprocessConfig(input_size_px=SIDE)
    turned, _ = prepare(np.ascontiguousarray(np.rot90(depth_m, quarter_turns)), config)
    np.testing.assert_allclose(turned, np.rot90(prepare(depth_m, config)[0], quarter_turns, axes=(1, 2)), atol=1e-6)


def test_both_ends_of_the_range_are_measurements_and_nothing_beyond_them() -> None:
    depth_m = np.array([[np.nan, 0.0999, 0.1, 1.0, 2.0, 2.001, 79.0]], np.float32)
    kept = ~np.isnan(within_range(depth_m, float(np.float32(0.1)), 2.0))
    assert kept.tolist() == [[False, False, True, True, True, False, False]]


@laws
@given(st.integers(0, 50), st.floats(0.58, 0.62), st.floats(0.63, 0.7))
def test_what_lies_in_the_range_is_kept_bit_by_bit(seed: int, near_m: float, far_m: float) -> None:
    depth_m = scene(seed, 0.2)
    expected_m = [[d if near_m <= d <= far_m else np.nan for d in row] for row in depth_m]
    np.testing.assert_array_equal(within_range(depth_m, near_m, far_m), np.array(expected_m, np.float32))


def test_cutting_to_a_range_leaves_its_argument_and_its_type_alone() -> None:
    depth_m = scene(4, 0.3)
    before = depth_m.copy()
    assert within_range(depth_m, 0.62, 0.64).dtype == np.float32
    np.testing.assert_array_equal(depth_m, before)


def test_an_outlier_beyond_the_range_does_not_flatten_the_scene() -> None:
    depth_m, config = scene(5, 0.0), PreprocessConfig(input_size_px=SIDE)
    alone, _ = prepare(depth_m, config)
    depth_m[3, 3] = 79.0
    beside, _ = prepare(within_range(depth_m, 0.1, 2.0), config)
    others = np.ones((SIDE, SIDE), bool)
    others[3, 3] = False
    np.testing.assert_allclose(beside[0][others], alone[0][others], atol=1e-4)
