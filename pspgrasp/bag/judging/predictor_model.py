"""A checkpoint on our own road, as the live node walks it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Dict, Optional, Tuple

import numpy as np

from pspgrasp.bag.judging.protocol import limits_said, opened_said, runtime_said, way_said, window_said
from pspgrasp.bag.judging.stopwatch import Stopwatch
from pspgrasp.bag.recording import RecordedFrame
from pspgrasp.bag.results.frame import FoundGrasp, FrameResult
from pspgrasp.config import CropConfig
from pspgrasp.crop import SquareCrop
from pspgrasp.depth import DepthFrame
from pspgrasp.predictor import GraspPredictor, Prediction
from pspgrasp.preprocess import within_range
from pspgrasp.tracker import GraspTracker


class PredictorModel:
    """Our own road, as the live node walks it.

    Attributes:
        name: For reports.
        predictor: Whose.
    """

    def __init__(self, name: str, predictor: GraspPredictor, tracks: bool = False) -> None:
        """Judge by a predictor; where it tracks, the first grasp is the one that the node puts on `~grasp`."""
        self._watch, self._tracks = Stopwatch(), tracks
        self._tracker: Optional[GraspTracker] = None
        self.name, self.predictor = name, replace(predictor, stage_done=self._watch.stage_done)

    @property
    def protocol(self) -> str:
        """Say how depth becomes grasps."""
        one = self.predictor
        said = [
            f"{window_said(one.crop)}, {one.crop.near_m:g} to {one.crop.far_m:g} m",
            f"quality from {one.detection.min_quality:g}",
            *([opened_said(one)] if one.width != "opening" else []),
            limits_said(one.limits),
            way_said(one),
            *(["follows the grasp nearest to the last one"] if self._tracks else []),
            runtime_said(one.runtime),
        ]
        return f"pspgrasp: {'; '.join(said)}"

    def warm_up(self) -> None:
        """See `Model`."""
        self._tracker = None
        self.predictor.warm_up()

    def judged(self, recorded: RecordedFrame) -> FrameResult:
        """See `Model`."""
        self._watch.start()
        prediction = self.predictor.predict(recorded.frame)
        stages_ms = self._watch.stop()
        return FrameResult(
            recorded.number,
            recorded.frame.stamp_ns,
            self._followed(_found(prediction), recorded.anew),
            prediction.nothing.value if prediction.nothing else "",
            _refused(prediction),
            stages_ms,
            missing_share(recorded.frame, prediction.crop, self.predictor.crop),
        )

    def _followed(self, found: Tuple[FoundGrasp, ...], anew: bool) -> Tuple[FoundGrasp, ...]:
        """Return grasps with the one in front that the node follows; it begins with the best."""
        if anew:
            self._tracker = None
        if not self._tracks or not found:
            return found
        places = [(grasp.v, grasp.u) for grasp in found]
        self._tracker = self._tracker or GraspTracker(places[0])
        chosen = self._tracker.select(places)
        return (found[chosen], *found[:chosen], *found[chosen + 1 :])

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


def missing_share(frame: DepthFrame, place: SquareCrop, window: CropConfig) -> float:
    """Return the share of a window's pixels without depth in the working range."""
    depth_m = within_range(place.cut(frame.depth_m), window.near_m, window.far_m)
    return float(np.isnan(depth_m).mean())
