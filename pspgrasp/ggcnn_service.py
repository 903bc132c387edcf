"""What GG-CNN's service answers for a depth image, to the letter, with any network.

Interface and constants are those of dougsm/mvp_grasp c301ba2 (`ggcnn_service.py`). As in `ggcnn_stream`, `strict`
repeats the faults that a consumer can see and `fixed` corrects them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Optional

import numpy as np
from scipy.spatial.transform import Rotation

from pspgrasp.depth import DepthFrame
from pspgrasp.ggcnn_api import (
    SIDE_PX,
    Pixel,
    best_pixel,
    cut,
    predict,
    process_depth_image,
)
from pspgrasp.grasp import wrap_half_turn
from pspgrasp.predictor import GraspPredictor

SIGMAS_PX = (2.0, 2.0, 2.0)  # over quality, angle, width


@dataclass(frozen=True)
class GgcnnServiceConfig:
    """The service's parameters `~camera/...`, with the defaults of dougsm/mvp_grasp."""

    info_topic: str = "/camera/depth/camera_info"
    depth_topic: str = "/camera/depth/image_meters"
    camera_frame: str = "camera_depth_optical_frame"
    robot_base_frame: str = "panda_link0"
    crop_size: int = 300
    crop_y_offset: int = 40
    fov: float = 65.5


@dataclass(frozen=True)
class GgcnnServiceGrasp:
    """The answer of the service `ggcnn/GraspPrediction`, in the robot's base frame.

    Attributes:
        position_m: (3,) [m].
        orientation_xyzw: Quaternion of euler(pi, 0, angle % pi - pi/2).
        width_m: [m].
        quality: 0 to 0.999.
        peak: (row, column) in the maps.
        quality_map: (300, 300) float32, 0 to 0.999.
    """

    position_m: np.ndarray
    orientation_xyzw: np.ndarray
    width_m: float
    quality: float
    peak: Pixel
    quality_map: np.ndarray


def service_grasp(
    frame: DepthFrame,
    predictor: GraspPredictor,
    rotation: np.ndarray,
    translation_m: np.ndarray,
    config: GgcnnServiceConfig,
    quirks: str = "strict",
) -> Optional[GgcnnServiceGrasp]:
    """Return the best grasp of a frame as GG-CNN's service answers it; None where there is no depth to stand on.

    Args:
        frame: The depth image.
        predictor: Its network stands in GG-CNN's place.
        rotation: (3, 3), camera in base.
        translation_m: (3,), camera in base [m].
        config: Window and field of view.
        quirks: `strict` takes the depth of the filled image and the width by the field of view; `fixed` refuses a
            grasp whose depth isn't measured and takes the width by the camera's focal length.
    """
    window_m = cut(frame.depth_m, config.crop_size, config.crop_y_offset)
    if np.isnan(window_m).all():
        return None
    strict = quirks == "strict"
    depth_m, mask = process_depth_image(frame.depth_m, config.crop_size, SIDE_PX, True, config.crop_y_offset)
    quality, angle_map_rad, width_map_px, _ = predict(
        depth_m,
        process_depth=False,
        depth_nan_mask=mask,
        filters=SIGMAS_PX,
        predictor=predictor,
        quirks=quirks,
        focal_px=frame.camera.focal_px * SIDE_PX / config.crop_size,
    )
    peak = best_pixel(quality)
    if not strict and mask[peak]:
        return None
    position_m = rotation @ _service_point(frame, peak, float(depth_m[peak]), config) + translation_m
    # A rotation matrix may hold 1 + 2e-16, of which there is no arcsine.
    camera_turn_rad = math.asin(min(1.0, max(-1.0, float(rotation[0, 1]))))
    angle_rad = wrap_half_turn(float(angle_map_rad[peak]) - camera_turn_rad)
    orientation = Rotation.from_euler("xyz", (math.pi, 0, angle_rad % math.pi - math.pi / 2)).as_quat()
    width_m = _service_width_m(
        frame, float(width_map_px[peak]), float(depth_m[peak]), float(angle_map_rad[peak]), config, strict
    )
    return GgcnnServiceGrasp(position_m, orientation, width_m, float(quality[peak]), peak, quality)


def _service_point(frame: DepthFrame, peak: Pixel, z_m: float, config: GgcnnServiceConfig) -> np.ndarray:
    """Return the point (3,) [m] of a map pixel; rows and columns are spread INCLUSIVE of the window's end."""
    height_px, width_px = frame.depth_m.shape
    step = config.crop_size / (SIDE_PX - 1)
    u = (width_px - config.crop_size) // 2 + peak[1] * step
    v = (height_px - config.crop_size) // 2 - config.crop_y_offset + peak[0] * step
    return frame.camera.deproject(u, v, z_m)


def _service_width_m(
    frame: DepthFrame, width_px: float, z_m: float, angle_rad: float, config: GgcnnServiceConfig, strict: bool
) -> float:
    if not strict:
        return frame.camera.length_m(width_px * config.crop_size / SIDE_PX, angle_rad, z_m)
    half_view_rad = math.radians(config.fov * config.crop_size / frame.depth_m.shape[0] / 2)
    return width_px / SIDE_PX * 2 * z_m * math.tan(half_view_rad)
