"""One attempt: come down, close, lift, shake; and what became of it."""

from __future__ import annotations

import math
from enum import Enum

import numpy as np

from pspgrasp.sim.world import HandPose, World

ABOVE_M = 0.15  # where an attempt begins, and to where it lifts
COME_DOWN_S, GRIP_S, LIFT_S, SHAKE_S = 0.7, 0.2, 0.6, 0.4
SHAKE_M, SHAKES = 0.02, 2
SLACK_M = 0.008  # a tip that is farther from where it should be has met something
LIFTED_M = 0.08  # a thing that is as much higher was lifted
ABOVE_TABLE_M = 0.0015  # tips stay as high


class Outcome(str, Enum):
    """What becomes of an attempt, in words."""

    HELD = "held"
    DROPPED = "dropped"  # it was not in the hand after lifting and shaking
    COLLIDED = "collided"  # on the way down
    EXPLODED = "exploded"  # the simulation failed: neither a success nor a failure


def attempt(world: World, pose: HandPose, opening_m: float) -> Outcome:
    """Try a grasp in a world, from where its things rest; any number, in any order, each as if it were the first.

    Args:
        world: With things at rest.
        pose: Where the gripper closes. A tip that would be below the table's top stays above it.
        opening_m: With which it comes down [m], at most the gripper's.
    """
    tip_m = np.array([*pose.tip_m[:2], max(float(pose.tip_m[2]), ABOVE_TABLE_M)])
    start_m = tip_m - ABOVE_M * pose.approach
    world.reset(pose._replace(tip_m=start_m), min(opening_m, world.gripper.opening_m))
    heights_m = _heights_m(world)
    world.drive(tip_m, COME_DOWN_S)
    if np.linalg.norm(world.tip_m - tip_m) > SLACK_M:
        return Outcome.EXPLODED if world.exploded else Outcome.COLLIDED
    world.close()
    world.step(GRIP_S)
    lifted_m = tip_m + np.array([0.0, 0.0, ABOVE_M])
    world.drive(lifted_m, LIFT_S)
    _shake(world, lifted_m, pose.closing)
    if world.exploded:
        return Outcome.EXPLODED
    return Outcome.HELD if (_heights_m(world) - heights_m > LIFTED_M).any() else Outcome.DROPPED


def _heights_m(world: World) -> np.ndarray:
    return np.array([world.pose(number)[1][2] for number in range(world.things)])


def _shake(world: World, middle_m: np.ndarray, along: np.ndarray) -> None:
    beats = 20 * SHAKES
    for beat in range(1, beats + 1):
        off_m = SHAKE_M * math.sin(2 * math.pi * SHAKES * beat / beats)
        world.drive(middle_m + off_m * along, SHAKE_S / beats)
