"""Taking turns: whatever is measured is so in the same rounds, so that what else the machine does hits all alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, Iterable, List, Sequence

import numpy as np

from pspgrasp.bag.judging.stopwatch import Stopwatch
from pspgrasp.bag.results.frame import TOTAL
from pspgrasp.benchmark.threads import use_threads
from pspgrasp.depth import DepthFrame

WARM_UP = 3  # rounds that aren't kept: libraries choose their kernels and take their memory
OTHER_BYTES = 64 << 20  # beyond a core's share of any cache
Lap = Dict[str, float]  # stage -> its time [ms]


@dataclass(frozen=True)
class Turn:
    """Something that is timed.

    Attributes:
        threads: That it gets.
        work: What it does with a frame; tells the watch when a stage is done.
        watch: Its own.
    """

    threads: int
    work: Callable[[DepthFrame], object]
    watch: Stopwatch

    def lap(self, frame: DepthFrame) -> Lap:
        """Return stage -> time [ms]. What follows the last stage isn't the road's: GG-CNN's node paints then."""
        use_threads(self.threads)
        self.watch.start()
        self.work(frame)
        stages_ms = self.watch.stop()
        return {stage: spent_ms for stage, spent_ms in stages_ms.items() if stage != TOTAL}


class OtherData:
    """What a robot does between two images, as far as caches notice: it reads other data."""

    def __init__(self, size_bytes: int = OTHER_BYTES) -> None:
        self._data = np.ones(size_bytes // 8)

    def read(self) -> None:
        """Read it all; threads that spin while they wait for more work fall asleep meanwhile."""
        self._data.sum()


def interleaved(
    turns: Sequence[Turn], frames: Sequence[DepthFrame], rounds: Iterable[int], between: Callable[[], None]
) -> List[List[Lap]]:
    """Return the laps of each turn.

    In a round everybody takes one turn at the same frame, in an order that changes from round to round, so that nobody
    always follows the same one.

    Args:
        turns: Who takes part.
        frames: They come round again.
        rounds: That are kept, by number; `WARM_UP` more come before.
        between: Done before each turn.
    """
    for number in range(WARM_UP):
        _round(turns, frames[number % len(frames)], number, between)
    laps: List[List[Lap]] = [[] for _ in turns]
    for number in rounds:
        for place, lap in _round(turns, frames[number % len(frames)], number, between).items():
            laps[place].append(lap)
    return laps


def _round(turns: Sequence[Turn], frame: DepthFrame, number: int, between: Callable[[], None]) -> Dict[int, Lap]:
    """Return place of a turn -> its lap."""
    laps = {}
    for place in np.random.default_rng(number).permutation(len(turns)).tolist():
        between()
        laps[place] = turns[place].lap(frame)
    return laps
