"""The worst failures of a run, tried again to be seen."""

from __future__ import annotations

from typing import List, NamedTuple, Optional, Sequence, Tuple

import mujoco
import numpy as np

from pspgrasp.evaluation.html.parts import Shown
from pspgrasp.grasp import Grasp, wrap_half_turn
from pspgrasp.sim.attempt import Outcome, Plan, attempt
from pspgrasp.sim.camera import DepthCamera
from pspgrasp.sim.cells import Cell, Task
from pspgrasp.sim.pictures import SIDE_CAMERA, Painter, beside, grasp_picture, jpeg, side_view_pose
from pspgrasp.sim.planning import DOWN
from pspgrasp.sim.records import SceneRecord, Tried
from pspgrasp.sim.stage import Stage
from pspgrasp.sim.world import HandPose, World

NO_FAILURE = (Outcome.HELD.value, Outcome.EXPLODED.value, Outcome.NO_GRASP.value)
LOW_M = 0.005  # so near to its lowest place the tip still is before it lifts


class Failure(NamedTuple):
    """An attempt that failed.

    Attributes:
        cell: Its condition.
        record: Of its scene.
        row: Which failed.
        tried: What it did.
        held_by: Other rows, that held something in the same scene.
    """

    cell: Cell
    record: SceneRecord
    row: str
    tried: Tried
    held_by: Tuple[str, ...]


def worst_failures(records: Sequence[SceneRecord], cells: Sequence[Cell], row: str, count: int) -> List[Failure]:
    """Return failures of a row, worst first: where others could do it, and where it was surest.

    Only cells in which each scene is tried once count.
    """
    single = {cell.name: cell for cell in cells if cell.task == Task.ATTEMPT.value}
    found = [_failure(single[record.cell], record, row) for record in records if record.cell in single]
    failed = [one for one in found if one is not None]
    return sorted(failed, key=lambda one: (-bool(one.held_by), -one.tried.quality, one.record.number))[:count]


def _failure(cell: Cell, record: SceneRecord, row: str) -> Optional[Failure]:
    if row not in record.rows or record.rows[row][0].outcome in NO_FAILURE:
        return None
    others = tuple(
        name for name, attempts in record.rows.items() if name != row and attempts[0].outcome == Outcome.HELD.value
    )
    return Failure(cell, record, row, record.rows[row][0], others)


def shown(failure: Failure, stage: Stage, camera: DepthCamera, painter: Painter) -> Shown:
    """Return a failure as a picture: what the camera measured and the grasp, the closed hand, and the end.

    Args:
        failure: Which.
        stage: Its scene, set up anew; it is used up.
        camera: Gives exact depth.
        painter: Draws the world.
    """
    tried = failure.tried
    plan = Plan(HandPose(np.array(tried.tip_m), np.array(tried.closing), DOWN), tried.opening_m)
    shot = stage.shot(camera)
    measured = grasp_picture(shot.frame, seen_by(plan, shot.camera_pose))
    view = side_view_pose((*plan.pose.tip_m[:2], 0.06), 0.6)
    at_grip, at_end = _replayed(stage.world, plan, tried.target, painter, view)
    return Shown(jpeg(beside([measured, at_grip, at_end])), _title(failure), _caption(failure))


def seen_by(plan: Plan, camera_pose: np.ndarray) -> Grasp:
    """Return where a camera at a pose (4, 4) sees the gripper close, as a grasp in its optical frame."""
    rotation = camera_pose[:3, :3].T
    closing = rotation @ plan.pose.closing
    angle_rad = wrap_half_turn(float(np.arctan2(-closing[1], closing[0])))
    return Grasp(rotation @ (plan.pose.tip_m - camera_pose[:3, 3]), angle_rad, plan.opening_m, 1.0)


def _replayed(
    world: World, plan: Plan, target: Optional[int], painter: Painter, view: np.ndarray
) -> Tuple[np.ndarray, np.ndarray]:
    """Return pictures of the last moment before the lift, or the lowest that was reached, and of the end."""
    moments: List[Tuple[float, np.ndarray]] = []

    def remember() -> None:
        moments.append((float(world.tip_m[2]), world.data.qpos.copy()))

    world.watch = remember
    attempt(world, plan, target)
    world.watch = None
    remember()
    at_end = painter.picture(world, SIDE_CAMERA, view)
    lowest_m = min(tip_m for tip_m, _ in moments)
    world.data.qpos[:] = [qpos for tip_m, qpos in moments if tip_m < lowest_m + LOW_M][-1]
    mujoco.mj_forward(world.model, world.data)
    return painter.picture(world, SIDE_CAMERA, view), at_end


def _title(failure: Failure) -> str:
    target = failure.tried.target
    thing = "nothing" if target is None else failure.record.things[target]
    return f"{failure.tried.outcome}: {thing}"


def _caption(failure: Failure) -> str:
    held_by = f"; held by {', '.join(failure.held_by)}" if failure.held_by else "; by no other row either"
    quality = f", quality {failure.tried.quality:.2f}" if failure.tried.quality else ""
    return f"{failure.cell.name}, scene {failure.record.number}: {failure.row}{quality}{held_by}"
