"""Things that fell onto a table as they lie now, and a gripper that is moved among them. Frame: as in model.py."""

from __future__ import annotations

import math
from typing import Callable, List, NamedTuple, Optional, Sequence, Set, Tuple

import mujoco
import numpy as np

from pspgrasp.data.synthetic.antipodal import GripperConfig
from pspgrasp.data.synthetic.scenes import Thing
from pspgrasp.data.synthetic.solids import Part
from pspgrasp.sim.model import HAND, PULL_N_M, SIDES, THING, PhysicsConfig, model_of, quaternion_of
from pspgrasp.sim.objects import SimObject

PARKED_M = np.array([-20.0, 0.0, 1.0])  # where nothing falls
AWAY_M = np.array([50.0, 0.0, 0.3])  # where things are that were taken away
APART_M = 0.01  # between things before they fall
CLOSING_M_S = 0.05  # of a finger, as fast as a Franka hand's [m/s]
FRAMES_S = 25  # of what watches [1/s]
SLICE_S = 0.01  # between two looks at things that settle
SLOWING_S = 0.1  # in which a thing that settles loses most of its speed: it falls with 1 m/s and doesn't roll far
STILL_M_S, STILL_RAD_S, STILL_S = 0.01, 0.3, 0.2  # slower, and for as long, things rest
LIMIT_M = 2.0  # a thing that is farther off, or faster than as many metres a second, was thrown by a fault


class HandPose(NamedTuple):
    """Where the gripper is.

    Attributes:
        tip_m: (3,), the middle between the fingertips [m].
        closing: (3,), direction in which the jaws close.
        approach: (3,), direction in which the fingers point, at right angles to it.
    """

    tip_m: np.ndarray
    closing: np.ndarray
    approach: np.ndarray

    def quaternion(self) -> np.ndarray:
        """Return (4,) w, x, y, z: the hand's x closes, its z approaches."""
        (ax, ay, az), (cx, cy, cz) = self.approach, self.closing
        across = (ay * cz - az * cy, az * cx - ax * cz, ax * cy - ay * cx)  # numpy's cross product takes far longer
        return quaternion_of(np.array([self.closing, across, self.approach]).T)


class World:
    """Things on a table as they came to rest, and a gripper.

    Attributes:
        objects: The things, where they began to fall.
        gone: Those that were taken away.
        watch: Called each 1/25 s of simulated time while things move, for a video, say.
    """

    watch: Optional[Callable[[], None]] = None

    def __init__(
        self,
        objects: Sequence[SimObject],
        walls: Sequence[Part] = (),
        gripper: GripperConfig = GripperConfig(),
        config: PhysicsConfig = PhysicsConfig(),
    ) -> None:
        """Let things fall, one above the other, and come to rest.

        Args:
            objects: Where they are to fall: x and y count, their heights don't.
            walls: Of a bin, say; they don't move.
            gripper: That grasps.
            config: What the world is like.
        """
        self.objects, self.gripper, self.config = tuple(_lifted(objects, walls)), gripper, config
        self.gone: Set[int] = set()
        # MuJoCo counts its warnings, and writes them to a file where one happens to be as well.
        mujoco.set_mju_user_warning(_unheard)
        self.model = model_of(self.objects, walls, gripper, config)
        self.data = mujoco.MjData(self.model)
        self.settle()

    @property
    def things(self) -> int:
        """How many there were at the beginning."""
        return len(self.objects)

    @property
    def left(self) -> List[int]:
        """The numbers of the things that are still there."""
        return [number for number in range(self.things) if number not in self.gone]

    def settle(self) -> None:
        """Take the gripper away and wait until things rest; from now on they rest there."""
        self._park()
        still_s = 0.0
        for _ in range(max(1, round(self.config.settling_s / SLICE_S))):
            self.step(SLICE_S)
            still_s = still_s + SLICE_S if self._calmed() else 0.0
            if still_s >= STILL_S:
                break
        self.data.qvel[:] = 0.0
        self._rest = self.data.qpos.copy()

    def take_away(self, thing: int) -> None:
        """Put a thing where it is in nobody's way, for good."""
        self.gone.add(thing)
        joint = self.data.joint(f"{THING}{thing}")
        joint.qpos[:3], joint.qvel[:] = AWAY_M + np.array([thing, 0.0, 0.0]), 0.0
        start = int(self.model.joint(f"{THING}{thing}").qposadr[0])
        self._rest[start : start + 7] = joint.qpos

    def put_back(self) -> None:
        """Put all things back to where they rest, and the gripper out of the way; nothing is left of what was."""
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[:] = self._rest
        self._park()
        mujoco.mj_forward(self.model, self.data)

    def place_hand(self, pose: HandPose, opening_m: float) -> None:
        """Put the gripper, open, where it sets out from; it gets there without a way."""
        self._place_hand(pose, opening_m)
        mujoco.mj_forward(self.model, self.data)

    def aim(self, pose: HandPose) -> None:
        """Pull the gripper to a pose, from now on and without delay: a path is many such poses."""
        self.data.mocap_pos[0], self.data.mocap_quat[0] = pose.tip_m, pose.quaternion()

    def step(self, seconds: float) -> None:
        """Go on for a time, one step at least."""
        steps = max(1, round(seconds / self.config.step_s))
        if self.watch is None:
            mujoco.mj_step(self.model, self.data, steps)
            return
        for _ in range(steps):
            frames = int(self.data.time * FRAMES_S)
            mujoco.mj_step(self.model, self.data)
            if int(self.data.time * FRAMES_S) > frames:
                self.watch()

    def open(self, opening_m: float) -> None:
        """Drive the fingers apart as far as an opening [m], from now on."""
        self.data.ctrl[:] = min(opening_m, self.gripper.opening_m) / 2

    def shift(self, middle_m: np.ndarray, shift_m: np.ndarray, turn_rad: float) -> None:
        """Turn all things together about the vertical through a place (2,) [m], and shift them (2,) [m], at once."""
        turn = np.array([math.cos(turn_rad / 2), 0.0, 0.0, math.sin(turn_rad / 2)])
        for thing in self.left:
            joint, turned = self.data.joint(f"{THING}{thing}"), np.zeros(4)
            mujoco.mju_mulQuat(turned, turn, joint.qpos[3:])
            off_m = np.array([*(joint.qpos[:2] - middle_m), 0.0])
            mujoco.mju_rotVecQuat(off_m, off_m.copy(), turn)
            joint.qpos[:2], joint.qpos[3:] = middle_m + off_m[:2] + shift_m, turned

    def close(self) -> None:
        """Close the fingers, slowly, until they press with all their force; from now on they do."""
        # Pulled by a force alone they would be so fast that they knock light things out of the hand.
        pressed_m = self.config.grip_n / PULL_N_M
        while self.data.ctrl[0] > self.opening_m / 2 - pressed_m:
            self.data.ctrl[:] -= CLOSING_M_S * self.config.step_s
            self.step(self.config.step_s)
        self.data.ctrl[:] = -2 * pressed_m

    @property
    def seconds(self) -> float:
        """Simulated time since things were put back, or since the beginning [s]."""
        return float(self.data.time)

    @property
    def opening_m(self) -> float:
        """How far the fingers are apart [m]."""
        return float(sum(self.data.joint(f"finger{side}").qpos[0] for side in SIDES))

    @property
    def top_m(self) -> float:
        """Height of the highest of what is there, but for the gripper [m]."""
        model, places_m = self.model, self.data.geom_xpos
        solid = (model.geom_type != mujoco.mjtGeom.mjGEOM_PLANE) & (np.abs(places_m[:, 0]) < LIMIT_M)
        solid &= model.body_rootid[model.geom_bodyid] != model.body(HAND).id
        up, boxes_m = self.data.geom_xmat[solid, 6:], model.geom_aabb[solid]  # middle and half sides, as the geom lies
        tops_m = places_m[solid, 2] + (up * boxes_m[:, :3] + np.abs(up) * boxes_m[:, 3:]).sum(axis=1)
        return float(tops_m.max(initial=0.0))

    @property
    def tip_m(self) -> np.ndarray:
        """Where the gripper's tip truly is (3,) [m]; beside where it is driven to if something is in its way."""
        return np.array(self.data.body(HAND).xpos)

    def pose(self, thing: int) -> Tuple[np.ndarray, np.ndarray]:
        """Return how a thing moved since it began to fall, x -> rotation x + shift: (3, 3) and (3,) [m]."""
        body, began = self.data.body(f"{THING}{thing}"), self.model.body(f"{THING}{thing}")
        rotation = np.array(body.xmat).reshape(3, 3) @ _rotation(began.quat).T
        return rotation, body.xpos - rotation @ began.pos

    def middle_m(self, thing: int) -> np.ndarray:
        """Return the centre of mass (3,) [m] of a thing."""
        return np.array(self.data.body(f"{THING}{thing}").xipos)

    def thing_of(self, geom: int) -> Optional[int]:
        """Return the number of the thing that a geom of the model belongs to, None for table, wall and gripper."""
        if geom < 0:
            return None
        name = self.model.body(int(self.model.geom_bodyid[geom])).name
        return int(name[len(THING) :]) if name.startswith(THING) else None

    def shapes(self) -> Tuple[Thing, ...]:
        """Return the things that are still there, as they lie now: exact, for pictures and labels."""
        return tuple(self.objects[number].moved(*self.pose(number)).shape for number in self.left)

    @property
    def warned(self) -> bool:
        """Whether MuJoCo gave a warning since things were put back: of numbers that aren't finite, say."""
        return bool(self.data.warning.number.any())

    @property
    def exploded(self) -> bool:
        """Tell whether the simulation failed: numbers that aren't finite, or a thing that flew off."""
        places = np.array([self.middle_m(number) for number in self.left])
        flies = np.isfinite(self.data.qvel).all() and (not len(places) or np.abs(places).max() < LIMIT_M)
        return not (flies and np.isfinite(self.data.qpos).all() and not self.warned)

    def _calmed(self) -> bool:
        """Slow things down, as a hand does that lays them down; tell whether all are still."""
        joints = [self.data.joint(f"{THING}{number}") for number in self.left]
        speeds = np.array([joint.qvel for joint in joints]).reshape(-1, 2, 3)
        for joint in joints:
            joint.qvel *= math.exp(-SLICE_S / SLOWING_S)
        fastest = np.linalg.norm(speeds, axis=2).max(axis=0, initial=0.0)
        return bool(fastest[0] < STILL_M_S and fastest[1] < STILL_RAD_S)

    def _park(self) -> None:
        up = HandPose(PARKED_M, np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, -1.0]))
        self._place_hand(up, self.gripper.opening_m)

    def _place_hand(self, pose: HandPose, opening_m: float) -> None:
        self.data.mocap_pos[0], self.data.mocap_quat[0] = pose.tip_m, pose.quaternion()
        hand = self.data.joint(HAND)
        hand.qpos[:], hand.qvel[:] = np.concatenate([pose.tip_m, pose.quaternion()]), 0.0
        self.data.ctrl[:] = opening_m / 2
        for side in SIDES:
            finger = self.data.joint(f"finger{side}")
            finger.qpos[:], finger.qvel[:] = opening_m / 2, 0.0


def _unheard(_: str) -> None:
    """Leave a warning to `World.warned`."""


def _rotation(quaternion: np.ndarray) -> np.ndarray:
    found = np.zeros(9)
    mujoco.mju_quat2Mat(found, quaternion)
    return found.reshape(3, 3)


def _lifted(objects: Sequence[SimObject], walls: Sequence[Part]) -> List[SimObject]:
    """Return things where they begin to fall: over walls and things that they would fall on, and no higher."""
    boxes = [(wall.rotation, *_around(wall.rotation.T @ wall.centre_m, wall.half_m)) for wall in walls]
    lifted: List[SimObject] = []
    for thing in objects:
        points_m = np.concatenate(thing.pieces)
        tops_m = [high_m[2] for turn, low_m, high_m in boxes if _over(points_m @ turn, low_m, high_m)]
        up_m = np.array([0.0, 0.0, max(tops_m, default=0.0) + APART_M - points_m[:, 2].min()])
        lifted.append(thing.moved(np.eye(3), up_m))
        boxes.append((np.eye(3), points_m.min(axis=0) + up_m, points_m.max(axis=0) + up_m))
    return lifted


def _around(middle_m: np.ndarray, half_m: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    return middle_m - half_m, middle_m + half_m


def _over(points_m: np.ndarray, low_m: np.ndarray, high_m: np.ndarray) -> bool:
    """Tell whether points overlap a box as seen from above."""
    least_m, most_m = points_m.min(axis=0), points_m.max(axis=0)
    return bool((least_m < high_m)[:2].all() and (most_m > low_m)[:2].all())
