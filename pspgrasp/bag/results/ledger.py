"""What came of each frame is written down as it comes, so that memory stays flat whatever a recording's length."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple, Type

from pspgrasp.bag.recording import Fault, RecordedGrasp
from pspgrasp.bag.results.apart import has
from pspgrasp.bag.results.columns import Columns
from pspgrasp.bag.results.frame import FrameResult, SeenFrame
from pspgrasp.bag.results.lines import Judged, fault_line, frame_line
from pspgrasp.bag.results.rows import BEST, RECORDED, SEEN, best_row, failed_row, recorded_row, seen_row
from pspgrasp.bag.results.tally import Tally
from pspgrasp.errors import PspGraspError

WAITING = 64  # entries that are written together
LINES = "frames.jsonl"


class Entry(NamedTuple):
    """A frame or a fault.

    Attributes:
        pieces: Of each file: the line of JSON, the row of the frame, and a row of each model;
            of a fault the line alone.
        end: Where the next line begins.
        frames: How many there are with this one.
    """

    pieces: Tuple[bytes, ...]
    end: int
    frames: int


class Ledger:
    """Rows for figures, and lines of JSON with all that came of a frame.

    Whenever Ctrl-C comes, entries are whole and all files have the same ones: each batch is written behind the one
    before it, and counts when all of it is there.

    Attributes:
        folder: Where the files are.
        faults: What couldn't be read.
        failures: Of each model.
        reasons: Of each model for finding no grasp, with their numbers.
    """

    def __init__(self, folder: Path, recording: str, models: Sequence[str]) -> None:
        """Begin; the folder is made.

        Raises:
            PspGraspError: It can't be written.
        """
        self.folder, self.faults = folder, Tally()
        self.failures = [Tally() for _ in models]
        self.reasons: List[Dict[str, int]] = [{} for _ in models]
        self._recording, self._models = recording, tuple(models)
        self._kinds = [SEEN, *[BEST] * len(models)]
        self._entries = [Entry((), 0, 0)]  # the last one that is written, and those that wait
        self._open = ExitStack()
        try:
            folder.mkdir(parents=True)
            self._files = [self._open.enter_context(path.open("wb")) for path in (self.lines, *self._tables())]
        except OSError as error:
            raise self._trouble(error) from error

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._open.close()

    @property
    def lines(self) -> Path:
        """The file of lines."""
        return self.folder / LINES

    @property
    def frames(self) -> int:
        """How many frames there are."""
        return self._entries[-1].frames

    def frame(self, seen: SeenFrame, judged: Sequence[Judged]) -> None:
        """Take down a frame, and what each model made of it.

        Raises:
            PspGraspError: It can't be written.
        """
        line = frame_line(self._recording, seen, self._models, judged)
        rows = [self._row(seen, judged, place) for place in range(len(judged))]
        for one, tally in zip(judged, self.failures):
            if isinstance(one, str):
                tally.add(Fault(seen.number, "failed", one))
        self._add((line, seen_row(seen, self._entries[-1].end), *rows), 1)

    def fault(self, fault: Fault) -> None:
        """Take down what couldn't be read.

        Raises:
            PspGraspError: It can't be written.
        """
        self.faults.add(fault)
        self._add((fault_line(self._recording, fault),), 0)

    def write(self) -> None:
        """Write what waits; further entries may follow.

        Raises:
            PspGraspError: It can't be written.
        """
        written, *waiting = self._entries
        begins = (written.end, *(written.frames * kind.itemsize for kind in self._kinds))
        try:
            for place, (file, begin) in enumerate(zip(self._files, begins)):
                file.seek(begin)
                file.writelines(entry.pieces[place] for entry in waiting if place < len(entry.pieces))
                file.flush()
        except OSError as error:
            raise self._trouble(error) from error
        self._entries = self._entries[-1:]

    @property
    def seen(self) -> Columns:
        """What is known of the frames that are written."""
        return self._table(0)

    def best(self, model: int) -> Columns:
        """Return what a model made of them."""
        return self._table(1 + model)

    def _table(self, place: int) -> Columns:
        return Columns(self._tables()[place], self._kinds[place], self._entries[0].frames)

    def _add(self, pieces: Tuple[bytes, ...], frames: int) -> None:
        last = self._entries[-1]
        self._entries.append(Entry(pieces, last.end + len(pieces[0]), last.frames + frames))
        if len(self._entries) > WAITING:
            self.write()

    def _row(self, seen: SeenFrame, judged: Sequence[Judged], place: int) -> bytes:
        one = judged[place]
        if isinstance(one, str):
            return failed_row()
        return best_row(one, seen, _has_firsts(one, judged[0]), self.reasons[place])

    def _tables(self) -> List[Path]:
        return [self.folder / "seen", *(self.folder / f"model_{place}" for place in range(len(self._models)))]

    def _trouble(self, error: OSError) -> PspGraspError:
        return PspGraspError(f"{self.folder} can't be written: {error.strerror or error}")


def _has_firsts(one: FrameResult, first: Judged) -> float:
    """Tell whether one of a model's grasps is the first model's best; NaN where one of them has none."""
    if isinstance(first, str) or not first.grasps or not one.grasps:
        return float("nan")
    return float(has(one.grasps, first.grasps[0]))


def write_recorded(grasps: Iterable[RecordedGrasp], folder: Path) -> Dict[str, Columns]:
    """Return topic -> the grasps that were recorded on it, written down as they come.

    Raises:
        PspGraspError: They can't be written.
    """
    counts: Dict[str, int] = {}
    with ExitStack() as stack:
        files: Dict[str, BinaryIO] = {}
        try:
            for grasp in grasps:
                if grasp.topic not in files:
                    path = folder / f"recorded_{len(files)}"
                    files[grasp.topic] = stack.enter_context(path.open("wb"))
                files[grasp.topic].write(recorded_row(grasp))
                counts[grasp.topic] = counts.get(grasp.topic, 0) + 1
        except OSError as error:
            raise PspGraspError(f"{folder} can't be written: {error.strerror or error}") from error
    return {topic: Columns(Path(file.name), RECORDED, counts[topic]) for topic, file in files.items()}
