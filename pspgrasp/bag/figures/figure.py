"""What a model comes to on a recording, or on several: rows of name, value and unit, with how sure they are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Dict, List, Sequence, Tuple

import numpy as np

from pspgrasp.bag.figures.bootstrap import MAX, MEAN, intervals, statistics_of
from pspgrasp.bag.figures.measures import Gripper, all_series
from pspgrasp.bag.figures.period import block_of
from pspgrasp.bag.figures.series import SHARE, Series
from pspgrasp.bag.results.result import RecordingResult
from pspgrasp.evaluation.interval import wilson_interval


@dataclass(frozen=True)
class Figure:
    """One row.

    Attributes:
        name: Of what.
        statistic: p50, p95, p99, max, mean or share.
        value: NaN where nothing counts.
        unit: For people.
        low: Lower end of the 95 % interval, NaN where it can't be told: Wilson's for shares, which takes frames for
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
    def is_of_too_few(self) -> bool:
        """Whether its interval isn't told because too few frames stand behind it; the largest value never has one."""
        return math.isnan(self.low) and not math.isnan(self.value) and self.statistic != MAX

    @property
    def label(self) -> str:
        """Name it for people."""
        spoken = {"p50": "median", SHARE: "", MEAN: "mean"}.get(self.statistic, self.statistic)
        return f"{self.name}, {spoken}" if spoken else self.name


def figures_of(results: Sequence[RecordingResult], model: str, gripper: Gripper) -> Tuple[Figure, ...]:
    """Return a model's figures over recordings, as if they were one behind the other."""
    block = block_of(results)
    return tuple(figure for series in all_series(results, model, gripper) for figure in rows_of(series, block))


def rows_of(series: Series, block: int) -> List[Figure]:
    """Return the figures of one series; `block` neighbouring frames are drawn together."""
    values = series.values
    count = int(np.count_nonzero(~np.isnan(values)))
    if series.statistics == (SHARE,):
        return [_share(series.name, values, count)]
    found, spans = statistics_of(values, series.statistics), intervals(values, series.statistics, block)
    return [Figure(series.name, name, found[name], series.unit, *spans[name], count) for name in series.statistics]


def _share(name: str, values: np.ndarray, count: int) -> Figure:
    hits = int(np.nansum(values))
    low, high = wilson_interval(hits, count) if count else (math.nan, math.nan)
    return Figure(name, SHARE, 100 * hits / count if count else math.nan, "%", 100 * low, 100 * high, count)


def table_of(figures: Sequence[Figure]) -> Dict[str, Figure]:
    """Return figures by their labels."""
    return {figure.label: figure for figure in figures}
