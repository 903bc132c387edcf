"""Where the grasps come from that are judged: our own road, or the labels themselves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol, Tuple

import numpy as np

from pspgrasp.camera import PinholeCamera
from pspgrasp.config import CropConfig
from pspgrasp.data.sample import GraspSample
from pspgrasp.depth import DepthFrame
from pspgrasp.errors import DataError, unknown_name
from pspgrasp.grasp import ImageGrasp
from pspgrasp.predictor import GraspPredictor

WINDOWS = ("labels", "centre", "whole")


class GraspSource(Protocol):
    """The contract of whatever is judged."""

    @property
    def description(self) -> str:
        """What is done with an image, for a report."""

    def __call__(self, sample: GraspSample) -> Tuple[ImageGrasp, ...]:
        """Return the grasps of an image, best first, in its pixels."""


@dataclass(frozen=True)
class PredictorSource:
    """Our own road, as on a robot.

    Attributes:
        predictor: Makes the grasps; its crop's size and range count, its offsets don't.
        window: `labels` centres the window on the labels, as the field does with Cornell: the detector is told
            roughly where the object lies. `centre` is the fixed window of a robot, `whole` the largest square.
        focal_px: Of the data set's camera [image px]; 0 is not known, and does for networks that don't need it.
    """

    predictor: GraspPredictor
    window: str
    focal_px: float = 0.0

    def __post_init__(self) -> None:
        if self.window not in WINDOWS:
            raise DataError(unknown_name("window", self.window, WINDOWS))
        if self.predictor.preprocess.pixel_size_channel and not self.focal_px > 0:
            raise DataError(
                f"checkpoint {self.predictor.name!r} takes the size of a pixel: give the data's focal length [px]"
            )

    @property
    def description(self) -> str:
        """Say what is done, for a report."""
        where = {"labels": "at the labels", "centre": "in the middle", "whole": "the largest square"}[self.window]
        size = "" if self.window == "whole" else f"{self.predictor.crop.size_px} px "
        contact = ", contact widths as put out" if self.predictor.width == "contact" else ""
        return f"{size}{where}, quality above {self.predictor.detection.min_quality:g}{contact}"

    def __call__(self, sample: GraspSample) -> Tuple[ImageGrasp, ...]:
        """Return the grasps of an image, best first, in its pixels."""
        # Contact widths stay as they are: how they become openings is the rule's part, in px.
        predictor = replace(self.predictor, crop=self._crop(sample), width="opening")
        camera = nominal_camera(sample.depth_m.shape, self.focal_px)
        return predictor.predict(DepthFrame(sample.depth_m, camera)).image_grasps

    def _crop(self, sample: GraspSample) -> CropConfig:
        height_px, width_px = sample.depth_m.shape
        crop = replace(self.predictor.crop, offset_u_px=0, offset_v_px=0)
        if self.window == "whole":
            return replace(crop, size_px=min(height_px, width_px))
        if self.window == "centre":
            return crop
        u, v = np.rint(sample.corners_px.reshape(-1, 2).mean(axis=0)).astype(int)
        return replace(crop, offset_u_px=int(u) - width_px // 2, offset_v_px=int(v) - height_px // 2)


def nominal_camera(shape: Tuple[int, ...], focal_px: float = 0.0) -> PinholeCamera:
    """Return a camera for images (H, W) whose own is not known; metres depend on it, pixels don't."""
    height_px, width_px = shape
    focal_px = focal_px or float(max(height_px, width_px))
    return PinholeCamera(width_px, height_px, focal_px, focal_px, (width_px - 1) / 2, (height_px - 1) / 2)


@dataclass(frozen=True)
class LabelSource:
    """The labels themselves, as if a network had put them out: their jaws are lost, as a network has none."""

    @property
    def description(self) -> str:
        """Say what is done, for a report."""
        return "the labels themselves"

    def __call__(self, sample: GraspSample) -> Tuple[ImageGrasp, ...]:
        """Return a grasp for each label, in the labels' order."""
        return tuple(ImageGrasp(r.u, r.v, r.angle_rad, r.opening_px, 1.0) for r in sample.rectangles)
