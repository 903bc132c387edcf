"""What a model comes to on a recording, or on several: rows of name, value and unit, with how sure they are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Dict, List, Sequence, Tuple

import numpy as np

from pspgrasp.bag.bootstrap import MEAN, block_length, intervals, statistics_of
from pspgrasp.bag.results import RecordingResult
from pspgrasp.bag.series import SHARE, Gripper, Series, frame_period_s, joined, series_of
from pspgrasp.evaluation.interval import wilson_interval


@dataclass(frozen=True)
class Figure:
    """One row.

    Attributes:
        name: Of what.
        statistic: p50, p95, p99, max, mean or share.
        value: NaN where nothing counts.
        unit: For people.
        low: Lower end of the 95 % interval, NaN where it isn't known: Wilson's for shares, which takes frames for
            independent; else by a bootstrap of blocks, which doesn't.
        high: Upper end.
        count: From how many frames, or pairs of them.
    """

    name: str
    statistic: str
    value: float
    unit: str
    low: float
    high: float
    count: int

    @property
    def label(self) -> str:
        """Name it for people."""
        spoken = {"p50": "median", SHARE: "", MEAN: "mean"}.get(self.statistic, self.statistic)
        return f"{self.name}, {spoken}" if spoken else self.name


def figures_of(results: Sequence[RecordingResult], model: str, gripper: Gripper) -> Tuple[Figure, ...]:
    """Return a model's figures over recordings, as if they were one behind the other."""
    block = block_of(results)
    return tuple(figure for series in all_series(results, model, gripper) for figure in rows_of(series, block))


def all_series(results: Sequence[RecordingResult], model: str, gripper: Gripper) -> Tuple[Series, ...]:
    """Return what is measured of a model's frames in all recordings."""
    return joined([series_of(result, model, gripper) for result in results])


def block_of(results: Sequence[RecordingResult]) -> int:
    """Return how many neighbouring frames are drawn together."""
    periods_s = [frame_period_s(result.seen) for result in results]
    known = [period_s for period_s in periods_s if period_s > 0]
    rate_hz = 1 / float(np.median(known)) if known else 0.0
    return block_length(sum(len(result.seen) for result in results), rate_hz)


def rows_of(series: Series, block: int) -> List[Figure]:
    """Return the figures of one series; `block` neighbouring frames are drawn together."""
    count = int(np.count_nonzero(~np.isnan(series.values)))
    if series.statistics == (SHARE,):
        return [_share(series, count)]
    values = statistics_of(series.values, series.statistics)
    found = intervals(series.values, series.statistics, block)
    return [Figure(series.name, name, values[name], series.unit, *found[name], count) for name in series.statistics]


def _share(series: Series, count: int) -> Figure:
    hits = int(np.nansum(series.values))
    low, high = wilson_interval(hits, count) if count else (math.nan, math.nan)
    return Figure(series.name, SHARE, 100 * hits / count if count else math.nan, "%", 100 * low, 100 * high, count)


def table_of(figures: Sequence[Figure]) -> Dict[str, Figure]:
    """Return figures by their labels."""
    return {figure.label: figure for figure in figures}
