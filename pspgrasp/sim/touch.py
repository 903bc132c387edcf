"""What a gripper feels: the things at its fingers, and the force of all that it touches."""

from __future__ import annotations

from typing import List, NamedTuple, Optional, Set

import mujoco
import numpy as np

from pspgrasp.sim.model import HAND, SIDES
from pspgrasp.sim.world import World


class Touch(NamedTuple):
    """One contact of the gripper with something else.

    Attributes:
        contact: Its number in the simulation.
        part: Name of the gripper's body.
        thing: Number of the thing; None for table and wall.
        sign: 1 if the contact's normal points at the gripper, else -1.
    """

    contact: int
    part: str
    thing: Optional[int]
    sign: int


def touches(world: World) -> List[Touch]:
    """Return all contacts of the gripper with anything else."""
    model, geoms = world.model, np.asarray(world.data.contact.geom).reshape(-1, 2)
    ours = model.body_rootid[model.geom_bodyid[geoms]] == model.body(HAND).id
    found = []
    for contact in np.flatnonzero(ours[:, 0] != ours[:, 1]):
        at = int(ours[contact, 1])
        part = model.body(int(model.geom_bodyid[geoms[contact, at]])).name
        found.append(Touch(int(contact), part, world.thing_of(int(geoms[contact, 1 - at])), 2 * at - 1))
    return found


def touched(world: World) -> Set[int]:
    """Return the numbers of the things that touch the gripper."""
    return {touch.thing for touch in touches(world) if touch.thing is not None}


def gripped(world: World) -> Set[int]:
    """Return the numbers of the things that touch both fingers."""
    all_touches = touches(world)
    first, second = ({t.thing for t in all_touches if t.part == f"finger{side}"} for side in SIDES)
    return {thing for thing in first & second if thing is not None}


def force_n(world: World) -> float:
    """Return the force [N] with which all that the gripper touches pushes it, as an arm would feel it."""
    total_n, one_n = np.zeros(3), np.zeros(6)
    for touch in touches(world):
        mujoco.mj_contactForce(world.model, world.data, touch.contact, one_n)
        # A contact's frame has its normal as first row, from its first geom to its second.
        total_n += touch.sign * one_n[:3] @ np.asarray(world.data.contact.frame[touch.contact]).reshape(3, 3)
    return float(np.linalg.norm(total_n))
