"""Every frame of a recording through every model."""

from __future__ import annotations

import time
from itertools import chain
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional, Sequence, Tuple

from pspgrasp.bag.judging.model import Model
from pspgrasp.bag.judging.read_ahead import UNREADABLE, ReadAhead, reading_failed
from pspgrasp.bag.judging.still import Stillness
from pspgrasp.bag.recording import Fault, Poses, RecordedFrame, RecordedGrasp, Recording, Told, silent
from pspgrasp.bag.results.columns import Columns
from pspgrasp.bag.results.frame import SeenFrame
from pspgrasp.bag.results.ledger import Ledger, write_recorded
from pspgrasp.bag.results.lines import Judged
from pspgrasp.bag.results.result import ModelResult, RecordingResult
from pspgrasp.config import CropConfig
from pspgrasp.errors import PspGraspError


def never() -> bool:
    """Go on."""
    return False


def judge_recording(
    recording: Recording,
    models: Sequence[Model],
    folder: Path,
    window: CropConfig = CropConfig(),
    told: Told = silent,
    stopped: Callable[[], bool] = never,
    beside: Told = silent,
) -> RecordingResult:
    """Return what the models make of a recording. Ctrl-C ends it, and what was done is returned.

    What can't be read, be it that the disk is gone, is a fault of the recording; what was read before it is judged.
    Frames go through one by one, on a GPU too: in batches other kernels run, whose results differ in the last bits
    from those of the live node, and a frame would have no latency of its own.

    Args:
        recording: Read once, from front to back.
        models: All see the same frames; the others are compared with the first.
        folder: Is made, for what comes of each frame: memory stays flat. The result is read from there.
        window: In which it is told whether the scene stands still.
        told: Hears of progress after each image.
        stopped: Asked before each image whether to end as if by Ctrl-C.
        beside: Hears of progress before the first image, while TF is gone through.

    Raises:
        PspGraspError: The folder can't be written.
    """
    start_s, interrupted = time.perf_counter(), True
    recorded: Dict[str, Columns] = {}
    with Ledger(folder, recording.name, [model.name for model in models]) as ledger, ReadAhead(recording) as reader:
        try:
            for model in models:
                model.warm_up()
            recorded = write_recorded(_beside(recording, ledger, beside), folder)
            interrupted = _judge(reader, Judge(recording, models, window), ledger, told, stopped)
        except KeyboardInterrupt:
            pass
        ledger.write()
    return RecordingResult(
        recording.name,
        _description(recording),
        tuple(_result(model, ledger, place) for place, model in enumerate(models)),
        ledger.faults,
        expected_of(recording),
        interrupted,
        reader.read_s,
        time.perf_counter() - start_s,
        ledger.seen,
        recorded,
        ledger.lines,
        recording.has_guessed_camera,
    )


def expected_of(recording: Recording) -> int:
    """Return how many images a recording says it has; 0 where that can't be read, as who reads the images will tell."""
    try:
        return len(recording)
    except UNREADABLE:
        return 0


def _description(recording: Recording) -> str:
    try:
        return recording.description
    except UNREADABLE as error:
        return f"can't be read: {error}"


def _beside(recording: Recording, ledger: Ledger, told: Told) -> Iterator[RecordedGrasp]:
    """Yield the grasps that were recorded; of these and of poses, what can't be read is taken down."""
    try:
        for item in chain(recording.look_beside(told), recording.grasps()):
            if isinstance(item, Fault):
                ledger.fault(item)
            else:
                yield item
    except UNREADABLE as error:
        ledger.fault(reading_failed(error, "what lies beside the images: "))


def _judge(reader: ReadAhead, judge: Judge, ledger: Ledger, told: Told, stopped: Callable[[], bool]) -> bool:
    """Judge frame by frame; return whether it was stopped."""
    done, last = 0, -1
    for item in reader:
        if stopped():
            return True
        if isinstance(item, Fault):
            ledger.fault(item)
        else:
            ledger.frame(*judge.judged(item, ledger.frames))
        # There may be several remarks on an image, and others that are about none.
        done, last = done + (item.number > last), max(last, item.number)
        told(done, judge.expected)
    return False


def _result(model: Model, ledger: Ledger, place: int) -> ModelResult:
    return ModelResult(
        model.name, model.protocol, ledger.best(place), tuple(ledger.reasons[place]), ledger.failures[place]
    )


class Judge:
    """The models, and what else is told of a frame.

    Attributes:
        expected: Images that the recording says it has.
    """

    def __init__(self, recording: Recording, models: Sequence[Model], window: CropConfig) -> None:
        self.expected = expected_of(recording)
        self._models, self._poses = tuple(models), _poses(recording)
        self._stillness = Stillness(window)

    def judged(self, item: RecordedFrame, turn: int) -> Tuple[SeenFrame, List[Judged]]:
        """Return what is known of a frame, and what each model makes of it."""
        judged: Dict[int, Judged] = {}
        # In turn another one comes first, since the first one finds a frame that no cache has seen.
        for step in range(len(self._models)):
            place = (turn + step) % len(self._models)
            judged[place] = _judged(self._models[place], item)
        return self._seen(item), [judged[place] for place in range(len(self._models))]

    def _seen(self, item: RecordedFrame) -> SeenFrame:
        change, drift = self._stillness.seen(item.frame)
        stamp_ns = item.frame.stamp_ns
        pose = _pose(self._poses, stamp_ns)
        return SeenFrame(item.number, stamp_ns, item.recorded_ns, item.frame.camera, change, drift, pose)


def _judged(model: Model, item: RecordedFrame) -> Judged:
    """Return what a model makes of a frame, or why it fails; as on a robot, the next frame is judged anyway."""
    try:
        return model.judged(item)
    except PspGraspError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 (whatever torch or OpenCV raise)
        return f"unexpected {type(error).__name__}: {error}"


def _poses(recording: Recording) -> Optional[Poses]:
    try:
        return recording.poses()
    except UNREADABLE:  # who looked beside the images has told
        return None


def _pose(poses: Optional[Poses], stamp_ns: int) -> Optional[Tuple[float, ...]]:
    if poses is None:
        return None
    try:
        return tuple(float(number) for number in poses.at(stamp_ns)[:3].ravel())
    except UNREADABLE:  # not known then; where the disk is gone, the images tell
        return None
