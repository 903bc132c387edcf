"""Sections of the report beside its table: what makes it hard, and how attempts end."""

from __future__ import annotations

from html import escape
from typing import Dict, Optional, Sequence

from pspgrasp.evaluation.html.parts import head, legend, row_colour, section, table
from pspgrasp.evaluation.html.share_chart import Point, Series, share_chart
from pspgrasp.sim.attempt import Outcome
from pspgrasp.sim.cells import USUAL, Cell, Task
from pspgrasp.sim.report_parts import FACTORS, row_names
from pspgrasp.sim.table import CellTable

#: Outcome -> its colour in the page. In the order of the bars.
OUTCOMES: Dict[Outcome, str] = {
    Outcome.HELD: "held",
    Outcome.DROPPED: "dropped",
    Outcome.WRONG: "wrong",
    Outcome.PUSHED: "pushed",
    Outcome.MISSED: "missed",
    Outcome.COLLIDED: "collided",
    Outcome.NO_GRASP: "none",
    Outcome.EXPLODED: "exploded",
}
#: Their colours, for the page; and one chart alone stays small.
STYLE = """
  :root { --held: #3d9a5f; --dropped: #e0a72e; --pushed: #d98a5b; --missed: #a9adb4; --collided: #c4473a;
          --wrong: #7a5aa6; --none: #d5d7da; --exploded: #22252a; }
  .charts > .card { max-width: 620px; }
  @media (prefers-color-scheme: dark) { :root { --none: #4a4f57; --missed: #7d838c; --exploded: #000000; } }
"""
CHARTED = ("objects", "clutter", "noise", "height", "tilt", "calibration", "motion")
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
    found = [figure.success for figure in cell.figures if figure.row == row]
    if not found or found[0] is None or found[0].interval_95 is None:
        return None
    return Point(found[0].value, *found[0].interval_95)


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
        "calibration": f"{cell.calibration_mm:g} mm, {cell.calibration_deg:g}°",
        "motion": cell.name.replace("moved-", "").replace("-", " ") if cell.task == Task.MOVING.value else "not moved",
    }[factor]


def outcomes(tables: Sequence[CellTable]) -> str:
    """Return the section of how attempts end, over all cells but bins; empty without one."""
    single = [one for one in tables if not one.is_bin]
    if not single:
        return ""
    key = legend((outcome.value, f"--colour:var(--{name})") for outcome, name in OUTCOMES.items())
    counts = (head(outcome.value, "number", outcome.meaning) for outcome in OUTCOMES)
    lines = (_ends(row, single) for row in row_names(single))
    text = "Attempts of all conditions but bins. What the words mean stands at the foot of the page."
    return section("How attempts end", text, key + table((head("row"), head(""), *counts), lines))


def _ends(row: str, tables: Sequence[CellTable]) -> str:
    counts = _counts(row, tables)
    total = max(1, sum(counts.values()))
    stack = "".join(
        f'<i style="--colour:var(--{OUTCOMES[outcome]});width:{100 * count / total:.2f}%" '
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
