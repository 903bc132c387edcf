"""From maps to grasps in metres: peaks, depth, limits, non-maximum suppression."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Iterator, List, Optional, Tuple

import cv2
import numpy as np

from pspgrasp.clearance import ANY_WAY, WayDown, fingers_meet, palm_meets, unseen_share
from pspgrasp.config import DetectionConfig, LimitsConfig
from pspgrasp.crop import SquareCrop
from pspgrasp.depth import DepthFrame
from pspgrasp.grasp import Grasp, ImageGrasp, wrap_half_turn
from pspgrasp.maps import ReadableMaps


class Reason(Enum):
    """Why a peak is no grasp, in words."""

    NO_DEPTH = "no depth is measured around it"
    OPENS_TOO_LITTLE = "the opening is below the gripper's smallest"
    OPENS_TOO_FAR = "the opening is above the gripper's largest"
    TOO_NEAR = "it is nearer than the depth range allows"
    TOO_FAR = "it is farther than the depth range allows"
    OUTSIDE_WORKSPACE = "it lies outside the workspace"
    NO_TABLE = "no table is known along whose normal the gripper could come"
    IN_TABLE = "its fingertips would reach below the table"
    FINGERS_BLOCKED = "something is in the way of its fingers"
    PALM_BLOCKED = "something is in the way of its palm"
    UNSEEN = "where its fingertips would go is hidden or not measured"


@dataclass(frozen=True)
class Rejection:
    """A peak that was refused, in pixels of the full image, and why."""

    image_grasp: ImageGrasp
    reason: Reason


def peaks(maps: ReadableMaps, min_quality: float) -> Iterator[ImageGrasp]:
    """Yield the local maxima of quality as grasps in map pixels, best first; one for each plateau."""
    for row, column in maps.summits(min_quality):
        yield grasp_at(maps, row, column)


def grasp_at(maps: ReadableMaps, row: int, column: int) -> ImageGrasp:
    """Return the grasp of one pixel of the maps, in map pixels."""
    quality, cos_2phi, sin_2phi, width_px = maps.at(row, column)
    angle_rad = wrap_half_turn(math.atan2(sin_2phi, cos_2phi) / 2)
    return ImageGrasp(float(column), float(row), angle_rad, max(0.0, width_px), min(1.0, max(0.0, quality)))


def depth_around(
    depth_m: np.ndarray, u: float, v: float, radius_px: int, range_m: Tuple[float, float] = (0.0, math.inf)
) -> Optional[float]:
    """Return the median depth [m] in the square about (u, v), None where nothing is measured within `range_m`."""
    row, column = round(v), round(u)
    around = depth_m[max(0, row - radius_px) : row + radius_px + 1, max(0, column - radius_px) : column + radius_px + 1]
    measured_m = np.sort(around[(around >= range_m[0]) & (around <= range_m[1])])  # NaN is neither
    count = measured_m.size
    # As np.median, in a quarter of its time.
    return float((measured_m[(count - 1) // 2] + measured_m[count // 2]) / 2) if count else None


def lift(image_grasp: ImageGrasp, frame: DepthFrame, depth_m: float) -> Grasp:
    """Return the grasp in the camera frame, at `depth_m`, of a grasp in the full image."""
    position_m = frame.camera.deproject(image_grasp.u, image_grasp.v, depth_m)
    width_m = frame.camera.length_m(image_grasp.width_px, image_grasp.angle_rad, depth_m)
    return Grasp(position_m, image_grasp.angle_rad, width_m, image_grasp.quality)


def objection(image_grasp: ImageGrasp, grasp: Grasp, limits: LimitsConfig) -> Optional[Reason]:
    """Return why the limits forbid a grasp, None where they allow it."""
    if len(limits.workspace_px) and not _inside(limits.workspace_px, image_grasp):
        return Reason.OUTSIDE_WORKSPACE
    if grasp.position_m[2] < limits.min_depth_m:
        return Reason.TOO_NEAR
    if grasp.position_m[2] > limits.max_depth_m:
        return Reason.TOO_FAR
    if grasp.width_m < limits.min_width_m:
        return Reason.OPENS_TOO_LITTLE
    return Reason.OPENS_TOO_FAR if grasp.width_m > limits.max_width_m else None


def hindrance(grasp: Grasp, frame: DepthFrame, way: WayDown) -> Optional[Reason]:
    """Return what keeps a hand from a grasp, None where its way is free; the cheapest look comes first.

    Args:
        grasp: As the hand comes to it.
        frame: What was measured there.
        way: How the hand comes.
    """
    config, opening_m, end = way.config, grasp.width_m, way.end(grasp)
    if way.in_table(end, opening_m):
        return Reason.IN_TABLE
    if config.fingers and fingers_meet(frame, end, opening_m, way) > config.specks:
        return Reason.FINGERS_BLOCKED
    if config.palm and palm_meets(frame, end, way) > config.specks:
        return Reason.PALM_BLOCKED
    unseen = config.most_unseen < 1 and unseen_share(frame, end, opening_m, way) > config.most_unseen
    return Reason.UNSEEN if unseen else None


def _inside(polygon_px: Tuple[Tuple[float, float], ...], grasp: ImageGrasp) -> bool:
    return cv2.pointPolygonTest(np.array(polygon_px, np.float32), (grasp.u, grasp.v), False) >= 0


def detect(
    maps: ReadableMaps,
    crop: SquareCrop,
    frame: DepthFrame,
    detection: DetectionConfig,
    limits: LimitsConfig,
    allowed: Optional[np.ndarray] = None,
    range_m: Tuple[float, float] = (0.0, math.inf),
    way: WayDown = ANY_WAY,
) -> Tuple[Tuple[ImageGrasp, ...], Tuple[Grasp, ...], Tuple[Rejection, ...]]:
    """Return the grasps of the maps in the full image and in the camera frame, best first, and the refused ones.

    Greedy non-maximum suppression: a peak counts if no better ACCEPTED grasp is within `min_distance_px`, so a
    peak outside the workspace doesn't hide its neighbour inside.

    Args:
        maps: Of the crop, smoothed.
        crop: Where they lie in the image.
        frame: The depth image in which positions are looked up.
        detection: Thresholds and distances.
        limits: What the gripper and the cell allow.
        allowed: (H, W) bool mask of the image where grasps may lie; None is everywhere.
        range_m: Nearest and farthest depth [m] that counts as measured.
        way: How the gripper comes, and what it must be clear of.
    """
    accepted: List[ImageGrasp] = []
    grasps: List[Grasp] = []
    rejected: List[Rejection] = []
    apart_px = detection.min_distance_px * crop.scale
    for peak in peaks(maps, detection.min_quality):
        if len(accepted) == detection.max_grasps:
            break
        image_grasp = crop.to_image(peak)
        if _near(image_grasp, accepted, apart_px):
            continue
        grasp, reason = _judged(image_grasp, frame, detection, limits, allowed, range_m, way)
        if grasp is not None and reason is None:
            accepted.append(image_grasp)
            grasps.append(grasp)
        elif reason is not None and not _near(image_grasp, [r.image_grasp for r in rejected], apart_px):
            rejected.append(Rejection(image_grasp, reason))
    return tuple(accepted), tuple(grasps), tuple(rejected)


def _judged(
    image_grasp: ImageGrasp,
    frame: DepthFrame,
    detection: DetectionConfig,
    limits: LimitsConfig,
    allowed: Optional[np.ndarray],
    range_m: Tuple[float, float],
    way: WayDown,
) -> Tuple[Optional[Grasp], Optional[Reason]]:
    if allowed is not None and not allowed[round(image_grasp.v), round(image_grasp.u)]:
        return None, Reason.OUTSIDE_WORKSPACE
    depth_m = depth_around(frame.depth_m, image_grasp.u, image_grasp.v, detection.depth_radius_px, range_m)
    if depth_m is None:
        return None, Reason.NO_DEPTH
    grasp = way.taken(lift(image_grasp, frame, depth_m))
    if grasp is None:
        return None, Reason.NO_TABLE
    return grasp, objection(image_grasp, grasp, limits) or hindrance(grasp, frame, way)


def _near(grasp: ImageGrasp, others: List[ImageGrasp], apart_px: float) -> bool:
    return any(math.hypot(grasp.u - o.u, grasp.v - o.v) < apart_px for o in others)
