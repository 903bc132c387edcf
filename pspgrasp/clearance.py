"""What is in a hand's way: fingers and palm that come down along the approach, and what was measured there.

A place of the hand is free if nothing that was measured stands between it and where it comes from. Pixels become points
in the hand's frame, whatever the camera's tilt, and those inside are counted; nothing is drawn into a grid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Optional, Tuple

import numpy as np

from pspgrasp.camera import PinholeCamera
from pspgrasp.config import setting
from pspgrasp.depth import NEAREST_M, DepthFrame
from pspgrasp.errors import ConfigError, unknown_name
from pspgrasp.grasp import Grasp
from pspgrasp.gripper import HandConfig, HandPose, fingertips_m, hand_pose
from pspgrasp.table_plane import TablePlane

SWEEP_M = 0.15  # of the way down, over the fingertips: where attempts begin
FINGERS_GRID_M, PALM_GRID_M = 0.001, 0.002  # between points that are looked at; pixels may be farther apart
TIP_PLACES = (3, 5)  # of a fingertip that are looked at, along and across the closing direction
APPROACHES = ("camera", "table")


@dataclass(frozen=True)
class ClearanceConfig:
    """Which ways down are refused. What is measured is not exact, and what is touched lightly gives way."""

    approach: str = setting("camera", "how the gripper comes: along the camera's axis, or along the table's normal")
    fingers: bool = setting(True, "refuse grasps whose fingers would come down on something")
    palm: bool = setting(True, "refuse grasps whose palm would meet what is higher than the fingers are long")
    margin_m: float = setting(0.001, "room that fingers and palm need at their sides [m]", 0.0, 0.1)
    noise_m: float = setting(0.004, "what is higher than the fingertips by no more than this is noise [m]", 0.0, 0.1)
    specks: int = setting(10, "as many points, 1 mm apart (under the palm 2 mm), are noise, too", 0, 10000)
    most_unseen: float = setting(
        1.0,
        "share of the fingertips' place that may be hidden or not measured; holes beside things are usual",
        0.0,
        1.0,
    )

    def __post_init__(self) -> None:
        if self.approach not in APPROACHES:
            raise ConfigError(unknown_name("approach", self.approach, APPROACHES))


@dataclass(frozen=True)
class WayDown:
    """How a hand comes to the grasps of one image.

    Attributes:
        hand: Its sizes, and how deep it goes.
        config: From where it comes, and what is refused.
        table: On which things stand; None where it isn't known.
        below_m: How far below the table fingertips may reach [m].
        range_m: Nearest and farthest depth [m] that counts as measured.
    """

    hand: HandConfig
    config: ClearanceConfig
    table: Optional[TablePlane] = None
    below_m: float = 0.0
    range_m: Tuple[float, float] = (0.0, math.inf)

    def taken(self, grasp: Grasp) -> Optional[Grasp]:
        """Return the grasp as this hand comes to it, None where the approach needs a table that isn't known."""
        if self.config.approach == "camera":
            return grasp
        return None if self.table is None else grasp.towards(-self.table.normal)

    def end(self, grasp: Grasp) -> HandPose:
        """Return where the hand closes; without a table nothing tells what is flat, and it goes in as far as it may."""
        height_m = np.inf if self.table is None else self.table.height_m(grasp.position_m)
        return hand_pose(grasp, float(self.hand.insertion_at(np.asarray(height_m))))

    def in_table(self, pose: HandPose, opening_m: float) -> bool:
        """Tell whether fingertips would reach below the table."""
        if self.table is None:
            return False
        return bool(self.table.height_m(fingertips_m(pose, opening_m, self.hand)).min() < -self.below_m)


#: Nothing is refused.
ANY_WAY = WayDown(HandConfig(), ClearanceConfig(fingers=False, palm=False))


def fingers_meet(frame: DepthFrame, pose: HandPose, opening_m: float, way: WayDown) -> int:
    """Return how many measured points are in the way of the fingers.

    Args:
        frame: The depth image.
        pose: Where the hand closes, in the optical frame.
        opening_m: With which it comes down.
        way: Its sizes, margin and noise.
    """
    hand, config = way.hand, way.config
    inner_m, outer_m = opening_m / 2 - config.margin_m, opening_m / 2 + hand.finger_m + config.margin_m
    half_m = hand.jaw_m / 2 + config.margin_m
    x_m, y_m = _higher(frame, pose, -config.noise_m, (outer_m, half_m), FINGERS_GRID_M, way.range_m)
    return int(np.count_nonzero((np.abs(x_m) > inner_m) & (np.abs(x_m) < outer_m) & (np.abs(y_m) < half_m)))


def palm_meets(frame: DepthFrame, pose: HandPose, way: WayDown) -> int:
    """Return how many measured points are in the way of the palm; see `fingers_meet`."""
    hand, margin_m = way.hand, way.config.margin_m
    along_m, across_m = hand.palm_along_m / 2 + margin_m, hand.palm_across_m / 2 + margin_m
    x_m, y_m = _higher(frame, pose, margin_m - hand.finger_length_m, (along_m, across_m), PALM_GRID_M, way.range_m)
    return int(np.count_nonzero((np.abs(x_m) < along_m) & (np.abs(y_m) < across_m)))


def unseen_share(frame: DepthFrame, pose: HandPose, opening_m: float, way: WayDown) -> float:
    """Return the share of the fingertips' place that isn't seen to be free: hidden, not measured, outside the image.

    See `fingers_meet`.
    """
    camera, points_m = frame.camera, _tip_places_m(pose, opening_m, way.hand, way.config.noise_m)
    u, v = (np.rint(places).astype(int) for places in _pixels(points_m, camera))
    inside = (u >= 0) & (u < camera.width_px) & (v >= 0) & (v < camera.height_px)
    depth_m = frame.depth_m[v[inside], u[inside]]
    seen = (depth_m >= np.maximum(points_m[inside, 2], way.range_m[0])) & (depth_m <= way.range_m[1])
    return 1.0 - np.count_nonzero(seen) / len(points_m)


def _tip_places_m(pose: HandPose, opening_m: float, hand: HandConfig, noise_m: float) -> np.ndarray:
    """Return a grid of places (N, 3) [m] over both fingertips, above them by the noise."""
    along, across = ((np.arange(count) + 0.5) / count for count in TIP_PLACES)
    x_m = opening_m / 2 + along * hand.finger_m
    x_m, y_m = np.meshgrid(np.concatenate([-x_m, x_m]), (across - 0.5) * hand.jaw_m)
    return pose.tip_m + np.stack([x_m, y_m, np.full_like(x_m, -noise_m)], axis=-1).reshape(-1, 3) @ pose.rotation.T


def _higher(
    frame: DepthFrame,
    pose: HandPose,
    level_m: float,
    half_m: Tuple[float, float],
    grid_m: float,
    range_m: Tuple[float, float],
) -> Tuple[np.ndarray, np.ndarray]:
    """Return x (N,) and y (N,) [m] in the hand's frame of points that were measured about a hand, above a level.

    Args:
        frame: The depth image.
        pose: Of the hand.
        level_m: Along the approach, from the fingertips on [m].
        half_m: Half sides of the rectangle in which all are wanted; there may be others.
        grid_m: Between them, if pixels are as near.
        range_m: Nearest and farthest depth that counts [m].
    """
    camera, depth_m = frame.camera, frame.depth_m
    step = max(1, int(grid_m * camera.focal_px / max(pose.tip_m[2], NEAREST_M)))
    rows, columns = _window(camera, pose, level_m, half_m, step)
    ray_x = ((np.arange(columns.start, columns.stop, step) - camera.cx) / camera.fx).astype(np.float32)
    ray_y = ((np.arange(rows.start, rows.stop, step) - camera.cy) / camera.fy).astype(np.float32)
    z_m, turn = depth_m[rows, columns], pose.rotation.astype(np.float32)
    # Along the approach, from the eye; NaN is never less.
    way_m = z_m * (ray_x * turn[0, 2] + (ray_y * turn[1, 2] + turn[2, 2])[:, None])
    off_m = pose.tip_m @ pose.rotation
    found = np.flatnonzero(way_m < np.float32(off_m[2] + level_m))
    z_m = z_m.ravel()[found]
    counts = (z_m >= range_m[0]) & (z_m <= range_m[1])
    found, z_m = found[counts], z_m[counts]
    row, column = np.divmod(found, max(1, len(ray_x)))
    x_m, y_m = ray_x[column] * z_m, ray_y[row] * z_m
    first, second = (
        x_m * turn[0, axis] + y_m * turn[1, axis] + z_m * turn[2, axis] - np.float32(off_m[axis]) for axis in (0, 1)
    )
    return first, second


def _window(
    camera: PinholeCamera, pose: HandPose, level_m: float, half_m: Tuple[float, float], step: int
) -> Tuple[slice, slice]:
    """Return rows and columns of the image that may see a column above a level, up to where a hand comes from."""
    x, y = half_m
    corners_m = [[i * x, j * y, z] for i in (-1, 1) for j in (-1, 1) for z in (level_m, level_m - SWEEP_M)]
    u, v = _pixels(pose.tip_m + np.array(corners_m) @ pose.rotation.T, camera)
    return _span(v, camera.height_px, step), _span(u, camera.width_px, step)


def _pixels(points_m: np.ndarray, camera: PinholeCamera) -> Tuple[np.ndarray, np.ndarray]:
    """Return columns and rows (N,) [px] of points (N, 3) [m], as if none were nearer than `NEAREST_M`."""
    z_m = np.maximum(points_m[:, 2], NEAREST_M)
    return points_m[:, 0] / z_m * camera.fx + camera.cx, points_m[:, 1] / z_m * camera.fy + camera.cy


def _span(places_px: np.ndarray, size_px: int, step: int) -> slice:
    first, last = max(0, math.ceil(places_px.min())), min(size_px - 1, math.floor(places_px.max()))
    return slice(min(first, size_px), max(last + 1, 0), step)
