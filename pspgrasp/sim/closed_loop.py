"""Grasping with a camera in the hand while things move, after Morrison et al. 2018 (RSS), sections V and VI.

The hand flies towards the newest grasp until its camera is so near that it is blind, and goes on from there as any
attempt does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Callable, NamedTuple, Optional, Tuple

import mujoco
import numpy as np

from pspgrasp.config import setting
from pspgrasp.sim.attempt import NOT_TRIED, Attempt, Before, Choice, Feeler, Outcome, come_down, eased, feasible, grip
from pspgrasp.sim.model import HAND
from pspgrasp.sim.planning import DOWN
from pspgrasp.sim.touch import touched
from pspgrasp.sim.world import HandPose, World

ALONG_X = np.array([1.0, 0.0, 0.0])
#: (4, 4), optical frame in the hand's frame (x closes, z approaches): beside the wrist, looking where fingers point.
MOUNT = np.array([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, -0.05], [0.0, 0.0, 1.0, -0.1], [0.0, 0.0, 0.0, 1.0]])
NEAR_M, NEAR_RAD = 0.002, math.radians(1)  # the hand is where it was to be

#: Gets the world, the camera's pose (4, 4) in it and the choice before, to follow it; returns None if it sees no grasp.
Look = Callable[[World, np.ndarray, Optional[Choice]], Optional[Choice]]


class Motion(NamedTuple):
    """How things are moved during an approach: all together, over the table, about the vertical through their middle.

    Attributes:
        shift_m: (x, y) [m].
        turn_rad: Anticlockwise as seen from above [rad].
        start_s: When, since the hand set out [s].
        seconds: For how long [s].
    """

    shift_m: Tuple[float, float] = (0.0, 0.0)
    turn_rad: float = 0.0
    start_s: float = 0.5
    seconds: float = 1.0


STILL = Motion()


def random_motion(rng: np.random.Generator) -> Motion:
    """Return a motion of 100 to 150 mm and 25 to 45 degrees; the paper's were 100 mm and 25 degrees at least."""
    heading_rad, way_m = rng.uniform(0, 2 * math.pi), rng.uniform(0.1, 0.15)
    turn_rad = math.radians(rng.uniform(25, 45)) * rng.choice([-1, 1])
    return Motion((way_m * math.cos(heading_rad), way_m * math.sin(heading_rad)), float(turn_rad))


class Reached(NamedTuple):
    """What a hand with a camera came to.

    Attributes:
        attempt: What became of it.
        choice: What the hand went for in the end; None if no grasp was seen.
    """

    attempt: Attempt
    choice: Optional[Choice]


@dataclass(frozen=True)
class ReachConfig:
    """How a hand with a camera flies."""

    start_m: float = setting(0.45, "height of the fingertips at the beginning [m]", 0.1, 2.0)
    rate_hz: float = setting(5.0, "frames that are looked at in a second, if they are answered in time", 0.1, 1000.0)
    latency_s: float = setting(0.1, "time from a frame to its grasp [s]", 0.0, 5.0)
    # A RealSense D435 sees from about 0.2 to 0.28 m on, by its resolution. Farther off than 0.26 m, what lies under the
    # fingertips is within the middle 300 px of an image with 615 px of focal length, though the camera is beside them.
    blind_m: float = setting(0.28, "distance from camera to grasp below which it sees nothing [m]", 0.12, 2.0)
    gain: float = setting(3.0, "speed for each metre that the hand is off, as for each radian [1/s]", 0.1, 100.0)
    fastest_m_s: float = setting(0.3, "highest speed of the fingertips [m/s]", 0.01, 1.7)
    fastest_rad_s: float = setting(1.5, "highest speed of turning [rad/s]", 0.01, 2.5)
    patience_s: float = setting(6.0, "time after which the hand goes for what it saw last, or gives up [s]", 0.1, 60.0)


def reach(
    world: World,
    look: Look,
    motion: Motion = STILL,
    closed: bool = True,
    config: ReachConfig = ReachConfig(),
) -> Reached:
    """Grasp what a camera in the hand sees, while things move; they are put back to where they rest before.

    Args:
        world: With things at rest on a table without walls.
        look: Sees and chooses. Things may have moved on when its answer arrives.
        motion: Of all things. It ends early where the hand touches one or begins to come down.
        closed: Whether new frames steer; else the first grasp that is seen counts to the end.
        config: How the hand flies.
    """
    world.put_back()
    start = _start(config)
    world.place_hand(start, world.gripper.opening_m)
    eyes, feeler = _Eyes(world, look, closed, config), Feeler(world)
    pose = _fly(world, start, eyes, _Mover(world, motion), feeler)
    if eyes.choice is None:
        outcome = Outcome.EXPLODED if world.exploded else Outcome.NO_GRASP
        return Reached(NOT_TRIED._replace(outcome=outcome, seconds=world.seconds), None)
    before = Before.of(world)._replace(seconds=0.0)
    end = pose._replace(tip_m=feasible(world, eyes.choice.plan).pose.tip_m)
    if not feeler.collided:
        come_down(world, pose, end, feeler)
    return Reached(grip(world, end, eyes.choice.target, before, feeler.most_n), eyes.choice)


def camera_pose(world: World) -> np.ndarray:
    """Return where the camera in the hand is (4, 4), optical frame in the world's frame."""
    hand = np.eye(4)
    body = world.data.body(HAND)
    hand[:3, :3], hand[:3, 3] = body.xmat.reshape(3, 3), body.xpos
    return hand @ MOUNT


class _Eyes:
    """Frames at a steady rate, and their answers, which arrive later.

    Attributes:
        choice: The newest answer; None before the first.
    """

    def __init__(self, world: World, look: Look, closed: bool, config: ReachConfig) -> None:
        """Begin; `see` is to be called before each step."""
        self._world, self._look, self._closed, self.config = world, look, closed, config
        self.choice: Optional[Choice] = None
        self._answer: Optional[Choice] = None
        self._due_s: Optional[float] = None  # when the answer arrives that is being worked on
        self._frame_s = 0.0  # when the next frame comes

    @property
    def open(self) -> bool:
        """Whether another frame may change the choice."""
        steers = self._closed or self.choice is None
        return steers and self._world.seconds < self.config.patience_s

    def see(self) -> None:
        """Take a frame if one is due and the answer before is there, and take what arrived."""
        now_s = self._world.seconds
        if self.open and self._due_s is None and now_s >= self._frame_s:
            self._answer = self._look(self._world, camera_pose(self._world), self.choice)
            self._due_s, self._frame_s = now_s + self.config.latency_s, now_s + 1 / self.config.rate_hz
        if self._due_s is not None and now_s >= self._due_s:
            self._due_s, self.choice = None, self._answer or self.choice


class _Mover:
    """Moves all things together, softly, as hands do that push the cloth on which they lie."""

    def __init__(self, world: World, motion: Motion) -> None:
        """Begin; `move` is to be called before each step."""
        self._world, self._motion, self._done = world, motion, 0.0
        places_m = [world.middle_m(thing)[:2] for thing in world.left]
        self._middle_m = np.mean(places_m, axis=0) if places_m else np.zeros(2)

    def move(self) -> None:
        """Move things by as much as is due, unless the hand touches one."""
        share = float(np.clip((self._world.seconds - self._motion.start_s) / self._motion.seconds, 0.0, 1.0))
        more = eased(share) - self._done
        if more <= 0 or touched(self._world):
            return
        self._done += more
        shift_m = more * np.array(self._motion.shift_m)
        self._world.shift(self._middle_m, shift_m, more * self._motion.turn_rad)
        self._middle_m = self._middle_m + shift_m


def _start(config: ReachConfig) -> HandPose:
    """Return where the hand sets out: its camera is over the origin."""
    away = np.array([MOUNT[0, 3], -MOUNT[1, 3]])  # the hand's second axis points against the table's
    return HandPose(np.array([*-away, config.start_m]), ALONG_X, DOWN)


def _fly(world: World, pose: HandPose, eyes: _Eyes, mover: _Mover, feeler: Feeler) -> HandPose:
    """Fly to where the camera is blind, or until something is in the way; return where the hand is driven to."""
    while not (feeler.collides() or world.warned):
        eyes.see()
        mover.move()
        if eyes.choice is not None:
            world.open(eyes.choice.plan.opening_m)
            pose, there = _nearer(pose, _last_seen(world, eyes), eyes.config, world.config.step_s)
            if there:
                break
            world.aim(pose)
        elif not eyes.open:
            break
        world.step(world.config.step_s)
    return pose


def _last_seen(world: World, eyes: _Eyes) -> HandPose:
    """Return from where the camera sees the newest grasp for the last time, before it is too near."""
    assert eyes.choice is not None
    pose = feasible(world, eyes.choice.plan).pose
    return pose._replace(tip_m=pose.tip_m - (eyes.config.blind_m + MOUNT[2, 3]) * pose.approach)


def _nearer(pose: HandPose, goal: HandPose, config: ReachConfig, step_s: float) -> Tuple[HandPose, bool]:
    """Return where a hand is a step later whose speed is proportional to how far it is off, within bounds.

    The paper's servo (section V-B). And tell whether it is there.
    """
    if pose.closing @ goal.closing < 0:  # the jaws are alike
        goal = goal._replace(closing=-goal.closing)
    off_m, off_rad, now = goal.tip_m - pose.tip_m, np.zeros(3), pose.quaternion()
    mujoco.mju_subQuat(off_rad, goal.quaternion(), now)  # as a vector in the hand's frame
    way_m, turn_rad = float(np.linalg.norm(off_m)), float(np.linalg.norm(off_rad))
    mujoco.mju_quatIntegrate(now, off_rad, _share(turn_rad, config.gain, config.fastest_rad_s, step_s))
    tip_m = pose.tip_m + _share(way_m, config.gain, config.fastest_m_s, step_s) * off_m
    return _hand_pose(tip_m, now), way_m < NEAR_M and turn_rad < NEAR_RAD


def _share(off: float, gain: float, fastest: float, step_s: float) -> float:
    """Return which share of what is off is done in a step."""
    return min(1.0, gain * step_s, fastest * step_s / max(off, 1e-9))


def _hand_pose(tip_m: np.ndarray, quaternion: np.ndarray) -> HandPose:
    rotation = np.zeros(9)
    mujoco.mju_quat2Mat(rotation, quaternion)
    return HandPose(tip_m, rotation[[0, 3, 6]], rotation[[2, 5, 8]])
