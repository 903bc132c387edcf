"""Two models on the same frames of one recording."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Dict, Iterator, List, Sequence, Tuple

import numpy as np

from pspgrasp.bag.figures.series import Series, apart_series, share, without_lengths
from pspgrasp.bag.results.apart import Apart
from pspgrasp.bag.results.result import RecordingResult

LISTED = 12  # frames on which two models differ most
SPACING_S = 1.0  # between two of them: neighbours show the same
WINDOW_PX = 300.0  # by which a grasp of full quality that the other one lacks counts as apart

Place = Tuple[int, int]  # of the recording in the run, and the frame's row in its result


@dataclass(frozen=True)
class Differing:
    """A frame on which two models differ.

    Attributes:
        recording: Its recording.
        number: Of the frame.
        stamp_ns: Of the image [ns].
        apart: By how much: px between the two, or the quality of a grasp that just one finds times 300 px.
        why: In words.
        place: Where its result is.
    """

    recording: str
    number: int
    stamp_ns: int
    apart: float
    why: str
    place: Place


class Pair:
    """What two models made of the frames of one recording."""

    def __init__(self, result: RecordingResult, first: str, other: str) -> None:
        """Take the models by their names."""
        self._result, self._models = result, (result.of(first), result.of(other))
        self._first, self._other = (model.best for model in self._models)
        self._apart = Apart(self._first, self._other)

    def counts(self) -> np.ndarray:
        """Return (4,): frames where the first alone finds a grasp, the other alone, both, none."""
        first, other = self._first["found"] > 0, self._other["found"] > 0
        kinds = (first & ~other, ~first & other, first & other, ~first & ~other)
        return np.array([np.count_nonzero(self._judged() & kind) for kind in kinds])

    def agreement(self) -> List[Series]:
        """Return how far the best grasps are from each other."""
        every = [
            share("both find a grasp", lambda: np.where(self._judged(), self._both(), np.nan)),
            share("same grasp, of those", lambda: np.where(self._both(), self._apart.same, np.nan), metric=True),
            share("first's best among the other's", partial(self._other.__getitem__, "has_firsts"), metric=True),
            *apart_series(self._apart),
        ]
        return without_lengths(every, self._result.has_guessed_camera)

    def apart(self) -> np.ndarray:
        """Return (N,): by how much the two differ, see `Differing`; 0 where one has failed, or none has a grasp."""
        # Where just one has a grasp, the other one's quality is 0.
        alone_px = WINDOW_PX * np.maximum(*(np.nan_to_num(best["quality"]) for best in (self._first, self._other)))
        return np.where(self._judged(), np.where(self._both(), self._apart.distance_px, alone_px), 0.0)

    def stamps_ns(self) -> np.ndarray:
        """Return (N,): of the images [ns]."""
        return self._result.seen["stamp_ns"]

    def differing(self, place: Place, apart: float) -> Differing:
        """Return what there is to tell of a frame."""
        seen, name = self._result.seen.row(place[1]), self._result.recording
        return Differing(name, int(seen["number"]), int(seen["stamp_ns"]), apart, self._why(place[1]), place)

    def _why(self, row: int) -> str:
        first, other = self._first.row(row), self._other.row(row)
        if first["found"] and other["found"]:
            apart = Apart(first, other)
            in_space = "" if self._result.has_guessed_camera else f" ({apart.distance_mm:.0f} mm)"
            return f"{apart.distance_px:.0f} px{in_space} apart, turned by {apart.angle_deg:.0f} deg"
        alone = 0 if first["found"] else 1
        finder, silent = self._models[alone].model, self._models[1 - alone]
        quality, nothing = (first, other)[alone]["quality"], (first, other)[1 - alone]["nothing"]
        return f"only {finder} finds a grasp, of quality {quality:.2f}; the other: {silent.reasons[nothing]}"

    def _judged(self) -> np.ndarray:
        return (self._first["found"] >= 0) & (self._other["found"] >= 0)

    def _both(self) -> np.ndarray:
        return (self._first["found"] > 0) & (self._other["found"] > 0)


def most_apart(pairs: Sequence[Pair]) -> Iterator[Differing]:
    """Yield the frames that differ most, no two of one recording within a second."""
    apart = [pair.apart() for pair in pairs]
    every, begins = np.concatenate(apart), np.cumsum([0, *(len(one) for one in apart)])
    stamps_ns = np.concatenate([pair.stamps_ns() for pair in pairs])
    kept: Dict[int, List[int]] = {}
    for number in map(int, np.argsort(-every, kind="stable")):
        recording = int(np.searchsorted(begins, number, side="right")) - 1
        near = kept.setdefault(recording, [])
        if sum(map(len, kept.values())) == LISTED or not every[number] > 0:
            return
        if all(abs(int(stamps_ns[number]) - stamp_ns) >= 1e9 * SPACING_S for stamp_ns in near):
            near.append(int(stamps_ns[number]))
            yield pairs[recording].differing((recording, number - int(begins[recording])), float(every[number]))
