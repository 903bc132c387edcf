"""Laws of a grasp's angle and frame."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pspgrasp.camera import PinholeCamera
from pspgrasp.grasp import Grasp, wrap_half_turn

laws = settings(deadline=None, max_examples=100, derandomize=True)
angles_rad = st.floats(-1e3, 1e3)


def grasp(angle_rad: float) -> Grasp:
    return Grasp(np.array([0.1, -0.05, 0.6]), angle_rad, 0.05, 0.9)


@laws
@given(angles_rad | st.sampled_from([-1e-320, -1e-17, -math.pi / 2, math.pi / 2, math.pi, 0.0]))
def test_an_angle_wraps_into_half_a_turn(angle_rad: float) -> None:
    assert -math.pi / 2 <= wrap_half_turn(angle_rad) < math.pi / 2


@pytest.mark.parametrize("below", [-math.pi / 2 - 1e-17, np.nextafter(-math.pi / 2, -math.inf)])
def test_the_next_number_below_the_range_still_wraps_into_it(below: float) -> None:
    assert -math.pi / 2 <= wrap_half_turn(float(below)) < math.pi / 2


@laws
@given(angles_rad)
def test_wrapping_keeps_the_direction_of_the_jaws(angle_rad: float) -> None:
    wrapped = wrap_half_turn(angle_rad)
    assert math.cos(2 * wrapped) == pytest.approx(math.cos(2 * angle_rad), abs=1e-9)
    assert math.sin(2 * wrapped) == pytest.approx(math.sin(2 * angle_rad), abs=1e-9)


@laws
@given(st.floats(-1.5, 1.5), st.integers(-20, 20))
def test_an_angle_has_period_pi(angle_rad: float, half_turns: int) -> None:
    assert wrap_half_turn(angle_rad + half_turns * math.pi) == pytest.approx(angle_rad, abs=1e-9)


@laws
@given(angles_rad)
def test_wrapping_twice_is_wrapping_once(angle_rad: float) -> None:
    assert wrap_half_turn(wrap_half_turn(angle_rad)) == wrap_half_turn(angle_rad)


@laws
@given(angles_rad)
def test_the_gripper_frame_is_a_rotation_that_approaches_forward(angle_rad: float) -> None:
    rotation = grasp(angle_rad).rotation()
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1.0)
    np.testing.assert_array_equal(rotation[:, 2], [0.0, 0.0, 1.0])


@laws
@given(st.floats(-1.57, 1.57))
def test_the_closing_direction_is_seen_at_the_grasp_angle_anticlockwise_in_the_image(angle_rad: float) -> None:
    camera, held = PinholeCamera(640, 480, 600.0, 600.0, 320.0, 240.0), grasp(angle_rad)
    u0, v0 = camera.project(held.position_m)
    u1, v1 = camera.project(held.position_m + 0.01 * held.rotation()[:, 0])
    # v grows downwards, so anticlockwise as seen is -v.
    assert math.atan2(-(v1 - v0), u1 - u0) == pytest.approx(angle_rad, abs=1e-6)


@laws
@given(st.floats(-1.57, 1.57))
def test_half_a_turn_swaps_the_fingers_and_nothing_else(angle_rad: float) -> None:
    swapped = grasp(angle_rad).rotation() @ np.diag([-1.0, -1.0, 1.0])
    np.testing.assert_allclose(grasp(angle_rad + math.pi).rotation(), swapped, atol=1e-12)


@laws
@given(st.floats(-1.57, 1.57), st.floats(0.0, 1.0), st.floats(-math.pi, math.pi))
def test_a_gripper_that_comes_another_way_closes_across_it_and_looks_the_same(
    angle_rad: float, tilt_rad: float, azimuth_rad: float
) -> None:
    sin = math.sin(tilt_rad)
    approach = np.array([sin * math.cos(azimuth_rad), sin * math.sin(azimuth_rad), math.cos(tilt_rad)])
    straight, tilted = grasp(angle_rad), grasp(angle_rad).towards(approach)
    rotation = tilted.rotation()
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(rotation) == pytest.approx(1.0)
    np.testing.assert_array_equal(rotation[:, 2], approach)
    camera = PinholeCamera(640, 480, 600.0, 500.0, 320.0, 240.0)
    middle = np.array(camera.project(straight.position_m))
    ends = [
        np.array(camera.project(held.position_m + 1e-4 * held.width_m * held.rotation()[:, 0])) - middle
        for held in (straight, tilted)
    ]
    np.testing.assert_allclose(ends[1], ends[0], rtol=1e-3, atol=1e-6)
