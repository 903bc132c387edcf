"""From a grasp in the camera's frame to where the gripper goes, and to which thing it means."""

from __future__ import annotations

from typing import Optional

import mujoco
import numpy as np

from pspgrasp.data.synthetic.antipodal import GripperConfig
from pspgrasp.grasp import Grasp
from pspgrasp.sim.world import HandPose, World

DOWN = np.array([0.0, 0.0, -1.0])


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
    insertion_m = float(np.clip(gripper.insertion_share * surface_m[2], 0.0, gripper.insertion_m))
    return HandPose(surface_m + insertion_m * DOWN, closing, DOWN)


def target_of(grasp: Grasp, camera_pose: np.ndarray, world: World) -> Optional[int]:
    """Return the number of the thing that a camera sees where a grasp is; None if it sees table or wall there.

    Args:
        grasp: In the optical frame.
        camera_pose: (4, 4), optical frame in the world's frame, where the camera truly is.
        world: As the camera sees it.
    """
    along = camera_pose[:3, :3] @ (grasp.position_m / np.linalg.norm(grasp.position_m))
    geom = np.zeros(1, np.int32)
    mujoco.mj_ray(world.model, world.data, camera_pose[:3, 3], along, None, 1, -1, geom)
    return world.thing_of(int(geom[0]))
