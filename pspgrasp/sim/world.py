"""Things that fell onto a table as they lie now, and a gripper that is moved among them. Frame: as in model.py."""

from __future__ import annotations

import math
from typing import Callable, List, NamedTuple, Optional, Sequence, Set, Tuple

import mujoco
import numpy as np

from pspgrasp.data.synthetic.antipodal import GripperConfig
from pspgrasp.data.synthetic.scenes import Thing
from pspgrasp.data.synthetic.solids import Part
from pspgrasp.sim.falling import before_falling
from pspgrasp.sim.model import HAND, PULL_N_M, SIDES, THING, PhysicsConfig, model_of, quaternion_of
from pspgrasp.sim.objects import SimObject

PARKED_M = np.array([-20.0, 0.0, 1.0])  # where nothing falls
AWAY_M = np.array([50.0, 0.0, 0.3])  # where things are that were taken away
CLOSING_M_S = 0.05  # of a finger, as fast as a Franka hand's [m/s]
FRAMES_S = 25  # of what watches [1/s]
SLICE_S = 0.01  # between two looks at things that settle
SLOWING_S = 0.1  # in which a thing that settles loses most of its speed: it falls with 1 m/s and doesn't roll far
CALM_M_S, CALM_RAD_S, CALM_S = 0.01, 0.3, 0.2  # slower, and for as long, things no longer fall
ALONE_S, STAY_M, STAY_RAD = 2.0, 0.001, math.radians(1)  # things rest that move and turn by no more if left alone
ROUNDS = 5  # of slowing things down and leaving them alone, until they are restless
LIMIT_M = 2.0  # a thing that is farther off was thrown by a fault
LIMIT_M_S = 5.0  # so was one that is as fast: what falls out of the hand has less than 3 m/s


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
        restless: Whether things didn't come to rest.
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
        self.objects, self.gripper, self.config = before_falling(objects, walls), gripper, config
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
        """Take the gripper away and wait until things rest, or are `restless`; from now on they rest there."""
        self._park()
        self.restless = True
        for _ in range(ROUNDS):
            self._slow_down()
            self._rest = self.data.qpos.copy()
            if self.exploded:
                break
            if self._stay():
                self.restless = False
                break

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
        """Tell whether the simulation failed: numbers that aren't finite, or a thing that flies, or flew, off."""
        if self.warned or not (np.isfinite(self.data.qvel).all() and np.isfinite(self.data.qpos).all()):
            return True
        places_m = np.array([self.middle_m(number) for number in self.left])
        return bool(np.abs(places_m).max(initial=0.0) > LIMIT_M or self._speeds()[:, 0].max(initial=0.0) > LIMIT_M_S)

    def _slow_down(self) -> None:
        """Slow things down, as a hand does that lays them down, until they are calm or the longest time is over."""
        calm_s, limits = 0.0, (CALM_M_S, CALM_RAD_S)
        for _ in range(max(1, round(self.config.settling_s / SLICE_S))):
            self.step(SLICE_S)
            calm_s = calm_s + SLICE_S if (self._speeds() < limits).all() else 0.0
            for number in self.left:
                self.data.joint(f"{THING}{number}").qvel *= math.exp(-SLICE_S / SLOWING_S)
            if calm_s >= CALM_S:
                break

    def _stay(self) -> bool:
        """Leave things alone, from where they rest; tell whether they stay there, and put them back if so."""
        self.put_back()
        places_m, turns = self._lie()
        mujoco.mj_step(self.model, self.data, round(ALONE_S / self.config.step_s))  # nothing for who watches
        places_now_m, turns_now = self._lie()
        moved_m = np.linalg.norm(places_now_m - places_m, axis=1)
        cosines = (np.einsum("nij,nij->n", turns_now, turns) - 1) / 2
        stays = bool((moved_m <= STAY_M).all() and (cosines >= math.cos(STAY_RAD)).all())
        if stays:
            self.put_back()
        return stays

    def _lie(self) -> Tuple[np.ndarray, np.ndarray]:
        """Return centres of mass (N, 3) [m] and rotations (N, 3, 3) of the things that are left."""
        bodies = [self.data.body(f"{THING}{number}") for number in self.left]
        places_m, turns = np.array([body.xipos for body in bodies]), np.array([body.xmat for body in bodies])
        return places_m.reshape(-1, 3), turns.reshape(-1, 3, 3)

    def _speeds(self) -> np.ndarray:
        """Return how fast each thing that is left moves and turns: (N, 2) [m/s, rad/s]."""
        speeds = [self.data.joint(f"{THING}{number}").qvel for number in self.left]
        return np.linalg.norm(np.array(speeds).reshape(-1, 2, 3), axis=2)

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
