"""Laws of the plane on which things stand."""

from __future__ import annotations

import math
from typing import Tuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pspgrasp.camera import PinholeCamera
from pspgrasp.data.stereo_noise import StereoNoise
from pspgrasp.data.tabletop import Body, Box, exact_depth, looking_at, random_table
from pspgrasp.errors import ConfigError, DepthError
from pspgrasp.table_plane import TableConfig, TablePlane, find_table, fit_table

laws = settings(deadline=None, max_examples=30, derandomize=True)
CAMERA = PinholeCamera(300, 300, 615.0, 615.0, 149.5, 149.5)
FLOOR = Body(Box((3.0, 3.0, 0.01)), np.eye(3), np.array([0.0, 0.0, -0.01]))


def view(tilt_rad: float, azimuth_rad: float, distance_m: float = 0.6) -> np.ndarray:
    sin = math.sin(tilt_rad)
    off = np.array([sin * math.cos(azimuth_rad), sin * math.sin(azimuth_rad), math.cos(tilt_rad)])
    return looking_at(distance_m * off, np.zeros(3))


def seen(pose: np.ndarray, *bodies: Body) -> np.ndarray:
    depth_m = exact_depth(bodies, CAMERA, pose)
    return np.where(np.isfinite(depth_m), depth_m, np.float32(np.nan))


def box(sides_m: Tuple[float, float, float], x_m: float = 0.0) -> Body:
    half_m = (sides_m[0] / 2, sides_m[1] / 2, sides_m[2] / 2)
    return Body(Box(half_m), np.eye(3), np.array([x_m, 0.0, half_m[2]]))


def true_plane(pose: np.ndarray, z_m: float = 0.0) -> TablePlane:
    return TablePlane.level(z_m, pose[:3, :3], pose[:3, 3])


def error_m(found: TablePlane, pose: np.ndarray) -> float:
    """Return how far the plane is off the world's table [m], within 12 cm of the middle, at most."""
    places_m = np.array([[x, y, 0.0] for x in (-0.12, 0.0, 0.12) for y in (-0.12, 0.0, 0.12)])
    return float(np.abs(found.height_m((places_m - pose[:3, 3]) @ pose[:3, :3])).max())


@laws
@given(st.floats(0.0, math.radians(50)), st.floats(-math.pi, math.pi), st.integers(0, 1000))
def test_a_table_with_things_is_found_from_wherever_the_camera_looks(
    tilt_rad: float, azimuth_rad: float, seed: int
) -> None:
    pose = view(tilt_rad, azimuth_rad)
    depth_m = seen(pose, FLOOR, *random_table(seed)[1:])
    exact = fit_table(depth_m, CAMERA)
    assert exact is not None
    assert error_m(exact, pose) < 1e-3
    noisy = fit_table(StereoNoise().measure(depth_m, CAMERA, seed, 0), CAMERA)
    assert noisy is not None
    assert error_m(noisy, pose) < 4e-3


def test_the_same_image_gives_the_same_plane_and_stays_as_it_is() -> None:
    noise_m = np.random.default_rng(0).normal(0.0, 0.008, (300, 300)).astype(np.float32)
    depth_m = seen(view(0.3, 0.2), FLOOR, *random_table(1)[1:]) + noise_m
    before, found = depth_m.copy(), [fit_table(depth_m, CAMERA) for _ in range(3)]
    bits = [(plane.normal.tolist(), plane.offset_m) for plane in found if plane is not None]
    assert bits == 3 * bits[:1]
    np.testing.assert_array_equal(depth_m, before)


def test_the_top_of_a_large_thing_is_no_table_while_the_table_is_seen_around_it() -> None:
    pose = view(0.1, 0.4)
    found = fit_table(seen(pose, FLOOR, box((0.22, 0.22, 0.06))), CAMERA)
    assert found is not None
    assert error_m(found, pose) < 1e-3


def test_holes_and_a_few_pixels_behind_the_table_change_nothing() -> None:
    pose, rng = view(0.2, 1.0), np.random.default_rng(0)
    depth_m = seen(pose, FLOOR, box((0.05, 0.05, 0.05)))
    depth_m[rng.random(depth_m.shape) < 0.3] = np.nan
    depth_m[rng.random(depth_m.shape) < 0.05] *= 1.5
    found = fit_table(depth_m, CAMERA)
    assert found is not None
    assert error_m(found, pose) < 1e-3


def test_where_nothing_is_level_for_the_most_part_no_plane_is_made_up() -> None:
    rng = np.random.default_rng(0)
    rough_m = rng.uniform(0.4, 0.8, (300, 300)).astype(np.float32)
    assert fit_table(rough_m, CAMERA) is None
    assert fit_table(np.full((300, 300), np.nan, np.float32), CAMERA) is None
    lone_m = np.full((300, 300), np.nan, np.float32)
    lone_m[100:105, 100:105] = 0.5
    assert fit_table(lone_m, CAMERA) is None


def test_of_a_table_and_a_floor_beside_it_the_lower_one_counts_unless_it_is_out_of_range() -> None:
    half = Body(Box((0.5, 0.5, 0.01)), np.eye(3), np.array([0.5, 0.0, -0.01]))
    below = Body(Box((3.0, 3.0, 0.01)), np.eye(3), np.array([0.0, 0.0, -0.76]))
    pose = view(0.0, 0.0)
    lower, upper = fit_table(seen(pose, half, below), CAMERA), fit_table(seen(pose, half), CAMERA)
    assert lower is not None
    assert upper is not None
    assert lower.offset_m == pytest.approx(0.6 + 0.75, abs=1e-3)
    assert error_m(upper, pose) < 1e-3


def test_a_wall_that_the_camera_looks_along_is_no_table() -> None:
    wall = Body(Box((0.01, 3.0, 3.0)), np.eye(3), np.array([0.1, 0.0, 0.0]))
    assert fit_table(seen(view(0.0, 0.0), wall), CAMERA) is None


@laws
@given(st.floats(0.0, 1.2), st.floats(-math.pi, math.pi), st.floats(-0.2, 0.2))
def test_a_level_plane_is_at_its_height_of_the_base_frame(tilt_rad: float, azimuth_rad: float, z_m: float) -> None:
    pose, rng = view(tilt_rad, azimuth_rad, 0.8), np.random.default_rng(0)
    places_m = rng.uniform(-0.3, 0.3, (20, 3))
    heights_m = true_plane(pose, z_m).height_m((places_m - pose[:3, 3]) @ pose[:3, :3])
    np.testing.assert_allclose(heights_m, places_m[:, 2] - z_m, atol=1e-12)


@laws
@given(st.floats(0.01, 50.0))
def test_a_plane_is_the_same_whatever_the_length_of_its_normal(length: float) -> None:
    plane = TablePlane(length * np.array([0.1, -0.2, -0.9]), length * 0.6)
    point_m = np.array([0.1, 0.2, 0.5])
    once = TablePlane(np.array([0.1, -0.2, -0.9]), 0.6).height_m(point_m)
    assert float(plane.height_m(point_m)) == pytest.approx(float(once))
    assert float(np.linalg.norm(plane.normal)) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("normal", "offset_m"),
    [((0.0, 0.0, 0.0), 0.5), ((0.0, 0.0, -1.0), 0.0), ((0.0, 0.0, -1.0), -0.5), ((np.nan, 0.0, -1.0), 0.5)],
)
def test_a_plane_that_is_none_or_lies_above_the_camera_is_refused(
    normal: Tuple[float, float, float], offset_m: float
) -> None:
    with pytest.raises(DepthError, match="camera"):
        TablePlane(np.array(normal), offset_m)


def test_the_table_is_what_the_settings_say() -> None:
    pose = view(0.2, 1.0)
    depth_m = seen(pose, FLOOR, box((0.05, 0.05, 0.05)))
    fitted = find_table(TableConfig(), depth_m, CAMERA)
    assert fitted is not None
    assert error_m(fitted, pose) < 1e-3
    given_plane = find_table(TableConfig("given", (0.0, 0.0, -2.0, 1.4)), depth_m, CAMERA)
    assert given_plane is not None
    assert float(given_plane.height_m(np.array([0.1, 0.2, 0.6]))) == pytest.approx(0.1)
    assert find_table(TableConfig("none"), depth_m, CAMERA) is None
    with pytest.raises(ConfigError, match="base"):
        find_table(TableConfig("base"), depth_m, CAMERA)


@pytest.mark.parametrize(
    ("plane", "numbers", "said"),
    [
        ("given", (), "four numbers"),
        ("given", (0.0, 0.0, -1.0), "four numbers"),
        ("fitted", (0.0, 0.0, -1.0, 0.5), "four numbers"),
        ("fited", (), "did you mean 'fitted'"),
    ],
)
def test_settings_of_the_table_that_contradict_each_other_are_refused(
    plane: str, numbers: Tuple[float, ...], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        TableConfig(plane, numbers)
