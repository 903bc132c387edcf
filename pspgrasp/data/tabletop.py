"""A table with a few solids, rendered exactly by casting one ray a pixel; everything follows from a seed.

World frame: z up, the table's top is z = 0 [m]. Rays have an optical z of 1, so that the ray parameter of a
hit IS its depth. Each solid is met in its own coordinates, where `half_m` (3,) are its half extents [m].
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Iterator, List, Tuple, Union

import numpy as np

from pspgrasp.camera import PinholeCamera
from pspgrasp.data.stereo_noise import StereoNoise
from pspgrasp.depth import DepthFrame

TABLETOP_CAMERA = PinholeCamera(640, 480, 615.0, 615.0, 319.5, 239.5)
FRAME_PERIOD_NS = 100_000_000
Triple = Tuple[float, float, float]
Span = Tuple[np.ndarray, np.ndarray]
Window = Tuple[slice, slice]


@dataclass(frozen=True)
class Box:
    """A box; `half_m` are half its sides."""

    half_m: Triple

    def span(self, origin_m: np.ndarray, rays: np.ndarray) -> Span:
        """Return where rays (3, N) from `origin_m` (3,) enter and leave [m]; in a miss not enter < leave."""
        half_m, origin_m = _float32(self.half_m)[:, None], _float32(origin_m)[:, None]
        one, other = (-half_m - origin_m) / rays, (half_m - origin_m) / rays
        return np.minimum(one, other).max(axis=0), np.maximum(one, other).min(axis=0)


@dataclass(frozen=True)
class Ellipsoid:
    """An ellipsoid or a ball; `half_m` are its semi-axes."""

    half_m: Triple

    def span(self, origin_m: np.ndarray, rays: np.ndarray) -> Span:
        """As in `Box`: measured in its semi-axes, it is the unit ball."""
        half_m = _float32(self.half_m)
        return _unit_ball_span(_float32(origin_m) / half_m, rays / half_m[:, None])


@dataclass(frozen=True)
class Cylinder:
    """A cylinder along its z axis; `half_m` are its radius twice and half its height."""

    half_m: Triple

    def span(self, origin_m: np.ndarray, rays: np.ndarray) -> Span:
        """As in `Box`: within the round wall and between the two lids at once."""
        half_m = _float32(self.half_m)[:2]
        wall = _unit_ball_span(_float32(origin_m[:2]) / half_m, rays[:2] / half_m[:, None])
        lids = Box((math.inf, math.inf, self.half_m[2])).span(origin_m, rays)
        return np.maximum(wall[0], lids[0]), np.minimum(wall[1], lids[1])


Solid = Union[Box, Ellipsoid, Cylinder]


@dataclass(frozen=True)
class Body:
    """A solid in its place: rotation (3, 3) and position (3,) [m] take its own coordinates to the world's."""

    solid: Solid
    rotation: np.ndarray
    position_m: np.ndarray


def tabletop_frames(
    seed: int, frames: int, walled: bool = False, camera: PinholeCamera = TABLETOP_CAMERA
) -> Iterator[Tuple[DepthFrame, np.ndarray]]:
    """Yield noisy depth frames at 10 Hz of one table, each with the pose (4, 4), optical frame in world."""
    bodies, noise = random_table(seed, walled=walled), StereoNoise()
    for index, pose in enumerate(camera_arc(frames)):
        depth_m = noise.measure(exact_depth(bodies, camera, pose), camera, seed, index)
        yield DepthFrame(depth_m, camera, stamp_ns=index * FRAME_PERIOD_NS), pose


def exact_depth(bodies: Tuple[Body, ...], camera: PinholeCamera, camera_in_world: np.ndarray) -> np.ndarray:
    """Return the depth (H, W) float32 [m] along the optical axis; inf where a ray meets nothing."""
    depth_m = np.full((camera.height_px, camera.width_px), np.inf, np.float32)
    for body in bodies:
        rotation = body.rotation.T @ camera_in_world[:3, :3]
        origin_m = body.rotation.T @ (camera_in_world[:3, 3] - body.position_m)
        window = _window(body.solid.half_m, rotation, origin_m, camera)
        seen = depth_m[window]
        with np.errstate(divide="ignore", invalid="ignore"):
            near_m, far_m = body.solid.span(origin_m, _float32(rotation) @ _rays(window, camera))
            hit = (near_m < far_m) & (near_m > 0)
        np.minimum(seen, near_m.reshape(seen.shape), out=seen, where=hit.reshape(seen.shape))
    return depth_m


def camera_arc(frames: int, distance_m: float = 0.6) -> Iterator[np.ndarray]:
    """Yield poses (4, 4), optical frame in world, along a short arc that looks at the middle of the table."""
    for share in np.linspace(-1.0, 1.0, frames):
        tilt, azimuth = 0.25 + 0.1 * share, 0.4 * share
        away = (math.sin(tilt) * math.sin(azimuth), -math.sin(tilt) * math.cos(azimuth), math.cos(tilt))
        yield looking_at(distance_m * np.array(away), np.zeros(3))


def looking_at(eye_m: np.ndarray, target_m: np.ndarray) -> np.ndarray:
    """Return the pose (4, 4), optical frame in world, of a camera in whose picture the world's +y is up."""
    forward = (target_m - eye_m) / np.linalg.norm(target_m - eye_m)
    right = np.cross(forward, (0.0, 1.0, 0.0)) / np.linalg.norm(np.cross(forward, (0.0, 1.0, 0.0)))
    pose = np.eye(4)
    pose[:3] = np.column_stack([right, np.cross(forward, right), forward, eye_m])
    return pose


def random_table(seed: int, things: int = 8, walled: bool = False) -> Tuple[Body, ...]:
    """Return the table and up to `things` bodies that stand clear of each other; `walled` adds a bin."""
    rng = np.random.default_rng(seed)
    placed: List[Tuple[Body, float]] = []
    for _ in range(50 * things):
        body, reach_m = _random_thing(rng)
        if len(placed) < things and all(_gap_m(body, other) > reach_m + reach for other, reach in placed):
            placed.append((body, reach_m))
    table = _on_table(Box((0.6, 0.45, 0.01)), 0.0, 0.0, -0.01)
    return (table, *(_bin_walls(0.21, 0.15, 0.06) if walled else ()), *(body for body, _ in placed))


def _random_thing(rng: np.random.Generator) -> Tuple[Body, float]:
    """Return a body that rests on the table and the radius [m] of the disc on which it needs room."""
    x, y, turn_rad = rng.uniform(-0.16, 0.16), rng.uniform(-0.11, 0.11), rng.uniform(0.0, math.pi)
    radius_m, length_m = rng.uniform(0.012, 0.03), rng.uniform(0.03, 0.07)
    kind = rng.integers(4)
    if kind == 0:
        sides = (length_m, rng.uniform(0.01, 0.03), rng.uniform(0.008, 0.03))
        return _on_table(Box(sides), x, y, sides[2], turn_rad), math.hypot(length_m, sides[1])
    if kind == 1:
        can = Cylinder((radius_m, radius_m, length_m / 2))
        return _on_table(can, x, y, length_m / 2), radius_m
    if kind == 2:
        roll = Cylinder((radius_m, radius_m, length_m))
        return _on_table(roll, x, y, radius_m, turn_rad, lying=True), math.hypot(length_m, radius_m)
    stretched = (radius_m * rng.uniform(1.0, 1.8), radius_m, radius_m)
    return _on_table(Ellipsoid(stretched), x, y, radius_m, turn_rad), stretched[0]


def _bin_walls(half_x_m: float, half_y_m: float, height_m: float) -> Tuple[Body, ...]:
    side, end = Box((half_x_m, 0.004, height_m / 2)), Box((0.004, half_y_m, height_m / 2))
    sides = (_on_table(side, 0.0, y, height_m / 2) for y in (-half_y_m, half_y_m))
    return (*sides, *(_on_table(end, x, 0.0, height_m / 2) for x in (-half_x_m, half_x_m)))


def _on_table(solid: Solid, x_m: float, y_m: float, z_m: float, turn_rad: float = 0.0, lying: bool = False) -> Body:
    """Return the solid with its middle at (x, y, z), turned about +z; `lying` makes its own z axis level."""
    c, s = math.cos(turn_rad), math.sin(turn_rad)
    turned = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    level = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]) if lying else np.eye(3)
    return Body(solid, turned @ level, np.array([x_m, y_m, z_m]))


def _gap_m(one: Body, other: Body) -> float:
    return float(np.linalg.norm((one.position_m - other.position_m)[:2]))


def _window(half_m: Triple, rotation: np.ndarray, origin_m: np.ndarray, camera: PinholeCamera) -> Window:
    """Return the rows and columns that can see a solid: those of the corners of the box around it."""
    signs = np.stack(np.meshgrid(*[(-1.0, 1.0)] * 3), axis=-1).reshape(8, 3)
    corners_m = (signs * half_m - origin_m) @ rotation
    if corners_m[:, 2].min() < 0.01:
        return slice(0, camera.height_px), slice(0, camera.width_px)
    pixels = np.array([camera.project(corner) for corner in corners_m])
    (u0, v0), (u1, v1) = np.floor(pixels.min(axis=0)).astype(int), np.ceil(pixels.max(axis=0)).astype(int) + 1
    return slice(max(v0, 0), max(v1, 0)), slice(max(u0, 0), max(u1, 0))


def _rays(window: Window, camera: PinholeCamera) -> np.ndarray:
    """Return the rays (3, N) float32 in the optical frame of the window's pixels, row by row."""
    columns, rows = np.arange(camera.width_px)[window[1]], np.arange(camera.height_px)[window[0]]
    rays = np.ones((3, len(rows), len(columns)), np.float32)
    rays[0], rays[1] = (columns - camera.cx) / camera.fx, ((rows - camera.cy) / camera.fy)[:, None]
    return rays.reshape(3, -1)


def _unit_ball_span(origin: np.ndarray, rays: np.ndarray) -> Span:
    """Return the two roots of |origin + t ray| = 1; NaN where there are none."""
    # The tiny addend keeps a ray along a cylinder's axis finite.
    a, b = (rays * rays).sum(axis=0) + np.float32(1e-9), origin @ rays
    root = np.sqrt(b * b - a * (origin @ origin - 1))
    return (-b - root) / a, (-b + root) / a


def _float32(numbers: Union[Triple, np.ndarray]) -> np.ndarray:
    return np.asarray(numbers, np.float32)
