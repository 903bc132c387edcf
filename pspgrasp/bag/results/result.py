"""What came of a recording: all figures are worked out from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Mapping, Tuple

from pspgrasp.bag.results.columns import Columns
from pspgrasp.bag.results.lines import Judged, judged_of
from pspgrasp.bag.results.tally import Tally
from pspgrasp.errors import DataError


@dataclass(frozen=True)
class ModelResult:
    """What one model made of one recording.

    Attributes:
        model: Its name; unique within a run.
        protocol: How depth became grasps, in words.
        best: A row for each frame that was judged, see `rows.BEST`.
        reasons: In words, for the column `nothing` of `best`.
        failures: Frames on which the model failed (a network's output that isn't finite, say).
    """

    model: str
    protocol: str
    best: Columns
    reasons: Tuple[str, ...]
    failures: Tally


@dataclass(frozen=True)
class RecordingResult:
    """What all models made of one recording. All of them saw the same frames.

    Attributes:
        recording: Its name.
        description: What was read.
        models: In the user's order; the others are compared with the first.
        faults: What couldn't be read.
        expected: Images the recording says it has, within what was selected.
        interrupted: Whether the user stopped it.
        read_s: Time that reading and decoding took [s].
        wall_s: Time that all of it took [s].
        seen: A row for each frame that was judged, see `rows.SEEN`.
        recorded: Topic -> grasps of the robot's own detector, see `rows.RECORDED`.
        lines: A line of JSON for each frame and fault, see lines.py.
        has_guessed_camera: Whether nobody said what camera it was, so that lengths in space may be wrong.
    """

    recording: str
    description: str
    models: Tuple[ModelResult, ...]
    faults: Tally
    expected: int
    interrupted: bool
    read_s: float
    wall_s: float
    seen: Columns
    recorded: Mapping[str, Columns]
    lines: Path
    has_guessed_camera: bool = False

    @property
    def read(self) -> int:
        """Images that were judged."""
        return len(self.seen)

    def of(self, model: str) -> ModelResult:
        """Return the result of a model."""
        return next(result for result in self.models if result.model == model)

    def frame(self, row: int) -> Dict[str, Judged]:
        """Return model -> all that it made of the frame of a row.

        Raises:
            DataError: The file of lines can't be read.
        """
        try:
            with self.lines.open("rb") as file:
                file.seek(int(self.seen.row(row)["line"]))
                return judged_of(file.readline())
        except (OSError, ValueError) as error:
            raise DataError(f"{self.lines} can't be read: {error}") from error
