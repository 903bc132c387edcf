"""The bench's depth camera: MuJoCo's exact depth at a RealSense's resolution, and then the sensor's noise."""

from __future__ import annotations

from typing import Callable, Dict, Protocol, Tuple

import mujoco
import numpy as np
import torch

from pspgrasp.camera import PinholeCamera
from pspgrasp.data.synthetic.render import FAR_M
from pspgrasp.data.synthetic.scenes import Cameras
from pspgrasp.data.synthetic.sensor import Faults, SensorConfig, measure, random_faults
from pspgrasp.depth import DepthFrame
from pspgrasp.errors import ConfigError, PspGraspError, unknown_name
from pspgrasp.sim.gl import GlRenderer, Quality
from pspgrasp.sim.looks import SEEN
from pspgrasp.sim.world import World

#: Depth of a RealSense D415 or D435 as drivers publish it beside colour images of 640 x 480.
REALSENSE = PinholeCamera(640, 480, fx=615.0, fy=615.0, cx=319.5, cy=239.5)

#: name -> how bad the camera is. All are within what generated training images have, and none stores range for depth.
NOISE: Dict[str, SensorConfig] = {
    "none": SensorConfig(clean_share=1.0, range_share=0.0),
    # A D435 or D415 from good light to dim (the recording that the sensor's tests compare with has -2.4): imagers 50 to
    # 55 mm apart, disparities wrong by 0.03 to 0.12 px, always steps and shadows, never half a picture missing.
    "realsense": SensorConfig(
        clean_share=0.0,
        least_noise=-3.0,
        most_noise=-2.4,
        shortest_baseline_m=0.05,
        longest_baseline_m=0.055,
        quantised_share=1.0,
        shadow_share=1.0,
        band_share=0.0,
        range_share=0.0,
    ),
    # 5 to 8 mm at 1 m, imagers close together, and every kind of hole.
    "poor": SensorConfig(
        clean_share=0.0,
        least_noise=-2.3,
        longest_baseline_m=0.035,
        quantised_share=1.0,
        blurred_share=0.0,
        shadow_share=1.0,
        steep_share=1.0,
        blob_share=1.0,
        flying_share=1.0,
        range_share=0.0,
    ),
}


class DepthCamera(Protocol):
    """The contract of whatever makes exact depth of a world."""

    @property
    def name(self) -> str:
        """Say which, for reports."""

    @property
    def kind(self) -> str:
        """The name by which `choose_camera` makes one like it, in another process too."""

    def depth_m(self, world: World, camera: PinholeCamera, pose: np.ndarray) -> np.ndarray:
        """Return exact depth without the gripper.

        Args:
            world: As it is now.
            camera: Any pinhole.
            pose: (4, 4), optical frame (x right, y down, z forward) in the world's frame.

        Returns:
            (H, W) float32 [m] along the optical axis; FAR_M, 10 m, where nothing is nearer.
        """


class GlCamera:
    """Depth by OpenGL."""

    name = kind = "gl"

    def __init__(self) -> None:
        """Open a context of its own, for this process and thread.

        Raises:
            PspGraspError: There is no OpenGL.
        """
        self._renderer = GlRenderer(Quality())

    def depth_m(self, world: World, camera: PinholeCamera, pose: np.ndarray) -> np.ndarray:
        """Return exact depth (H, W) float32 [m]; see `DepthCamera`."""
        return self._renderer.depth_m(world, camera, pose, SEEN)


class RayCamera:
    """Depth by one ray a pixel, which needs no OpenGL.

    Attributes:
        name: For reports; longer where rays stand in for something else.
    """

    kind = "rays"

    def __init__(self, name: str = "rays") -> None:
        """Take a name."""
        self.name = name

    def depth_m(self, world: World, camera: PinholeCamera, pose: np.ndarray) -> np.ndarray:
        """Return exact depth (H, W) float32 [m]; see `DepthCamera`."""
        return cast_rays(world, camera, pose, SEEN)[0]


def cast_rays(
    world: World, camera: PinholeCamera, pose: np.ndarray, groups: Tuple[int, ...]
) -> Tuple[np.ndarray, np.ndarray]:
    """Return depth (H, W) float32 [m] and which geom is seen (H, W) int32, -1 for none, of some groups of geoms."""
    rows, columns = np.indices((camera.height_px, camera.width_px)).reshape(2, -1)
    x, y = (columns - camera.cx) / camera.fx, (rows - camera.cy) / camera.fy
    # An optical z of 1 makes the ray's parameter the depth.
    rays = np.column_stack([x, y, np.ones_like(x)]) @ pose[:3, :3].T
    seen = np.array([group in groups for group in range(mujoco.mjNGROUP)], np.uint8)
    found_m, geom, eye_m = np.zeros(len(rays)), np.zeros(len(rays), np.int32), np.array(pose[:3, 3])
    mujoco.mj_multiRay(world.model, world.data, eye_m, rays.ravel(), seen, 1, -1, geom, found_m, None, len(rays), FAR_M)
    nothing = (geom < 0) | (found_m > FAR_M)
    depth_m = np.where(nothing, FAR_M, found_m).astype(np.float32)
    shape = (camera.height_px, camera.width_px)
    return depth_m.reshape(shape), np.where(nothing, -1, geom).reshape(shape)


def _best_camera() -> DepthCamera:
    """Return OpenGL, and rays where there is none.

    One core without a graphics card, 640 x 480, a new world's first picture (and each further one): a thing on a
    table 20 ms (3 ms) by OpenGL, 40 ms by rays; twenty in a heap 50 ms (10 ms) against 400 ms.
    """
    try:
        return GlCamera()
    except PspGraspError:
        return RayCamera("rays (there is no OpenGL)")


CAMERAS: Dict[str, Callable[[], DepthCamera]] = {"auto": _best_camera, "gl": GlCamera, "rays": RayCamera}


def choose_camera(name: str) -> DepthCamera:
    """Return a depth camera.

    Args:
        name: "gl", "rays", or "auto": OpenGL where it is there, else rays; the camera's name says which it became.

    Raises:
        ConfigError: No such camera.
        PspGraspError: "gl" was asked for and there is no OpenGL.
    """
    if name not in CAMERAS:
        raise ConfigError(unknown_name("camera", name, CAMERAS))
    return CAMERAS[name]()


def faults_of(level: str, seed: int) -> Faults:
    """Return the faults of one picture, drawn by a seed.

    Args:
        level: A name in NOISE.
        seed: At least 0.

    Raises:
        ConfigError: No such level.
    """
    if level not in NOISE:
        raise ConfigError(unknown_name("level of noise", level, NOISE))
    return random_faults([np.random.default_rng(seed)], NOISE[level])


@torch.no_grad()
def measured(depth_m: np.ndarray, camera: PinholeCamera, faults: Faults, seed: int) -> DepthFrame:
    """Return what a sensor makes of exact depth.

    Args:
        depth_m: (H, W) [m], exact; it is not changed.
        camera: That sees it.
        faults: Of one picture, see `faults_of`.
        seed: Of the noise.
    """
    height, width = depth_m.shape
    side = max(height, width)
    # The sensor's model knows squares. Repeated below and to the right, the picture keeps its principal point, and what
    # is seen at its borders goes on behind them.
    square_m = np.pad(depth_m, ((0, side - height), (0, side - width)), mode="edge").astype(np.float32)
    cameras = Cameras(*(torch.tensor([value]) for value in (camera.focal_px, camera.cx, camera.cy)))
    noisy_m = measure(torch.from_numpy(square_m)[None], cameras, faults, [seed], SensorConfig().far_m)
    return DepthFrame(noisy_m[0, :height, :width].numpy(), camera)
