"""What models make of a recording, for other programs: a viewer, a player, ROS."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Dict, Iterator, List, NamedTuple, Optional, Protocol, Sequence, Tuple, Type, Union

import numpy as np

from pspgrasp.bag.judge import ReadAhead, Told, silent
from pspgrasp.bag.models import ARM_HEIGHT_M, GgcnnModel, Model, ModelSpec
from pspgrasp.bag.recording import Fault, Poses, RecordedFrame, Recording
from pspgrasp.bag.results import FrameResult
from pspgrasp.crop import SquareCrop
from pspgrasp.data.output import whole_file
from pspgrasp.errors import ConfigError, DataError, PspGraspError
from pspgrasp.ggcnn_stream import GgcnnStream

SUFFIXES = {"rerun": ".rrd", "mcap": ".mcap", "video": ".mp4", "bag": ".bag"}
PEEKED = 11  # frames from whose stamps the rate is taken
USUAL_HZ = 30.0  # where stamps don't say


class Judged(NamedTuple):
    """What one model made of one frame.

    Attributes:
        model: Its name.
        result: Its grasps.
        quality: (S, S) and the window that it is of; None where the exporter has no use for it.
        command: GG-CNN's six floats, as its node publishes them; () on our own road, or where it is silent.
    """

    model: str
    result: FrameResult
    quality: Optional[Tuple[np.ndarray, SquareCrop]]
    command: Tuple[float, ...]


class Exporter(Protocol):
    """The contract of a kind of file. It is a context: at its end the file is complete."""

    def add(self, recorded: RecordedFrame, judged: Sequence[Judged], pose: Optional[np.ndarray]) -> None:
        """Write a frame, what models made of it, and where the camera was: (4, 4), in a frame that stands still."""

    def __enter__(self) -> Exporter: ...

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> Optional[bool]: ...


class Exported(NamedTuple):
    """What was exported.

    Attributes:
        frames: How many.
        faults: What couldn't be read, and on which frames a model failed.
    """

    frames: int
    faults: Tuple[Fault, ...]


class Job(NamedTuple):
    """What is exported.

    Attributes:
        recording: Read from front to back.
        source: The file or folder that it comes from.
        specs: The models.
        output: A file; what is there is replaced, by the whole file or not at all.
        compression: Of a bag: none or bz2.
    """

    recording: Recording
    source: Path
    specs: Tuple[ModelSpec, ...]
    output: Path
    compression: str = "none"


def export(kind: str, job: Job, told: Told = silent) -> Exported:
    """Judge a recording and write it; memory stays flat whatever its length.

    Args:
        kind: One of `SUFFIXES`.
        job: What is exported.
        told: Hears of progress after each image.

    Raises:
        PspGraspError: A library is missing, nothing can be read, or the file can't be written.
    """
    poses = job.recording.poses()
    judge = Judge(job.specs, quality=kind != "bag", commands=kind == "bag")
    faults: List[Fault] = []
    frames = 0
    with ExitStack() as stack:
        part = stack.enter_context(whole_file(job.output))
        part.unlink(missing_ok=True)
        items, rate_hz = _peeked(iter(stack.enter_context(ReadAhead(job.recording))))
        exporter = stack.enter_context(_exporter(kind, job, part, rate_hz))
        for item in items:
            if isinstance(item, Fault):
                faults.append(item)
            else:
                judged, failures = judge.judged(item)
                exporter.add(item, judged, _pose(poses, item.frame.stamp_ns))
                faults += failures
                frames += 1
            told(frames + len(faults), len(job.recording))
        if not frames:
            raise DataError(f"{job.recording.name} has no depth image that can be read; nothing is written")
    return Exported(frames, tuple(faults))


def check_output(kind: str, output: Path, inputs: Sequence[Path]) -> None:
    """See that an export goes to a file of its own.

    Raises:
        ConfigError: It is an input, lies in one, has another ending, or is a folder.
    """
    place = output.resolve()
    for one in (path.resolve() for path in inputs):
        if place == one or (one.is_dir() and one in place.parents):
            raise ConfigError(f"--output {output} is or lies in the input {one}, which is never written to")
    if output.suffix != SUFFIXES[kind]:
        raise ConfigError(f"--output {output} must end in {SUFFIXES[kind]} for --to {kind}")
    if output.is_dir():
        raise ConfigError(f"--output {output} is a folder; give a file")
    if not output.parent.is_dir():
        raise ConfigError(f"--output {output}: there is no folder {output.parent}")


class Judge:
    """The models of an export."""

    def __init__(self, specs: Sequence[ModelSpec], quality: bool, commands: bool) -> None:
        """Build them.

        Args:
            specs: The models.
            quality: Whether maps are wanted.
            commands: Whether GG-CNN's commands are.

        Raises:
            PspGraspError: A model can't be built.
        """
        self._quality = quality
        self._models: List[Model] = [spec.build() for spec in specs]
        self._streams: Dict[str, GgcnnStream] = {
            spec.name: GgcnnStream(spec.preset, spec.config.quirks) for spec in specs if commands and spec.preset
        }

    def judged(self, recorded: RecordedFrame) -> Tuple[List[Judged], List[Fault]]:
        """Return what the models make of a frame, and which of them fail on it."""
        found, failures = [], []
        for model in self._models:
            try:
                found.append(self._one(model, recorded))
            except PspGraspError as error:
                failures.append(Fault(recorded.number, f"{model.name} failed", str(error)))
        return found, failures

    def _one(self, model: Model, recorded: RecordedFrame) -> Judged:
        result = model.judged(recorded)
        quality = model.quality(recorded.frame) if self._quality else None
        return Judged(model.name, result, quality, self._command(model, recorded))

    def _command(self, model: Model, recorded: RecordedFrame) -> Tuple[float, ...]:
        if model.name not in self._streams or not isinstance(model, GgcnnModel):
            return ()
        output = self._streams[model.name].update(recorded.frame, model.predictor, ARM_HEIGHT_M)
        return () if output.silence else output.command


def _exporter(kind: str, job: Job, part: Path, rate_hz: float) -> Exporter:
    names = [spec.name for spec in job.specs]
    if kind == "rerun":
        from pspgrasp.bag.rerun_export import RerunExport

        return RerunExport(part, job.recording.name)
    if kind == "mcap":
        from pspgrasp.bag.mcap_export import McapExport

        return McapExport(part, names)
    if kind == "video":
        from pspgrasp.bag.video_export import VideoExport

        return VideoExport(part, names, max(1, round(rate_hz)))
    from pspgrasp.bag.bag_export import BagExport

    return BagExport(part, job.source, names, job.compression)


Items = Iterator[Union[RecordedFrame, Fault]]


def _peeked(items: Items) -> Tuple[Items, float]:
    """Return items, and how many frames a second they are; some are held in memory for it."""
    first: List[Union[RecordedFrame, Fault]] = []
    for item in items:
        first.append(item)
        if len(first) == PEEKED:
            break
    stamps_ns = [item.frame.stamp_ns for item in first if isinstance(item, RecordedFrame)]
    period_ns = float(np.median(np.abs(np.diff(stamps_ns)))) if len(stamps_ns) > 1 else 0.0
    return chain(first, items), 1e9 / period_ns if period_ns > 0 else USUAL_HZ


def _pose(poses: Optional[Poses], stamp_ns: int) -> Optional[np.ndarray]:
    if poses is None:
        return None
    try:
        return poses.at(stamp_ns)
    except DataError:
        return None
