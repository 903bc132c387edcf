"""A run: recordings, one after the other or side by side, each through all models; and what it adds up to."""

from __future__ import annotations

import platform
import signal
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Callable, Iterator, Mapping, Optional, Sequence, Tuple

from pspgrasp.bag.figures.compare import Comparison, comparisons
from pspgrasp.bag.figures.figure import Figure, figures_of
from pspgrasp.bag.figures.measures import Gripper
from pspgrasp.bag.judging.judge import Told, judge_recording, silent
from pspgrasp.bag.judging.model import Model
from pspgrasp.bag.judging.specs import ModelSpec
from pspgrasp.bag.reading.open import open_recordings
from pspgrasp.bag.recording import Recording, Selection
from pspgrasp.bag.results.result import RecordingResult
from pspgrasp.config import CropConfig
from pspgrasp.errors import ConfigError
from pspgrasp.parallel import results

ALL_READ, IN_PART, INTERRUPTED = 0, 3, 130  # exit codes; 1 is a user's error
STOP = "stop"


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
    return len(result.faults) > 0 or result.read < result.expected


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
    judged = tuple(result for result in found if result.read)
    figures = {spec.name: figures_of(judged, spec.name, gripper) if judged else () for spec in specs}
    together = comparisons(judged, gripper)
    return Run(tuple(specs), tuple(found), figures, together, gripper, tuple(inputs), selection, asked, command)


# --- in this process


def judge_here(
    recordings: Sequence[Recording],
    models: Sequence[Model],
    window: CropConfig,
    folder: Path,
    told: Callable[[Recording], Told] = lambda _: silent,
) -> Iterator[RecordingResult]:
    """Yield the result of each recording; Ctrl-C ends the one under way, and no other is begun."""
    for place, recording in enumerate(recordings):
        result = judge_recording(recording, models, folder / str(place), window, told(recording))
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
        folder: Of the run: for what comes of frames. When the file `STOP` is there, the user has stopped the run.
    """

    inputs: Tuple[Path, ...]
    selection: Selection
    place: int
    specs: Tuple[ModelSpec, ...]
    folder: Path

    def __str__(self) -> str:
        """Name it for people."""
        return f"recording {self.place + 1} of {', '.join(map(str, self.inputs))}"


def judged(job: Job) -> Tuple[int, RecordingResult]:
    """Return the place of a job's recording, and its result.

    Raises:
        ConfigError: The folder isn't there: this is another machine.
    """
    if not job.folder.is_dir():
        why = f"{platform.node()} doesn't see {job.folder}"
        raise ConfigError(f"{why}: --output must lie on a disk that all machines of a cluster share")
    recording = open_recordings(list(job.inputs), job.selection)[job.place]
    models = [spec.build() for spec in job.specs]
    folder, stop = job.folder / str(job.place), job.folder / STOP
    return job.place, judge_recording(recording, models, folder, window_of(job.specs), stopped=stop.exists)


def judge_apart(jobs: Sequence[Job], processes: int, ray: str) -> Iterator[Tuple[int, RecordingResult]]:
    """Yield place and result of each recording as it is done; after Ctrl-C of what was under way, as far as it got."""
    stop = jobs[0].folder / STOP
    with _stop_file(stop):
        yield from results(judged, (job for job in jobs if not stop.exists()), processes, ray)


@contextmanager
def _stop_file(path: Path) -> Iterator[None]:
    """Make a file at the first Ctrl-C; the second one is as ever."""

    def stop(_number: int, _frame: Optional[FrameType]) -> None:
        path.touch()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
