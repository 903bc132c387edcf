"""One scene of a cell, tried by every row. Scenes don't depend on each other, so any process may do any of them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Callable, Dict, List, NamedTuple, Optional, Tuple

import numpy as np

from pspgrasp.data.synthetic.antipodal import GripperConfig
from pspgrasp.grasp import Grasp
from pspgrasp.sim.attempt import NOT_TRIED, Attempt, Choice, Outcome, Plan, attempt
from pspgrasp.sim.camera import DepthCamera, choose_camera
from pspgrasp.sim.cells import Cell, Task
from pspgrasp.sim.clearing import clear
from pspgrasp.sim.closed_loop import random_motion, reach
from pspgrasp.sim.model import PhysicsConfig
from pspgrasp.sim.planning import hand_pose, target_of
from pspgrasp.sim.records import SceneRecord, Tried
from pspgrasp.sim.rows import Row, row_of
from pspgrasp.sim.shot import Shot
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


class Decision(NamedTuple):
    """What a row makes of a shot.

    Attributes:
        choice: What it wants to do; None if it sees no grasp.
        quality: That it gives its grasp.
        predict_s: How long it took [s].
    """

    choice: Optional[Choice]
    quality: float
    predict_s: float


def tried(job: Job, more: Tuple[Row, ...] = ()) -> SceneRecord:
    """Return what all rows did with one scene: the named ones, and more that no name stands for."""
    config, cell = job.config, job.cell
    stage = set_up(cell, config.seed, job.number, config.gripper, config.physics)
    things = tuple(thing.name for thing in stage.world.objects)
    if stage.world.exploded:
        return SceneRecord(cell.name, job.number, things, exploded=True)
    rows, camera = (*rows_of(config.rows, config.gripper), *more), camera_of(config.camera)
    return SceneRecord(cell.name, job.number, things, rows=TASKS[Task(cell.task)](stage, rows, camera))


def _attempted(stage: Stage, rows: Tuple[Row, ...], camera: DepthCamera) -> Dict[str, Tuple[Tried, ...]]:
    """Return what each row's best grasp came to. All see the scene before any hand touches it."""
    shot = stage.shot(camera)
    decisions = {row.name: decided(row, shot) for row in rows}
    return {name: (told(decision, done_by(stage.world, decision)),) for name, decision in decisions.items()}


def _cleared(stage: Stage, rows: Tuple[Row, ...], camera: DepthCamera) -> Dict[str, Tuple[Tried, ...]]:
    """Return all attempts of each row at clearing the bin; each begins with the bin as it was."""
    return {row.name: cleared_by(row, stage.again(), camera) for row in rows}


def cleared_by(
    row: Row, stage: Stage, camera: DepthCamera, watch: Optional[Callable[[Shot, Decision], None]] = None
) -> Tuple[Tried, ...]:
    """Return all attempts of a row at clearing a bin.

    Args:
        row: What is tried.
        stage: With the bin; its world is left as the last attempt leaves it.
        camera: Gives exact depth.
        watch: Is shown each shot, and what the row made of it.
    """
    decisions: List[Decision] = []

    def choose(_: World) -> Optional[Choice]:
        shot = stage.shot(camera, look=len(decisions))
        decisions.append(decided(row, shot))
        if watch is not None:
            watch(shot, decisions[-1])
        return decisions[-1].choice

    done = clear(stage.world, choose)
    attempts = [told(decision, one) for decision, one in zip(decisions, done.attempts)]
    if done.exploded and attempts[-1].outcome != Outcome.EXPLODED.value:  # while things settled after it
        attempts[-1] = Tried(Outcome.EXPLODED.value)
    return tuple(attempts)


def _reached(stage: Stage, rows: Tuple[Row, ...], camera: DepthCamera) -> Dict[str, Tuple[Tried, ...]]:
    """Return what each row came to while things were moved, its camera in the hand."""
    return {row.name: (_reached_by(row, stage, camera),) for row in rows}


def _reached_by(row: Row, stage: Stage, camera: DepthCamera) -> Tried:
    decisions: List[Decision] = []

    def look(_: World, pose: np.ndarray, before: Optional[Choice]) -> Optional[Choice]:
        shot = stage.shot(camera, look=len(decisions), pose=pose)
        decisions.append(decided(row, shot, near=before))
        return decisions[-1].choice

    done = reach(stage.world, look, random_motion(stage.motion_rng()), stage.cell.closed_loop)
    # The record tells of the last grasp that was seen, which the hand went for.
    seen = [decision for decision in decisions if decision.choice is not None]
    return told((seen or decisions)[-1], done)


TASKS: Dict[Task, Callable[[Stage, Tuple[Row, ...], DepthCamera], Dict[str, Tuple[Tried, ...]]]] = {
    Task.ATTEMPT: _attempted,
    Task.CLEARING: _cleared,
    Task.MOVING: _reached,
}


def decided(row: Row, shot: Shot, near: Optional[Choice] = None) -> Decision:
    """Return what a row makes of a shot: its best grasp, or of its best ones the one that goes on with a choice."""
    began_s = time.perf_counter()
    grasps = row(shot)
    predict_s = time.perf_counter() - began_s
    if not grasps:
        return Decision(None, 0.0, predict_s)
    plans = [planned(grasp, shot) for grasp in grasps]
    best = 0 if near is None else int(np.argmin([_apart_m(plan, near.plan) for plan in plans]))
    target = target_of(grasps[best], shot.camera_pose, shot.world)
    return Decision(Choice(plans[best], target), grasps[best].quality, predict_s)


def planned(grasp: Grasp, shot: Shot) -> Plan:
    """Return where the gripper goes for a grasp, by the camera's pose as the robot believes it to be."""
    return Plan(hand_pose(grasp, shot.believed_pose, shot.world.gripper), grasp.width_m)


def _apart_m(one: Plan, other: Plan) -> float:
    return float(np.linalg.norm(one.pose.tip_m - other.pose.tip_m))


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
        decision.choice.target,
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
def rows_of(names: Tuple[str, ...], gripper: GripperConfig) -> Tuple[Row, ...]:
    """Return the rows of these names; a process loads them once."""
    return tuple(row_of(name, gripper) for name in names)


@lru_cache(maxsize=4)
def camera_of(name: str) -> DepthCamera:
    """Return the camera of this name; a process makes it once."""
    return choose_camera(name)
