"""One scene of a cell, tried by every row. Scenes don't depend on each other, so any process may do any of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from pspgrasp.data.synthetic.antipodal import GripperConfig
from pspgrasp.sim.attempt import NOT_TRIED, Attempt, Choice, Outcome, Plan, attempt
from pspgrasp.sim.camera import DepthCamera, choose_camera
from pspgrasp.sim.cells import Cell, Task
from pspgrasp.sim.clearing import clear
from pspgrasp.sim.closed_loop import random_motion, reach
from pspgrasp.sim.decision import NOT_DECIDED, Decision, decided, following, passing_over
from pspgrasp.sim.model import PhysicsConfig
from pspgrasp.sim.records import SceneRecord, Tried
from pspgrasp.sim.rows import Row, row_of
from pspgrasp.sim.stage import Stage, set_up
from pspgrasp.sim.world import World


@dataclass(frozen=True)
class BenchConfig:
    """What is judged, and in what world."""

    rows: Tuple[str, ...]
    seed: int = 0
    camera: str = "auto"
    gripper: GripperConfig = field(default_factory=lambda: GripperConfig(opening_m=0.08))
    physics: PhysicsConfig = field(default_factory=PhysicsConfig)


class Job(NamedTuple):
    """One scene that is to be tried."""

    config: BenchConfig
    cell: Cell
    number: int

    def __str__(self) -> str:
        """Name it for people."""
        return f"{self.cell.name} {self.number}"


def tried(job: Job, more: Tuple[Row, ...] = ()) -> SceneRecord:
    """Return what all rows did with one scene: the named ones, and more that no name stands for."""
    config, cell = job.config, job.cell
    stage = set_up(cell, config.seed, job.number, config.gripper, config.physics)
    things = tuple(thing.name for thing in stage.world.objects)
    if stage.world.exploded or stage.world.restless:
        return SceneRecord(cell.name, job.number, things, exploded=True)
    rows, camera = (*rows_of(config.rows), *more), camera_of(config.camera)
    return SceneRecord(cell.name, job.number, things, rows=TASKS[Task(cell.task)](stage, rows, camera))


def _attempted(stage: Stage, rows: Tuple[Row, ...], camera: DepthCamera) -> Dict[str, Tuple[Tried, ...]]:
    """Return what each row's best grasp came to. All see the scene before any hand touches it."""
    shot = stage.shot(camera)
    decisions = {row.name: decided(row, shot) for row in rows}
    return {name: (told(decision, done_by(stage.world, decision)),) for name, decision in decisions.items()}


def _cleared(stage: Stage, rows: Tuple[Row, ...], camera: DepthCamera) -> Dict[str, Tuple[Tried, ...]]:
    """Return all attempts of each row at clearing the bin; each begins with the bin as it was."""
    return {row.name: cleared_by(row, stage.again(), camera) for row in rows}


def cleared_by(row: Row, stage: Stage, camera: DepthCamera) -> Tuple[Tried, ...]:
    """Return all attempts of a row at clearing a bin.

    Args:
        row: What is tried.
        stage: With the bin; its world is left as the last attempt leaves it.
        camera: Gives exact depth.
    """
    tries: List[Tuple[int, Decision]] = []

    def choose(world: World) -> Optional[Choice]:
        shot, left = stage.shot(camera, look=len(tries)), len(world.left)
        decision = decided(row, shot, passing_over(_failed(tries, left)))
        tries.append((left, decision))
        return decision.choice

    done = clear(stage.world, choose)
    attempts = [told(decision, one) for (_, decision), one in zip(tries, done.attempts)]
    if done.exploded and attempts[-1].outcome != Outcome.EXPLODED.value:  # while things settled after it
        attempts[-1] = Tried(Outcome.EXPLODED.value)
    return tuple(attempts)


def _failed(tries: Sequence[Tuple[int, Decision]], left: int) -> List[Plan]:
    """Return the plans that failed since something was last taken away.

    Args:
        tries: Each decision, and how many things lay there before it.
        left: How many lie there now: no less than before a decision that failed, if none was taken away since.
    """
    choices = [decision.choice for before, decision in tries if before == left]
    return [choice.plan for choice in choices if choice is not None]


def _reached(stage: Stage, rows: Tuple[Row, ...], camera: DepthCamera) -> Dict[str, Tuple[Tried, ...]]:
    """Return what each row came to while things were moved, its camera in the hand."""
    return {row.name: (_reached_by(row, stage, camera),) for row in rows}


def _reached_by(row: Row, stage: Stage, camera: DepthCamera) -> Tried:
    decisions: List[Decision] = []

    def look(_: World, pose: np.ndarray, before: Optional[Choice]) -> Optional[Choice]:
        shot = stage.shot(camera, look=len(decisions), pose=pose)
        decisions.append(decided(row, shot, following(before)))
        return decisions[-1].choice

    done = reach(stage.world, look, random_motion(stage.motion_rng()), stage.cell.closed_loop)
    # An answer that came too late steered nothing: the record tells of what the hand went for.
    used = [decision for decision in decisions if decision.choice is done.choice]
    return told(used[-1] if used else NOT_DECIDED, done.attempt)


TASKS: Dict[Task, Callable[[Stage, Tuple[Row, ...], DepthCamera], Dict[str, Tuple[Tried, ...]]]] = {
    Task.ATTEMPT: _attempted,
    Task.CLEARING: _cleared,
    Task.MOVING: _reached,
}


def done_by(world: World, decision: Decision) -> Attempt:
    """Return what becomes of a decision, tried from where things rest."""
    return NOT_TRIED if decision.choice is None else attempt(world, *decision.choice)


def told(decision: Decision, done: Attempt) -> Tried:
    """Return the record of an attempt; with all digits, so that it can be tried again."""
    if decision.choice is None:
        return Tried(done.outcome.value, motion_s=round(done.seconds, 3), predict_s=round(decision.predict_s, 4))
    pose, opening_m = decision.choice.plan
    return Tried(
        done.outcome.value,
        done.target,
        done.held,
        len(done.in_hand),
        round(done.seconds, 3),
        round(decision.predict_s, 4),
        round(decision.quality, 4),
        tuple(pose.tip_m.tolist()),
        tuple(pose.closing.tolist()),
        float(opening_m),
    )


@lru_cache(maxsize=4)
def rows_of(names: Tuple[str, ...]) -> Tuple[Row, ...]:
    """Return the rows of these names; a process loads them once."""
    return tuple(row_of(name) for name in names)


@lru_cache(maxsize=4)
def camera_of(name: str) -> DepthCamera:
    """Return the camera of this name; a process makes it once."""
    return choose_camera(name)
