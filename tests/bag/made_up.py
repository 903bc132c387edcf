"""A recording of generated frames, and models that say what they are told, for tests that need no file."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

from pspgrasp.bag.judging.judge import judge_recording
from pspgrasp.bag.judging.model import Model
from pspgrasp.bag.judging.predictor_model import PredictorModel
from pspgrasp.bag.recording import Fault, Poses, RecordedFrame, RecordedGrasp, Recording, Told, silent
from pspgrasp.bag.results.frame import FoundGrasp, FrameResult, SeenFrame
from pspgrasp.bag.results.ledger import Ledger, write_recorded
from pspgrasp.bag.results.lines import Judged
from pspgrasp.bag.results.result import ModelResult, RecordingResult
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

    name, description, has_guessed_camera = "made up", "frames of a test", False

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
                yield RecordedFrame(number, item, item.stamp_ns)

    def look_beside(self, _told: Told = silent) -> Iterator[Fault]:
        return iter(())

    def grasps(self) -> Iterator[Union[RecordedGrasp, Fault]]:
        return iter(self._grasps)

    def poses(self) -> Optional[Poses]:
        return self._poses


def flat_frames(count: int, depth_m: float = 0.5) -> List[DepthFrame]:
    """Return frames of a bare table, 10 a second."""
    flat_m = np.full((120, 160), depth_m, np.float32)
    return [DepthFrame(flat_m, CAMERA, stamp_ns=number * PERIOD_NS) for number in range(count)]


class Drawing:
    """A runtime that puts out one peak, whatever it sees."""

    name, device = "pencil", "paper"

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


_FOLDERS = tempfile.TemporaryDirectory(prefix="pspgrasp_tests_")


def new_folder() -> Path:
    """Return the name of a folder that isn't there yet, and that is gone with this process."""
    return Path(tempfile.mkdtemp(dir=_FOLDERS.name)) / "result"


def judge(recording: Recording, models: Sequence[Model], *others: Any, **options: Any) -> RecordingResult:
    """Judge a recording; the result lies in a folder of its own."""
    return judge_recording(recording, models, new_folder(), *others, **options)


def made_of(result: RecordingResult, model: str) -> List[Judged]:
    """Return all that a model made of each frame, or why it failed."""
    return [result.frame(row)[model] for row in range(result.read)]


def result_of(
    models: Mapping[str, Sequence[Union[FoundGrasp, FrameResult, str, None]]],
    latency_ms: float = 10.0,
    recorded: Sequence[RecordedGrasp] = (),
    still: bool = True,
    poses: Sequence[Optional[Tuple[float, ...]]] = (),
    faults: Sequence[Fault] = (),
    expected: Optional[int] = None,
    name: str = "made up",
    every: int = 1,
) -> RecordingResult:
    """Return the result of a recording in which each model finds these best grasps.

    None stands for a frame in which a model finds none, a text for one on which it fails. Of the recording's images
    each so many-th is judged.
    """
    frames = list(zip(*models.values()))
    with Ledger(new_folder(), name, list(models)) as ledger:
        found = write_recorded(recorded, ledger.folder)
        for number, best in enumerate(frames):
            pose, image = poses[number % len(poses)] if poses else None, number * every
            ledger.frame(seen_frame(image, still, pose), [frame_of(image, one, latency_ms) for one in best])
        for fault in faults:
            ledger.fault(fault)
        ledger.write()
    made = [
        ModelResult(model, "paper", ledger.best(place), tuple(ledger.reasons[place]), ledger.failures[place])
        for place, model in enumerate(models)
    ]
    count = len(frames) if expected is None else expected
    described = (ledger.faults, count, False, 0.1, 1.0)
    return RecordingResult(name, "frames of a test", tuple(made), *described, ledger.seen, found, ledger.lines)


def seen_frame(number: int, still: bool, pose: Optional[Tuple[float, ...]]) -> SeenFrame:
    """Return what is known of a frame, 10 a second."""
    change, stamp_ns = 0.0 if still else 0.1, number * PERIOD_NS
    return SeenFrame(number, stamp_ns, stamp_ns, CAMERA, change if number else float("nan"), change, pose)


def frame_of(number: int, best: Union[FoundGrasp, FrameResult, str, None], latency_ms: float = 10.0) -> Judged:
    """Return what a model made of a frame."""
    if isinstance(best, (str, FrameResult)):
        return best
    grasps, nothing = ((best,), "") if best else ((), "no peak of quality reaches the threshold")
    return FrameResult(number, number * PERIOD_NS, grasps, nothing, {}, {"total": latency_ms}, 0.1)
