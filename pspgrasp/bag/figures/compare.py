"""Models side by side, paired frame by frame with the first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, List, Sequence, Tuple

import numpy as np

from pspgrasp.bag.figures.bootstrap import (
    MAX,
    MEAN,
    MEDIAN,
    Interval,
    difference_intervals,
    intervals,
    statistics_of,
)
from pspgrasp.bag.figures.figure import Figure, rows_of
from pspgrasp.bag.figures.measures import Gripper, all_series
from pspgrasp.bag.figures.pair import Differing, Pair, most_apart
from pspgrasp.bag.figures.period import block_of
from pspgrasp.bag.figures.series import SHARE, Series, joined, table_by_name, values_in
from pspgrasp.bag.results.result import RecordingResult

Difference = Tuple[str, float, Interval]  # statistic, other minus first, its interval


@dataclass(frozen=True)
class Comparison:
    """How a model differs from the first.

    Attributes:
        first: The first model.
        other: The model that is compared with it.
        differences: Of each figure, other minus first, frame by frame; `count` is that of frames that have both.
        agreement: How far their best grasps are from each other.
        only_first: Frames where the first alone finds a grasp.
        only_other: Frames where the other alone finds one.
        both: Frames where both do.
        neither: Frames where none does.
        most: Frames on which they differ most.
    """

    first: str
    other: str
    differences: Tuple[Figure, ...]
    agreement: Tuple[Figure, ...]
    only_first: int
    only_other: int
    both: int
    neither: int
    most: Tuple[Differing, ...]


def comparisons(results: Sequence[RecordingResult], gripper: Gripper) -> Tuple[Comparison, ...]:
    """Return how each other model differs from the first; () where there is just one."""
    if not results:
        return ()
    first, *others = [model.model for model in results[0].models]
    return tuple(compare(results, first, other, gripper) for other in others)


def compare(results: Sequence[RecordingResult], first: str, other: str, gripper: Gripper) -> Comparison:
    """Return how a model differs from the first one on the frames that both have judged."""
    pairs, block = [Pair(result, first, other) for result in results], block_of(results)
    agreement = joined([pair.agreement() for pair in pairs])
    only_first, only_other, both, neither = (int(sum(counts)) for counts in zip(*(pair.counts() for pair in pairs)))
    return Comparison(
        first,
        other,
        _differences(results, first, other, gripper),
        tuple(figure for series in agreement for figure in rows_of(series, block)),
        only_first,
        only_other,
        both,
        neither,
        tuple(most_apart(pairs)),
    )


def _differences(results: Sequence[RecordingResult], first: str, other: str, gripper: Gripper) -> Tuple[Figure, ...]:
    block = block_of(results)
    mine, theirs = (table_by_name(all_series(results, model, gripper)) for model in (first, other))
    return tuple(
        figure
        for series in {**theirs, **mine}.values()
        for figure in _difference(series, values_in(mine, series), values_in(theirs, series), block)
    )


def _difference(series: Series, before: np.ndarray, after: np.ndarray, block: int) -> List[Figure]:
    """Return the differences of the statistics, from the frames in which both models have the value.

    Mean and median are those of the difference of each frame. A tail isn't any single frame's: there it is the
    difference of the two percentiles. The largest values are two single frames, of which nothing follows.
    """
    both = ~np.isnan(before) & ~np.isnan(after)
    statistics: Tuple[str, ...]
    if series.statistics == (SHARE,):
        statistics, told, unit, scale = (MEAN,), SHARE, "points", 100.0
    else:
        statistics, told, unit, scale = series.statistics, "", series.unit, 1.0
    one, other = (np.where(both, scale * values, np.nan) for values in (before, after))
    count = int(np.count_nonzero(both))
    return [
        Figure(series.name, told or name, value, unit, *span, count)
        for name, value, span in (*_of_frames(one, other, statistics, block), *_of_tails(one, other, statistics, block))
    ]


def _of_frames(one: np.ndarray, other: np.ndarray, statistics: Sequence[str], block: int) -> Iterator[Difference]:
    asked, apart = [name for name in statistics if name in (MEAN, MEDIAN)], other - one
    found, spans = statistics_of(apart, asked), intervals(apart, asked, block)
    yield from ((name, found[name], spans[name]) for name in asked)


def _of_tails(one: np.ndarray, other: np.ndarray, statistics: Sequence[str], block: int) -> Iterator[Difference]:
    asked = [name for name in statistics if name not in (MEAN, MEDIAN, MAX)]
    of_one, of_other = (statistics_of(values, asked) for values in (one, other))
    spans = difference_intervals(one, other, asked, block)
    yield from ((name, of_other[name] - of_one[name], spans[name]) for name in asked)
