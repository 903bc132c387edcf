"""What the records of a run add up to."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from pspgrasp.evaluation.paired import Paired, holm, paired
from pspgrasp.sim.attempt import Outcome
from pspgrasp.sim.cells import Cell, Task
from pspgrasp.sim.pace import spent_s
from pspgrasp.sim.ratio import Estimate, ratio, share
from pspgrasp.sim.records import SceneRecord, Tried

ENOUGH = 300  # attempts from which a condition's figures are no first look
SURE = 0.05  # a smaller corrected p is told as a difference
BETTER, WORSE = "▲", "▼"


@dataclass(frozen=True)
class Figure:
    """What one row came to in one cell. Scenes whose simulation failed while it tried count nowhere.

    Attributes:
        row: Which.
        attempts: How many.
        held: Attempts at whose end the thing was in the hand.
        success: held / attempts; None without an attempt.
        outcomes: Outcome -> how many.
        exploded: Scenes whose simulation failed while it tried.
        picks_per_hour: Held things by the time that all attempts took, see pace.py.
        predict_ms: Median time of the detector on the machine of the run [ms]; None for a row that has none.
        cleared: Of bins: share of all things that were taken out; None for other tasks.
        against_first: Scene by scene against the first row; None in it, and for bins.
        corrected_p: Its p, by Holm's correction for all such comparisons of the run; None without it.
    """

    row: str
    attempts: int
    held: int
    success: Optional[Estimate]
    outcomes: Mapping[str, int]
    exploded: int
    picks_per_hour: Optional[Estimate]
    predict_ms: Optional[float]
    cleared: Optional[Estimate] = None
    against_first: Optional[Paired] = None
    corrected_p: Optional[float] = None

    @property
    def mark(self) -> str:
        """`BETTER` for a row that is surely better than the first, `WORSE` likewise, else nothing."""
        if self.against_first is None or self.corrected_p is None or self.corrected_p >= SURE:
            return ""
        return BETTER if self.against_first.wins > self.against_first.losses else WORSE


@dataclass(frozen=True)
class CellTable:
    """One cell: what all rows came to on the same scenes.

    Attributes:
        cell: Its condition.
        scenes: How many were tried.
        exploded: Scenes whose simulation failed before anything was tried: they count nowhere.
        figures: One for each row.
    """

    cell: Cell
    scenes: int
    exploded: int
    figures: Tuple[Figure, ...]

    @property
    def is_bin(self) -> bool:
        """Whether its scenes are bins that are cleared, rather than tried once."""
        return self.cell.task == Task.CLEARING.value

    @property
    def few(self) -> bool:
        """Whether it has fewer than `ENOUGH` attempts of each row, or of bins fewer things."""
        return (self.scenes + self.exploded) * (self.cell.things if self.is_bin else 1) < ENOUGH

    def of(self, row: str) -> Figure:
        """Return the figure of a row."""
        return next(figure for figure in self.figures if figure.row == row)


def tables_of(records: Sequence[SceneRecord], cells: Sequence[Cell]) -> Tuple[CellTable, ...]:
    """Return a table for each cell of which there are records."""
    found = []
    for cell in cells:
        mine = sorted((record for record in records if record.cell == cell.name), key=lambda record: record.number)
        tried = [record for record in mine if not record.exploded]
        if tried:
            figures = tuple(_figure(row, tried, cell) for row in tried[0].rows)
            found.append(CellTable(cell, len(tried), len(mine) - len(tried), figures))
    return _corrected(found)


def _figure(row: str, records: Sequence[SceneRecord], cell: Cell) -> Figure:
    sound = [record for record in records if not _exploded(record.rows[row])]
    scenes = [record.rows[row] for record in sound]
    counted = [one for attempts in scenes for one in attempts]
    counts, held = [len(attempts) for attempts in scenes], [sum(map(_held, attempts)) for attempts in scenes]
    clearing, first = cell.task == Task.CLEARING.value, next(iter(records[0].rows))
    taken = [sum(one.taken for one in attempts) for attempts in scenes]
    return Figure(
        row,
        len(counted),
        sum(held),
        ratio(held, counts) if clearing else share(sum(held), len(counted)),
        dict(Counter(one.outcome for one in counted)),
        len(records) - len(sound),
        ratio([3600 * number for number in held], [spent_s(attempts) for attempts in scenes]),
        _median_ms(counted),
        ratio(taken, [len(record.things) for record in sound]) if clearing else None,
        None if clearing or row == first else _against(row, first, records),
    )


def _exploded(attempts: Sequence[Tried]) -> bool:
    return any(one.outcome == Outcome.EXPLODED.value for one in attempts)


def _held(tried: Tried) -> bool:
    return tried.outcome == Outcome.HELD.value


def _against(row: str, first: str, records: Sequence[SceneRecord]) -> Paired:
    """Return how often a row alone holds; scenes in which either one's simulation failed are left out."""
    fair = [record.rows for record in records if not _exploded((*record.rows[row], *record.rows[first]))]
    mine, other = ([_held(rows[name][0]) for rows in fair] for name in (row, first))
    return paired(mine, other)


def _median_ms(attempts: Sequence[Tried]) -> Optional[float]:
    times_ms = sorted(1000 * one.predict_s for one in attempts)
    return times_ms[len(times_ms) // 2] if any(times_ms) else None


def _corrected(tables: Sequence[CellTable]) -> Tuple[CellTable, ...]:
    """Return the tables with all comparisons corrected together: of 60 of them, three would be sure by chance."""
    compared = [one for table in tables for one in table.figures if one.against_first is not None]
    corrected = iter(holm([one.against_first.p for one in compared if one.against_first is not None]))

    def told(figure: Figure) -> Figure:
        return figure if figure.against_first is None else replace(figure, corrected_p=next(corrected))

    return tuple(replace(table, figures=tuple(map(told, table.figures))) for table in tables)


def comparisons(tables: Sequence[CellTable]) -> int:
    """Return how many comparisons with the first row there are: so many p are corrected for each other."""
    return sum(figure.against_first is not None for table in tables for figure in table.figures)


def to_tree(tables: Sequence[CellTable]) -> List[Dict[str, Any]]:
    """Return plain values, ready for JSON."""
    return [asdict(table) for table in tables]
