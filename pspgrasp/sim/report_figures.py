"""Sections of the report beside its table: what makes it hard, how attempts end, bins, and the clock."""

from __future__ import annotations

from html import escape
from typing import Dict, Optional, Sequence, Tuple

from pspgrasp.evaluation.html.parts import head, legend, row_colour, section, table
from pspgrasp.evaluation.html.share_chart import Point, Series, share_chart
from pspgrasp.sim.attempt import Outcome
from pspgrasp.sim.cells import USUAL, Cell, Task
from pspgrasp.sim.report_parts import FACTORS, row_names
from pspgrasp.sim.table import CARRY_S, CellTable

#: Outcome -> its colour in the page, and what it means. In the order of the bars.
OUTCOMES: Dict[Outcome, Tuple[str, str]] = {
    Outcome.HELD: (
        "held",
        "The thing that was meant is in the hand after lifting and shaking. Only this is a success.",
    ),
    Outcome.DROPPED: (
        "dropped",
        "Something was between the closed fingers, or lifted, but isn't in the hand at the end.",
    ),
    Outcome.WRONG: ("wrong", "Another thing than the one that was meant is in the hand."),
    Outcome.PUSHED: ("pushed", "Nothing was gripped, and a thing was shoved away or turned before the lift."),
    Outcome.MISSED: ("missed", "Nothing was gripped, and the thing hardly moved."),
    Outcome.COLLIDED: ("collided", "The gripper met something hard on its way down."),
    Outcome.NO_GRASP: ("none", "The detector found no grasp."),
    Outcome.EXPLODED: ("exploded", "The simulation failed. Counted apart: neither a success nor a failure."),
}
#: Their colours, for the page.
STYLE = """
  :root { --held: #3d9a5f; --dropped: #e0a72e; --pushed: #d98a5b; --missed: #a9adb4; --collided: #c4473a;
          --wrong: #7a5aa6; --none: #d5d7da; --exploded: #22252a; }
  @media (prefers-color-scheme: dark) { :root { --none: #4a4f57; --missed: #7d838c; --exploded: #000000; } }
"""
CHARTED = ("objects", "clutter", "noise", "height", "tilt")
NOISE_ORDER = ("none", "realsense", "poor")


def charts(tables: Sequence[CellTable]) -> str:
    """Return the section of charts: one for each factor that has two levels at least."""
    rows = row_names(tables)
    drawn = "".join(_chart(factor, tables, rows) for factor in CHARTED)
    if not drawn:
        return ""
    key = legend((row, row_colour(number)) for number, row in enumerate(rows))
    text = "Success [%] by one condition at a time, all others as usual; 95 % intervals."
    return section("What makes it hard", text, f'{key}<div class="charts">{drawn}</div>')


def _chart(factor: str, tables: Sequence[CellTable], rows: Sequence[str]) -> str:
    """Return the chart of a factor, the usual cell among its levels."""
    levels = sorted(
        (one for one in tables if one.cell.factor == factor or one.cell == USUAL),
        key=lambda one: _rank(factor, one.cell),
    )
    if len(levels) < 2:
        return ""
    names = [_level(factor, one.cell) for one in levels]
    series = [Series(row, number, tuple(_point(one, row) for one in levels)) for number, row in enumerate(rows)]
    heading, ordered = FACTORS[factor]
    return f'<div class="card"><h3>{heading}</h3>{share_chart(f"Success by {factor}", names, series, ordered)}</div>'


def _point(cell: CellTable, row: str) -> Optional[Point]:
    found = [Point(figure.share, *figure.interval_95) for figure in cell.figures if figure.row == row]
    return found[0] if found else None


def _rank(factor: str, cell: Cell) -> float:
    """Return what levels of a factor are sorted by; things have no order and stay as they are."""
    noise = NOISE_ORDER.index(cell.noise) if cell.noise in NOISE_ORDER else len(NOISE_ORDER)
    ranks = {"clutter": cell.things, "noise": noise, "height": sum(cell.height_m), "tilt": sum(cell.tilt_deg)}
    return float(ranks.get(factor, 0))


def _level(factor: str, cell: Cell) -> str:
    return {
        "objects": cell.objects,
        "clutter": str(cell.things),
        "noise": cell.noise,
        "height": f"{sum(cell.height_m) / 2:.2g}",
        "tilt": f"{sum(cell.tilt_deg) / 2:g}",
    }[factor]


def outcomes(tables: Sequence[CellTable]) -> str:
    """Return the section of how attempts end, over all cells in which each scene is tried once."""
    single = [one for one in tables if one.cell.task == Task.ATTEMPT.value]
    if not single:
        return ""
    key = legend((outcome.value, f"--colour:var(--{name})") for outcome, (name, _) in OUTCOMES.items())
    counts = (head(outcome.value, "number", text) for outcome, (_, text) in OUTCOMES.items())
    lines = (_ends(row, single) for row in row_names(single))
    text = "Over all conditions in which one thing is tried once."
    return section("How attempts end", text, key + table((head("row"), head(""), *counts), lines))


def _ends(row: str, tables: Sequence[CellTable]) -> str:
    counts = _counts(row, tables)
    total = max(1, sum(counts.values()))
    stack = "".join(
        f'<i style="--colour:var(--{OUTCOMES[outcome][0]});width:{100 * count / total:.2f}%" '
        f'title="{escape(outcome.value)}: {count}"></i>'
        for outcome, count in counts.items()
        if count
    )
    numbers = "".join(f'<td class="number">{count}</td>' for count in counts.values())
    return (
        f'<tr><th scope="row">{escape(row)}</th><td class="stacked"><div class="stack">{stack}</div></td>{numbers}</tr>'
    )


def _counts(row: str, tables: Sequence[CellTable]) -> Dict[Outcome, int]:
    mine = [figure for one in tables for figure in one.figures if figure.row == row]
    counts = {outcome: sum(figure.outcomes.get(outcome.value, 0) for figure in mine) for outcome in OUTCOMES}
    counts[Outcome.EXPLODED] = sum(figure.exploded for figure in mine)
    return counts


def clearing(tables: Sequence[CellTable]) -> str:
    """Return the section of bins; empty without one."""
    bins = [one for one in tables if one.cell.task == Task.CLEARING.value]
    lines = (
        f'<tr><th scope="row">{escape(figure.row)}</th><td>{escape(one.cell.name)}</td>'
        f'<td class="number">{_percent(figure.cleared)}</td><td class="number">{figure.held}/{figure.attempts}</td>'
        f'<td class="number">{_percent(figure.share)}</td><td class="number">{figure.picks_per_hour:.0f}</td></tr>'
        for one in bins
        for figure in one.figures
    )
    figures = ("things taken out", "held / attempts", "success", "mean picks per hour")
    columns = (head("row"), head("condition"), *(head(name, "number") for name in figures))
    text = "Thing after thing is taken out of a bin; what falls stays as it fell. Too many failures in a row end it."
    return section("Clearing a bin", text, table(columns, lines)) if bins else ""


def _percent(share: Optional[float]) -> str:
    return "" if share is None else f"{100 * share:.0f} %"


def pace(tables: Sequence[CellTable]) -> str:
    """Return the section of times, of the first cell in which each scene is tried once; empty without one."""
    first = next((one for one in tables if one.cell.task == Task.ATTEMPT.value), None)
    if first is None:
        return ""
    lines = (
        f'<tr><th scope="row">{escape(figure.row)}</th><td class="number">{figure.predict_ms:.0f}</td>'
        f'<td class="number">{figure.picks_per_hour:.0f}</td></tr>'
        for figure in first.figures
    )
    columns = (head("row"), head("detector, median [ms]", "number"), head("mean picks per hour", "number"))
    text = (
        f"In {escape(first.cell.name)}: simulated motion, the detector on this machine, and {CARRY_S:g} s to carry "
        "away what is held."
    )
    return section("Pace", text, f'<div class="narrow">{table(columns, lines)}</div>')
