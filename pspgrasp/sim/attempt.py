"""One attempt: come down, close, lift, shake; and what became of it."""

from __future__ import annotations

import math
from enum import Enum
from typing import Callable, NamedTuple, Optional, Set, Tuple

import numpy as np

from pspgrasp.sim.touch import force_n, gripped, touched
from pspgrasp.sim.world import HandPose, World

# A Franka arm moves at 1.7 m/s and 13 m/s^2 at most (Franka Control Interface, limits in Cartesian space); beside
# things it goes far slower.
ABOVE_M = 0.15  # where an attempt begins at least, and how high it lifts
SAFE_M = 0.02  # between the fingertips and the top of all there is, when an attempt begins
COME_DOWN_M_S, LIFT_M_S = 0.25, 0.25  # on average
GRIP_S, SHAKE_S = 0.2, 0.5
SHAKE_M, SHAKES = 0.02, 2  # to either side; at most 13 m/s^2
SLACK_M = 0.008  # a tip that is farther from where it should be has met something
# libfranka's examples stop the arm at 20 N along any axis (Robot::setCollisionBehavior).
COLLISION_N = 20.0  # with which something pushes the gripper on its way down
FELT_S = 0.01  # over which the force is smoothed
LIFTED_M = 0.08  # a thing that is as much higher was lifted
SHOVED_M, SHOVED_RAD = 0.01, math.radians(20)  # a thing that was moved or turned farther was pushed away
ABOVE_TABLE_M = 0.0015  # fingertips stay as high


class Outcome(str, Enum):
    """What becomes of an attempt, in words. The first of these that is true counts, in the order given here."""

    meaning: str

    EXPLODED = "exploded", "The simulation failed. Counted apart: neither a success nor a failure."
    COLLIDED = "collided", "On the way down the gripper felt more than 20 N, or was held up."
    HELD = "held", "The thing that was meant is in the hand after lifting and shaking. Only this is a success."
    WRONG = "wrong object", "Something is in the hand, but not the thing that was meant."
    DROPPED = "dropped", "Something was between the closed fingers, or lifted, but nothing is in the hand at the end."
    PUSHED = "pushed", "Nothing was gripped, and the thing was moved by more than 1 cm or 20 degrees before the lift."
    MISSED = "missed", "Nothing was gripped, and the thing hardly moved."
    NO_GRASP = "no grasp", "The detector found none: there was no attempt."

    def __new__(cls, value: str, meaning: str) -> Outcome:
        """Make one of its word and a sentence for people."""
        outcome = str.__new__(cls, value)
        outcome._value_, outcome.meaning = value, meaning
        return outcome


class Plan(NamedTuple):
    """A grasp that is to be tried.

    Attributes:
        pose: Where the gripper closes. Fingertips that would be below the table's top stay above it.
        opening_m: With which it comes down [m], at most the gripper's.
    """

    pose: HandPose
    opening_m: float


class Choice(NamedTuple):
    """What somebody wants to try.

    Attributes:
        plan: Where the gripper goes.
        target: Number of the thing that is meant; None if nothing is within reach of the grasp.
    """

    plan: Plan
    target: Optional[int]


class Attempt(NamedTuple):
    """What became of a plan.

    Attributes:
        outcome: In a word.
        target: Number of the thing that was meant; None for none.
        held: Number of the thing in the hand at the end, the target if it is among them; None for none.
        in_hand: All that are in the hand at the end.
        seconds: Simulated time of the gripper's motion, up to the end of the lift or to a collision [s].
        shoved_m: How far the target was moved before the lift [m]; the farthest of all things if there is none.
        shoved_rad: How far it was turned, likewise [rad].
        force_n: The most with which anything pushed the gripper on its way down [N].
    """

    outcome: Outcome
    target: Optional[int]
    held: Optional[int]
    in_hand: Tuple[int, ...]
    seconds: float
    shoved_m: float
    shoved_rad: float
    force_n: float


#: No plan, so nothing was done.
NOT_TRIED = Attempt(Outcome.NO_GRASP, None, None, (), 0.0, 0.0, 0.0, 0.0)


class Before(NamedTuple):
    """How things lay when an attempt began.

    Attributes:
        seconds: Simulated time [s].
        turns: (N, 3, 3), rotations.
        places_m: (N, 3), centres of mass [m].
    """

    seconds: float
    turns: np.ndarray
    places_m: np.ndarray

    @classmethod
    def of(cls, world: World) -> Before:
        """Return how things lie now."""
        turns = np.array([world.pose(thing)[0] for thing in range(world.things)]).reshape(-1, 3, 3)
        return cls(world.seconds, turns, places_m(world))

    def shoved(self, world: World, target: Optional[int]) -> Tuple[float, float]:
        """Return how far the target, or if there is none any thing, was moved [m] and turned [rad] since."""
        now = Before.of(world)
        moved_m = np.linalg.norm(now.places_m - self.places_m, axis=1)
        cosines = (np.einsum("nij,nij->n", now.turns, self.turns) - 1) / 2
        turned_rad = np.arccos(cosines.clip(-1, 1))
        some = world.left if target is None else [target]
        return float(moved_m[some].max(initial=0.0)), float(turned_rad[some].max(initial=0.0))

    def lifted(self, world: World) -> Set[int]:
        """Return the things that are in the hand: far higher than they were, and touching it."""
        raised_m = (places_m(world) - self.places_m)[:, 2]
        return {thing for thing in touched(world) if raised_m[thing] > LIFTED_M}


class Feeler:
    """Feels what pushes a gripper, as an arm does: a knock is smoothed, or a light thing that is hit seems hard.

    Attributes:
        most_n: The most that it felt so far [N].
    """

    def __init__(self, world: World) -> None:
        """Begin to feel; `collides` is to be asked after each step."""
        self._world, self._felt_n, self.most_n = world, 0.0, 0.0

    @property
    def collided(self) -> bool:
        """Whether the gripper met something hard."""
        return self.most_n > COLLISION_N

    def collides(self) -> bool:
        """Feel once more; tell whether the gripper met something hard, now or before."""
        share = min(1.0, self._world.config.step_s / FELT_S)
        self._felt_n += share * (force_n(self._world) - self._felt_n)
        self.most_n = max(self.most_n, self._felt_n)
        return self.collided


def attempt(world: World, plan: Plan, target: Optional[int]) -> Attempt:
    """Try a grasp from where things rest; any number, in any order, each as if it were the first.

    Args:
        world: With things at rest.
        plan: What is tried.
        target: Number of the thing that is meant; None for none, and then nothing counts as held.
    """
    world.put_back()
    return attempt_here(world, plan, target)


def attempt_here(world: World, plan: Plan, target: Optional[int]) -> Attempt:
    """Try a grasp from where things lie now; they stay as it leaves them. See `attempt`."""
    pose, opening_m = feasible(world, plan)
    back_m = max(ABOVE_M, (world.top_m + SAFE_M - pose.tip_m[2]) / max(-pose.approach[2], 0.5))
    start = pose._replace(tip_m=pose.tip_m - back_m * pose.approach)
    before = Before.of(world)
    world.place_hand(start, opening_m)
    feeler = Feeler(world)
    come_down(world, start, pose, feeler)
    return grip(world, pose, target, before, feeler.most_n)


def feasible(world: World, plan: Plan) -> Plan:
    """Return the plan as the gripper can do it: no wider than it opens, and above the table."""
    opening_m, pose = float(min(plan.opening_m, world.gripper.opening_m)), plan.pose
    across = np.cross(pose.approach, pose.closing)
    outside_m = opening_m / 2 + world.gripper.finger_m
    lowest_m = pose.tip_m[2] - outside_m * abs(pose.closing[2]) - world.gripper.jaw_m / 2 * abs(across[2])
    up_m = max(0.0, ABOVE_TABLE_M - lowest_m)
    return Plan(pose._replace(tip_m=pose.tip_m + np.array([0.0, 0.0, up_m])), opening_m)


def come_down(world: World, start: HandPose, end: HandPose, feeler: Feeler) -> None:
    """Move the gripper straight from where it is driven to now to its place, until it collides."""
    straight(world, start, end.tip_m, COME_DOWN_M_S, feeler.collides)


def grip(world: World, pose: HandPose, target: Optional[int], before: Before, felt_n: float) -> Attempt:
    """Close where the gripper is, lift and shake, unless it collided; say what became of it.

    Args:
        world: With the gripper at its place.
        pose: Where it should be.
        target: Number of the thing that is meant; None for none.
        before: How things lay when the attempt began.
        felt_n: The most that it felt on its way [N].
    """
    if felt_n > COLLISION_N or np.linalg.norm(world.tip_m - pose.tip_m) > SLACK_M:
        shoved = before.shoved(world, target)
        outcome = Outcome.EXPLODED if world.exploded else Outcome.COLLIDED
        return Attempt(outcome, target, None, (), world.seconds - before.seconds, *shoved, felt_n)
    world.close()
    world.step(GRIP_S)
    between, shoved = gripped(world), before.shoved(world, target)
    lifted_m = pose.tip_m + np.array([0.0, 0.0, ABOVE_M])
    straight(world, pose, lifted_m, LIFT_M_S)
    seconds, between = world.seconds - before.seconds, between | before.lifted(world)
    _shake(world, pose._replace(tip_m=lifted_m))
    in_hand = before.lifted(world)
    outcome = Outcome.EXPLODED if world.exploded else _judged(target, in_hand, between, shoved)
    held = target if target in in_hand else min(in_hand, default=None)
    return Attempt(outcome, target, held, tuple(sorted(in_hand)), seconds, *shoved, felt_n)


def straight(
    world: World, start: HandPose, to_m: np.ndarray, speed_m_s: float, stop: Callable[[], bool] = lambda: False
) -> None:
    """Move the tip from where it is driven to now straight to a place (3,) [m], without a jerk, until `stop` is true.

    Args:
        world: Whose gripper.
        start: Where it is driven to now.
        to_m: Where it goes.
        speed_m_s: On average.
        stop: Asked after each step.
    """
    way_m = to_m - start.tip_m
    seconds = float(np.linalg.norm(way_m)) / speed_m_s
    _along(world, lambda share: start._replace(tip_m=start.tip_m + eased(share) * way_m), seconds, stop)


def eased(share: float) -> float:
    """Return how much of a way of least jerk is done at a share of its time (Flash and Hogan 1985)."""
    return share**3 * (10 - 15 * share + 6 * share**2)


def places_m(world: World) -> np.ndarray:
    """Return the centres of mass (N, 3) [m] of all things."""
    return np.array([world.middle_m(thing) for thing in range(world.things)]).reshape(-1, 3)


def _judged(target: Optional[int], in_hand: Set[int], between: Set[int], shoved: Tuple[float, float]) -> Outcome:
    if in_hand:
        return Outcome.HELD if target in in_hand else Outcome.WRONG
    if between:
        return Outcome.DROPPED
    return Outcome.PUSHED if shoved[0] > SHOVED_M or shoved[1] > SHOVED_RAD else Outcome.MISSED


def _shake(world: World, pose: HandPose) -> None:
    """Shake along the closing direction; it begins and ends softly, as an arm must."""

    def at(share: float) -> HandPose:
        off_m = SHAKE_M * math.sin(2 * math.pi * SHAKES * share) * math.sin(math.pi * share)
        return pose._replace(tip_m=pose.tip_m + off_m * pose.closing)

    _along(world, at, SHAKE_S)


def _along(
    world: World, path: Callable[[float], HandPose], seconds: float, stop: Callable[[], bool] = lambda: False
) -> None:
    """Follow a path, a function of the share (0 to 1) of the time, until `stop` is true."""
    steps = max(1, round(seconds / world.config.step_s))
    for step in range(1, steps + 1):
        world.aim(path(step / steps))
        world.step(world.config.step_s)
        if stop():
            return
