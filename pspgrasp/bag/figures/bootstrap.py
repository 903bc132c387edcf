"""How sure a median, a percentile or a mean of frames is: neighbouring frames are alike, so blocks are drawn.

Moving-block bootstrap: Kuensch, "The jackknife and the bootstrap for general stationary observations", Annals of
Statistics 1989. No resample goes beyond the largest value that was seen, which lies below the quantile q in q^n of all
samples of n (Hahn and Meeker, "Statistical Intervals", 1991): far too often for a p99 of 50 frames. So an interval is
told where at least five values are to be expected on either side of the quantile; then that is one sample in 150.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Dict, Iterable, List, Mapping, Sequence, Tuple

import numpy as np

RESAMPLES, FEWEST_RESAMPLES = 1000, 200
AT_ONCE = 2_000_000  # values that are held in memory together
MOST_VALUES = 20_000_000  # drawn for one figure, unless that leaves fewer than FEWEST_RESAMPLES
FEWEST = 5  # values from which an interval is told; on either side of a quantile
QUANTILES: Mapping[str, float] = {"p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95, "p99": 0.99}
MEAN, MEDIAN, MAX = "mean", "p50", "max"
BLOCK_S = 1.0  # within which frames are taken to be alike
Interval = Tuple[float, float]
NONE: Interval = (float("nan"), float("nan"))


def statistics_of(values: np.ndarray, statistics: Sequence[str]) -> Dict[str, float]:
    """Return each statistic of the values (N,) that aren't NaN; NaN where there are none."""
    once = np.ones((1, len(values)), np.uint16)
    return {name: float(found[0]) for name, found in _of_draws(values, [once], statistics).items()}


def intervals(values: np.ndarray, statistics: Sequence[str], block: int) -> Dict[str, Interval]:
    """Return the 95 % interval of each statistic of the values (N,), in order of time; NaN doesn't count.

    It is `NONE` where too few values count, and for the largest.
    """
    told = _told(values, statistics)
    drawn = _of_draws(values, draws_of(len(values), block).pieces(), told) if told else {}
    return {name: _interval(drawn[name]) if name in drawn else NONE for name in statistics}


def difference_intervals(
    first: np.ndarray, other: np.ndarray, statistics: Sequence[str], block: int
) -> Dict[str, Interval]:
    """Return the same of how far each statistic of `other` is above that of `first`; both (N,), NaN in the same frames.

    A resample draws the same frames of both.
    """
    told = _told(first, statistics)
    draws = draws_of(len(first), block) if told else None
    before, after = (_of_draws(values, draws.pieces(), told) if draws else {} for values in (first, other))
    return {name: _interval(after[name] - before[name]) if name in before else NONE for name in statistics}


def _told(values: np.ndarray, statistics: Sequence[str]) -> List[str]:
    """Return the statistics of which these values tell an interval."""
    count = np.count_nonzero(~np.isnan(values))
    return [name for name in statistics if name != MAX and count * _rarer(name) > FEWEST - 1e-6]


def _rarer(statistic: str) -> float:
    """Return the smaller one of the shares of values that lie below and above a statistic; 1 for a mean."""
    share = QUANTILES.get(statistic)
    return 1.0 if share is None else min(share, 1.0 - share)


def block_length(frames: int, rate_hz: float) -> int:
    """Return how many frames a block has: a second, at most a tenth of all; at least their cube root."""
    second = min(rate_hz * BLOCK_S, frames / 10)
    return int(np.ceil(max(1.0, frames ** (1 / 3), second)))


class Draws:
    """Resamples of N frames. They are kept as the blocks that they draw: as frames they would fill the memory."""

    def __init__(self, frames: int, block: int) -> None:
        self._frames, self._block = frames, min(block, frames)
        resamples = max(FEWEST_RESAMPLES, min(RESAMPLES, MOST_VALUES // frames))
        size = resamples, -(-frames // self._block)
        self._starts = np.random.default_rng(0).integers(0, frames - self._block + 1, size, np.int32)

    def pieces(self) -> Iterable[np.ndarray]:
        """Return (R, N) uint16 one after the other: how often each of some resamples draws each frame."""
        rows = max(1, AT_ONCE // self._frames)
        firsts = range(0, len(self._starts), rows)
        return [self._all] if len(firsts) == 1 else (self._piece(first, first + rows) for first in firsts)

    @cached_property
    def _all(self) -> np.ndarray:
        return self._piece(0, len(self._starts))

    def _piece(self, first: int, last: int) -> np.ndarray:
        return np.stack([self._times(starts) for starts in self._starts[first:last]])

    def _times(self, starts: np.ndarray) -> np.ndarray:
        """Return (N,) uint16: how often blocks draw each frame; the last one is cut, so that there are N draws."""
        ends = starts + self._block
        ends[-1] -= len(starts) * self._block - self._frames
        begun, ended = (np.bincount(places, minlength=self._frames + 1) for places in (starts, ends))
        return np.cumsum(begun - ended)[:-1].astype(np.uint16)


@lru_cache(maxsize=2)
def draws_of(frames: int, block: int) -> Draws:
    """Return the resamples that all figures of a run share."""
    return Draws(frames, block)


def _of_draws(values: np.ndarray, pieces: Iterable[np.ndarray], statistics: Sequence[str]) -> Dict[str, np.ndarray]:
    """Return statistic -> (B,), of each resample of the values (N,) without NaN; NaN for one of nothing else."""
    order = np.argsort(values, kind="stable")[: np.count_nonzero(~np.isnan(values))]  # NaN comes last
    ordered = values[order]
    parts = [_of_some(ordered, piece[:, order], statistics) for piece in pieces]
    return {name: np.concatenate([part[name] for part in parts]) for name in statistics}


def _of_some(ordered: np.ndarray, draws: np.ndarray, statistics: Sequence[str]) -> Dict[str, np.ndarray]:
    if not ordered.size:
        return {name: np.full(len(draws), np.nan) for name in statistics}
    up_to = np.cumsum(draws, axis=1, dtype=np.int32)
    found = {name: _statistic(ordered, draws, up_to, name) for name in statistics}
    return {name: np.where(up_to[:, -1] > 0, value, np.nan) for name, value in found.items()}


def _statistic(ordered: np.ndarray, draws: np.ndarray, up_to: np.ndarray, name: str) -> np.ndarray:
    counts = up_to[:, -1]
    if name == MEAN:
        return np.asarray(draws @ ordered / np.maximum(counts, 1))
    last = np.maximum(counts - 1, 0)
    place = (1.0 if name == MAX else QUANTILES[name]) * last
    low = np.floor(place).astype(np.int32)
    below, above = (ordered[_at_rank(up_to, rank)] for rank in (low, np.minimum(low + 1, last)))
    return np.asarray(below + (place - low) * (above - below))


def _at_rank(up_to: np.ndarray, rank: np.ndarray) -> np.ndarray:
    """Return (B,): which of the ordered values has the rank in each resample, from 0."""
    return np.minimum(np.count_nonzero(up_to <= rank[:, None], axis=1), up_to.shape[1] - 1)


def _interval(drawn: np.ndarray) -> Interval:
    known = drawn[~np.isnan(drawn)]
    if not known.size:
        return NONE
    low, high = np.percentile(known, (2.5, 97.5))
    return float(low), float(high)
