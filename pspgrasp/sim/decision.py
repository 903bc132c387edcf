"""What a row makes of a shot: grasps become plans, and one of them is chosen. The rules are the same for every row."""

from __future__ import annotations

import math
import time
from typing import Callable, NamedTuple, Optional, Sequence

import numpy as np

from pspgrasp.grasp import Grasp
from pspgrasp.sim.attempt import Choice, Plan
from pspgrasp.sim.planning import hand_pose, target_of
from pspgrasp.sim.rows import Row
from pspgrasp.sim.shot import Shot

STEERING = 3  # so many of the best may steer a hand while things are moved (Morrison et al. 2018)
ALIKE_M, ALIKE_RAD = 0.015, math.radians(20)  # two plans that are nearer in place and direction are one and the same

#: Gets the plans for a shot's grasps, best first and one at least; returns the number of one.
Rule = Callable[[Sequence[Plan]], int]


class Decision(NamedTuple):
    """What a row makes of a shot.

    Attributes:
        choice: What it wants to do; None if it sees no grasp.
        quality: That it gives its grasp.
        predict_s: How long it took [s]; 0 for a row whose time says nothing.
    """

    choice: Optional[Choice]
    quality: float
    predict_s: float


#: No answer arrived, so there is nothing to do.
NOT_DECIDED = Decision(None, 0.0, 0.0)


def best(_: Sequence[Plan]) -> int:
    """Choose the best: the usual rule."""
    return 0


def following(before: Optional[Choice]) -> Rule:
    """Return the rule while a hand is steered: of the few best plans the one that goes on with what was chosen before.

    Without a choice before it is the best.
    """

    def nearest(plans: Sequence[Plan]) -> int:
        return 0 if before is None else int(np.argmin([_apart_m(plan, before.plan) for plan in plans[:STEERING]]))

    return nearest


def passing_over(failed: Sequence[Plan]) -> Rule:
    """Return the rule while a bin is cleared: the best plan that isn't like one that failed; without one, the best."""

    def untried(plans: Sequence[Plan]) -> int:
        new = (number for number, plan in enumerate(plans) if not any(alike(plan, one) for one in failed))
        return next(new, 0)

    return untried


def alike(one: Plan, other: Plan) -> bool:
    """Tell whether two plans close at the same place in the same direction; which jaw is left doesn't matter."""
    cosine = min(1.0, abs(float(one.pose.closing @ other.pose.closing)))
    return _apart_m(one, other) < ALIKE_M and math.acos(cosine) < ALIKE_RAD


def _apart_m(one: Plan, other: Plan) -> float:
    return float(np.linalg.norm(one.pose.tip_m - other.pose.tip_m))


def decided(row: Row, shot: Shot, rule: Rule = best) -> Decision:
    """Return what a row makes of a shot: the one of its grasps that a rule chooses."""
    began_s = time.perf_counter()
    grasps = row(shot)
    predict_s = time.perf_counter() - began_s if row.timed else 0.0
    if not grasps:
        return Decision(None, 0.0, predict_s)
    plans = [planned(grasp, shot) for grasp in grasps]
    chosen = rule(plans)
    # What is meant is what the camera sees, wherever the robot believes it to be.
    target = target_of(grasps[chosen], shot.camera_pose, shot.arrangement)
    return Decision(Choice(plans[chosen], target), grasps[chosen].quality, predict_s)


def planned(grasp: Grasp, shot: Shot) -> Plan:
    """Return where the gripper goes for a grasp, by the camera's pose as the robot believes it to be.

    It can't open wider than it does: for what is wider it is fully open, whoever asks.
    """
    gripper = shot.arrangement.gripper
    return Plan(hand_pose(grasp, shot.believed_pose, gripper), min(grasp.width_m, gripper.opening_m))
