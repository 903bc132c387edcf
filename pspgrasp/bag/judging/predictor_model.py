"""A checkpoint on our own road, as the live node walks it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Dict, Tuple

import numpy as np

from pspgrasp.bag.judging.stopwatch import Stopwatch
from pspgrasp.bag.recording import RecordedFrame
from pspgrasp.bag.results.frame import FoundGrasp, FrameResult
from pspgrasp.config import CropConfig, LimitsConfig
from pspgrasp.crop import SquareCrop
from pspgrasp.depth import DepthFrame
from pspgrasp.predictor import GraspPredictor, Prediction
from pspgrasp.preprocess import within_range


class PredictorModel:
    """Our own road, as the live node walks it.

    Attributes:
        name: For reports.
        predictor: Whose.
    """

    def __init__(self, name: str, predictor: GraspPredictor) -> None:
        self._watch = Stopwatch()
        self.name, self.predictor = name, replace(predictor, stage_done=self._watch.stage_done)

    @property
    def protocol(self) -> str:
        """Say how depth becomes grasps."""
        crop, runtime = self.predictor.crop, self.predictor.runtime
        return (
            f"pspgrasp: the middle {crop.size_px} px, {crop.near_m:g} to {crop.far_m:g} m; quality from "
            f"{self.predictor.detection.min_quality:g}; {limits_said(self.predictor.limits)}; "
            f"run by {runtime.name} on {runtime.device}"
        )

    def warm_up(self) -> None:
        """See `Model`."""
        self.predictor.warm_up()

    def judged(self, recorded: RecordedFrame) -> FrameResult:
        """See `Model`."""
        self._watch.start()
        prediction = self.predictor.predict(recorded.frame)
        stages_ms = self._watch.stop()
        return FrameResult(
            recorded.number,
            recorded.frame.stamp_ns,
            _found(prediction),
            prediction.nothing.value if prediction.nothing else "",
            _refused(prediction),
            stages_ms,
            missing_share(recorded.frame, prediction.crop, self.predictor.crop),
        )

    def quality(self, frame: DepthFrame) -> Tuple[np.ndarray, SquareCrop]:
        """See `Model`."""
        prediction = self.predictor.predict(frame)
        side_px = prediction.crop.out_px
        maps = prediction.maps
        return (np.zeros((side_px, side_px), np.float32) if maps is None else maps.quality), prediction.crop


def _found(prediction: Prediction) -> Tuple[FoundGrasp, ...]:
    return tuple(
        FoundGrasp(
            place.u,
            place.v,
            place.angle_rad,
            place.width_px,
            grasp.width_m,
            grasp.quality,
            (float(grasp.position_m[0]), float(grasp.position_m[1]), float(grasp.position_m[2])),
        )
        for place, grasp in zip(prediction.image_grasps, prediction.grasps)
    )


def _refused(prediction: Prediction) -> Dict[str, int]:
    return dict(Counter(rejection.reason.value for rejection in prediction.rejections))


def limits_said(limits: LimitsConfig) -> str:
    """Return the limits of the gripper and the cell in words, as far as any are set."""
    every = LimitsConfig()
    said = [f"opening {1000 * limits.min_width_m:g} to {1000 * limits.max_width_m:g} mm"]
    if (limits.min_width_m, limits.max_width_m) == (every.min_width_m, every.max_width_m):
        said = ["any opening"]
    if (limits.min_depth_m, limits.max_depth_m) != (every.min_depth_m, every.max_depth_m):
        said.append(f"grasps {limits.min_depth_m:g} to {limits.max_depth_m:g} m away")
    return ", ".join(said + (["within the workspace"] if limits.workspace_px else []))


def missing_share(frame: DepthFrame, place: SquareCrop, window: CropConfig) -> float:
    """Return the share of a window's pixels without depth in the working range."""
    depth_m = within_range(place.cut(frame.depth_m), window.near_m, window.far_m)
    return float(np.isnan(depth_m).mean())
