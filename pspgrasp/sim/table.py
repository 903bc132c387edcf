"""What the records of a run add up to."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from pspgrasp.evaluation.interval import wilson_interval
from pspgrasp.evaluation.paired import Paired, paired
from pspgrasp.sim.attempt import Outcome
from pspgrasp.sim.cells import Cell, Task
from pspgrasp.sim.clearing import ClearingConfig
from pspgrasp.sim.records import SceneRecord, Tried

CARRY_S = ClearingConfig.carrying_s  # not simulated


@dataclass(frozen=True)
class Figure:
    """What one row came to in one cell.

    Attributes:
        row: Which.
        attempts: How many, without those whose simulation failed.
        held: Attempts at whose end the thing was in the hand.
        share: held / attempts.
        interval_95: Wilson's, of `share`.
        outcomes: Outcome -> how many.
        exploded: Attempts whose simulation failed.
        picks_per_hour: Held things by the time that all attempts took: motion, detector, `CARRY_S` for what is held.
        predict_ms: Median time of the detector on the machine of the run [ms].
        cleared: Of bins: share of all things that were taken out, bins that exploded left out; None for other tasks.
        against_first: Scene by scene against the first row; None in it, and for bins.
    """

    row: str
    attempts: int
    held: int
    share: float
    interval_95: Tuple[float, float]
    outcomes: Mapping[str, int]
    exploded: int
    picks_per_hour: float
    predict_ms: float
    cleared: Optional[float]
    against_first: Optional[Paired]


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
            found.append(CellTable(cell, len(tried), len(mine) - len(tried), _figures(tried, cell)))
    return tuple(found)


def _figures(records: Sequence[SceneRecord], cell: Cell) -> Tuple[Figure, ...]:
    rows = list(records[0].rows)
    first = {record.number: record.rows[rows[0]] for record in records}
    return tuple(
        _figure(row, {record.number: record.rows[row] for record in records}, first, records, cell) for row in rows
    )


def _figure(
    row: str,
    mine: Mapping[int, Tuple[Tried, ...]],
    first: Mapping[int, Tuple[Tried, ...]],
    records: Sequence[SceneRecord],
    cell: Cell,
) -> Figure:
    every = [one for attempts in mine.values() for one in attempts]
    counted = [one for one in every if not _exploded(one)]
    held = sum(map(_held, counted))
    spent_s = sum(one.motion_s + one.predict_s for one in counted) + CARRY_S * held
    clearing = cell.task == Task.CLEARING.value
    sound = {number: attempts for number, attempts in mine.items() if not any(map(_exploded, attempts))}
    lay_there = sum(len(record.things) for record in records if record.number in sound)
    taken = sum(one.taken for attempts in sound.values() for one in attempts)
    return Figure(
        row,
        len(counted),
        held,
        held / len(counted) if counted else 0.0,
        wilson_interval(held, len(counted)),
        dict(Counter(one.outcome for one in counted)),
        len(every) - len(counted),
        3600 * held / spent_s if spent_s else 0.0,
        1000 * _median([one.predict_s for one in counted]),
        taken / lay_there if clearing and lay_there else None,
        None if clearing or mine == first else _against(mine, first),
    )


def _exploded(tried: Tried) -> bool:
    return tried.outcome == Outcome.EXPLODED.value


def _held(tried: Tried) -> bool:
    return tried.outcome == Outcome.HELD.value


def _against(mine: Mapping[int, Tuple[Tried, ...]], other: Mapping[int, Tuple[Tried, ...]]) -> Paired:
    """Return how often a row alone holds; scenes in which either one's simulation failed are left out."""
    both = [(mine[number][0], other[number][0]) for number in mine]
    fair = [pair for pair in both if not any(map(_exploded, pair))]
    return paired([_held(one) for one, _ in fair], [_held(one) for _, one in fair])


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2] if values else 0.0


def to_tree(tables: Sequence[CellTable]) -> List[Dict[str, Any]]:
    """Return plain values, ready for JSON."""
    return [asdict(table) for table in tables]


def markdown(tables: Sequence[CellTable]) -> str:
    """Return the table of shares, held of attempts with their 95 % interval: a line a cell, a column a row."""
    if not tables:
        return "no scene was tried: the simulation failed in each"
    rows = [figure.row for figure in tables[0].figures]
    lines = [f"| | scenes | {' | '.join(rows)} |", "|" + "---|" * (len(rows) + 2)]
    for table in tables:
        cells = " | ".join(_spoken(figure) for figure in table.figures)
        lines.append(f"| {table.cell.name} | {table.scenes} | {cells} |")
    return "\n".join(lines)


def clearing_markdown(tables: Sequence[CellTable]) -> str:
    """Return how bins were cleared, a line a row; "" without a bin."""
    lines = ["| | bins | cleared | attempts that held | picks an hour | detector |", "|" + "---|" * 6]
    for table in tables:
        if table.cell.task == Task.CLEARING.value:
            lines += [
                f"| {one.row} | {table.scenes} | {one.cleared or 0.0:.2f} | {_spoken(one)} of {one.attempts} | "
                f"{one.picks_per_hour:.0f} | {one.predict_ms:.0f} ms |"
                for one in table.figures
            ]
    return "\n".join(lines) if len(lines) > 2 else ""


def _spoken(figure: Figure) -> str:
    low, high = figure.interval_95
    return f"{figure.share:.2f} ({low:.2f} to {high:.2f})"


def outcomes_markdown(tables: Sequence[CellTable]) -> str:
    """Return how attempts ended over all cells of single attempts: a line a row, a column an outcome."""
    single = [table for table in tables if table.cell.task == Task.ATTEMPT.value]
    kinds = [outcome.value for outcome in Outcome]
    lines = [f"| | {' | '.join(kinds)} |", "|" + "---|" * (len(kinds) + 1)]
    for row in [figure.row for figure in single[0].figures] if single else []:
        mine = [table.of(row) for table in single]
        counts = {kind: sum(figure.outcomes.get(kind, 0) for figure in mine) for kind in kinds}
        counts[Outcome.EXPLODED.value] = sum(figure.exploded for figure in mine)
        lines.append(f"| {row} | {' | '.join(str(counts[kind]) for kind in kinds)} |")
    return "\n".join(lines)
