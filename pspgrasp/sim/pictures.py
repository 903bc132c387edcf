"""Pictures for people: a world in colour, the gripper included, and a grasp on the depth that it was found in."""

from __future__ import annotations

from typing import Callable, Dict, Protocol, Sequence, Tuple

import cv2
import mujoco
import numpy as np

from pspgrasp.camera import PinholeCamera
from pspgrasp.data.sheet import Tile, levelled
from pspgrasp.depth import DepthFrame
from pspgrasp.errors import ConfigError, PspGraspError, unknown_name
from pspgrasp.grasp import Grasp, ImageGrasp
from pspgrasp.overlay import JAW_M, colour_depth
from pspgrasp.rectangle import GraspRectangle
from pspgrasp.sim.camera import cast_rays
from pspgrasp.sim.gl import FAR_M, GlRenderer, Quality
from pspgrasp.sim.looks import HAND_GROUP, LAMP_M, SEEN
from pspgrasp.sim.world import World

Colour = Tuple[int, int, int]

#: Of pictures that show what happens, from the side.
SIDE_CAMERA = PinholeCamera(720, 540, fx=860.0, fy=860.0, cx=359.5, cy=269.5)
ALL_GROUPS = (*SEEN, HAND_GROUP)
BACKGROUND_BGR = (226, 224, 222)
AMBIENT, SHADOW = 0.55, 0.62  # of a surface's brightness: with its back to the lamp, and in the shadow
ENLARGED = 2  # of a depth picture, so that thin lines show
GRASP_BGR: Colour = (60, 60, 255)
OUTLINE_BGR: Colour = (255, 255, 255)
JPEG_QUALITY = 85


def side_view_pose(middle_m: Sequence[float] = (0.0, 0.0, 0.08), distance_m: float = 0.9) -> np.ndarray:
    """Return the pose (4, 4), optical frame in the world's frame, of a camera that looks at a place (3,) from aside.

    The world's z is up in its picture.
    """
    forward = np.array([-0.35, 0.75, -0.6])
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3] = np.column_stack([right, np.cross(forward, right), forward, middle_m - distance_m * forward])
    return pose


class Painter(Protocol):
    """The contract of whatever draws a world for people."""

    @property
    def name(self) -> str:
        """Say which, for reports."""

    def picture(self, world: World, camera: PinholeCamera, pose: np.ndarray) -> np.ndarray:
        """Return a world as it is now (H, W, 3) uint8 BGR, the gripper included.

        Args:
            world: With things, walls and gripper.
            camera: Any pinhole.
            pose: (4, 4), optical frame in the world's frame.
        """


class GlPainter:
    """Draws by OpenGL, with shadows and smooth edges."""

    name = "gl"

    def __init__(self) -> None:
        """Open a context of its own, for this process and thread.

        Raises:
            PspGraspError: There is no OpenGL.
        """
        self._renderer = GlRenderer(Quality(shadow_px=2048, samples=4))

    def picture(self, world: World, camera: PinholeCamera, pose: np.ndarray) -> np.ndarray:
        """Return a picture (H, W, 3) uint8 BGR; see `Painter`."""
        return self._renderer.colours(world, camera, pose, ALL_GROUPS)


class RayPainter:
    """Draws by rays, from the camera and from the lamp, where there is no OpenGL."""

    name = "rays"

    def picture(self, world: World, camera: PinholeCamera, pose: np.ndarray) -> np.ndarray:
        """Return a picture (H, W, 3) uint8 BGR; see `Painter`."""
        depth_m, geom = cast_rays(world, camera, pose, ALL_GROUPS)
        seen_m = _points_m(depth_m, camera, pose)
        bright = _brightness(seen_m) * np.where(_is_lit(world, seen_m), 1.0, SHADOW)
        colours_bgr = 255 * world.model.geom_rgba[geom][..., 2::-1] * bright[..., None]
        colours_bgr[geom < 0] = BACKGROUND_BGR
        return np.clip(colours_bgr, 0, 255).astype(np.uint8)


def _points_m(depth_m: np.ndarray, camera: PinholeCamera, pose: np.ndarray) -> np.ndarray:
    """Return what each pixel sees, in the world's frame (H, W, 3) [m]."""
    v, u = np.indices(depth_m.shape)
    rays = np.stack([(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, np.ones_like(depth_m)], axis=2)
    return (rays * depth_m[..., None]) @ pose[:3, :3].T + pose[:3, 3]


def _brightness(seen_m: np.ndarray) -> np.ndarray:
    """Return the light (H, W) that surfaces (H, W, 3) get by how they are turned to the lamp."""
    normals = np.cross(np.gradient(seen_m, axis=1), np.gradient(seen_m, axis=0))
    to_lamp = LAMP_M - seen_m
    along = (normals * to_lamp).sum(axis=2)
    lengths = np.linalg.norm(normals, axis=2) * np.linalg.norm(to_lamp, axis=2)
    return AMBIENT + (1 - AMBIENT) * np.abs(along) / np.maximum(lengths, 1e-12)


def _is_lit(world: World, seen_m: np.ndarray) -> np.ndarray:
    """Return whether the lamp sees places (H, W, 3) of the world's frame: (H, W) bool."""
    rays = (seen_m - LAMP_M).reshape(-1, 3)
    reached, geom = np.zeros(len(rays)), np.zeros(len(rays), np.int32)
    mujoco.mj_multiRay(
        world.model, world.data, np.array(LAMP_M), rays.ravel(), None, 1, -1, geom, reached, None, len(rays), FAR_M
    )
    # The ray's parameter is 1 at the place itself.
    return ((geom < 0) | (reached > 0.995)).reshape(seen_m.shape[:2])


def _best_painter() -> Painter:
    try:
        return GlPainter()
    except PspGraspError:
        return RayPainter()


PAINTERS: Dict[str, Callable[[], Painter]] = {"auto": _best_painter, "gl": GlPainter, "rays": RayPainter}


def choose_painter(name: str) -> Painter:
    """Return what draws pictures; the names are those of `camera.choose_camera`.

    Raises:
        ConfigError: No such name.
        PspGraspError: "gl" was asked for and there is no OpenGL.
    """
    if name not in PAINTERS:
        raise ConfigError(unknown_name("camera", name, PAINTERS))
    return PAINTERS[name]()


def grasp_picture(frame: DepthFrame, grasp: Grasp, window_px: int = 300, colour: Colour = GRASP_BGR) -> np.ndarray:
    """Return the middle of a depth image in colours with a grasp on it, (2 S, 2 S, 3) uint8 BGR.

    Args:
        frame: What the camera measured.
        grasp: In its optical frame. What lies outside of the window is not drawn.
        window_px: Side of the window [px]; at most the image's shorter one counts.
        colour: Of the grasp, BGR.
    """
    side = min(window_px, *frame.depth_m.shape)
    top, left = ((size - side) // 2 for size in frame.depth_m.shape)
    level_m = levelled(frame.depth_m[top : top + side, left : left + side])
    coloured = colour_depth(level_m, level_m)
    picture = cv2.resize(coloured, None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_CUBIC)
    tile = Tile(picture, left, top, ENLARGED, "")
    corners_px = _rectangle(grasp, frame.camera).corners()
    for drawn, thickness in ((OUTLINE_BGR, 5), (colour, 2)):  # depth has every colour, so the line has a rim
        tile.draw(corners_px, drawn, thickness)
    return tile.picture


def _rectangle(grasp: Grasp, camera: PinholeCamera) -> GraspRectangle:
    u, v = camera.project(grasp.position_m)
    depth_m = float(grasp.position_m[2])
    width_px = grasp.width_m / camera.length_m(1.0, grasp.angle_rad, depth_m)
    seen = ImageGrasp(u, v, grasp.angle_rad, width_px, grasp.quality)
    return GraspRectangle.of_grasp(seen, JAW_M * camera.focal_px / depth_m)


def beside(pictures: Sequence[np.ndarray], height_px: int = 360) -> np.ndarray:
    """Return pictures (H, W, 3) side by side, scaled to one height."""
    scaled = [
        cv2.resize(one, (round(one.shape[1] * height_px / one.shape[0]), height_px), interpolation=cv2.INTER_AREA)
        for one in pictures
    ]
    return np.hstack(scaled)


def jpeg(picture: np.ndarray) -> bytes:
    """Return a picture (H, W, 3) uint8 BGR as the bytes of a JPEG file."""
    return bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1])
