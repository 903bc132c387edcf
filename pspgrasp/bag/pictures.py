"""A frame as a model sees it: grasps on depth, and the quality that they are taken from beside it."""

from __future__ import annotations

from typing import Tuple

import cv2
import numpy as np

from pspgrasp.bag.results.frame import FoundGrasp, FrameResult
from pspgrasp.camera import PinholeCamera
from pspgrasp.crop import SquareCrop
from pspgrasp.depth import DepthFrame
from pspgrasp.errors import DataError
from pspgrasp.grasp import Grasp, ImageGrasp
from pspgrasp.overlay import BEST_BGR, JAW_M, draw_grasps, gripper_lines
from pspgrasp.rectangle import GraspRectangle

JPEG_QUALITY = 82
MARGIN = 0.12  # about a window, as a share of it
MARK_PX = 9  # half of the cross at the best grasp


def image_grasp(found: FoundGrasp) -> ImageGrasp:
    """Return a grasp in the image."""
    return ImageGrasp(found.u, found.v, found.angle_rad, found.width_px, found.quality)


def grasp(found: FoundGrasp) -> Grasp:
    """Return a grasp in the optical frame."""
    return Grasp(np.array(found.position_m), found.angle_rad, found.width_m, found.quality)


def gripper_in_camera(found: FoundGrasp) -> np.ndarray:
    """Return a gripper of lines in the optical frame, (4, 2, 3) [m]."""
    one = grasp(found)
    return (gripper_lines(one.width_m) @ one.rotation().T + one.position_m).reshape(4, 2, 3)


def outline(found: FoundGrasp, camera: PinholeCamera) -> np.ndarray:
    """Return the closed outline of a grasp in the image, (5, 2) as (u, v) [px]."""
    jaw_px = JAW_M * camera.fx / found.position_m[2]
    corners = GraspRectangle.of_grasp(image_grasp(found), jaw_px).corners()
    return np.vstack([corners, corners[:1]])


def overlay(frame: DepthFrame, result: FrameResult, window: SquareCrop, said: bool = True) -> np.ndarray:
    """Return depth in colours with the window and the grasps of a model, (H, W, 3) uint8 BGR.

    Args:
        frame: The depth image.
        result: What the model made of it.
        window: That was judged.
        said: Whether quality and opening of the best one, or why there is none, are written on it.
    """
    places = [image_grasp(found) for found in result.grasps]
    grasps = [grasp(found) for found in result.grasps]
    return draw_grasps(frame, window, places, grasps, result.nothing if said else "", labelled=said)


def quality_picture(quality: np.ndarray, side_px: int, result: FrameResult, window: SquareCrop) -> np.ndarray:
    """Return a map of quality (S, S) in colours with a cross at the best grasp, (side_px, side_px, 3) uint8 BGR."""
    level = np.rint(255 * np.clip(quality, 0, 1)).astype(np.uint8)
    picture = cv2.resize(cv2.applyColorMap(level, cv2.COLORMAP_INFERNO), (side_px, side_px))
    if result.grasps:
        best = result.grasps[0]
        scale = side_px / window.size_px
        place = (round((best.u - window.left_px) * scale), round((best.v - window.top_px) * scale))
        cv2.drawMarker(picture, place, (255, 255, 255), cv2.MARKER_CROSS, 2 * MARK_PX + 2, 4, cv2.LINE_AA)
        cv2.drawMarker(picture, place, BEST_BGR, cv2.MARKER_CROSS, 2 * MARK_PX, 2, cv2.LINE_AA)
    return picture


def beside(
    frame: DepthFrame, result: FrameResult, quality: Tuple[np.ndarray, SquareCrop], height_px: int, whole: bool = True
) -> np.ndarray:
    """Return a model's overlay, and beside it its quality.

    Args:
        frame: The depth image.
        result: What the model made of it.
        quality: (S, S), and the window that it is of.
        height_px: Of the picture; even.
        whole: Whether the whole image is shown, or what lies about the window.

    Returns:
        (height_px, W, 3) uint8 BGR, W even.
    """
    drawn = overlay(frame, result, quality[1], said=whole)
    drawn = drawn if whole else _about(drawn, quality[1])
    width_px = 2 * round(drawn.shape[1] * height_px / drawn.shape[0] / 2)
    shrinks = height_px < drawn.shape[0]
    drawn = cv2.resize(drawn, (width_px, height_px), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.hstack([drawn, quality_picture(quality[0], height_px, result, quality[1])])


def _about(picture: np.ndarray, window: SquareCrop) -> np.ndarray:
    """Return what lies about a window."""
    around_px = round(MARGIN * window.size_px)
    rows, columns = (
        slice(max(0, first - around_px), first + window.size_px + around_px)
        for first in (window.top_px, window.left_px)
    )
    return picture[rows, columns]


def jpeg(picture: np.ndarray) -> bytes:
    """Return a picture (H, W, 3) uint8 BGR as a JPEG file.

    Raises:
        DataError: It can't be encoded.
    """
    there, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not there:
        raise DataError(f"a picture {picture.shape} can't be encoded as JPEG")
    return bytes(encoded)
