"""What GG-CNN's streaming nodes put out for a depth image, to the letter, with any network.

Interfaces and constants are those of dougsm/ggcnn_kinova_grasping 61f8970 (`run_ggcnn.py`) and dougsm/mvp_grasp
c301ba2 (`ggcnn_predict_rt.py`). `strict` repeats their faults where a consumer can see them,
`fixed` corrects them. Never repeated: depth 0 taken for a measurement (it sends the arm to the camera's origin),
NaN in a command, and index 5 of `mvp` (computed on the normalised image it means nothing; here it is kinova's).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Dict, Optional, Tuple

import cv2
import numpy as np
from scipy import ndimage

from pspgrasp.crop import resize_depth
from pspgrasp.depth import DepthFrame
from pspgrasp.errors import ConfigError, unknown_name
from pspgrasp.ggcnn_api import (
    QUIRKS,
    SIDE_PX,
    Maps,
    Pixel,
    best_pixel,
    cut,
    filtered,
    index_mask,
    network_maps,
    process_depth_image,
)
from pspgrasp.predictor import GraspPredictor
from pspgrasp.preprocess import navier_stokes, normalise
from pspgrasp.tracker import GraspTracker

DISC_RADIUS_PX = 5  # of the green disc at the tracked point
GRIPPER_WINDOW = (slice(100, 141), slice(130, 171))  # rows and columns of the map between the fingers
JUMP_HEIGHT_M = 0.34  # with the arm above it, the tracked point jumps to the best peak
PEAK_DISTANCE_PX, PEAK_THRESHOLD, PEAKS = 10, 0.1, 3


@dataclass(frozen=True)
class GgcnnPreset:
    """The constants in which GG-CNN's two streaming nodes differ.

    Attributes:
        crop_px: Side of the centred window [image px].
        up_px: Shift of the window upwards [image px].
        sigmas_px: Gaussians over quality, angle and width [map px].
        kinova: Whether it is the kinova node: resizes before it fills holes, masks the holes, tracks a peak, and
            draws quality as a red channel. The other fills first, has the index-mask fault, takes the global
            maximum, clips quality to 0.999 and draws JET colours.
    """

    crop_px: int
    up_px: int
    sigmas_px: Tuple[float, float, float]
    kinova: bool


PRESETS: Dict[str, GgcnnPreset] = {
    "kinova": GgcnnPreset(400, 0, (5.0, 2.0, 0.0), kinova=True),
    "mvp": GgcnnPreset(300, 40, (2.0, 2.0, 2.0), kinova=False),
}


@dataclass(frozen=True)
class GgcnnOutput:
    """What one depth image gave; everything is published or, if `silence` says why, nothing.

    Attributes:
        network_input: (300, 300) float32 [m], topic `ggcnn/img/depth`.
        quality: (300, 300) float32 after filtering.
        angle_rad: (300, 300) float32 after filtering, topic `ggcnn/img/ang`.
        width_px: (300, 300) float32 [map px].
        gripper_mm: Depth at the gripper, mean of the ten nearest pixels between the fingers.
        peak: (row, column) of the grasp in the maps; None where there is no peak.
        command: x, y, z [m], angle [rad], width [map px], depth at the gripper [mm]; `ggcnn/out/command`.
        grasp_plain: (300, 300, 3) uint8 BGR, quality as an image, topic `ggcnn/img/grasp_plain`.
        grasp: The same with a green disc at the tracked point, topic `ggcnn/img/grasp`.
        silence: Why nothing is published; "" where something is.
    """

    network_input: np.ndarray
    quality: np.ndarray
    angle_rad: np.ndarray
    width_px: np.ndarray
    gripper_mm: float
    peak: Optional[Pixel]
    command: Tuple[float, ...]
    grasp_plain: np.ndarray
    grasp: np.ndarray
    silence: str


class GgcnnStream:
    """A streaming node's road and its one piece of state, the tracked point."""

    def __init__(self, preset: str, quirks: str = "strict") -> None:
        """Start with the preset `kinova` or `mvp`, and `strict` or `fixed` quirks."""
        if preset not in PRESETS:
            raise ConfigError(unknown_name("ggcnn preset", preset, PRESETS))
        if quirks not in QUIRKS:
            raise ConfigError(unknown_name("quirks", quirks, QUIRKS))
        self.preset, self.strict = PRESETS[preset], quirks == "strict"
        self.tracker = GraspTracker((SIDE_PX // 2, SIDE_PX // 2), whole_pixels=True)

    def update(self, frame: DepthFrame, predictor: GraspPredictor, robot_height_m: float = 0.0) -> GgcnnOutput:
        """Return what the node publishes for a frame.

        Args:
            frame: The depth image.
            predictor: Its network stands in GG-CNN's place.
            robot_height_m: z of the tool's pose; above 0.34 m the tracked point jumps to the best peak.

        Raises:
            DepthError: The preset's window doesn't fit into the image.
        """
        if np.isnan(cut(frame.depth_m, self.preset.crop_px, self.preset.up_px)).all():
            return _silent("no depth is measured in the window")
        depth_m, missing = self._window(frame.depth_m)
        maps = network_maps(depth_m, predictor, frame.camera.focal_px * SIDE_PX / self.preset.crop_px)
        quality, angle_rad, width_px = filtered(maps, missing, self.preset.sigmas_px, self.strict)
        quality = quality if self.preset.kinova else np.clip(quality, 0.0, 0.999)
        predictor.stage_done("maps")
        peak = self._peak(quality, robot_height_m)
        gripper_mm = 1000 * float(np.sort(depth_m[GRIPPER_WINDOW], axis=None)[:10].mean())
        command = self._command(frame, (quality, angle_rad, width_px), peak, gripper_mm) if peak else ()
        predictor.stage_done("detect")
        plain = self._plain(quality)
        return GgcnnOutput(
            normalise(depth_m, predictor.preprocess.clip_m),
            quality,
            angle_rad,
            width_px,
            gripper_mm,
            peak,
            command,
            plain,
            self._with_disc(plain),
            self._silence(peak, command),
        )

    def _window(self, depth_m: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Return the window (300, 300) [m] without holes, and the mask of what gets no quality."""
        if self.preset.kinova:
            window_m = resize_depth(cut(depth_m, self.preset.crop_px, self.preset.up_px), SIDE_PX, cv2.INTER_LINEAR)
            missing = np.isnan(window_m)
            return navier_stokes(window_m, missing), missing
        filled_m, mask = process_depth_image(depth_m, self.preset.crop_px, SIDE_PX, True, self.preset.up_px)
        return filled_m, index_mask(mask) if self.strict else mask > 0

    def _peak(self, quality: np.ndarray, robot_height_m: float) -> Optional[Pixel]:
        if not self.preset.kinova or robot_height_m > JUMP_HEIGHT_M:
            peak = best_pixel(quality)
            self.tracker.jump(peak)
            return peak
        border_px = PEAK_DISTANCE_PX if self.strict else 0
        peaks = local_maxima(quality, PEAK_DISTANCE_PX, PEAK_THRESHOLD, PEAKS, border_px)
        return peaks[self.tracker.select(peaks)] if peaks else None

    def _command(self, frame: DepthFrame, maps: Maps, peak: Pixel, gripper_mm: float) -> Tuple[float, ...]:
        """Return the six floats, () where the depth at the grasp is missing."""
        v, u = self._image_pixel(peak, frame.depth_m.shape)
        z_m = float(frame.depth_m[v, u])
        if math.isnan(z_m):
            return ()
        x_m, y_m, _ = frame.camera.deproject(u, v, z_m)
        # `fixed`: pixels of the depth image, so that a consumer's pinhole formula gives metres.
        width_scale = 1.0 if self.strict else self.preset.crop_px / SIDE_PX
        return x_m, y_m, z_m, float(maps[1][peak]), float(maps[2][peak]) * width_scale, gripper_mm

    def _image_pixel(self, peak: Pixel, shape: Tuple[int, ...]) -> Pixel:
        """Return (row, column) in the full image: GG-CNN's formula, which scales corners, not pixel centres."""
        crop_px = self.preset.crop_px
        top, left = (shape[0] - crop_px) // 2 - self.preset.up_px, (shape[1] - crop_px) // 2
        row, column = np.round(np.array(peak) / SIDE_PX * crop_px + np.array([top, left])).astype(int)
        return int(row), int(column)

    def _plain(self, quality: np.ndarray) -> np.ndarray:
        level = (quality * 255).astype(np.int64)
        # `strict` wraps round outside [0, 1], as the original's cast to uint8 does.
        level = (level if self.strict else np.clip(level, 0, 255)).astype(np.uint8)
        if not self.preset.kinova:
            return cv2.applyColorMap(level, cv2.COLORMAP_JET)
        return np.dstack([np.zeros_like(level), np.zeros_like(level), level])

    def _with_disc(self, plain: np.ndarray) -> np.ndarray:
        rows, columns = np.ogrid[:SIDE_PX, :SIDE_PX]
        row, column = self.tracker.point
        image = plain.copy()
        image[(rows - row) ** 2 + (columns - column) ** 2 < DISC_RADIUS_PX**2] = (0, 255, 0)
        return image

    def _silence(self, peak: Optional[Pixel], command: Tuple[float, ...]) -> str:
        if peak is None:
            return "no peak of quality reaches 0.1"
        if not command:
            return "the depth at the grasp is missing"
        if self.strict and max(self.tracker.point) + DISC_RADIUS_PX > SIDE_PX:
            return "the tracked point is so near the border that GG-CNN fails to draw it, and publishes nothing"
        return ""


def _silent(why: str) -> GgcnnOutput:
    nothing = np.zeros((SIDE_PX, SIDE_PX), np.float32)
    picture = np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8)
    return GgcnnOutput(nothing, nothing, nothing, nothing, math.nan, None, (), picture, picture, why)


def local_maxima(image: np.ndarray, min_distance_px: int, threshold: float, most: int, border_px: int) -> list[Pixel]:
    """Return the (row, column) of at most `most` local maxima above `threshold`, best first.

    A maximum is the largest value within `min_distance_px` rows and columns, as in scikit-image's peak_local_max;
    none lies within `border_px` of the border.
    """
    highest = ndimage.maximum_filter(image, size=2 * min_distance_px + 1, mode="nearest")
    is_peak = (image == highest) & (image > threshold)
    inside = np.zeros_like(is_peak)
    inside[border_px : image.shape[0] - border_px, border_px : image.shape[1] - border_px] = True
    places = np.argwhere(is_peak & inside)
    kept: list[Pixel] = []
    for row, column in places[np.argsort(-image[tuple(places.T)], kind="stable")]:
        # Equal neighbours: the first one stands for its plateau.
        if all(max(abs(row - r), abs(column - c)) >= min_distance_px for r, c in kept):
            kept.append((int(row), int(column)))
    return kept[:most]
