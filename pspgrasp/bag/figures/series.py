"""A number of each frame, from which figures, charts and comparisons are made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Callable, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from pspgrasp.bag.figures.bootstrap import MAX
from pspgrasp.bag.results.apart import Apart

SHARE = "share"
TIMES, TYPICAL, QUARTILES = ("p50", "p95", "p99", MAX), ("p50", "p95"), ("p25", "p50", "p75")
LATENCY, NO_GRASP, QUALITY = "latency", "no grasp", "quality"

Work = Callable[[], np.ndarray]


@dataclass(frozen=True)
class Series:
    """One number a frame.

    Attributes:
        name: Of what; unique within a model.
        unit: Of the values, for people; "%" for shares.
        work: Works out the values; they are not kept, so that those of one series at a time lie in memory.
        statistics: What is told of them: p50, p95, p99, max, mean, share...
        counts: Whether it counts something, so that where nobody speaks of it there was none.
        metric: Whether it hangs on lengths in space, which a guessed camera doesn't know.
    """

    name: str
    unit: str
    work: Work
    statistics: Tuple[str, ...] = TYPICAL
    counts: bool = False
    metric: bool = False

    @property
    def values(self) -> np.ndarray:
        """(N,), one for each frame that was judged, NaN where it doesn't count; 0 or 1 for shares."""
        return np.asarray(self.work(), float)


def share(name: str, work: Work, counts: bool = False, metric: bool = False) -> Series:
    """Return a series of frames that are something: 1, or aren't: 0."""
    return Series(name, "%", work, (SHARE,), counts, metric)


def without_lengths(every: Sequence[Series], guessed: bool) -> List[Series]:
    """Return series of a recording; where its camera is a guess, lengths in space are NaN."""

    def unknown(one: Series) -> Series:
        return replace(one, work=lambda: np.full_like(one.values, np.nan)) if guessed and one.metric else one

    return [unknown(one) for one in every]


def apart_series(apart: Apart, prefix: str = "", counted: Optional[Work] = None) -> List[Series]:
    """Return distance, angle and difference in opening of pairs of grasps.

    Args:
        apart: The pairs.
        prefix: Of the names.
        counted: Works out (N,) bool: which pairs count; None counts all.
    """

    def taken(work: Work) -> np.ndarray:
        return work() if counted is None else np.where(counted(), work(), np.nan)

    return [
        Series(f"{prefix}distance", "px", partial(taken, lambda: apart.distance_px)),
        Series(f"{prefix}angle", "deg", partial(taken, lambda: apart.angle_deg)),
        Series(f"{prefix}distance in space", "mm", partial(taken, lambda: apart.distance_mm), metric=True),
        Series(f"{prefix}opening", "mm", partial(taken, lambda: apart.width_mm), metric=True),
    ]


def with_values(every: Sequence[Series]) -> List[Series]:
    """Return those series that have a value at all."""
    return [series for series in every if not np.isnan(series.values).all()]


def table_by_name(every: Sequence[Series]) -> Dict[str, Series]:
    """Return series by their names."""
    return {series.name: series for series in every}


def joined(every: Sequence[Sequence[Series]]) -> Tuple[Series, ...]:
    """Return the series of several recordings, one behind the other; what one doesn't have doesn't count there."""
    tables = [table_by_name(some) for some in every]
    known = {one.name: one for some in every for one in some}
    return tuple(replace(one, work=partial(_behind, tables, one)) for one in known.values())


def _behind(tables: Sequence[Mapping[str, Series]], one: Series) -> np.ndarray:
    return np.concatenate([values_in(table, one) for table in tables])


def values_in(table: Mapping[str, Series], one: Series) -> np.ndarray:
    """Return the values (N,) of a series in another table of series: NaN where it isn't there, 0 for counts."""
    if one.name in table:
        return table[one.name].values
    judged = np.where(np.isnan(table[NO_GRASP].values), np.nan, 0.0)
    return judged if one.counts else np.full_like(judged, np.nan)
