"""Laws of what a scene's camera measures: where it stands and how it errs is what its condition says."""

from __future__ import annotations

from dataclasses import replace
from typing import Tuple

import numpy as np
import pytest

pytest.importorskip("mujoco", reason="needs the extra sim")

from pspgrasp.data.synthetic.antipodal import GripperConfig
from pspgrasp.sim.camera import REALSENSE, RayCamera
from pspgrasp.sim.cells import CELLS, USUAL, Cell
from pspgrasp.sim.model import PhysicsConfig
from pspgrasp.sim.stage import Stage, set_up

GRIPPER, PHYSICS = GripperConfig(opening_m=0.08), PhysicsConfig()
NAMES = ("household", "height-0.4", "height-1", "tilt-20", "tilt-40", "calibration", "noise-poor")


def stage_of(cell: Cell, number: int = 0) -> Stage:
    return set_up(cell, 0, number, GRIPPER, PHYSICS)


def measured_m(stage: Stage, look: int = 0) -> np.ndarray:
    return stage.shot(RayCamera(), look).frame.depth_m


def off_by(one: np.ndarray, other: np.ndarray) -> Tuple[float, float]:
    """Return how far two poses (4, 4) are apart [mm] and turned [deg]."""
    cosine = (np.trace(one[:3, :3].T @ other[:3, :3]) - 1) / 2
    return 1000 * float(np.linalg.norm(one[:3, 3] - other[:3, 3])), float(np.degrees(np.arccos(min(1.0, cosine))))


@pytest.fixture(scope="module")
def stage() -> Stage:
    return stage_of(USUAL)


@pytest.mark.parametrize("name", NAMES)
def test_a_camera_stands_where_its_cell_says_and_is_believed_to_be_as_far_off(name: str) -> None:
    cell, heights_m = CELLS[name], set()
    for number in range(3):
        stage = stage_of(cell, number)
        eye_m, forward = stage.camera_pose[:3, 3], stage.camera_pose[:3, 2]
        height_m, tilt_deg = float(np.linalg.norm(eye_m)), float(np.degrees(np.arccos(-forward[2])))
        heights_m.add(height_m)
        np.testing.assert_allclose(eye_m + height_m * forward, 0.0, atol=1e-9, err_msg="it looks at the table's middle")
        assert cell.height_m[0] <= height_m <= cell.height_m[1]
        assert cell.tilt_deg[0] <= tilt_deg <= cell.tilt_deg[1]
        off = off_by(stage.camera_pose, stage.believed_pose)
        assert off == pytest.approx((cell.calibration_mm, cell.calibration_deg), abs=1e-4)
        shot = stage.shot(RayCamera())
        np.testing.assert_array_equal(shot.camera_pose, stage.camera_pose)
        np.testing.assert_array_equal(shot.believed_pose, stage.believed_pose)
    assert len(heights_m) == 3, "each scene has a camera of its own"


def test_a_shot_is_the_same_when_its_scene_is_set_up_anew_and_each_look_has_its_own_noise(stage: Stage) -> None:
    first = measured_m(stage)
    np.testing.assert_array_equal(measured_m(stage_of(USUAL)), first)
    np.testing.assert_array_equal(measured_m(stage.again()), first)
    second = measured_m(stage, look=1)
    assert not np.array_equal(second, first, equal_nan=True)
    assert np.nanmedian(np.abs(second - first)) < 0.005, "of the same things"


def test_what_is_measured_errs_as_the_cell_says(stage: Stage) -> None:
    exact_m = RayCamera().depth_m(stage.world, REALSENSE, stage.camera_pose)
    off_m = {}
    for level in ("none", "realsense", "poor"):
        noisy = replace(stage, cell=replace(USUAL, noise=level))
        looks = [measured_m(replace(noisy, key=(*stage.key[:2], take))) for take in range(3)]
        off_m[level] = float(np.mean([np.nanmean(np.abs(seen_m - exact_m)) for seen_m in looks]))
    assert off_m["none"] == 0.0
    assert 1e-4 < off_m["realsense"] < off_m["poor"] / 1.5


def test_a_camera_in_the_hand_sees_from_there_and_knows_where_that_is() -> None:
    stage = stage_of(replace(CELLS["calibration"], noise="none"))
    pose = stage.camera_pose.copy()
    pose[2, 3] -= 0.1
    shot = stage.shot(RayCamera(), pose=pose)
    assert shot.camera_pose is shot.believed_pose is pose
    np.testing.assert_array_equal(shot.frame.depth_m, RayCamera().depth_m(stage.world, REALSENSE, pose))
