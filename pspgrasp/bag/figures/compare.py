"""Models side by side, paired frame by frame with the first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Sequence, Tuple

import numpy as np

from pspgrasp.bag.figures.bootstrap import MEAN, difference_intervals, statistics_of
from pspgrasp.bag.figures.figure import Figure, rows_of
from pspgrasp.bag.figures.measures import Gripper, all_series
from pspgrasp.bag.figures.pair import Differing, Pair, most_apart
from pspgrasp.bag.figures.period import block_of
from pspgrasp.bag.figures.series import SHARE, Series, joined, table_by_name, values_in
from pspgrasp.bag.results.result import RecordingResult


@dataclass(frozen=True)
class Comparison:
    """How a model differs from the first.

    Attributes:
        first: The first model.
        other: The model that is compared with it.
        differences: Of each figure, other minus first; `count` frames count for both.
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
    """Return the differences of the statistics; resamples draw the same frames of both."""
    shares = series.statistics == (SHARE,)
    statistics, scale = ((MEAN,), 100.0) if shares else (series.statistics, 1.0)
    one, other = scale * before, scale * after
    of_one, of_other = statistics_of(one, statistics), statistics_of(other, statistics)
    spans = difference_intervals(one, other, statistics, block)
    count = int(np.count_nonzero(~np.isnan(one) & ~np.isnan(other)))
    told, unit = (SHARE, "points") if shares else ("", series.unit)
    return [
        Figure(series.name, told or name, of_other[name] - of_one[name], unit, *spans[name], count)
        for name in statistics
    ]
