"""Laws of attempts: what holds is lifted, what can't hold never is, and each attempt is as if it were the first."""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, List, Optional

import numpy as np
import pytest

pytest.importorskip("mujoco", reason="needs the extra sim")

from pspgrasp.data.synthetic.scenes import SceneConfig
from pspgrasp.data.synthetic.things import box
from pspgrasp.evaluation.synthetic_scenes import JUDGED_CONFIG, JudgedScene, JudgedScenes
from pspgrasp.grasp import Grasp
from pspgrasp.sim.attempt import Outcome, attempt
from pspgrasp.sim.objects import of_parts
from pspgrasp.sim.scenes import PhysicalScene, PhysicalScenes, centroid_grasp, hand_pose, labels_grasp
from pspgrasp.sim.world import HandPose, World

DOWN, ALONG_X, ALONG_Y = np.array([0.0, 0.0, -1.0]), np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])
MIDDLE = np.array([0.02, 0.03, 0.025])  # of a block of 4 x 6 x 5 cm


@pytest.fixture(scope="module")
def block() -> World:
    return World([of_parts([box((0.04, 0.06, 0.05), (0.02, 0.03, 0.0))])])


def test_a_thing_comes_to_rest_on_the_table(block: World) -> None:
    ((part,),) = block.shapes()
    np.testing.assert_allclose(part.centre_m, (0.02, 0.03, 0.025), atol=5e-4)
    np.testing.assert_allclose(part.rotation, np.eye(3), atol=1e-2)
    assert not block.exploded


@pytest.mark.parametrize(
    ("tip_m", "closing", "approach", "opening_m", "outcome"),
    [
        (MIDDLE, ALONG_X, DOWN, 0.06, Outcome.HELD),
        (MIDDLE, ALONG_Y, DOWN, 0.08, Outcome.HELD),
        (MIDDLE, -ALONG_X, DOWN, 0.06, Outcome.HELD),
        (MIDDLE, ALONG_X, DOWN, 0.03, Outcome.COLLIDED),  # it doesn't fit between the jaws
        (MIDDLE + 0.1 * ALONG_X, ALONG_X, DOWN, 0.06, Outcome.DROPPED),  # beside it
        (MIDDLE - 0.04 * DOWN, ALONG_X, DOWN, 0.06, Outcome.DROPPED),  # above it
        (MIDDLE, ALONG_X, -DOWN, 0.06, Outcome.COLLIDED),  # through the table
    ],
)
def test_a_block_is_lifted_by_what_can_hold_it(
    block: World, tip_m: np.ndarray, closing: np.ndarray, approach: np.ndarray, opening_m: float, outcome: Outcome
) -> None:
    pose = HandPose(np.asarray(tip_m), closing, approach)
    assert attempt(block, pose, opening_m) == outcome
    assert attempt(block, pose, opening_m) == outcome, "the same attempt ends as the first did"


@pytest.fixture(scope="module")
def scenes() -> List[PhysicalScene]:
    single = replace(JUDGED_CONFIG, scene=SceneConfig(single_share=1.0, bin_share=0.0, wall_share=0.0))
    return list(PhysicalScenes(JudgedScenes(24, 5, single)))


def lifted(
    scenes: List[PhysicalScene], choose: Callable[[JudgedScene], Optional[Grasp]], off: Optional[np.ndarray] = None
) -> int:
    """Return in how many scenes a choice is lifted; `off` (4, 4) is how wrong the camera's pose is believed to be."""
    held = 0
    for scene in scenes:
        grasp = choose(scene.seen)
        if grasp is not None:
            believed = scene.camera_pose if off is None else off @ scene.camera_pose
            pose = hand_pose(grasp, believed, scene.world.gripper)
            held += attempt(scene.world, pose, grasp.width_m) is Outcome.HELD
    return held


def test_labels_lift_far_more_than_a_middle_does_and_nothing_by_a_wrong_camera(scenes: List[PhysicalScene]) -> None:
    assert len(scenes) == 24, "no scene of one thing explodes"
    by_labels = lifted(scenes, labels_grasp)
    by_middles = lifted(scenes, lambda scene: centroid_grasp(scene, 0.085))
    assert by_labels >= 16, "of 20 that have a label"
    assert by_labels > 1.3 * by_middles
    off = np.eye(4)
    off[:3, 3] = (0.2, 0.2, 0.0)
    assert lifted(scenes, labels_grasp, off) <= 1


def test_a_seed_gives_the_same_scene_again(scenes: List[PhysicalScene]) -> None:
    single = replace(JUDGED_CONFIG, scene=SceneConfig(single_share=1.0, bin_share=0.0, wall_share=0.0))
    again = next(iter(PhysicalScenes(JudgedScenes(24, 5, single))))
    np.testing.assert_array_equal(again.seen.measured.depth_m, scenes[0].seen.measured.depth_m)
    np.testing.assert_array_equal(again.camera_pose, scenes[0].camera_pose)
