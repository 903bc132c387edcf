"""A table, things and a gripper as MuJoCo takes them.

Frame: z up, the table's top is z = 0 [m]. A parallel-jaw gripper hangs on a driven frame, as a hand hangs on an arm
that is stiff beside its fingers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

import mujoco
import numpy as np

from pspgrasp.config import setting
from pspgrasp.data.synthetic.antipodal import GripperConfig
from pspgrasp.data.synthetic.solids import Part
from pspgrasp.gripper import HandConfig
from pspgrasp.sim.looks import dress
from pspgrasp.sim.objects import SimObject

HAND, DRIVE, THING, SIDES = "hand", "drive", "thing", (-1, 1)
# A Franka hand; its body is 92 mm deep (franka_description, hand.stl).
FRANKA, PALM_HIGH_M = HandConfig(), 0.0918
FINGER_M = FRANKA.finger_length_m  # from the palm to the tip
PALM_M = (FRANKA.palm_along_m / 2, FRANKA.palm_across_m / 2, PALM_HIGH_M / 2)  # half sides
CREEP_M_S = 0.002  # what is slower sleeps, unless something faster or the hand touches it
PULL_N_M = 2000.0  # of a finger towards where it is to be [N/m]


@dataclass(frozen=True)
class PhysicsConfig:
    """What the bench takes the world to be like."""

    step_s: float = setting(0.002, "time step of the simulation [s]", 1e-4, 0.01)
    settling_s: float = setting(3.0, "longest time in which things are slowed until they lie calm [s]", 0.1, 60.0)
    friction: float = setting(0.6, "coefficient of friction of all surfaces", 0.05, 3.0)
    density: float = setting(400.0, "of things [kg/m^3]", 10.0, 20000.0)
    grip_n: float = setting(20.0, "force of each finger [N]", 0.5, 500.0)


def model_of(
    objects: Sequence[SimObject], walls: Sequence[Part], gripper: GripperConfig, config: PhysicsConfig
) -> mujoco.MjModel:
    """Return the model of a table, things where they are, walls, and a gripper; no body has moved yet."""
    spec = mujoco.MjSpec()
    # A body turns about its centre of mass. About a place far off, steps of finite length would feed it energy.
    spec.compiler.alignfree = True
    spec.option.timestep = config.step_s
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    # What nothing touches sleeps, which makes attempts in clutter three times faster. It must sleep though contacts
    # are soft, and let a heap creep for ever by up to 0.4 mm and a degree a second, which real friction doesn't.
    spec.option.enableflags |= int(mujoco.mjtEnableBit.mjENBL_SLEEP)
    spec.option.sleep_tolerance = CREEP_M_S
    # What is held must not creep out of the fingers: elliptic cones, and stiffer friction than contact.
    spec.option.cone, spec.option.impratio = mujoco.mjtCone.mjCONE_ELLIPTIC, 10.0
    default = spec.default.geom
    default.friction, default.condim, default.density = [config.friction, 0.005, 0.0001], 4, config.density
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[2.0, 2.0, 0.1])
    for wall in walls:
        box = mujoco.mjtGeom.mjGEOM_BOX
        spec.worldbody.add_geom(type=box, size=wall.half_m, pos=wall.centre_m, quat=quaternion_of(wall.rotation))
    _add_things(spec, objects)
    _add_hand(spec, gripper, config)
    dress(spec, HAND, THING)
    return spec.compile()


def _add_things(spec: mujoco.MjSpec, objects: Sequence[SimObject]) -> None:
    for number, thing in enumerate(objects):
        body = spec.worldbody.add_body(name=f"{THING}{number}")
        body.add_freejoint(name=f"{THING}{number}")
        for place, piece in enumerate(thing.pieces):
            mesh = spec.add_mesh(name=f"{THING}{number}_{place}")
            mesh.uservert = piece.ravel().tolist()
            body.add_geom(type=mujoco.mjtGeom.mjGEOM_MESH, meshname=mesh.name)


def _add_hand(spec: mujoco.MjSpec, gripper: GripperConfig, config: PhysicsConfig) -> None:
    spec.worldbody.add_body(name=DRIVE, mocap=True)
    hand = spec.worldbody.add_body(name=HAND, gravcomp=1)
    hand.add_freejoint(name=HAND)
    box = mujoco.mjtGeom.mjGEOM_BOX
    hand.add_geom(type=box, size=PALM_M, pos=[0, 0, -FINGER_M - PALM_M[2]], mass=0.7)
    for side in SIDES:
        finger = hand.add_body(name=f"finger{side}", gravcomp=1)
        joint = finger.add_joint(name=f"finger{side}", type=mujoco.mjtJoint.mjJNT_SLIDE, axis=[side, 0, 0])
        joint.range, joint.limited = [0.0, gripper.opening_m / 2 + 0.001], True
        joint.armature, joint.solref_limit = 0.05, [0.004, 1.0]
        size = [gripper.finger_m / 2, gripper.jaw_m / 2, FINGER_M / 2]
        pad = finger.add_geom(type=box, size=size, pos=[side * gripper.finger_m / 2, 0, -FINGER_M / 2], mass=0.05)
        # MuJoCo's default is soft where both sides are light: a pad would sink millimetres into what it holds.
        pad.solref, pad.solimp[:2], pad.priority = [0.004, 1.0], [0.99, 0.999], 1
        motor = spec.add_actuator(target=joint.name, trntype=mujoco.mjtTrn.mjTRN_JOINT)
        motor.set_to_position(kp=PULL_N_M, kv=40.0)
        motor.forcelimited, motor.forcerange = True, [-config.grip_n, config.grip_n]
    # Both fingers hang on one drive, as in a Franka hand: what is held stays in the middle.
    coupling = spec.add_equality(
        type=mujoco.mjtEq.mjEQ_JOINT, name1="finger-1", name2="finger1", objtype=mujoco.mjtObj.mjOBJ_JOINT
    )
    coupling.data[:5] = [0.0, 1.0, 0.0, 0.0, 0.0]
    coupling.solref = [0.004, 1.0]
    weld = spec.add_equality(type=mujoco.mjtEq.mjEQ_WELD, name1=DRIVE, name2=HAND, objtype=mujoco.mjtObj.mjOBJ_BODY)
    weld.data[10] = 1.0  # torque is worth as much as force
    weld.solref, weld.solimp[:2] = [0.004, 1.0], [0.999, 0.9999]  # an arm gives way far less than MuJoCo's default


def quaternion_of(rotation: np.ndarray) -> np.ndarray:
    """Return (4,) w, x, y, z of a rotation (3, 3)."""
    found = np.zeros(4)
    mujoco.mju_mat2Quat(found, np.ascontiguousarray(rotation, np.float64).ravel())
    return found
