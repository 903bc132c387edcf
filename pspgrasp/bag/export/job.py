"""What models make of a recording, for other programs: a viewer, a player, ROS."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from pspgrasp.bag.export.exporter import Exporter
from pspgrasp.bag.export.judge import Judge
from pspgrasp.bag.judging.read_ahead import ReadAhead
from pspgrasp.bag.judging.specs import ModelSpec
from pspgrasp.bag.recording import Fault, Poses, RecordedFrame, Recording, Told, silent
from pspgrasp.bag.results.tally import Tally
from pspgrasp.errors import ConfigError, DataError
from pspgrasp.whole_file import whole_file

SUFFIXES = {"rerun": ".rrd", "mcap": ".mcap", "video": ".mp4", "bag": ".bag"}
PEEKED = 11  # frames from whose stamps the rate is taken
USUAL_HZ = 30.0  # where stamps don't say


class Exported(NamedTuple):
    """What was exported.

    Attributes:
        frames: How many.
        faults: What couldn't be read or copied, and on which frames a model failed.
    """

    frames: int
    faults: Tally


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
    poses, expected = job.recording.poses(), len(job.recording)
    judge = Judge(job.specs, quality=kind != "bag", commands=kind == "bag")
    faults, frames = Tally(), 0
    with ExitStack() as stack:
        part = stack.enter_context(whole_file(job.output))
        part.unlink(missing_ok=True)
        items, rate_hz = _peeked(iter(stack.enter_context(ReadAhead(job.recording))))
        exporter = stack.enter_context(_exporter(kind, job, part, rate_hz, faults))
        for done, item in enumerate(items, 1):
            if isinstance(item, Fault):
                faults.add(item)
            else:
                judged, failures = judge.judged(item)
                exporter.add(item, judged, _pose(poses, item.frame.stamp_ns))
                for failure in failures:
                    faults.add(failure)
                frames += 1
            told(done, expected)
        if not frames:
            why = "".join(f"; {line}" for line in faults.lines())
            raise DataError(f"{job.recording.name} has no depth image that can be read; nothing is written{why}")
    return Exported(frames, faults)


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


def _exporter(kind: str, job: Job, part: Path, rate_hz: float, faults: Tally) -> Exporter:
    names = [spec.name for spec in job.specs]
    if kind == "rerun":
        from pspgrasp.bag.export.rerun import RerunExport

        return RerunExport(part, job.recording.name)
    if kind == "mcap":
        from pspgrasp.bag.export.mcap import McapExport

        return McapExport(part, names)
    if kind == "video":
        from pspgrasp.bag.export.video import VideoExport

        return VideoExport(part, names, max(1, round(rate_hz)))
    from pspgrasp.bag.export.bag import BagExport

    return BagExport(part, job.source, names, job.compression, faults.add)


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
