"""Laws of the closed loop: who looks again gets what was moved; who doesn't, doesn't."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import List, Optional

import numpy as np
import pytest

pytest.importorskip("mujoco", reason="needs the extra sim")

from pspgrasp.data.synthetic.things import box
from pspgrasp.sim.attempt import Choice, Outcome, Plan, attempt
from pspgrasp.sim.closed_loop import STILL, Motion, ReachConfig, camera_pose, random_motion, reach
from pspgrasp.sim.objects import of_parts
from pspgrasp.sim.world import HandPose, World

DOWN = np.array([0.0, 0.0, -1.0])
MOVED = Motion((0.1, -0.05), math.radians(30))


@pytest.fixture(scope="module")
def block() -> World:
    return World([of_parts([box((0.03, 0.08, 0.05))])])


def truth(world: World, camera: np.ndarray, last: Optional[Choice]) -> Choice:
    """Know where the block is, and which of its sides are near to each other."""
    rotation, _ = world.pose(0)
    return Choice(Plan(HandPose(world.middle_m(0), rotation[:, 0], DOWN), 0.05), 0)


def test_without_motion_both_loops_do_what_a_plain_attempt_does(block: World) -> None:
    plain = attempt(block, truth(block, np.eye(4), None).plan, 0)
    for closed in (True, False):
        done = reach(block, truth, STILL, closed).attempt
        assert (done.outcome, done.held, done.in_hand) == (plain.outcome, plain.held, plain.in_hand)
        assert done.outcome is Outcome.HELD


@pytest.mark.parametrize("seed", range(4))
def test_what_is_moved_is_held_by_who_looks_again_and_missed_by_who_does_not(block: World, seed: int) -> None:
    motion = random_motion(np.random.default_rng(seed))
    assert math.hypot(*motion.shift_m) >= 0.1 - 1e-9
    assert abs(math.degrees(motion.turn_rad)) >= 25
    assert reach(block, truth, motion, closed=True).attempt.outcome is Outcome.HELD
    assert reach(block, truth, motion, closed=False).attempt.outcome is not Outcome.HELD


def test_things_are_moved_together_as_far_as_was_asked(block: World) -> None:
    world = World([of_parts([box((0.03, 0.04, 0.05), (x, 0.0, 0.0))]) for x in (-0.05, 0.06)])
    before = [world.middle_m(thing) for thing in range(2)]
    after: List[np.ndarray] = []

    def watch(world: World, camera: np.ndarray, last: Optional[Choice]) -> Optional[Choice]:
        after[:] = [world.middle_m(thing) for thing in range(2)]
        return None

    done = reach(world, watch, MOVED, config=ReachConfig(patience_s=2.0))
    assert (done.attempt.outcome, done.choice) == (Outcome.NO_GRASP, None)
    cos, sin = math.cos(MOVED.turn_rad), math.sin(MOVED.turn_rad)
    middle_m = np.mean(before, axis=0)
    for was_m, is_m in zip(before, after):
        turned_m = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]]) @ (was_m - middle_m)
        np.testing.assert_allclose(is_m, middle_m + turned_m + [*MOVED.shift_m, 0.0], atol=1e-3)


def test_frames_come_at_their_rate_and_never_from_where_the_camera_is_blind(block: World) -> None:
    heights_m: List[float] = []
    times_s: List[float] = []

    def watch(world: World, camera: np.ndarray, last: Optional[Choice]) -> Choice:
        assert (last is None) == (not times_s)
        heights_m.append(camera[2, 3])
        times_s.append(world.seconds)
        np.testing.assert_allclose(camera[:3, 2], DOWN, atol=1e-2)
        return truth(world, camera, last)

    config = ReachConfig(rate_hz=20.0, latency_s=0.03)
    reach(block, watch, MOVED, config=config)
    np.testing.assert_allclose(np.diff(times_s), 0.05, atol=2.1e-3)
    assert min(heights_m) > config.blind_m + 0.025 - 1e-3, "the grasp is half as high as the block"
    assert heights_m[0] == pytest.approx(config.start_m + 0.1, abs=1e-3)


def test_who_answers_too_late_works_on_one_frame_at_a_time(block: World) -> None:
    times_s: List[float] = []

    def slowly(world: World, camera: np.ndarray, last: Optional[Choice]) -> Choice:
        times_s.append(world.seconds)
        return truth(world, camera, last)

    reach(block, slowly, STILL, config=ReachConfig(rate_hz=30.0, latency_s=0.4))
    assert np.diff(times_s).min() >= 0.4 - 2.1e-3


@pytest.mark.parametrize("closed", [True, False])
def test_the_choice_that_is_told_is_the_one_that_the_hand_went_for(block: World, closed: bool) -> None:
    given: List[Optional[Choice]] = []

    def to_and_fro(world: World, camera: np.ndarray, last: Optional[Choice]) -> Optional[Choice]:
        pose = truth(world, camera, last).plan.pose
        beside = pose._replace(tip_m=pose.tip_m + np.array([0.0, 0.004 * (len(given) % 2), 0.0]))
        given.append(None if len(given) == 3 else Choice(Plan(beside, 0.05), 0))
        return given[-1]

    done = reach(block, to_and_fro, STILL, closed, ReachConfig(latency_s=0.35))
    assert done.choice is (given[-2] if closed else given[0]), "the last answer comes when the hand is there already"
    assert done.attempt.outcome is Outcome.HELD
    assert block.tip_m[1] == pytest.approx(done.choice.plan.pose.tip_m[1], abs=1e-3)  # type: ignore[union-attr]


def test_the_camera_begins_over_the_origin(block: World) -> None:
    seen: List[np.ndarray] = []

    def look(world: World, camera: np.ndarray, last: Optional[Choice]) -> None:
        seen.append(camera)
        np.testing.assert_array_equal(camera, camera_pose(world))

    reach(block, look, config=replace(ReachConfig(), patience_s=0.2))
    np.testing.assert_allclose(seen[0][:2, 3], 0.0, atol=1e-6)
    np.testing.assert_allclose(np.linalg.det(seen[0][:3, :3]), 1.0)


def test_the_same_reach_ends_bit_by_bit_as_before(block: World) -> None:
    first, state = reach(block, truth, MOVED).attempt, block.data.qpos.copy()
    assert reach(block, truth, MOVED).attempt == first
    np.testing.assert_array_equal(block.data.qpos, state)


def test_a_world_that_broke_ends_a_reach(block: World) -> None:
    def break_it(world: World, camera: np.ndarray, last: Optional[Choice]) -> Optional[Choice]:
        world.data.qvel[0] = np.nan
        return None

    assert reach(block, break_it).attempt.outcome is Outcome.EXPLODED
    assert reach(block, truth).attempt.outcome is Outcome.HELD, "the next one begins anew"
