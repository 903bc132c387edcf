"""What a world looks like to a camera and to people; physics doesn't feel it."""

from __future__ import annotations

import mujoco
import numpy as np

SEEN = (0, 1, 2)  # groups of geoms that a camera sees: MuJoCo gives group 0 to what isn't told otherwise
HAND_GROUP = 3  # pictures for people show it too
LAMP_M = np.array([-0.5, -0.4, 1.6])
TABLE_RGB, WALL_RGB = (0.83, 0.82, 0.79), (0.42, 0.47, 0.53)
HAND_RGB, FINGER_RGB = (0.92, 0.92, 0.93), (0.18, 0.19, 0.21)
#: Of things, in turn; those beside each other differ in hue and in brightness.
THINGS_RGB = (
    (0.85, 0.33, 0.24),
    (0.20, 0.47, 0.74),
    (0.95, 0.73, 0.25),
    (0.27, 0.60, 0.38),
    (0.52, 0.36, 0.65),
    (0.93, 0.53, 0.20),
    (0.24, 0.66, 0.69),
    (0.78, 0.41, 0.55),
    (0.55, 0.42, 0.30),
    (0.58, 0.68, 0.24),
)


def dress(spec: mujoco.MjSpec, hand: str, thing: str) -> None:
    """Give everything a colour, hide the hand from cameras, and light a lamp.

    Args:
        spec: A world before it is built; it is changed.
        hand: Name of the gripper's body.
        thing: With which the names of things begin; a number follows.
    """
    for geom in spec.worldbody.geoms:
        is_table = geom.type == mujoco.mjtGeom.mjGEOM_PLANE
        geom.rgba = [*(TABLE_RGB if is_table else WALL_RGB), 1.0]
    for body in spec.worldbody.bodies:
        if body.name.startswith(thing):
            colour = THINGS_RGB[int(body.name[len(thing) :]) % len(THINGS_RGB)]
            for geom in body.geoms:
                geom.rgba = [*colour, 1.0]
    palm = spec.body(hand)
    for geom in palm.find_all(mujoco.mjtObj.mjOBJ_GEOM):
        geom.group = HAND_GROUP
        geom.rgba = [*(HAND_RGB if geom.parent.name == hand else FINGER_RGB), 1.0]
    spec.visual.headlight.ambient, spec.visual.headlight.diffuse = [0.35] * 3, [0.25] * 3
    spec.worldbody.add_light(pos=LAMP_M, dir=-LAMP_M, diffuse=[0.6] * 3, specular=[0.1] * 3)
