"""Every frame of a recording through every model."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from pspgrasp.bag.judging.model import Model
from pspgrasp.bag.judging.read_ahead import ReadAhead
from pspgrasp.bag.judging.still import Stillness
from pspgrasp.bag.recording import Fault, Poses, RecordedFrame, Recording
from pspgrasp.bag.results.columns import Columns
from pspgrasp.bag.results.frame import SeenFrame
from pspgrasp.bag.results.ledger import Ledger, write_recorded
from pspgrasp.bag.results.lines import Judged
from pspgrasp.bag.results.result import ModelResult, RecordingResult
from pspgrasp.config import CropConfig
from pspgrasp.errors import DataError, PspGraspError

Told = Callable[[int, int], None]  # how many images are done, of how many


def silent(_done: int, _expected: int) -> None:
    """Tell nobody."""


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
) -> RecordingResult:
    """Return what the models make of a recording. Ctrl-C ends it, and what was done is returned.

    Frames go through one by one, on a GPU too: in batches other kernels run, whose results differ in the last bits
    from those of the live node, and a frame would have no latency of its own.

    Args:
        recording: Read once, from front to back.
        models: All see the same frames; the others are compared with the first.
        folder: Is made, for what comes of each frame: memory stays flat. The result is read from there.
        window: In which it is told whether the scene stands still.
        told: Hears of progress after each image.
        stopped: Asked before each image whether to end as if by Ctrl-C.

    Raises:
        PspGraspError: The folder can't be written.
    """
    start_s, interrupted = time.perf_counter(), True
    recorded: Dict[str, Columns] = {}
    with Ledger(folder, recording.name, [model.name for model in models]) as ledger, ReadAhead(recording) as reader:
        try:
            recorded = write_recorded(recording.grasps(), folder)
            for model in models:
                model.warm_up()
            interrupted = _judge(reader, Judge(recording, models, window), ledger, told, stopped)
        except KeyboardInterrupt:
            pass
        except DataError as error:
            ledger.fault(Fault(-1, "reading failed", str(error)))
            interrupted = False
        ledger.write()
    return RecordingResult(
        recording.name,
        recording.description,
        tuple(_result(model, ledger, place) for place, model in enumerate(models)),
        ledger.faults,
        len(recording),
        interrupted,
        reader.read_s,
        time.perf_counter() - start_s,
        ledger.seen,
        recorded,
        ledger.lines,
    )


def _judge(reader: ReadAhead, judge: Judge, ledger: Ledger, told: Told, stopped: Callable[[], bool]) -> bool:
    """Judge frame by frame; return whether it was stopped."""
    expected = judge.expected
    for item in reader:
        if stopped():
            return True
        if isinstance(item, Fault):
            ledger.fault(item)
        else:
            ledger.frame(*judge.judged(item, ledger.frames))
        told(ledger.frames + len(ledger.faults), expected)
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
        self.expected = len(recording)
        self._models, self._poses = tuple(models), recording.poses()
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


def _pose(poses: Optional[Poses], stamp_ns: int) -> Optional[Tuple[float, ...]]:
    if poses is None:
        return None
    try:
        return tuple(float(number) for number in poses.at(stamp_ns)[:3].ravel())
    except DataError:
        return None
