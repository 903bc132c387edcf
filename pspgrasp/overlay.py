"""Draw a prediction on its depth image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Sequence

import cv2
import numpy as np

from pspgrasp.crop import SquareCrop
from pspgrasp.depth import DepthFrame
from pspgrasp.grasp import Grasp, ImageGrasp
from pspgrasp.rectangle import GraspRectangle

if TYPE_CHECKING:
    from pspgrasp.predictor import Prediction

JAW_M, FINGER_M = 0.02, 0.05  # breadth of the drawn jaws, length of fingers in space
MISSING_GREY = 24
SHADE_PX = (41, 41)  # neighbourhood above which heights are shaded
BEST_BGR, OTHER_BGR, FRAME_BGR, TEXT_BGR = (60, 60, 255), (255, 255, 255), (200, 200, 200), (255, 255, 255)


def draw(frame: DepthFrame, prediction: Prediction) -> np.ndarray:
    """Return the depth image in colour with the window and the grasps, (H, W, 3) uint8 BGR.

    The jaws are the thick sides of a rectangle; the best grasp is red. Missing depth is dark.
    """
    nothing = prediction.nothing.value if prediction.nothing else ""
    return draw_grasps(frame, prediction.crop, prediction.image_grasps, prediction.grasps, nothing)


def draw_grasps(
    frame: DepthFrame,
    crop: SquareCrop,
    image_grasps: Sequence[ImageGrasp],
    grasps: Sequence[Grasp],
    nothing: str = "",
    labelled: bool = True,
) -> np.ndarray:
    """Return the same of grasps wherever they come from.

    Args:
        frame: The depth image.
        crop: The window that was judged.
        image_grasps: In the full image, best first.
        grasps: The same in the camera's optical frame.
        nothing: Why there is none; "" leaves it unsaid.
        labelled: Whether quality and opening stand beside the best one.
    """
    picture = colour_depth(crop.cut(frame.depth_m), frame.depth_m)
    _draw_window(picture, crop)
    if nothing and not grasps:
        _write(picture, f"no grasp: {nothing}", (12, 26))
    for rank in reversed(range(len(grasps))):
        corners = _draw_grasp(picture, image_grasps[rank], grasps[rank], frame, rank)
        if labelled and rank == 0:
            label = f"{image_grasps[0].quality:.2f}  {1000 * grasps[0].width_m:.0f} mm"
            _write(picture, label, (int(corners[:, 0].max()) + 6, int(corners[:, 1].min()) + 4))
    return picture


def colour_depth(window_m: np.ndarray, depth_m: np.ndarray) -> np.ndarray:
    """Return depth (H, W) [m] in colours, (H, W, 3) uint8 BGR: near is warm, missing is dark.

    The colours span the window's 1st to 99th percentile, so that an outlier doesn't wash them out.
    """
    measured_m = window_m[~np.isnan(window_m)]
    if not measured_m.size:
        return np.full((*depth_m.shape, 3), MISSING_GREY, np.uint8)
    near_m, far_m = np.percentile(measured_m, (1, 99))
    clipped_m = np.clip(depth_m, near_m, far_m)
    share = np.nan_to_num((clipped_m - near_m) / max(far_m - near_m, 0.01))
    colours = cv2.applyColorMap((255 * (0.9 - 0.8 * share)).astype(np.uint8), cv2.COLORMAP_VIRIDIS)
    shaded = np.clip(colours * _shade(clipped_m)[..., None], 0, 255).astype(np.uint8)
    shaded[np.isnan(depth_m)] = MISSING_GREY
    return shaded


def _shade(depth_m: np.ndarray) -> np.ndarray:
    """Return brightness (H, W): height over the neighbourhood, so that flat things stand out on a tilted table."""
    measured = (~np.isnan(depth_m)).astype(np.float32)
    share = np.maximum(cv2.blur(measured, SHADE_PX), 1e-3)
    around_m = cv2.blur(np.nan_to_num(depth_m), SHADE_PX) / share
    return 0.7 + 0.45 * np.tanh((around_m - np.nan_to_num(depth_m)) / 0.02)


def _draw_window(picture: np.ndarray, crop: SquareCrop) -> None:
    corner = (crop.left_px, crop.top_px)
    cv2.rectangle(picture, corner, (corner[0] + crop.size_px - 1, corner[1] + crop.size_px - 1), FRAME_BGR, 1)


def _draw_grasp(picture: np.ndarray, image_grasp: ImageGrasp, grasp: Grasp, frame: DepthFrame, rank: int) -> np.ndarray:
    """Draw a grasp, and return its corners (4, 2) as (u, v) [px]."""
    jaw_px = JAW_M * frame.camera.fx / grasp.position_m[2]
    corners = np.rint(GraspRectangle.of_grasp(image_grasp, jaw_px).corners()).astype(int)
    a, b, c, d = (tuple(int(n) for n in corner) for corner in corners)
    colour = BEST_BGR if rank == 0 else OTHER_BGR
    for start, stop, thickness in ((a, b, 1), (c, d, 1), (b, c, 3), (d, a, 3)):
        cv2.line(picture, start, stop, colour, thickness, cv2.LINE_AA)
    cv2.circle(picture, (round(image_grasp.u), round(image_grasp.v)), 2, colour, -1, cv2.LINE_AA)
    return corners


def _write(picture: np.ndarray, text: str, place: tuple[int, int], size: float = 0.5) -> None:
    cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, TEXT_BGR, 1, cv2.LINE_AA)


def gripper_lines(width_m: float) -> np.ndarray:
    """Return a gripper of lines in its own frame, as pairs of points (8, 3) [m].

    Two fingers that close along x and end at the grasp, a palm behind them, a wrist.
    """
    half, palm = width_m / 2, -FINGER_M
    ends = (
        *((-half, palm), (-half, 0.0)),
        *((half, palm), (half, 0.0)),
        *((-half, palm), (half, palm)),
        *((0.0, palm), (0.0, 2 * palm)),
    )
    return np.array([(x, 0.0, z) for x, z in ends])
