"""Every frame of a recording through every model. Reading and decoding go on while a network works."""

from __future__ import annotations

import queue
import threading
import time
from types import TracebackType
from typing import Callable, Dict, Iterator, List, Optional, Sequence, Tuple, Type, Union

from pspgrasp.bag.models import Model
from pspgrasp.bag.recording import Fault, Poses, RecordedFrame, Recording
from pspgrasp.bag.results import FrameResult, ModelResult, RecordingResult, SeenFrame
from pspgrasp.bag.still import Stillness
from pspgrasp.config import CropConfig
from pspgrasp.errors import DataError, PspGraspError

AHEAD = 4  # decoded frames in waiting: enough to never wait for a slow one, and memory stays flat
LOOK_S = 0.1  # after which the reading thread looks whether anybody still listens

Item = Union[RecordedFrame, Fault]
Told = Callable[[int, int], None]  # how many images are done, of how many


def silent(_done: int, _expected: int) -> None:
    """Tell nobody."""


def never() -> bool:
    """Go on."""
    return False


def judge_recording(
    recording: Recording,
    models: Sequence[Model],
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
        window: In which it is told whether the scene stands still.
        told: Hears of progress after each image.
        stopped: Asked before each image whether to end as if by Ctrl-C.

    Raises:
        DataError: Reading failed before the first frame.
    """
    start_s = time.perf_counter()
    notes = Notes(recording, models, window)
    interrupted = True
    with ReadAhead(recording) as reader:
        try:
            for model in models:
                model.warm_up()
            interrupted = _judge(reader, notes, told, stopped)
        except KeyboardInterrupt:
            pass
        except DataError as error:
            if not notes.frames:
                raise
            notes.faults.append(Fault(-1, "reading failed", str(error)))
            interrupted = False
    return notes.result(interrupted, reader.read_s, time.perf_counter() - start_s)


def _judge(reader: ReadAhead, notes: Notes, told: Told, stopped: Callable[[], bool]) -> bool:
    """Judge frame by frame; return whether it was stopped."""
    for item in reader:
        if stopped():
            return True
        notes.take(item)
        told(notes.frames + len(notes.faults), notes.expected)
    return False


class ReadAhead:
    """Reads a recording in a thread of its own, a few frames ahead.

    Attributes:
        read_s: Time that reading and decoding took [s].
    """

    def __init__(self, recording: Recording, ahead: int = AHEAD) -> None:
        self.read_s = 0.0
        self._recording = recording
        self._queue: queue.Queue[Union[Item, BaseException, None]] = queue.Queue(ahead)
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._read, name="reader", daemon=True)

    def __enter__(self) -> ReadAhead:
        self._thread.start()
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._left.set()
        self._thread.join()

    def __iter__(self) -> Iterator[Item]:
        """Yield what the recording yields, and raise what it raises."""
        while True:
            item = self._queue.get()
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item

    def _read(self) -> None:
        try:
            self._read_all()
        except Exception as error:  # noqa: BLE001 (raised again in the thread that takes the frames)
            self._put(error)

    def _read_all(self) -> None:
        items = iter(self._recording)
        while not self._left.is_set():
            start_s = time.perf_counter()
            item = next(items, None)
            self.read_s += time.perf_counter() - start_s
            self._put(item)
            if item is None:
                return

    def _put(self, item: Union[Item, BaseException, None]) -> None:
        while not self._left.is_set():
            try:
                self._queue.put(item, timeout=LOOK_S)
                return
            except queue.Full:
                pass


class Notes:
    """What is kept of the frames that were judged: plain values, never an image.

    Attributes:
        faults: What couldn't be read.
        expected: Images that the recording says it has.
    """

    def __init__(self, recording: Recording, models: Sequence[Model], window: CropConfig) -> None:
        self.faults: List[Fault] = []
        self.expected = len(recording)
        self._recording, self._models = recording, tuple(models)
        self._recorded, self._poses = recording.grasps(), recording.poses()
        self._stillness = Stillness(window)
        self._frames: List[Tuple[SeenFrame, Tuple[Union[FrameResult, str], ...]]] = []

    @property
    def frames(self) -> int:
        """How many frames all models have judged."""
        return len(self._frames)

    def take(self, item: Item) -> None:
        """Judge a frame by all models, or note a fault."""
        if isinstance(item, Fault):
            self.faults.append(item)
            return
        judged: Dict[int, Union[FrameResult, str]] = {}
        # In turn another one comes first, since the first one finds a frame that no cache has seen.
        for step in range(len(self._models)):
            place = (self.frames + step) % len(self._models)
            judged[place] = _judged(self._models[place], item)
        # In one step: whenever Ctrl-C comes, all models have judged the same frames.
        self._frames.append((self._seen(item), tuple(judged[place] for place in range(len(self._models)))))

    def _seen(self, item: RecordedFrame) -> SeenFrame:
        change, drift = self._stillness.seen(item.frame)
        stamp_ns = item.frame.stamp_ns
        pose = _pose(self._poses, stamp_ns)
        return SeenFrame(item.number, stamp_ns, item.recorded_ns, item.frame.camera, change, drift, pose)

    def result(self, interrupted: bool, read_s: float, wall_s: float) -> RecordingResult:
        """Return all of it."""
        return RecordingResult(
            self._recording.name,
            self._recording.description,
            tuple(self._of(place, model) for place, model in enumerate(self._models)),
            tuple(self.faults),
            self.expected,
            self.frames,
            interrupted,
            read_s,
            wall_s,
            tuple(seen for seen, _ in self._frames),
            tuple(self._recorded),
        )

    def _of(self, place: int, model: Model) -> ModelResult:
        frames, errors = [], {}
        for seen, judged in self._frames:
            one = judged[place]
            if isinstance(one, str):
                errors[seen.number] = one
            else:
                frames.append(one)
        return ModelResult(model.name, model.protocol, tuple(frames), errors)


def _judged(model: Model, item: RecordedFrame) -> Union[FrameResult, str]:
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
