"""The report's table of success: a line for each condition, a column for each row."""

from __future__ import annotations

from html import escape
from typing import List, Mapping, Optional, Sequence

from pspgrasp.evaluation.html.parts import head, row_colour, section, table, told
from pspgrasp.evaluation.paired import Paired
from pspgrasp.sim.cells import USUAL, Cell
from pspgrasp.sim.report_parts import FACTORS, row_names
from pspgrasp.sim.table import CellTable, Figure

SURE = 0.05  # a smaller p is shown as a difference


def success(tables: Sequence[CellTable], descriptions: Mapping[str, str]) -> str:
    """Return the section.

    Args:
        tables: The figures.
        descriptions: Row -> how it comes to a grasp.
    """
    rows = row_names(tables)
    columns = (head(row, "", descriptions.get(row, ""), row_colour(number)) for number, row in enumerate(rows))
    better = (
        f"▲ and ▼: different from {escape(rows[0])} on the same scenes, McNemar's exact p below {SURE:g}. "
        if len(rows) > 1
        else ""
    )
    text = (
        "Share of attempts at whose end the thing is held, and Wilson's 95 % interval (the mark in the bar). All rows "
        f"try the same scenes. {better}The best of a line is underlined."
    )
    body = table((head("condition"), head("scenes", "number"), *columns), _lines(tables, rows))
    return section("Success", text, body + told(rows, descriptions))


def _lines(tables: Sequence[CellTable], rows: Sequence[str]) -> List[str]:
    """Return the table's lines, under a heading where another factor begins."""
    lines: List[str] = []
    factor: Optional[str] = None
    for one in tables:
        if one.cell.factor != factor:
            factor = one.cell.factor
            heading = FACTORS[factor][0] if factor in FACTORS else factor
            lines.append(f'<tr class="factor"><th colspan="{len(rows) + 2}">{escape(heading)}</th></tr>')
        lines.append(_line(one, rows))
    return lines


def _line(cell: CellTable, rows: Sequence[str]) -> str:
    mine = {figure.row: figure for figure in cell.figures}
    best = max((figure.share for figure in cell.figures), default=0.0)
    failed = f'<small class="soft">{cell.exploded} exploded</small>' if cell.exploded else ""
    shares = "".join(
        _share(mine[row], number, mine[row].share == best) if row in mine else "<td></td>"
        for number, row in enumerate(rows)
    )
    return (
        f'<tr><th scope="row">{escape(cell.cell.name)}<small class="soft">{escape(condition(cell.cell))}</small></th>'
        f'<td class="number">{cell.scenes}{failed}</td>{shares}</tr>'
    )


def _share(figure: Figure, number: int, best: bool) -> str:
    low, high = (100 * bound for bound in figure.interval_95)
    kind = "share best" if best and figure.held else "share"
    return (
        f'<td class="{kind}" style="{row_colour(number)}"><div class="figure"><b>{100 * figure.share:.0f} %</b>'
        f"<span>{figure.held}/{figure.attempts}</span></div>"
        f'<div class="bar"><i style="width:{100 * figure.share:.1f}%"></i>'
        f'<u style="left:{low:.1f}%;width:{high - low:.1f}%"></u></div>'
        f'<div class="figure"><span>{low:.0f} to {high:.0f}</span>{_difference(figure.against_first)}</div></td>'
    )


def _difference(other: Optional[Paired]) -> str:
    if other is None:
        return ""
    p = "p&lt;0.001" if other.p < 0.001 else f"p {other.p:.3f}" if other.p < 0.1 else f"p {other.p:.2f}"
    tip = f"alone held {other.wins}, alone failed {other.losses}"
    kind, sign = ("better", "▲ ") if other.wins > other.losses else ("worse", "▼ ")
    return (
        f'<span class="{kind}" title="{tip}">{sign}{p}</span>' if other.p < SURE else f'<span title="{tip}">{p}</span>'
    )


def condition(cell: Cell) -> str:
    """Return in a few words what is not usual about a cell; all of it for the usual one."""
    said = [f"{cell.things} things" if cell.things > 1 else "one thing"]
    said[0] += " in a bin" if cell.bin else ""
    usual = cell == USUAL
    if cell.objects != USUAL.objects:
        said.append(cell.objects)
    if usual or cell.noise != USUAL.noise:
        said.append(f"noise: {cell.noise}")
    if usual or cell.height_m != USUAL.height_m:
        said.append("camera at {:g} to {:g} m".format(*cell.height_m))
    if usual or cell.tilt_deg != USUAL.tilt_deg:
        said.append("tilted by {:g} to {:g}°".format(*cell.tilt_deg))
    if cell.calibration_mm or cell.calibration_deg:
        said.append(f"calibration off by {cell.calibration_mm:g} mm and {cell.calibration_deg:g}°")
    return ", ".join(said)
