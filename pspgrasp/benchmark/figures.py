"""What laps come to: medians and their spread, stage by stage, and ratios between rows of one place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Callable, Dict, List, Optional, Sequence

import numpy as np

from pspgrasp.benchmark.roofline import Place, Roofline
from pspgrasp.benchmark.rows import EAGER, GGCNN, OURS, Row, RowKey
from pspgrasp.benchmark.timing import Lap

STAGES = ("prepare", "network", "maps", "detect")


@dataclass(frozen=True)
class Spread:
    """Times of many laps [ms]: the median, the quartiles around it, and what one lap in a hundred exceeds."""

    median_ms: float
    p25_ms: float
    p75_ms: float
    p99_ms: float

    @classmethod
    def of(cls, times_ms: Sequence[float]) -> Spread:
        """Return the spread of at least one time."""
        return cls(*map(float, np.percentile(times_ms, (50, 25, 75, 99))))


@dataclass(frozen=True)
class Figures:
    """A row of the table.

    Attributes:
        key: What it is.
        precision: Of its network's arithmetic.
        laps: How many count.
        whole: All stages together, from the image in memory to the grasps.
        stages: Each of STAGES alone.
        to_ggcnn: Median of the road over that of GG-CNN's; None without it.
        to_eager: The same over eager torch's with the same network; None without it.
        flops: Of one forward pass; None where it can't be known, as all that follow.
        weight_bytes: In this precision.
        activation_bytes: Of what its layers put out, all together.
        floor_ms: Below which no forward pass can be on this device.
        to_floor: Median of the network's stage over its floor.
        joules: Of the GPU, a frame.
    """

    key: RowKey
    precision: str
    laps: int
    whole: Spread
    stages: Dict[str, Spread]
    to_ggcnn: Optional[float] = None
    to_eager: Optional[float] = None
    flops: Optional[int] = None
    weight_bytes: Optional[int] = None
    activation_bytes: Optional[int] = None
    floor_ms: Optional[float] = None
    to_floor: Optional[float] = None
    joules: Optional[float] = None


def figures_of(
    rows: Sequence[Row], laps: Sequence[Sequence[Lap]], rooflines: Dict[Place, Roofline], joules: Dict[RowKey, float]
) -> List[Figures]:
    """Return the figures of all rows.

    Args:
        rows: That were timed.
        laps: Of each, at least one.
        rooflines: Of every place.
        joules: Of a frame, for the rows of which it is known.
    """
    timed = [_timed(row, of_it) for row, of_it in zip(rows, laps)]
    medians_ms = {one.key: one.whole.median_ms for one in timed}
    found = []
    for row, one in zip(rows, timed):
        one = replace(
            one,
            to_ggcnn=_over(one, medians_ms, lambda key: key.road == GGCNN),
            to_eager=_over(one, medians_ms, _eager_of(row.key)),
            joules=joules.get(row.key),
        )
        found.append(_against_paper(row, one, rooflines[row.key.place]))
    return found


def _timed(row: Row, laps: Sequence[Lap]) -> Figures:
    stages = {stage: Spread.of([lap[stage] for lap in laps]) for stage in STAGES}
    whole = Spread.of([sum(lap.values()) for lap in laps])
    return Figures(row.key, row.precision, len(laps), whole, stages)


def _eager_of(key: RowKey) -> Callable[[RowKey], bool]:
    """Return what tells the row of the same network by eager torch on the same road."""
    return lambda other: other == key._replace(road=OURS, runtime=EAGER)


def _over(one: Figures, medians_ms: Dict[RowKey, float], wanted: Callable[[RowKey], bool]) -> Optional[float]:
    """Return a row's median over that of the wanted row of its place; None where there is none."""
    others = (ms for key, ms in medians_ms.items() if key.place == one.key.place and wanted(key))
    other_ms = next(others, None)
    return one.whole.median_ms / other_ms if other_ms else None


def _against_paper(row: Row, one: Figures, roofline: Roofline) -> Figures:
    """Return the figures with what the network comes to on paper, as far as that is known."""
    if row.cost is None:
        return one
    cost, precision = row.cost, row.precision
    floor_ms = roofline.floor_ms(cost, precision)
    return replace(
        one,
        flops=cost.flops,
        weight_bytes=cost.weight_bytes(precision),
        activation_bytes=cost.activation_bytes(precision),
        floor_ms=floor_ms,
        to_floor=one.stages["network"].median_ms / floor_ms if floor_ms else None,
    )
