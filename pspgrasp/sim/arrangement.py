"""How things lie in a world at one moment; whatever is moved later doesn't change it."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Tuple

import mujoco
import numpy as np

from pspgrasp.data.synthetic.antipodal import GripperConfig
from pspgrasp.data.synthetic.render import FAR_M
from pspgrasp.data.synthetic.scenes import Thing
from pspgrasp.data.synthetic.solids import Part
from pspgrasp.sim.looks import SEEN
from pspgrasp.sim.world import World

NOTHING = -1  # no thing's number
SEEN_GROUPS = np.array([group in SEEN for group in range(mujoco.mjNGROUP)], np.uint8)


@dataclass(frozen=True)
class Arrangement:
    """What lies where.

    Attributes:
        shapes: The things that are there, exact.
        walls: Of a bin.
        gripper: That is to grasp them.
        model: Of MuJoCo.
        data: The model's, of that moment.
        thing_of_geom: (geoms,) number of the thing that each geom belongs to; NOTHING for table, wall and gripper.
    """

    shapes: Tuple[Thing, ...]
    walls: Tuple[Part, ...]
    gripper: GripperConfig
    model: mujoco.MjModel
    data: mujoco.MjData
    thing_of_geom: np.ndarray

    @classmethod
    def of(cls, world: World, walls: Tuple[Part, ...] = ()) -> Arrangement:
        """Return how things lie in a world now, between its walls."""
        things = [world.thing_of(geom) for geom in range(world.model.ngeom)]
        numbers = np.array([NOTHING if thing is None else thing for thing in things])
        return cls(world.shapes(), walls, world.gripper, world.model, copy.copy(world.data), numbers)

    def seen(self, eye_m: np.ndarray, rays: np.ndarray) -> np.ndarray:
        """Return which thing is met first along each ray, the gripper not being there.

        Args:
            eye_m: (3,), where all rays begin, in the world's frame [m].
            rays: (N, 3), directions in the world's frame.

        Returns:
            (N,) numbers of things; NOTHING where table, wall or nothing is met.
        """
        count, eye_m = len(rays), np.array(eye_m)
        geoms, ways = np.zeros(count, np.int32), np.zeros(count)
        world = self.model, self.data
        mujoco.mj_multiRay(*world, eye_m, rays.ravel(), SEEN_GROUPS, 1, -1, geoms, ways, None, count, FAR_M)
        return np.where(geoms < 0, NOTHING, self.thing_of_geom[geoms])
