"""A run: recordings, one after the other or side by side, each through all models; and what it adds up to."""

from __future__ import annotations

import platform
import shutil
import signal
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Iterator, Mapping, Optional, Sequence, Tuple

from pspgrasp.bag.figures.compare import Comparison, comparisons
from pspgrasp.bag.figures.figure import Figure, figures_of
from pspgrasp.bag.figures.measures import Gripper
from pspgrasp.bag.judging.judge import expected_of, judge_recording
from pspgrasp.bag.judging.model import Model
from pspgrasp.bag.judging.specs import ModelSpec
from pspgrasp.bag.progress import BESIDE, FRAMES, TellsOf, in_silence
from pspgrasp.bag.recording import Fault, Recording, Selection
from pspgrasp.bag.results.ledger import Ledger
from pspgrasp.bag.results.result import ModelResult, RecordingResult
from pspgrasp.config import CropConfig
from pspgrasp.errors import ConfigError
from pspgrasp.parallel import LostJobsError, results

ALL_READ, IN_PART, INTERRUPTED = 0, 3, 130  # exit codes; 1 is a user's error
STOP = "stop"
LOST = "lost"  # kind of fault


@dataclass(frozen=True)
class Run:
    """What a run came to.

    Attributes:
        specs: The models, in the user's order.
        results: One for each recording, in the user's order.
        figures: Model -> its figures over all recordings.
        comparisons: Of each other model with the first, over all recordings.
        gripper: Against which openings are counted.
        recordings: From which the results come, one for each; they can be read again.
        selection: Which part of them.
        asked: How many recordings there are; an interrupted run has fewer results.
        command: That makes this run.
    """

    specs: Tuple[ModelSpec, ...]
    results: Tuple[RecordingResult, ...]
    figures: Mapping[str, Tuple[Figure, ...]]
    comparisons: Tuple[Comparison, ...]
    gripper: Gripper
    recordings: Tuple[Recording, ...]
    selection: Selection
    asked: int
    command: str

    @property
    def interrupted(self) -> bool:
        """Whether the user stopped it."""
        return len(self.results) < self.asked or any(result.interrupted for result in self.results)

    @property
    def protocols(self) -> Mapping[str, str]:
        """Model -> how depth becomes grasps by it, as the first recording says that it judged."""
        return {one.model: one.protocol for result in self.results[::-1] for one in result.models if one.protocol}

    @property
    def exit_code(self) -> int:
        """130 for a run that was stopped, 3 where something couldn't be read or judged, 0 else."""
        if self.interrupted:
            return INTERRUPTED
        return IN_PART if any(map(in_part, self.results)) else ALL_READ


def in_part(result: RecordingResult) -> bool:
    """Tell whether a recording has faults, fewer images than it says, or images on which a model failed."""
    failed = any(len(model.failures) for model in result.models)
    return failed or len(result.faults) > 0 or result.read < result.expected


def run_of(
    found: Sequence[RecordingResult],
    specs: Sequence[ModelSpec],
    gripper: Gripper,
    recordings: Sequence[Recording],
    selection: Selection,
    asked: int,
    command: str,
) -> Run:
    """Return a run with what it adds up to."""
    judged = tuple(result for result in found if result.read)
    figures = {spec.name: figures_of(judged, spec.name, gripper) if judged else () for spec in specs}
    together = comparisons(judged, gripper)
    return Run(tuple(specs), tuple(found), figures, together, gripper, tuple(recordings), selection, asked, command)


# --- in this process


def judge_here(
    recordings: Sequence[Recording],
    models: Sequence[Model],
    window: CropConfig,
    folder: Path,
    tells_of: TellsOf = in_silence,
) -> Iterator[Tuple[int, RecordingResult]]:
    """Yield place and result of each recording; Ctrl-C ends the one under way, and no other is begun."""
    for place, recording in enumerate(recordings):
        told, beside = (tells_of(recording.name, what) for what in (FRAMES, BESIDE))
        result = judge_recording(recording, models, folder / str(place), window, told, beside=beside)
        yield place, result
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
        recording: It was opened once, for all.
        place: Among all of them.
        specs: The models.
        folder: Of the run: for what comes of frames. When the file `STOP` is there, the user has stopped the run.
    """

    recording: Recording
    place: int
    specs: Tuple[ModelSpec, ...]
    folder: Path

    def __str__(self) -> str:
        """Name it for people."""
        return self.recording.name


def judged(job: Job) -> Tuple[int, RecordingResult]:
    """Return the place of a job's recording, and its result.

    Raises:
        ConfigError: The folder isn't there: this is another machine.
    """
    if not job.folder.is_dir():
        why = f"{platform.node()} doesn't see {job.folder}"
        raise ConfigError(f"{why}: --output must lie on a disk that all machines of a cluster share")
    models = [spec.build() for spec in job.specs]
    folder, stop = job.folder / str(job.place), job.folder / STOP
    shutil.rmtree(folder, ignore_errors=True)  # Ray begins a job anew whose process died
    return job.place, judge_recording(job.recording, models, folder, window_of(job.specs), stopped=stop.exists)


def judge_apart(jobs: Sequence[Job], processes: int, ray: str) -> Iterator[Tuple[int, RecordingResult]]:
    """Yield place and result of each recording as it is done; after Ctrl-C of what was under way, as far as it got.

    A recording whose process died comes last, without a frame and with a fault that says so.
    """
    stop, done = jobs[0].folder / STOP, set()
    with _stop_file(stop):
        try:
            for place, result in results(judged, (job for job in jobs if not stop.exists()), processes, ray):
                done.add(place)
                yield place, result
        except LostJobsError as error:
            whys = {one.job.place: one.why for one in error.lost}
            for job in jobs:
                if job.place in whys or not (job.place in done or stop.exists()):  # so many died that no more was begun
                    yield job.place, lost(job, whys.get(job.place, f"not judged: {error}"))


def lost(job: Job, why: str) -> RecordingResult:
    """Return the result of a recording whose process died.

    Raises:
        PspGraspError: The folder of the run can't be written.
    """
    names = [spec.name for spec in job.specs]
    with Ledger(job.folder / f"{job.place}_lost", job.recording.name, names) as ledger:
        ledger.fault(Fault(-1, LOST, why))
        ledger.write()
    models = tuple(ModelResult(name, "", ledger.best(n), (), ledger.failures[n]) for n, name in enumerate(names))
    read = (ledger.faults, expected_of(job.recording), False, 0.0, 0.0, ledger.seen)
    return RecordingResult(job.recording.name, why, models, *read, {}, ledger.lines)


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
