"""Sections of the report: bins that are cleared, and the clock."""

from __future__ import annotations

from html import escape
from typing import Optional, Sequence

from pspgrasp.evaluation.html.parts import head, section, table
from pspgrasp.sim.pace import CONFIG, rule
from pspgrasp.sim.ratio import Estimate
from pspgrasp.sim.report_parts import BINS, NOTHING, named, star_told
from pspgrasp.sim.table import CellTable, Figure


def clearing(tables: Sequence[CellTable]) -> str:
    """Return the section of bins; empty without one."""
    bins = [one for one in tables if one.is_bin]
    lines = (_bin_line(one, figure) for one in bins for figure in one.figures)
    columns = ("bins", "things taken out", "held / attempts", "attempts that held", "picks an hour")
    text = (
        "Thing after thing is taken out of a bin; what falls stays as it fell. "
        f"{CONFIG.most_failures} failures in a row end it. "
        f"{BINS} {rule()}"
    )
    heads = (head("row"), head("condition"), *(head(name, "number") for name in columns))
    body = f'{table(heads, lines)}<p class="told soft">{star_told(bins)}</p>'
    return section("Clearing a bin", text, body) if bins else ""


def _bin_line(one: CellTable, figure: Figure) -> str:
    values = (
        str(one.scenes - figure.exploded),
        _percent(figure.cleared),
        f"{figure.held}/{figure.attempts}",
        _percent(figure.success),
        _spoken(figure.picks_per_hour),
    )
    return _line(figure.row, f"<td>{escape(named(one))}</td>", values)


def pace(tables: Sequence[CellTable]) -> str:
    """Return the section of times, of the first cell in which each scene is tried once; empty without one."""
    first = next((one for one in tables if not one.is_bin), None)
    if first is None:
        return ""
    lines = (_line(one.row, "", (_time_ms(one), _spoken(one.picks_per_hour))) for one in first.figures)
    columns = (head("row"), head("detector, median [ms]", "number"), head("picks an hour", "number"))
    text = f"In {escape(first.cell.name)}. {rule()}"
    return section("Pace", text, f'<div class="narrow">{table(columns, lines)}</div>')


def _line(row: str, more: str, values: Sequence[str]) -> str:
    cells = "".join(f'<td class="number">{value}</td>' for value in values)
    return f'<tr><th scope="row">{escape(row)}</th>{more}{cells}</tr>'


def _percent(share: Optional[Estimate]) -> str:
    return _spoken(share, 100.0, " %")


def _spoken(estimate: Optional[Estimate], scale: float = 1.0, unit: str = "") -> str:
    if estimate is None:
        return NOTHING
    value = f"{scale * estimate.value:.0f}{unit}"
    if estimate.interval_95 is None:
        return value
    low, high = (scale * bound for bound in estimate.interval_95)
    return f"{value}<small>{low:.0f} to {high:.0f}</small>"


def _time_ms(figure: Figure) -> str:
    return NOTHING if figure.predict_ms is None else f"{figure.predict_ms:.0f}"
