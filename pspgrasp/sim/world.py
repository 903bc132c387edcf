"""A table, things that fell onto it, and a gripper, as MuJoCo sees them.

Frame: that of a generated scene, z up, the table's top is z = 0 [m]. A parallel-jaw gripper hangs on a driven frame, as
a hand hangs on an arm that is stiff beside its fingers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, NamedTuple, Sequence, Set, Tuple

import mujoco
import numpy as np

from pspgrasp.config import setting
from pspgrasp.data.synthetic.antipodal import GripperConfig
from pspgrasp.data.synthetic.scenes import Thing
from pspgrasp.data.synthetic.solids import Part
from pspgrasp.sim.objects import SimObject

HAND, DRIVE, SIDES = "hand", "drive", (-1, 1)
FINGER_M = 0.055  # from the palm to the tip
PALM_M = (0.1, 0.03, 0.02)  # half sides
PARKED_M = np.array([0.0, 0.0, 1.5])
AWAY_M = np.array([50.0, 0.0, 0.3])  # where things are that were taken away
APART_M = 0.01  # between things before they fall
CLOSING_M_S = 0.1  # of a finger [m/s]
PRESSED_M = 0.02  # beyond the middle, to where fingers are pulled: what is between them feels all their force
LIMIT_M = 2.0  # a thing that is farther off, or faster than as many metres a second, was thrown by a fault


@dataclass(frozen=True)
class PhysicsConfig:
    """What the bench takes the world to be like."""

    step_s: float = setting(0.002, "time step of the simulation [s]", 1e-4, 0.01)
    settling_s: float = setting(3.0, "time in which things come to rest [s]", 0.1, 60.0)
    friction: float = setting(0.6, "coefficient of friction of all surfaces", 0.05, 3.0)
    density: float = setting(400.0, "of things [kg/m^3]", 10.0, 20000.0)
    grip_n: float = setting(20.0, "force of each finger [N]", 0.5, 500.0)


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
        return _quaternion(np.stack([self.closing, np.cross(self.approach, self.closing), self.approach], axis=1))


class World:
    """Things on a table as they came to rest, and a gripper.

    Attributes:
        objects: The things, as they were made.
        gone: Those that were taken away.
    """

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
        self.objects, self.gripper, self.config = tuple(objects), gripper, config
        self.gone: Set[int] = set()
        self.model = _spec(objects, walls, gripper, config).compile()
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
        self.step(self.config.settling_s)
        self.data.qvel[:] = 0.0
        self._rest = self.data.qpos.copy()

    def take_away(self, thing: int) -> None:
        """Put a thing where it is in nobody's way, for good."""
        self.gone.add(thing)
        joint = self.data.joint(f"thing{thing}")
        joint.qpos[:3], joint.qvel[:] = AWAY_M + np.array([thing, 0.0, 0.0]), 0.0

    def reset(self, pose: HandPose, opening_m: float) -> None:
        """Put all things back to where they rest, and the gripper, open, to a pose."""
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[:] = self._rest
        self._place_hand(pose, opening_m)
        mujoco.mj_forward(self.model, self.data)

    def step(self, seconds: float) -> None:
        """Go on for a time."""
        mujoco.mj_step(self.model, self.data, max(1, round(seconds / self.config.step_s)))

    def drive(self, to_m: np.ndarray, seconds: float) -> None:
        """Move the gripper's tip straight to a place (3,) [m], in a time."""
        steps = max(1, round(seconds / self.config.step_s))
        start_m = self.data.mocap_pos[0].copy()
        for step in range(1, steps + 1):
            self.data.mocap_pos[0] = start_m + (to_m - start_m) * (step / steps)
            mujoco.mj_step(self.model, self.data)

    def close(self) -> None:
        """Close the fingers, slowly, until they press with all their force; from now on they do."""
        # Pulled by a force alone they would be so fast that they knock light things out of the hand.
        steps = round((float(self.data.ctrl[0]) + PRESSED_M) / (CLOSING_M_S * self.config.step_s))
        for target_m in np.linspace(float(self.data.ctrl[0]), -PRESSED_M, max(1, steps)):
            self.data.ctrl[:] = target_m
            mujoco.mj_step(self.model, self.data)

    @property
    def tip_m(self) -> np.ndarray:
        """Where the gripper's tip truly is (3,) [m]; beside where it is driven to if something is in its way."""
        return np.array(self.data.body(HAND).xpos)

    def pose(self, thing: int) -> Tuple[np.ndarray, np.ndarray]:
        """Return rotation (3, 3) and place (3,) [m] of a thing, against how it was laid out."""
        body = self.data.body(f"thing{thing}")
        return np.array(body.xmat).reshape(3, 3), np.array(body.xpos)

    def shapes(self) -> Tuple[Thing, ...]:
        """Return the things that are still there, as they lie now: exact, for pictures and labels."""
        return tuple(self.objects[number].moved(*self.pose(number)).shape for number in self.left)

    @property
    def exploded(self) -> bool:
        """Tell whether the simulation failed: numbers that aren't finite, or a thing that flew off."""
        places = np.array([self.pose(number)[1] for number in self.left])
        flies = np.isfinite(self.data.qvel).all() and (not len(places) or np.abs(places).max() < LIMIT_M)
        return not (flies and np.isfinite(self.data.qpos).all() and not self.data.warning.number.any())

    def _park(self) -> None:
        up = HandPose(PARKED_M, np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, -1.0]))
        self._place_hand(up, self.gripper.opening_m)

    def _place_hand(self, pose: HandPose, opening_m: float) -> None:
        self.data.mocap_pos[0], self.data.mocap_quat[0] = pose.tip_m, pose.quaternion()
        self.data.joint(HAND).qpos[:] = np.concatenate([pose.tip_m, pose.quaternion()])
        self.data.ctrl[:] = opening_m / 2
        for side in SIDES:
            self.data.joint(f"finger{side}").qpos[:] = opening_m / 2


def _quaternion(rotation: np.ndarray) -> np.ndarray:
    found = np.zeros(4)
    mujoco.mju_mat2Quat(found, np.ascontiguousarray(rotation, np.float64).ravel())
    return found


def _spec(
    objects: Sequence[SimObject], walls: Sequence[Part], gripper: GripperConfig, config: PhysicsConfig
) -> mujoco.MjSpec:
    spec = mujoco.MjSpec()
    spec.option.timestep = config.step_s
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    # What is held must not creep out of the fingers: elliptic cones, and stiffer friction than contact.
    spec.option.cone, spec.option.impratio = mujoco.mjtCone.mjCONE_ELLIPTIC, 10.0
    default = spec.default.geom
    default.friction, default.condim, default.density = [config.friction, 0.005, 0.0001], 4, config.density
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[2.0, 2.0, 0.1])
    for wall in walls:
        box = mujoco.mjtGeom.mjGEOM_BOX
        spec.worldbody.add_geom(type=box, size=wall.half_m, pos=wall.centre_m, quat=_quaternion(wall.rotation))
    _add_things(spec, objects)
    _add_hand(spec, gripper, config)
    return spec


def _add_things(spec: mujoco.MjSpec, objects: Sequence[SimObject]) -> None:
    above_m = 0.0
    for number, thing in enumerate(objects):
        heights_m = np.concatenate(thing.pieces)[:, 2]
        low_m, high_m = float(heights_m.min()), float(heights_m.max())
        # One starts to fall above the other, so that they lie as they fell.
        body = spec.worldbody.add_body(name=f"thing{number}", pos=[0, 0, above_m - low_m + APART_M])
        above_m += high_m - low_m + APART_M
        body.add_freejoint(name=f"thing{number}")
        for place, piece in enumerate(thing.pieces):
            mesh = spec.add_mesh(name=f"thing{number}_{place}")
            mesh.uservert = piece.ravel().tolist()
            body.add_geom(type=mujoco.mjtGeom.mjGEOM_MESH, meshname=mesh.name)


def _add_hand(spec: mujoco.MjSpec, gripper: GripperConfig, config: PhysicsConfig) -> None:
    spec.worldbody.add_body(name=DRIVE, mocap=True)
    hand = spec.worldbody.add_body(name=HAND, gravcomp=1)
    hand.add_freejoint(name=HAND)
    box = mujoco.mjtGeom.mjGEOM_BOX
    hand.add_geom(type=box, size=PALM_M, pos=[0, 0, -FINGER_M - PALM_M[2]], mass=0.7)
    for side in SIDES:
        finger = hand.add_body(gravcomp=1)
        joint = finger.add_joint(name=f"finger{side}", type=mujoco.mjtJoint.mjJNT_SLIDE, axis=[side, 0, 0])
        joint.range, joint.limited = [0.0, gripper.opening_m / 2 + 0.001], True
        joint.armature, joint.solref_limit = 0.05, [0.004, 1.0]
        size = [gripper.finger_m / 2, gripper.jaw_m / 2, FINGER_M / 2]
        finger.add_geom(type=box, size=size, pos=[side * gripper.finger_m / 2, 0, -FINGER_M / 2], mass=0.05)
        motor = spec.add_actuator(target=joint.name, trntype=mujoco.mjtTrn.mjTRN_JOINT)
        motor.set_to_position(kp=2000.0, kv=40.0)
        motor.forcelimited, motor.forcerange = True, [-config.grip_n, config.grip_n]
    # Both fingers hang on one drive, as in a Franka hand: what is held stays in the middle.
    coupling = spec.add_equality(
        type=mujoco.mjtEq.mjEQ_JOINT, name1="finger-1", name2="finger1", objtype=mujoco.mjtObj.mjOBJ_JOINT
    )
    coupling.data[:5] = [0.0, 1.0, 0.0, 0.0, 0.0]
    coupling.solref = [0.004, 1.0]
    weld = spec.add_equality(type=mujoco.mjtEq.mjEQ_WELD, name1=DRIVE, name2=HAND, objtype=mujoco.mjtObj.mjOBJ_BODY)
    weld.data[10] = 1.0  # torque is worth as much as force
    weld.solref = [0.004, 1.0]
