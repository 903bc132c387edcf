"""Laws of the pinhole camera."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pspgrasp.camera import PinholeCamera
from pspgrasp.errors import DepthError

CAMERA = PinholeCamera(640, 480, 615.0, 540.0, 321.5, 238.25)
laws = settings(deadline=None, max_examples=100, derandomize=True)
columns, rows, depths_m = st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.floats(0.05, 20.0)


@laws
@given(columns, rows, depths_m)
def test_projecting_undoes_deprojecting(u: float, v: float, depth_m: float) -> None:
    assert CAMERA.project(CAMERA.deproject(u, v, depth_m)) == pytest.approx((u, v), abs=1e-6)


@laws
@given(st.floats(-5.0, 5.0), st.floats(-5.0, 5.0), depths_m)
def test_deprojecting_undoes_projecting(x_m: float, y_m: float, z_m: float) -> None:
    point_m = np.array([x_m, y_m, z_m])
    np.testing.assert_allclose(CAMERA.deproject(*CAMERA.project(point_m), z_m), point_m, atol=1e-9)


@laws
@given(columns, rows, depths_m)
def test_depth_is_measured_along_the_axis_and_not_along_the_ray(u: float, v: float, depth_m: float) -> None:
    assert CAMERA.deproject(u, v, depth_m)[2] == depth_m


def test_x_points_right_and_y_down() -> None:
    np.testing.assert_allclose(CAMERA.deproject(CAMERA.cx + CAMERA.fx, CAMERA.cy, 1.0), [1.0, 0.0, 1.0])
    np.testing.assert_allclose(CAMERA.deproject(CAMERA.cx, CAMERA.cy + CAMERA.fy, 2.0), [0.0, 2.0, 2.0])


@laws
@given(columns, rows, depths_m, st.floats(0.0, 300.0), st.floats(-4.0, 4.0))
def test_a_length_is_the_distance_between_its_ends(
    u: float, v: float, depth_m: float, length_px: float, angle_rad: float
) -> None:
    du, dv = length_px / 2 * math.cos(angle_rad), -length_px / 2 * math.sin(angle_rad)
    ends_m = CAMERA.deproject(u + du, v + dv, depth_m), CAMERA.deproject(u - du, v - dv, depth_m)
    distance_m = float(np.linalg.norm(ends_m[0] - ends_m[1]))
    assert CAMERA.length_m(length_px, angle_rad, depth_m) == pytest.approx(distance_m, abs=1e-9)


def test_a_point_is_an_argument_and_stays_as_it_is() -> None:
    point_m = np.array([0.1, -0.2, 0.7])
    CAMERA.project(point_m)
    np.testing.assert_array_equal(point_m, [0.1, -0.2, 0.7])


@pytest.mark.parametrize("size_px", [(0, 480), (640, 0), (-640, 480)])
def test_an_image_without_pixels_is_refused_with_its_size(size_px: tuple) -> None:
    with pytest.raises(DepthError, match=f"{size_px[0]}x{size_px[1]}"):
        PinholeCamera(*size_px, 615.0, 615.0, 320.0, 240.0)


@pytest.mark.parametrize("name", ["fx", "fy", "cx", "cy"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_camera_matrix_that_is_not_finite_is_refused(name: str, value: float) -> None:
    with pytest.raises(DepthError, match=f"{name}={value}"):
        PinholeCamera(640, 480, **{"fx": 615.0, "fy": 615.0, "cx": 320.0, "cy": 240.0, name: value})


@pytest.mark.parametrize(("fx", "fy"), [(0.0, 0.0), (0.0, 615.0), (615.0, -615.0)])
def test_an_uncalibrated_camera_is_refused_and_points_at_camera_info(fx: float, fy: float) -> None:
    with pytest.raises(DepthError, match="camera_info"):
        PinholeCamera(640, 480, fx, fy, 320.0, 240.0)
