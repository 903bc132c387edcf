"""From a grasp in the camera's frame to where the gripper goes, and to which thing it means."""

from __future__ import annotations

from functools import lru_cache
from typing import Optional

import numpy as np

from pspgrasp.data.synthetic.antipodal import GripperConfig
from pspgrasp.grasp import Grasp
from pspgrasp.sim.arrangement import NOTHING, Arrangement
from pspgrasp.sim.world import HandPose

DOWN = np.array([0.0, 0.0, -1.0])
LOOKED_AT_M = 0.002  # between two places where the thing that is meant is looked for


def hand_pose(grasp: Grasp, camera_pose: np.ndarray, gripper: GripperConfig) -> HandPose:
    """Return where a gripper that comes straight down goes for a grasp of a camera.

    Its jaws close in the level direction that looks like the grasp's in the image, and its tips go as far below the
    surface as the labels' do (`antipodal.py`): at most `insertion_m`, less on what is flat.

    Args:
        grasp: In the optical frame.
        camera_pose: (4, 4), optical frame in the world's frame, as the robot believes it to be.
        gripper: That grasps.
    """
    rotation, eye_m = camera_pose[:3, :3], camera_pose[:3, 3]
    surface_m = rotation @ grasp.position_m + eye_m
    # All lines that look like the grasp's lie in one plane through the eye; one of them is level.
    level = np.cross(np.cross(surface_m - eye_m, rotation @ grasp.rotation()[:, 0]), DOWN)
    closing = level / np.linalg.norm(level)
    insertion_m = float(gripper.insertion_at(surface_m[2]))
    return HandPose(surface_m + insertion_m * DOWN, closing, DOWN)


def target_of(grasp: Grasp, camera_pose: np.ndarray, arrangement: Arrangement) -> Optional[int]:
    """Return the number of the thing that a grasp means.

    That is the one which the camera sees there. Where it sees table or wall, beside a thin thing or through a ring, it
    is the one that it sees nearest to the grasp: within half the gripper's opening, at the grasp's depth.

    Args:
        grasp: In the optical frame.
        camera_pose: (4, 4), optical frame in the world's frame, where the camera truly is.
        arrangement: What the camera sees.

    Returns:
        None if there is nothing within the gripper's reach.
    """
    places_m = grasp.position_m + _around(arrangement.gripper.opening_m / 2)
    seen = arrangement.seen(camera_pose[:3, 3], places_m @ camera_pose[:3, :3].T)
    things = seen[seen != NOTHING]
    return int(things[0]) if len(things) else None


@lru_cache(maxsize=4)
def _around(radius_m: float) -> np.ndarray:
    """Return steps (N, 3) [m] along the image to all places within a radius, the nearest first, beginning with none."""
    steps_m = LOOKED_AT_M * np.arange(-int(radius_m / LOOKED_AT_M), int(radius_m / LOOKED_AT_M) + 1)
    x_m, y_m = (axis.ravel() for axis in np.meshgrid(steps_m, steps_m))
    ways_m = np.hypot(x_m, y_m)
    nearest_first = np.argsort(ways_m, kind="stable")[: np.count_nonzero(ways_m <= radius_m)]
    return np.column_stack([x_m, y_m, np.zeros_like(x_m)])[nearest_first]
