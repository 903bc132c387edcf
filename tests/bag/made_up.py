"""A recording of generated frames, and models that say what they are told, for tests that need no file."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple, Union

import numpy as np

from pspgrasp.bag.models import PredictorModel
from pspgrasp.bag.recording import Fault, Poses, RecordedFrame, RecordedGrasp
from pspgrasp.bag.results import FoundGrasp, FrameResult, ModelResult, RecordingResult, SeenFrame
from pspgrasp.camera import PinholeCamera
from pspgrasp.config import CropConfig, DetectionConfig, PreprocessConfig
from pspgrasp.depth import DepthFrame
from pspgrasp.predictor import GraspPredictor

SIDE = 64
CAMERA = PinholeCamera(160, 120, 150.0, 150.0, 79.5, 59.5)
PERIOD_NS = 100_000_000
POSE = tuple(np.eye(4)[:3].ravel())


class MadeUp:
    """A recording of whatever it is given; see `pspgrasp.bag.recording.Recording`."""

    name, description = "made up", "frames of a test"

    def __init__(
        self,
        items: Sequence[Union[DepthFrame, Fault, BaseException]],
        grasps: Tuple[RecordedGrasp, ...] = (),
        poses: Optional[Poses] = None,
    ) -> None:
        self._items, self._grasps, self._poses = items, grasps, poses
        self.taken = 0

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Union[RecordedFrame, Fault]]:
        for number, item in enumerate(self._items):
            self.taken += 1
            if isinstance(item, BaseException):
                raise item
            if isinstance(item, Fault):
                yield item
            else:
                yield RecordedFrame(number, item, item.stamp_ns, item.depth_m.nbytes)

    def grasps(self) -> Tuple[RecordedGrasp, ...]:
        return self._grasps

    def poses(self) -> Optional[Poses]:
        return self._poses


def flat_frames(count: int, depth_m: float = 0.5) -> List[DepthFrame]:
    """Return frames of a bare table, 10 a second."""
    flat_m = np.full((120, 160), depth_m, np.float32)
    return [DepthFrame(flat_m, CAMERA, stamp_ns=number * PERIOD_NS) for number in range(count)]


class Drawing:
    """A runtime that puts out one peak, whatever it sees."""

    device = "paper"

    def __init__(self, column: int = 32, row: int = 20) -> None:
        rows, columns = np.mgrid[:SIDE, :SIDE]
        self.output = np.zeros((4, SIDE, SIDE), np.float32)
        self.output[0] = np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 2 / 4.0**2)
        self.output[1], self.output[3] = 1.0, 0.2

    def __call__(self, _image: np.ndarray) -> np.ndarray:
        return self.output


def predictor_of(runtime: Any) -> GraspPredictor:
    """Return a predictor whose map has the scale of the image."""
    crop, detection = CropConfig(size_px=SIDE), DetectionConfig(min_quality=0.2)
    return GraspPredictor("paper", runtime, PreprocessConfig(input_size_px=SIDE), 150.0, crop=crop, detection=detection)


def drawn(name: str, column: int = 32, runtime: Any = None) -> PredictorModel:
    """Return a model whose peak lies in that column of the map."""
    return PredictorModel(name, predictor_of(runtime or Drawing(column)))


#: At half a metre, 6 mm right of the optical axis and 9 above it.
GRASP = FoundGrasp(79.5 + 1.8, 59.5 - 2.7, 0.3, 15.0, 0.05, 0.8, (0.006, -0.009, 0.5))


def moved(px: float = 0.0, **changes: Any) -> FoundGrasp:
    """Return a grasp that lies `px` to the right of another one, at half a metre."""
    x_m, y_m, z_m = GRASP.position_m
    return replace(GRASP, u=GRASP.u + px, position_m=(x_m + px * z_m / CAMERA.fx, y_m, z_m), **changes)


def result_of(
    models: Dict[str, Sequence[Optional[FoundGrasp]]],
    latency_ms: float = 10.0,
    recorded: Tuple[RecordedGrasp, ...] = (),
    still: bool = True,
    pose: Optional[Tuple[float, ...]] = None,
) -> RecordingResult:
    """Return the result of a recording in which each model finds these best grasps, None where it finds none."""
    count = len(next(iter(models.values())))
    change = 0.0 if still else 0.1
    return RecordingResult(
        "made up",
        "frames of a test",
        tuple(
            ModelResult(name, "paper", tuple(frame_of(n, grasp, latency_ms) for n, grasp in enumerate(best)), {})
            for name, best in models.items()
        ),
        (),
        count,
        count,
        False,
        0.1,
        1.0,
        tuple(
            SeenFrame(n, n * PERIOD_NS, n * PERIOD_NS, CAMERA, change if n else float("nan"), change, pose)
            for n in range(count)
        ),
        recorded,
    )


def frame_of(number: int, grasp: Optional[FoundGrasp], latency_ms: float = 10.0) -> FrameResult:
    """Return what a model made of a frame."""
    grasps, nothing = ((grasp,), "") if grasp else ((), "no peak of quality reaches the threshold")
    return FrameResult(number, number * PERIOD_NS, grasps, nothing, {}, {"total": latency_ms}, 0.1)
