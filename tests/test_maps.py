"""Laws of grasp maps: decoding undoes encoding, turning turns the angle, and smoothing knows that it wraps."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Optional, Tuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pspgrasp.config import DetectionConfig
from pspgrasp.errors import NetworkError
from pspgrasp.maps import GraspMaps, PlacedMaps, SmoothedMaps

laws = settings(deadline=None, max_examples=40, derandomize=True)
NO_SMOOTHING = DetectionConfig(sigma_quality_px=0.0, sigma_angle_px=0.0, sigma_width_px=0.0)


def maps_of(angle_rad: np.ndarray, quality: Optional[np.ndarray] = None) -> GraspMaps:
    angle_rad = np.asarray(angle_rad, np.float32)
    quality = np.ones_like(angle_rad) if quality is None else quality
    return GraspMaps(quality, np.cos(2 * angle_rad), np.sin(2 * angle_rad), np.full_like(angle_rad, 40.0))


def random_maps(seed: int, side: int = 24) -> GraspMaps:
    rng = np.random.default_rng(seed)
    angle_rad = rng.uniform(-math.pi / 2, math.pi / 2, (side, side))
    return maps_of(angle_rad, rng.random((side, side)).astype(np.float32))


def turned(maps: GraspMaps) -> GraspMaps:
    """Return the maps of the image turned by a quarter anticlockwise: phi grows by pi / 2, so 2 phi by pi."""
    return GraspMaps(
        np.rot90(maps.quality), -np.rot90(maps.cos_2phi), -np.rot90(maps.sin_2phi), np.rot90(maps.width_px)
    )


def arrays_of(maps: GraspMaps) -> list:
    return [getattr(maps, field.name) for field in fields(maps)]


@laws
@given(st.integers(0, 100), st.sampled_from([1.0, 75.0, 150.0, 512.0]))
def test_decoding_undoes_encoding(seed: int, width_scale_px: float) -> None:
    maps = random_maps(seed)
    decoded = GraspMaps.decode(maps.encode(width_scale_px), width_scale_px)
    for one, other in zip(arrays_of(decoded), arrays_of(maps)):
        np.testing.assert_allclose(one, other, rtol=1e-6)


@laws
@given(st.integers(0, 100), st.sampled_from([1.0, 75.0, 150.0, 512.0]))
def test_encoding_undoes_decoding_and_leaves_the_output_alone(seed: int, width_scale_px: float) -> None:
    output = np.random.default_rng(seed).normal(size=(4, 9, 9)).astype(np.float32)
    before = output.copy()
    encoded = GraspMaps.decode(output, width_scale_px).encode(width_scale_px)
    np.testing.assert_allclose(encoded, output, rtol=1e-6)
    np.testing.assert_array_equal(output, before)
    assert encoded.dtype == np.float32


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("channel", range(4))
def test_one_value_that_is_not_finite_is_a_network_error(poison: float, channel: int) -> None:
    output = np.zeros((4, 9, 9), np.float32)
    output[channel, 4, 4] = poison
    with pytest.raises(NetworkError, match="NaN or infinity"):
        GraspMaps.decode(output, 150.0)


@laws
@given(st.floats(-1.5, 1.5), st.integers(-3, 3))
def test_the_angle_has_period_pi(angle_rad: float, half_turns: int) -> None:
    found_rad = maps_of(np.array([[angle_rad + half_turns * math.pi]])).angle_rad()
    assert found_rad[0, 0] == pytest.approx(angle_rad, abs=1e-5)


def test_the_length_of_the_angle_vector_does_not_matter() -> None:
    maps = random_maps(1)
    shorter = GraspMaps(maps.quality, 0.2 * maps.cos_2phi, 0.2 * maps.sin_2phi, maps.width_px)
    np.testing.assert_allclose(shorter.angle_rad(), maps.angle_rad(), atol=1e-6)


@laws
@given(st.integers(0, 100))
def test_turning_the_maps_by_a_quarter_turns_the_angle_by_half_of_pi(seed: int) -> None:
    maps = random_maps(seed)
    difference_rad = turned(maps).angle_rad() - np.rot90(maps.angle_rad())
    np.testing.assert_allclose(np.abs(difference_rad), math.pi / 2, atol=1e-5)


@laws
@given(st.integers(0, 100))
def test_smoothing_turned_maps_is_turning_smoothed_maps(seed: int) -> None:
    maps, config = random_maps(seed), DetectionConfig()
    for one, other in zip(arrays_of(turned(maps).smoothed(config)), arrays_of(turned(maps.smoothed(config)))):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_angles_on_both_sides_of_the_wrap_smooth_to_the_wrap_and_not_to_zero() -> None:
    angle_rad = np.where(np.arange(40) % 2, 1.52, -1.52) * np.ones((40, 1))
    smoothed_rad = maps_of(angle_rad).smoothed(DetectionConfig(sigma_angle_px=2.0)).angle_rad()
    assert np.abs(smoothed_rad).min() > 1.5


@laws
@given(st.floats(-math.pi / 2, math.pi / 2), st.floats(0.5, 5.0))
def test_a_constant_angle_smooths_to_itself(angle_rad: float, sigma_px: float) -> None:
    smoothed = maps_of(np.full((20, 20), angle_rad)).smoothed(DetectionConfig(sigma_angle_px=sigma_px))
    difference_rad = smoothed.angle_rad() - angle_rad
    np.testing.assert_allclose(np.cos(2 * difference_rad), 1.0, atol=1e-6)


def test_a_sigma_of_zero_changes_nothing() -> None:
    maps = random_maps(2)
    for one, other in zip(arrays_of(maps.smoothed(NO_SMOOTHING)), arrays_of(maps)):
        np.testing.assert_array_equal(one, other)


def random_arrays(side: int, seed: int = 3) -> GraspMaps:
    return GraspMaps(*np.random.default_rng(seed).normal(size=(4, side, side)).astype(np.float32))


@pytest.mark.parametrize("sigma_px", [0.3, 1.0, 2.0, 5.3])
def test_smoothing_is_a_gaussian_with_a_mirrored_border(sigma_px: float) -> None:
    maps = random_arrays(40)
    config = DetectionConfig(sigma_quality_px=sigma_px, sigma_angle_px=sigma_px, sigma_width_px=sigma_px)
    reach = round(4 * sigma_px)
    weights = np.exp(-(np.arange(-reach, reach + 1) ** 2) / 2 / sigma_px**2)
    for smoothed, array in zip(arrays_of(maps.smoothed(config)), arrays_of(maps)):
        around = np.pad(array.astype(float), reach, mode="reflect")
        windows = np.lib.stride_tricks.sliding_window_view(around, (2 * reach + 1, 2 * reach + 1))
        np.testing.assert_allclose(smoothed, windows @ weights @ weights / weights.sum() ** 2, atol=1e-5)


@pytest.mark.parametrize("side", [2, 9, 20])
@pytest.mark.parametrize("sigmas_px", [(2.0, 2.0, 1.0), (0.0, 0.0, 0.0), (1.3, 0.2, 6.0), (50.0, 50.0, 50.0)])
def test_a_pixel_is_read_as_the_whole_maps_have_it(side: int, sigmas_px: Tuple[float, float, float]) -> None:
    names = ("sigma_quality_px", "sigma_angle_px", "sigma_width_px")
    maps = SmoothedMaps.of(random_arrays(side), DetectionConfig(**dict(zip(names, sigmas_px))))
    whole = np.stack(arrays_of(maps.whole))
    np.testing.assert_array_equal(maps.quality, whole[0])
    for row in range(side):
        for column in range(side):
            np.testing.assert_allclose(maps.at(row, column), whole[:, row, column], atol=2e-6)


def test_plain_maps_are_read_as_they_are() -> None:
    maps = random_arrays(9)
    assert maps.at(2, 7) == tuple(float(array[2, 7]) for array in arrays_of(maps))


@pytest.mark.parametrize(
    ("sigma", "smooths"),
    [
        ("sigma_quality_px", ["quality"]),
        ("sigma_angle_px", ["cos_2phi", "sin_2phi"]),
        ("sigma_width_px", ["width_px"]),
    ],
)
def test_each_sigma_smooths_its_own_map(sigma: str, smooths: list) -> None:
    rng = np.random.default_rng(3)
    maps = GraspMaps(*rng.normal(size=(4, 20, 20)).astype(np.float32))
    before = [array.copy() for array in arrays_of(maps)]
    config = DetectionConfig(**{"sigma_quality_px": 0.0, "sigma_angle_px": 0.0, "sigma_width_px": 0.0, sigma: 2.0})
    smoothed = maps.smoothed(config)
    for field, array in zip(fields(maps), before):
        changed = not np.array_equal(getattr(smoothed, field.name), array)
        assert changed == (field.name in smooths), field.name
        np.testing.assert_array_equal(getattr(maps, field.name), array, "an argument stays as it is")


def test_what_was_not_measured_has_no_quality_and_keeps_the_rest() -> None:
    maps = random_maps(4)
    before = maps.quality.copy()
    missing = np.zeros(maps.quality.shape, bool)
    missing[3:5, 7] = True
    without = maps.without(missing)
    assert (without.quality[missing] == 0).all()
    np.testing.assert_array_equal(without.quality[~missing], before[~missing])
    np.testing.assert_array_equal(maps.quality, before)
    assert without.quality.dtype == np.float32
    assert without.width_px is maps.width_px


def test_opening_adds_to_widths_of_which_none_is_negative() -> None:
    maps, clearance_px = random_arrays(20), np.random.default_rng(1).random((20, 20)).astype(np.float32)
    before = [array.copy() for array in (*arrays_of(maps), clearance_px)]
    opened = maps.opened(clearance_px)
    np.testing.assert_array_equal(opened.width_px, np.maximum(maps.width_px, 0) + clearance_px)
    for one, other in zip((*arrays_of(maps), clearance_px), before):
        np.testing.assert_array_equal(one, other)


def placed(rows: list) -> PlacedMaps:
    """Return maps of which only these places came: row, column, quality."""
    places = [(row, column, quality, 1.0, 0.0, 9.0) for row, column, quality in rows]
    return PlacedMaps(np.array(places, np.float32), lambda: random_maps(0))


def test_places_come_best_first_and_those_without_quality_not_at_all() -> None:
    maps = placed([(3, 4, 0.2), (9, 1, 0.7), (0, 0, 0.0), (5, 5, 0.2)])
    assert maps.summits(0.0) == [(9, 1), (3, 4), (5, 5)]
    assert maps.summits(0.3) == [(9, 1)]
    assert maps.at(9, 1) == pytest.approx((0.7, 1.0, 0.0, 9.0))


def test_a_plateau_that_came_is_one_summit() -> None:
    maps = placed([(3, 4, 0.5), (3, 5, 0.5), (4, 6, 0.5), (8, 8, 0.5), (8, 9, 0.4)])
    assert maps.summits(0.0) == [(3, 4), (8, 8), (8, 9)]


def test_maps_come_when_first_asked_for_and_once() -> None:
    fetches = []
    maps = PlacedMaps(np.zeros((0, 6), np.float32), lambda: fetches.append(1) or random_maps(0))
    assert maps.summits(0.0) == []
    assert not fetches
    assert maps.whole is maps.whole
    assert len(fetches) == 1
