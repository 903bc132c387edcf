"""The figures of a run as tables of Markdown, which read well in a terminal, too."""

from __future__ import annotations

from typing import Optional, Sequence

from pspgrasp.sim.attempt import Outcome
from pspgrasp.sim.pace import rule
from pspgrasp.sim.ratio import Estimate
from pspgrasp.sim.report_parts import BINS, NOTHING, marks_told, named, row_names, star_told
from pspgrasp.sim.table import CellTable, Figure


def markdown(tables: Sequence[CellTable]) -> str:
    """Return all tables, and below each what its marks mean."""
    parts = (_success(tables), *map(_clearing, tables), star_told(tables), _outcomes(tables))
    return "\n\n".join(part for part in parts if part) or "no scene was tried: the simulation failed in each"


def _success(tables: Sequence[CellTable]) -> str:
    """Return shares of attempts that held: a line a condition, a column a row; "" if there are only bins."""
    tables = [table for table in tables if not table.is_bin]
    rows = row_names(tables)
    lines = [f"| | scenes | {' | '.join(rows)} |", "|" + "---|" * (len(rows) + 2)]
    for table in tables:
        cells = " | ".join(f"{_spoken(figure.success)} {figure.mark}".rstrip() for figure in table.figures)
        lines.append(f"| {named(table)} | {table.scenes} | {cells} |")
    note = marks_told(tables)
    return "\n".join(lines) + (f"\n\n{note}" if note else "") if tables else ""


def _clearing(table: CellTable) -> str:
    """Return how bins were cleared, a line a row; "" for a cell of something else."""
    if not table.is_bin:
        return ""
    lines = [f"| {named(table)} | bins | cleared | attempts that held | picks an hour | detector |", "|" + "---|" * 6]
    lines += [
        f"| {one.row} | {table.scenes - one.exploded} | {_spoken(one.cleared)} | {_spoken(one.success)} of "
        f"{one.attempts} | {_spoken(one.picks_per_hour, 0)} | {_time(one)} |"
        for one in table.figures
    ]
    return "\n".join([*lines, "", f"{BINS} {rule()}"])


def _outcomes(tables: Sequence[CellTable]) -> str:
    """Return how attempts ended over all conditions but bins: a line a row, a column an outcome."""
    tables = [table for table in tables if not table.is_bin]
    kinds = [outcome.value for outcome in Outcome]
    lines = [f"| | {' | '.join(kinds)} |", "|" + "---|" * (len(kinds) + 1)]
    for row in row_names(tables):
        mine = [table.of(row) for table in tables]
        counts = {kind: sum(figure.outcomes.get(kind, 0) for figure in mine) for kind in kinds}
        counts[Outcome.EXPLODED.value] = sum(figure.exploded for figure in mine)
        lines.append(f"| {row} | {' | '.join(str(counts[kind]) for kind in kinds)} |")
    return "\n".join(lines) if tables else ""


def _spoken(estimate: Optional[Estimate], digits: int = 2) -> str:
    if estimate is None:
        return NOTHING
    if estimate.interval_95 is None:
        return f"{estimate.value:.{digits}f}"
    low, high = estimate.interval_95
    return f"{estimate.value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _time(figure: Figure) -> str:
    return NOTHING if figure.predict_ms is None else f"{figure.predict_ms:.0f} ms"
