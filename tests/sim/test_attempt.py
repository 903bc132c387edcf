"""Laws of attempts: what holds is lifted, what can't hold never is, and each attempt is as if it were the first."""

from __future__ import annotations

from typing import List, Optional

import numpy as np
import pytest

pytest.importorskip("mujoco", reason="needs the extra sim")

from pspgrasp.data.synthetic.things import box, cone, cylinder
from pspgrasp.sim.attempt import Outcome, Plan, attempt
from pspgrasp.sim.model import PhysicsConfig
from pspgrasp.sim.objects import of_parts
from pspgrasp.sim.touch import gripped, touched
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
        (MIDDLE + 0.1 * ALONG_X, ALONG_X, DOWN, 0.06, Outcome.MISSED),  # beside it
        (MIDDLE - 0.04 * DOWN, ALONG_X, DOWN, 0.06, Outcome.MISSED),  # above it
        (MIDDLE, ALONG_X, -DOWN, 0.06, Outcome.COLLIDED),  # through the table
    ],
)
def test_a_block_is_lifted_by_what_can_hold_it(
    block: World, tip_m: np.ndarray, closing: np.ndarray, approach: np.ndarray, opening_m: float, outcome: Outcome
) -> None:
    plan = Plan(HandPose(np.asarray(tip_m), closing, approach), opening_m)
    first = attempt(block, plan, 0)
    assert first.outcome is outcome
    assert first.held == (0 if outcome is Outcome.HELD else None)
    state = block.data.qpos.copy()
    assert attempt(block, plan, 0) == first, "the same attempt ends as the first did"
    np.testing.assert_array_equal(block.data.qpos, state)


def down_to(x_m: float, y_m: float, z_m: float, opening_m: float = 0.08) -> Plan:
    return Plan(HandPose(np.array([x_m, y_m, z_m]), ALONG_X, DOWN), opening_m)


def test_two_worlds_alike_end_bit_by_bit_alike() -> None:
    ends = []
    for _ in range(2):
        world = World([of_parts([box((0.04, 0.06, 0.05))]), of_parts([box((0.03, 0.03, 0.03), (0.1, 0.0, 0.0))])])
        ends.append((attempt(world, down_to(0.0, 0.02, 0.02), 0), world.data.qpos.copy()))
    assert ends[0][0] == ends[1][0]
    np.testing.assert_array_equal(ends[0][1], ends[1][1])


@pytest.mark.parametrize(("target", "outcome"), [(0, Outcome.HELD), (1, Outcome.WRONG), (None, Outcome.WRONG)])
def test_what_is_held_counts_only_if_it_was_meant(target: Optional[int], outcome: Outcome) -> None:
    world = World([of_parts([box((0.03, 0.04, 0.04), (x, 0.0, 0.0))]) for x in (0.0, 0.15)])
    done = attempt(world, down_to(0.0, 0.0, 0.02), target)
    assert (done.outcome, done.held, done.in_hand) == (outcome, 0, (0,))


@pytest.mark.parametrize("target", [0, None])
def test_what_slips_out_sideways_was_pushed(target: Optional[int]) -> None:
    world = World([of_parts([cylinder(0.036, 0.04)])])
    done = attempt(world, down_to(0.0, 0.032, 0.02), target)  # the fingers meet it beyond their friction cone
    assert done.outcome is Outcome.PUSHED
    assert done.shoved_m > 0.01
    assert attempt(world, down_to(0.0, 0.0, 0.02), 0).outcome is Outcome.HELD


def test_only_what_does_not_give_way_is_a_collision() -> None:
    mushroom = [box((0.03, 0.03, 0.05), (0.0, 0.0, 0.025)), box((0.2, 0.03, 0.01), (0.0, 0.0, 0.055))]
    world = World([of_parts(mushroom)])
    at_its_end, over_its_foot = (attempt(world, down_to(x_m, 0.0, 0.045), 0) for x_m in (0.135, 0.044))
    assert at_its_end.outcome is not Outcome.COLLIDED
    assert 0 < at_its_end.force_n < 20
    assert over_its_foot.outcome is Outcome.COLLIDED
    assert over_its_foot.seconds < at_its_end.seconds, "the arm stops"


@pytest.mark.parametrize("friction", [0.3, 0.6])
@pytest.mark.parametrize(("share", "outcome"), [(0.6, Outcome.HELD), (1.1, Outcome.DROPPED)])
def test_friction_holds_what_it_can_and_nothing_heavier(friction: float, share: float, outcome: Outcome) -> None:
    sides_m, grip_n = (0.06, 0.08, 0.08), PhysicsConfig().grip_n
    most_kg = 2 * friction * grip_n / 9.81
    density = share * most_kg / float(np.prod(sides_m))
    world = World([of_parts([box(sides_m)])], config=PhysicsConfig(friction=friction, density=density))
    assert attempt(world, down_to(0.0, 0.0, 0.04), 0).outcome is outcome


@pytest.mark.parametrize(("lean_deg", "outcome"), [(25, Outcome.HELD), (36, Outcome.DROPPED)])
def test_a_cone_is_held_within_the_friction_cone_only(lean_deg: float, outcome: Outcome) -> None:
    low_m, height_m = 0.035, 0.04  # the friction cone's half angle is 31 degrees
    top_m = low_m - height_m * np.tan(np.radians(lean_deg))
    world = World([of_parts([cone(low_m, float(top_m), height_m)])])
    assert attempt(world, down_to(0.0, 0.0, 0.016), 0).outcome is outcome


def test_pads_do_not_sink_into_what_they_hold(block: World) -> None:
    assert attempt(block, Plan(HandPose(MIDDLE, ALONG_X, DOWN), 0.06), 0).outcome is Outcome.HELD
    assert gripped(block) == {0}
    assert block.data.contact.dist.min() > -2e-4
    assert block.opening_m == pytest.approx(0.04, abs=5e-4)


@pytest.mark.parametrize("tilt_deg", [15, 40])
def test_a_hand_may_come_from_the_side(tilt_deg: float) -> None:
    tilt_rad = np.radians(tilt_deg)
    approach = np.array([0.0, np.sin(tilt_rad), -np.cos(tilt_rad)])
    world = World([of_parts([box((0.03, 0.05, 0.06))])])
    plan = Plan(HandPose(np.array([0.0, 0.0, 0.035]), ALONG_X, approach), 0.06)
    assert attempt(world, plan, 0).outcome is Outcome.HELD


def test_a_hand_sets_out_above_all_there_is() -> None:
    tower = of_parts([box((0.04, 0.04, 0.3), (0.0, 0.09, 0.0))])
    world = World([of_parts([box((0.03, 0.05, 0.04))]), tower])
    assert attempt(world, down_to(0.0, 0.0, 0.02), 0).outcome is Outcome.HELD
    across = down_to(0.0, 0.0, 0.02)._replace(pose=HandPose(np.array([0.0, 0.0, 0.02]), ALONG_Y, DOWN))
    done = attempt(world, across, 0)
    assert done.outcome is Outcome.COLLIDED, "its body meets the tower"
    assert done.seconds > 0.1, "on its way, not where it set out"


def test_what_is_lifted_is_shaken_to_both_sides_along_the_jaws(block: World) -> None:
    lifted_m: List[np.ndarray] = []
    block.watch = lambda: lifted_m.append(np.concatenate([block.tip_m, block.middle_m(0)]) - [*MIDDLE, *MIDDLE])
    assert attempt(block, Plan(HandPose(MIDDLE, ALONG_Y, DOWN), 0.08), 0).outcome is Outcome.HELD
    block.watch = None
    aloft_m = np.array([way_m for way_m in lifted_m[5:] if way_m[2] > 0.149][5:])
    for x, y in ((0, 1), (3, 4)):  # of the hand, and of what it holds
        assert aloft_m[:, y].min() < -0.012
        assert aloft_m[:, y].max() > 0.012
        assert np.abs(aloft_m[:, x]).max() < 0.002


def test_what_hangs_in_the_hand_with_its_end_on_the_table_was_not_lifted() -> None:
    plank = World([of_parts([box((0.03, 0.6, 0.03))])])
    done = attempt(plank, Plan(HandPose(np.array([0.0, 0.29, 0.015]), ALONG_X, DOWN), 0.06), 0)
    assert touched(plank) == {0}
    assert (done.outcome, done.in_hand) == (Outcome.DROPPED, ())
    assert attempt(plank, down_to(0.0, 0.0, 0.015), 0).outcome is Outcome.HELD


def test_what_lies_on_a_lifted_thing_is_not_in_the_hand() -> None:
    low, high = of_parts([box((0.03, 0.2, 0.03))]), of_parts([box((0.06, 0.06, 0.02), (0.0, 0.07, 0.0))])
    world = World([low, high])
    done = attempt(world, down_to(0.0, -0.02, 0.015), 0)
    assert world.middle_m(1)[2] > 0.1
    assert (done.outcome, done.in_hand) == (Outcome.HELD, (0,))


def test_a_world_that_broke_is_no_failure_of_the_grasp(block: World) -> None:
    broken = World([of_parts([box((0.04, 0.06, 0.05))])])
    broken.watch = lambda: broken.data.qvel.__setitem__(0, 1e9)
    assert attempt(broken, down_to(0.0, 0.0, 0.025), 0).outcome is Outcome.EXPLODED
    broken.watch = None
    assert attempt(broken, down_to(0.0, 0.0, 0.025), 0).outcome is Outcome.HELD, "the next attempt begins anew"
