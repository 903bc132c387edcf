"""A run: recordings, one after the other or side by side, each through all models; and what it adds up to."""

from __future__ import annotations

import signal
import tempfile
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Callable, Iterator, Mapping, Optional, Sequence, Tuple

from pspgrasp.bag.compare import Comparison, comparisons
from pspgrasp.bag.figures import Figure, figures_of
from pspgrasp.bag.judge import Told, judge_recording, silent
from pspgrasp.bag.models import Model, ModelSpec
from pspgrasp.bag.open import open_recordings
from pspgrasp.bag.recording import Recording, Selection
from pspgrasp.bag.results import RecordingResult
from pspgrasp.bag.series import Gripper
from pspgrasp.config import CropConfig
from pspgrasp.parallel import results

ALL_READ, IN_PART, INTERRUPTED = 0, 3, 130  # exit codes; 1 is a user's error


@dataclass(frozen=True)
class Run:
    """What a run came to.

    Attributes:
        specs: The models, in the user's order.
        results: One for each recording, in the user's order.
        figures: Model -> its figures over all recordings.
        comparisons: Of each other model with the first, over all recordings.
        gripper: Against which openings are counted.
        inputs: What was read.
        selection: Which part of it.
        asked: How many recordings there are; an interrupted run has fewer results.
        command: That makes this run.
    """

    specs: Tuple[ModelSpec, ...]
    results: Tuple[RecordingResult, ...]
    figures: Mapping[str, Tuple[Figure, ...]]
    comparisons: Tuple[Comparison, ...]
    gripper: Gripper
    inputs: Tuple[Path, ...]
    selection: Selection
    asked: int
    command: str

    @property
    def interrupted(self) -> bool:
        """Whether the user stopped it."""
        return len(self.results) < self.asked or any(result.interrupted for result in self.results)

    @property
    def exit_code(self) -> int:
        """130 for a run that was stopped, 3 where something couldn't be read, 0 else."""
        if self.interrupted:
            return INTERRUPTED
        return IN_PART if any(map(in_part, self.results)) else ALL_READ


def in_part(result: RecordingResult) -> bool:
    """Tell whether a recording has faults, or fewer images than it says."""
    return bool(result.faults) or result.read < result.expected


def run_of(
    found: Sequence[RecordingResult],
    specs: Sequence[ModelSpec],
    gripper: Gripper,
    inputs: Sequence[Path],
    selection: Selection,
    asked: int,
    command: str,
) -> Run:
    """Return a run with what it adds up to."""
    judged = tuple(result for result in found if result.seen)
    figures = {spec.name: figures_of(judged, spec.name, gripper) if judged else () for spec in specs}
    together = comparisons(judged, gripper)
    return Run(tuple(specs), tuple(found), figures, together, gripper, tuple(inputs), selection, asked, command)


# --- in this process


def judge_here(
    recordings: Sequence[Recording],
    models: Sequence[Model],
    window: CropConfig,
    told: Callable[[Recording], Told] = lambda _: silent,
) -> Iterator[RecordingResult]:
    """Yield the result of each recording; Ctrl-C ends the one under way, and no other is begun."""
    for recording in recordings:
        result = judge_recording(recording, models, window, told(recording))
        yield result
        if result.interrupted:
            return


def window_of(specs: Sequence[ModelSpec]) -> CropConfig:
    """Return the window in which it is told whether the scene stands still."""
    return specs[0].config.crop


# --- in several processes


@dataclass(frozen=True)
class Job:
    """One recording, for any process that can read the same files.

    Attributes:
        inputs: What the user gave.
        selection: Which part of it.
        place: Of the recording among all of them.
        specs: The models.
        stop: A file; when it is there, the user has stopped the run.
    """

    inputs: Tuple[Path, ...]
    selection: Selection
    place: int
    specs: Tuple[ModelSpec, ...]
    stop: Path


def judged(job: Job) -> Tuple[int, RecordingResult]:
    """Return the place of a job's recording, and its result."""
    recording = open_recordings(list(job.inputs), job.selection)[job.place]
    models = [spec.build() for spec in job.specs]
    return job.place, judge_recording(recording, models, window_of(job.specs), stopped=job.stop.exists)


def judge_apart(
    count: int, inputs: Sequence[Path], selection: Selection, specs: Sequence[ModelSpec], processes: int, ray: str
) -> Iterator[Tuple[int, RecordingResult]]:
    """Yield place and result of each recording as it is done; after Ctrl-C of what was under way, as far as it got."""
    with tempfile.TemporaryDirectory(prefix="pspgrasp_") as folder, _stop_file(Path(folder) / "stop") as stop:
        jobs = (
            Job(tuple(path.absolute() for path in inputs), selection, place, tuple(specs), stop)
            for place in range(count)
            if not stop.exists()
        )
        try:
            yield from results(judged, jobs, processes, ray, deaf=True)
        except BrokenProcessPool:
            if not stop.exists():  # else Ctrl-C met processes that had just begun
                raise


@contextmanager
def _stop_file(path: Path) -> Iterator[Path]:
    """Make a file at the first Ctrl-C; the second one is as ever."""

    def stop(_number: int, _frame: Optional[FrameType]) -> None:
        path.touch()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield path
    finally:
        signal.signal(signal.SIGINT, before)
