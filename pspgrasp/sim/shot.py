"""What a camera sees of a world, and what is truly there."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Tuple

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from pspgrasp.camera import PinholeCamera
from pspgrasp.data.batch import on_device
from pspgrasp.data.synthetic.labels import label
from pspgrasp.data.synthetic.render import View, render
from pspgrasp.data.synthetic.scenes import Cameras, Layout, gathered
from pspgrasp.data.tabletop import looking_at
from pspgrasp.depth import DepthFrame
from pspgrasp.evaluation.synthetic_scenes import WIDTH_SCALE_PX, JudgedScene
from pspgrasp.maps import GraspMaps
from pspgrasp.sim.arrangement import Arrangement

WINDOW_PX = 300  # side of the middle of the image, which detectors look at
NO_EDGE = (1.0, 0.0, math.inf)  # the bench's table is endless


@dataclass(frozen=True)
class Shot:
    """One look at a world, which may go on afterwards.

    Attributes:
        arrangement: What the camera saw: how things lay then.
        camera_pose: (4, 4), optical frame in the world's frame, where the camera truly is.
        believed_pose: (4, 4), where the robot takes it to be.
        frame: What the camera measured.
    """

    arrangement: Arrangement
    camera_pose: np.ndarray
    believed_pose: np.ndarray
    frame: DepthFrame

    @cached_property
    def truth(self) -> JudgedScene:
        """The window in the middle of the image as it truly is, and its labels; only bounds may know them."""
        camera = middle_of(self.frame.camera)
        lens, reach_m = (camera.fx, camera.cx, camera.cy), float(self.camera_pose[2, 3]) * WINDOW_PX / camera.fx / 2
        lying = self.arrangement
        layout = Layout(lying.shapes, lying.walls, self.camera_pose, lens, NO_EDGE, 1.0, reach_m)
        scenes = on_device(gathered([layout]), torch.device("cpu"))
        with torch.no_grad():
            view = render(scenes, WINDOW_PX)
            target = label(view, scenes.cameras, lying.gripper, WIDTH_SCALE_PX)
        return _judged(view, scenes.cameras, camera, GraspMaps.decode(target[0].numpy(), WIDTH_SCALE_PX))


def _judged(view: View, cameras: Cameras, camera: PinholeCamera, labels: GraspMaps) -> JudgedScene:
    exact = DepthFrame(view.depth_m[0].numpy(), camera)
    return JudgedScene("", (), exact, exact, view, cameras, labels)


def middle_of(camera: PinholeCamera) -> PinholeCamera:
    """Return the camera of the window in the middle of an image, as `SquareCrop` places it."""
    left, top = (camera.width_px - WINDOW_PX) // 2, (camera.height_px - WINDOW_PX) // 2
    return PinholeCamera(WINDOW_PX, WINDOW_PX, camera.fx, camera.fy, camera.cx - left, camera.cy - top)


def random_pose(rng: np.random.Generator, distance_m: Tuple[float, float], tilt_deg: Tuple[float, float]) -> np.ndarray:
    """Return (4, 4), optical frame in the world's frame, of a camera that looks at the middle of the table.

    Args:
        rng: Draws distance, tilt, azimuth and roll.
        distance_m: From the table, at least and at most [m].
        tilt_deg: Off straight down, at least and at most [deg].
    """
    tilt, azimuth = math.radians(rng.uniform(*tilt_deg)), rng.uniform(0, 2 * math.pi)
    off = np.array([math.sin(tilt) * math.cos(azimuth), math.sin(tilt) * math.sin(azimuth), math.cos(tilt)])
    pose = looking_at(rng.uniform(*distance_m) * off, np.zeros(3))
    pose[:3, :3] = pose[:3, :3] @ Rotation.from_euler("z", rng.uniform(-math.pi, math.pi)).as_matrix()
    return pose


def misjudged(pose: np.ndarray, rng: np.random.Generator, off_mm: float, turned_deg: float) -> np.ndarray:
    """Return a camera's pose (4, 4) as a bad hand-eye calibration gives it: off and turned by so much, any way."""
    along, axis = (_direction(rng) for _ in range(2))
    wrong: np.ndarray = pose.copy()
    wrong[:3, :3] = Rotation.from_rotvec(math.radians(turned_deg) * axis).as_matrix() @ pose[:3, :3]
    wrong[:3, 3] += along * off_mm / 1000
    return wrong


def _direction(rng: np.random.Generator) -> np.ndarray:
    direction = rng.normal(size=3)
    return direction / np.linalg.norm(direction)
