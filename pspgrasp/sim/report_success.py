"""The report's table of success: a line for each condition, a column for each row."""

from __future__ import annotations

from html import escape
from typing import List, Mapping, Optional, Sequence

from pspgrasp.evaluation.html.parts import head, row_colour, section, table
from pspgrasp.sim.cells import USUAL, Cell, Task
from pspgrasp.sim.report_parts import FACTORS, NOTHING, marks_told, named, row_names, star_told
from pspgrasp.sim.table import BETTER, CellTable, Figure


def success(tables: Sequence[CellTable], descriptions: Mapping[str, str]) -> str:
    """Return the section; empty if there are only bins.

    Args:
        tables: The figures.
        descriptions: Row -> how it comes to a grasp.
    """
    single = [one for one in tables if not one.is_bin]
    rows = row_names(single)
    columns = (head(row, "", descriptions.get(row, ""), row_colour(number)) for number, row in enumerate(rows))
    text = (
        "Share of attempts at whose end the thing is held, and Wilson's 95 % interval (the mark in the bar). All rows "
        f"try the same scenes. The best of a line is underlined. {escape(marks_told(single))}"
    )
    body = table((head("condition"), head("scenes", "number"), *columns), _lines(single, rows))
    return section("Success", text, f'{body}<p class="told soft">{star_told(single)}</p>') if single else ""


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
    best = max((figure.held / figure.attempts for figure in cell.figures if figure.held), default=0.0)
    failed = f'<small class="soft">{cell.exploded} exploded</small>' if cell.exploded else ""
    shares = "".join(_share(mine[row], number, best) if row in mine else "<td></td>" for number, row in enumerate(rows))
    return (
        f'<tr><th scope="row">{escape(named(cell))}<small class="soft">{escape(condition(cell.cell))}</small></th>'
        f'<td class="number">{cell.scenes}{failed}</td>{shares}</tr>'
    )


def _share(figure: Figure, number: int, best: float) -> str:
    if figure.success is None or figure.success.interval_95 is None:
        return f'<td class="share">{NOTHING}</td>'
    share, (low, high) = 100 * figure.success.value, (100 * bound for bound in figure.success.interval_95)
    kind = "share best" if figure.held and figure.success.value == best else "share"
    return (
        f'<td class="{kind}" style="{row_colour(number)}"><div class="figure"><b>{share:.0f} %</b>'
        f"<span>{figure.held}/{figure.attempts}</span></div>"
        f'<div class="bar"><i style="width:{share:.1f}%"></i>'
        f'<u style="left:{low:.1f}%;width:{high - low:.1f}%"></u></div>'
        f'<div class="figure"><span>{low:.0f} to {high:.0f}</span>{_difference(figure)}</div></td>'
    )


def _difference(figure: Figure) -> str:
    """Return the mark of a sure difference and its corrected p; of the others nothing is seen, and the tip tells."""
    other, p = figure.against_first, figure.corrected_p
    if other is None or p is None:
        return ""
    tip = f"alone held {other.wins}, alone failed {other.losses}; p {other.p:.2g}, corrected {p:.2g}"
    if not figure.mark:
        return f'<span title="{tip}">&nbsp;</span>'
    kind, spoken = "better" if figure.mark == BETTER else "worse", "p&lt;0.001" if p < 0.001 else f"p {p:.3f}"
    return f'<span class="{kind}" title="{tip}">{figure.mark} {spoken}</span>'


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
    if cell.task == Task.MOVING.value:
        said.append("moved meanwhile, " + ("new images steer" if cell.closed_loop else "only the first image counts"))
    return ", ".join(said)
