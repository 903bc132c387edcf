"""Laws of the bench's camera: it sees what is there, where it is, at its true size, and errs as it was told to."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace
from typing import Any, List

import numpy as np
import pytest

pytest.importorskip("mujoco", reason="needs the extra sim")

from pspgrasp.camera import PinholeCamera
from pspgrasp.data.synthetic.render import FAR_M
from pspgrasp.data.synthetic.sensor import SensorConfig
from pspgrasp.data.synthetic.things import box, random_thing
from pspgrasp.data.tabletop import looking_at
from pspgrasp.errors import ConfigError, PspGraspError
from pspgrasp.sim import gl
from pspgrasp.sim.camera import NOISE, REALSENSE, DepthCamera, RayCamera, choose_camera, faults_of, measured
from pspgrasp.sim.objects import of_parts
from pspgrasp.sim.world import HandPose, World

SIDE_M, HIGH_M = 0.06, 0.05
FROM_ABOVE = np.array([[1.0, 0.0, 0.0, 0.0], [0.0, -1.0, 0.0, 0.0], [0.0, 0.0, -1.0, 0.6], [0.0, 0.0, 0.0, 1.0]])
OBLIQUE = looking_at(np.array([0.3, -0.3, 0.5]), np.zeros(3))


@pytest.fixture(scope="module", params=["auto", "rays"])
def eye(request: pytest.FixtureRequest) -> DepthCamera:
    """Return each camera that this machine has."""
    return choose_camera(request.param)


@pytest.fixture(scope="module")
def block() -> World:
    """Return a block beside the middle: more to +x, and a little to +y."""
    return World([of_parts([box((SIDE_M, SIDE_M, HIGH_M), (0.08, 0.03, 0.0))])])


@pytest.fixture(scope="module")
def crowd() -> World:
    rng = np.random.default_rng(0)
    things = [of_parts(random_thing(rng, 0.2)) for _ in range(4)]
    walls = [box((0.5, 0.02, 0.08), (0.0, side * 0.2, 0.04)) for side in (-1, 1)]
    return World([thing.moved(np.eye(3), np.array([*rng.uniform(-0.12, 0.12, 2), 0])) for thing in things], walls)


def points_m(depth_m: np.ndarray, camera: PinholeCamera, pose: np.ndarray) -> np.ndarray:
    """Return what each pixel sees, in the world's frame, (H, W, 3) [m]."""
    v, u = np.indices(depth_m.shape)
    seen = np.stack([(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, np.ones_like(u)], axis=2)
    return (seen * depth_m[..., None]) @ pose[:3, :3].T + pose[:3, 3]


@pytest.mark.parametrize("pose", [FROM_ABOVE, OBLIQUE])
def test_all_cameras_see_the_same_but_for_single_pixels_at_edges(crowd: World, pose: np.ndarray) -> None:
    by_rays, best = (choose_camera(name).depth_m(crowd, REALSENSE, pose) for name in ("rays", "auto"))
    off_m = np.abs(by_rays - best)
    assert off_m.shape == (480, 640)
    assert off_m.dtype == np.float32
    assert np.mean(off_m > 1e-4) < 1e-3
    assert np.median(off_m) < 1e-5


def test_what_is_to_the_right_has_a_larger_column_and_what_is_farther_in_y_a_smaller_row(
    block: World, eye: DepthCamera
) -> None:
    rows, columns = np.nonzero(eye.depth_m(block, REALSENSE, FROM_ABOVE) < 0.56)
    assert columns.min() > REALSENSE.cx, "the camera's x is the world's"
    assert rows.mean() < REALSENSE.cy, "the camera's y is down, the world's is up in this picture"


@pytest.mark.parametrize("pose", [FROM_ABOVE, OBLIQUE])
@pytest.mark.parametrize(
    "camera",
    [REALSENSE, PinholeCamera(500, 300, 450.0, 520.0, 210.3, 170.8), PinholeCamera(300, 400, 400, 390, 90, 250)],
)
def test_a_block_has_its_true_size_and_place(
    block: World, eye: DepthCamera, pose: np.ndarray, camera: PinholeCamera
) -> None:
    seen_m = points_m(eye.depth_m(block, camera, pose), camera, pose)
    top_m = seen_m[np.abs(seen_m[..., 2] - HIGH_M) < 2e-4]
    pixel_m = 0.8 / min(camera.fx, camera.fy)
    np.testing.assert_allclose(top_m[:, :2].min(axis=0), (0.05, 0.0), atol=1.5 * pixel_m)
    np.testing.assert_allclose(top_m[:, :2].max(axis=0), (0.11, 0.06), atol=1.5 * pixel_m)
    np.testing.assert_allclose(top_m.mean(axis=0), (0.08, 0.03, HIGH_M), atol=1e-3)
    table_m = seen_m[seen_m[..., 2] < 1e-4]
    assert len(table_m) > 1000
    assert np.abs(table_m[:, 2]).max() < 1e-4


def test_nothing_is_as_far_as_can_be(block: World, eye: DepthCamera) -> None:
    upwards = np.eye(4)
    upwards[:3, 3] = (0.0, 0.0, 0.5)
    assert (eye.depth_m(block, REALSENSE, upwards) == FAR_M).all()


def test_the_gripper_is_never_in_the_picture(block: World, eye: DepthCamera) -> None:
    before_m = eye.depth_m(block, REALSENSE, FROM_ABOVE)
    down = np.array([0.0, 0.0, -1.0])
    block.place_hand(HandPose(np.array([0.0, -0.05, 0.2]), np.array([1.0, 0.0, 0.0]), down), 0.08)
    np.testing.assert_allclose(eye.depth_m(block, REALSENSE, FROM_ABOVE), before_m, atol=1e-5)


def test_a_world_that_moved_on_is_seen_as_it_is_now(eye: DepthCamera) -> None:
    worlds = [World([of_parts([box((0.05, 0.05, 0.05), (x, 0.0, 0.0))])]) for x in (-0.05, 0.05)]
    first, second = (eye.depth_m(world, REALSENSE, FROM_ABOVE) for world in worlds)
    np.testing.assert_array_equal(eye.depth_m(worlds[0], REALSENSE, FROM_ABOVE), first)
    assert not np.array_equal(first, second)
    worlds[0].take_away(0)
    worlds[0].settle()
    assert eye.depth_m(worlds[0], REALSENSE, FROM_ABOVE).min() == pytest.approx(0.6, abs=1e-4)


def test_no_noise_is_exact(crowd: World) -> None:
    depth_m = RayCamera().depth_m(crowd, REALSENSE, OBLIQUE)
    kept_m = depth_m.copy()
    frame = measured(depth_m, REALSENSE, faults_of("none", 3), 7)
    np.testing.assert_array_equal(frame.depth_m, depth_m)
    np.testing.assert_array_equal(depth_m, kept_m)
    assert frame.camera == REALSENSE


@pytest.mark.parametrize("level", ["realsense", "poor"])
def test_a_seed_gives_the_same_noise_again_and_another_one_other_noise(crowd: World, level: str) -> None:
    depth_m = RayCamera().depth_m(crowd, REALSENSE, FROM_ABOVE)
    once, again, other = (measured(depth_m, REALSENSE, faults_of(level, 3), seed).depth_m for seed in (7, 7, 8))
    np.testing.assert_array_equal(once, again)
    assert not np.array_equal(once, other, equal_nan=True)
    assert np.isnan(once).any()


def test_a_poor_camera_errs_more_than_a_realsense_and_both_by_millimetres(crowd: World) -> None:
    depth_m = RayCamera().depth_m(crowd, REALSENSE, FROM_ABOVE)

    def typical_error_m(level: str) -> float:
        seeds = range(4)
        off_m = [measured(depth_m, REALSENSE, faults_of(level, seed), seed).depth_m - depth_m for seed in seeds]
        return float(np.nanmedian(np.abs(off_m)))

    good_m, poor_m = typical_error_m("realsense"), typical_error_m("poor")
    assert 1e-4 < good_m < poor_m / 1.5 < 4e-3


def test_noise_reaches_the_borders_of_a_picture_that_is_no_square() -> None:
    depth_m = np.full((480, 640), 0.6, np.float32)
    noisy = replace(NOISE["realsense"], blob_share=0.0)
    assert noisy.band_share == 0.0
    frames = [measured(depth_m, REALSENSE, faults_of("realsense", seed), seed).depth_m for seed in range(3)]
    for border in (0, 479):
        assert all(np.nanstd(frame[border]) > 1e-5 for frame in frames)
        assert np.isnan([frame[border] for frame in frames]).mean() < 0.1


@pytest.mark.parametrize("level", sorted(NOISE))
def test_all_levels_are_within_what_networks_were_trained_on_and_none_stores_range(level: str) -> None:
    trained, config = SensorConfig(), NOISE[level]
    assert config.range_share == 0.0
    assert trained.least_noise <= config.least_noise <= config.most_noise <= trained.most_noise
    assert trained.shortest_baseline_m <= config.shortest_baseline_m <= config.longest_baseline_m
    assert config.longest_baseline_m <= trained.longest_baseline_m


def test_unknown_names_are_answered_by_what_there_is() -> None:
    with pytest.raises(ConfigError, match="rays"):
        choose_camera("ray")
    with pytest.raises(ConfigError, match="realsense"):
        faults_of("realsens", 0)


def test_a_network_may_be_loaded_after_opengl() -> None:
    words = "from pspgrasp.sim.camera import choose_camera; choose_camera('auto'); import timm"
    done = subprocess.run([sys.executable, "-c", words], stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def no_gl(monkeypatch: pytest.MonkeyPatch) -> List[int]:
    """Take OpenGL away; return the tries to get it."""
    tries: List[int] = []

    def missing() -> Any:
        tries.append(1)
        raise OSError("libEGL.so.1: cannot open shared object file\nand a stack of calls")

    monkeypatch.setattr(gl, "_context_maker", missing)
    return tries


def test_without_opengl_one_line_says_what_to_install_and_what_needs_none(no_gl: List[int]) -> None:
    with pytest.raises(PspGraspError, match=r"libEGL\.so\.1.*install libegl1.*--camera rays") as caught:
        choose_camera("gl")
    assert "\n" not in str(caught.value)
    assert no_gl


def test_auto_takes_rays_where_there_is_no_opengl_and_says_so(no_gl: List[int], block: World) -> None:
    stand_in = choose_camera("auto")
    assert stand_in.name == "rays (there is no OpenGL)"
    assert stand_in.depth_m(block, REALSENSE, FROM_ABOVE).min() == pytest.approx(0.55, abs=1e-3)
    assert choose_camera("rays").name == "rays"
    assert len(no_gl) == 1
    assert math.isfinite(stand_in.depth_m(block, REALSENSE, OBLIQUE).max())
