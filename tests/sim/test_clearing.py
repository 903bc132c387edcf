"""Laws of clearing: what is held goes, what isn't stays, and failures end it."""

from __future__ import annotations

from typing import List, Optional

import numpy as np
import pytest

pytest.importorskip("mujoco", reason="needs the extra sim")

from pspgrasp.data.synthetic.things import box, cylinder
from pspgrasp.sim.attempt import Choice, Outcome, Plan
from pspgrasp.sim.clearing import ClearingConfig, clear
from pspgrasp.sim.objects import of_parts
from pspgrasp.sim.world import HandPose, World

DOWN, ALONG_X = np.array([0.0, 0.0, -1.0]), np.array([1.0, 0.0, 0.0])


def blocks(count: int = 3) -> World:
    """Return blocks of 3 x 4 x 4 cm in a row."""
    return World([of_parts([box((0.03, 0.04, 0.04), (0.0, 0.1 * number, 0.0))]) for number in range(count)])


def grasp_of(world: World, thing: int, off_m: float = 0.0) -> Choice:
    tip_m = world.middle_m(thing) + np.array([off_m, 0.0, 0.0])
    return Choice(Plan(HandPose(tip_m, ALONG_X, DOWN), 0.06), thing)


def test_one_who_knows_all_clears_all() -> None:
    world = blocks()
    cleared = clear(world, lambda world: grasp_of(world, world.left[0]))
    assert cleared.picked == (0, 1, 2)
    assert [done.outcome for done in cleared.attempts] == [Outcome.HELD] * 3
    assert (world.left, cleared.exploded) == ([], False)
    assert cleared == clear(blocks(), lambda world: grasp_of(world, world.left[0])), "it is the same the next time"


def test_what_is_held_goes_even_if_another_thing_was_meant() -> None:
    def meant_otherwise(world: World) -> Choice:
        return grasp_of(world, world.left[-1])._replace(target=world.left[0])

    cleared = clear(blocks(2), meant_otherwise)
    assert [done.outcome for done in cleared.attempts] == [Outcome.WRONG, Outcome.HELD]
    assert cleared.picked == (1, 0)


def test_failures_in_a_row_end_it_and_a_success_forgives_them() -> None:
    world = blocks(2)
    off_m = iter((0.2, 0.2, 0.0, 0.2, 0.2, 0.2, 0.0))
    cleared = clear(world, lambda world: grasp_of(world, world.left[0], next(off_m)))
    assert [bool(done.in_hand) for done in cleared.attempts] == [False, False, True, False, False, False]
    assert (cleared.picked, world.left) == ((0,), [1])


@pytest.mark.parametrize(("config", "tries"), [(ClearingConfig(), 3), (ClearingConfig(8, 5), 5)])
def test_no_grasp_is_a_failure(config: ClearingConfig, tries: int) -> None:
    seen: List[int] = []

    def blind(world: World) -> Optional[Choice]:
        seen.append(len(world.left))
        return None

    cleared = clear(blocks(1), blind, config)
    assert seen == [1] * tries
    assert [done.outcome for done in cleared.attempts] == [Outcome.NO_GRASP] * tries


def test_the_next_attempt_begins_where_the_last_one_left_things() -> None:
    places_m: List[np.ndarray] = []

    def push_then_grasp(world: World) -> Choice:
        places_m.append(world.middle_m(0))
        off_m = 0.032 if len(places_m) == 1 else 0.0
        return Choice(Plan(HandPose(world.middle_m(0) + np.array([0.0, off_m, 0.0]), ALONG_X, DOWN), 0.08), 0)

    cleared = clear(World([of_parts([cylinder(0.036, 0.04)])]), push_then_grasp)
    assert [done.outcome for done in cleared.attempts] == [Outcome.PUSHED, Outcome.HELD]
    assert np.linalg.norm(places_m[1] - places_m[0]) > 0.01


def test_a_world_that_explodes_ends_it_and_is_told_apart() -> None:
    world = blocks()

    def break_it(world: World) -> Choice:
        choice = grasp_of(world, 0)
        world.data.qpos[0] = np.nan
        return choice

    cleared = clear(world, break_it)
    assert cleared.exploded
    assert (len(cleared.attempts), cleared.picked) == (1, ())


def test_a_watcher_sees_25_frames_of_each_second_and_changes_nothing() -> None:
    unseen, seen = blocks(1), blocks(1)
    frames: List[float] = []
    seen.watch = lambda: frames.append(seen.seconds)
    for world in (unseen, seen):
        clear(world, lambda world: grasp_of(world, 0))
    np.testing.assert_array_equal(seen.data.qpos, unseen.data.qpos)
    assert len(frames) > 25
    np.testing.assert_allclose(np.diff(frames), 0.04, atol=2.1e-3)
