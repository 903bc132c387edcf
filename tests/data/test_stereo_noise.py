"""Laws of the stereo camera's faults: they arise in disparity and grow with the distance squared."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pspgrasp.data.stereo_noise import StereoNoise
from pspgrasp.data.tabletop import TABLETOP_CAMERA, camera_arc, exact_depth, random_table

QUIET = StereoNoise(sigma_px=0.0, step_px=1e-4, ragged_px=0.0, missing_share=1e-12)


def test_without_faults_the_measurement_is_exact_where_it_is_made() -> None:
    exact_m = exact_depth(random_table(2), TABLETOP_CAMERA, next(camera_arc(1)))
    before = exact_m.copy()
    measured_m = QUIET.measure(exact_m, TABLETOP_CAMERA, seed=0)
    np.testing.assert_array_equal(exact_m, before)
    found = ~np.isnan(measured_m)
    assert found.mean() > 0.7
    np.testing.assert_allclose(measured_m[found], exact_m[found], atol=1e-5)


def test_noise_grows_with_the_square_of_the_distance() -> None:
    noise = StereoNoise(step_px=1e-3)
    sigma_m = {z: np.nanstd(noise.measure(_wall(z), TABLETOP_CAMERA, seed=0)) for z in (0.5, 1.0)}
    assert sigma_m[1.0] / sigma_m[0.5] == pytest.approx(4.0, rel=0.05)
    expected_m = noise.sigma_px / (TABLETOP_CAMERA.fx * noise.baseline_m)
    assert sigma_m[1.0] == pytest.approx(expected_m, rel=0.1)


def test_depth_comes_in_steps_of_disparity() -> None:
    noise = StereoNoise()
    disparity_px = TABLETOP_CAMERA.fx * noise.baseline_m / noise.measure(_wall(0.7), TABLETOP_CAMERA, seed=0)
    steps = disparity_px[~np.isnan(disparity_px)] / noise.step_px
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-2)


def test_a_stereo_shadow_lies_left_of_what_casts_it() -> None:
    depth_m = _wall(0.6)
    depth_m[200:280, 300:400] = 0.4
    missing = np.isnan(QUIET.measure(depth_m, TABLETOP_CAMERA, seed=0))
    expected_px = TABLETOP_CAMERA.fx * QUIET.baseline_m * (1 / 0.4 - 1 / 0.6)
    assert missing[240, 200:300].sum() == pytest.approx(expected_px, abs=2)
    assert missing[240, 402:500].sum() == 0
    unseen_by_right_px = math.ceil(TABLETOP_CAMERA.fx * QUIET.baseline_m / 0.6)
    assert missing[100, :unseen_by_right_px].all()
    assert not missing[100, unseen_by_right_px:].any()


def test_noise_is_in_part_the_scenes_own_and_in_part_new_in_each_frame() -> None:
    one, other = (StereoNoise().measure(_wall(0.6), TABLETOP_CAMERA, seed=0, frame=f) for f in (0, 1))
    both = ~(np.isnan(one) | np.isnan(other))
    assert np.corrcoef(one[both], other[both])[0, 1] == pytest.approx(1 - StereoNoise().flicker, abs=0.1)


def test_shimmer_is_new_in_each_frame_and_leaves_holes_as_they_are() -> None:
    depth_m = _wall(0.6)
    depth_m[10:20, 30:60] = np.nan
    one, other = (StereoNoise().shimmer(depth_m, TABLETOP_CAMERA, seed=0, frame=f) for f in (0, 1))
    np.testing.assert_array_equal(np.isnan(one), np.isnan(depth_m))
    assert abs(np.corrcoef(one[100:].ravel(), other[100:].ravel())[0, 1]) < 0.05
    assert np.nanmean(one) == pytest.approx(0.6, abs=1e-4)


def _wall(depth_m: float) -> np.ndarray:
    return np.full((TABLETOP_CAMERA.height_px, TABLETOP_CAMERA.width_px), depth_m, np.float32)
