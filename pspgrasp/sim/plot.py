"""The plot of a run: success of all rows, condition by condition."""

from __future__ import annotations

from pathlib import Path
from typing import Any, List, NamedTuple, Sequence, Tuple

from pspgrasp.evaluation.plot import open_pyplot, save_plot
from pspgrasp.sim.cells import USUAL, Cell
from pspgrasp.sim.report_parts import row_names
from pspgrasp.sim.table import CellTable

#: Heading of a panel -> factors whose conditions it shows, beside the usual one.
GROUPS = {
    "Sets of things": ("objects",),
    "Clutter: things on the table": ("clutter",),
    "Noise of the camera": ("noise",),
    "Height and tilt of the camera": ("height", "tilt"),
    "Wrong calibration, moved things": ("calibration", "motion"),
}
MOST_ABREAST = 12  # conditions of a line of panels
WIDTH_IN, HEIGHT_IN = 11.5, 3.0  # of such a line
SPREAD, APART = 0.72, 0.15  # of a condition's place, over which its rows stand; and between two of them, at most
#: Colours and marks of rows: neighbours differ in lightness and in shape, so that a print in grey can be read.
COLOURS = ("#1d4f91", "#e8973a", "#2f8a57", "#8a5fb0", "#5c6168", "#d9629f", "#1a8a96", "#a58a1e")
SHAPES = ("o", "s", "^", "D", "v", "P", "X", "p")
INK, SOFT, BAND = "#22252a", "#6a6f77", "#f4f4f1"


class Panel(NamedTuple):
    """A group of conditions.

    Attributes:
        heading: Above it.
        tables: Its conditions, the usual one first.
    """

    heading: str
    tables: Tuple[CellTable, ...]


def panels_of(tables: Sequence[CellTable]) -> List[Panel]:
    """Return what is shown: each group that has a condition beside the usual one. Bins are not."""
    usual = [one for one in tables if one.cell == USUAL]
    found = []
    for heading, factors in GROUPS.items():
        others = [one for one in tables if one.cell.factor in factors and one.cell != USUAL]
        if others:
            found.append(Panel(heading, (*usual, *others)))
    return found


def draw_success(tables: Sequence[CellTable], path: Path) -> Path:
    """Write the plot as a PNG; return where it is.

    Args:
        tables: With one panel at least, see `panels_of`.
        path: What is there is replaced.

    Raises:
        PspGraspError: matplotlib is not installed, or the file can't be written.
    """
    return save_plot(success_figure(tables), path)


def success_figure(tables: Sequence[CellTable]) -> Any:
    """Return the plot as a figure of matplotlib: an axes a panel, with shares in percent."""
    lines, rows = _lines(panels_of(tables)), row_names(tables)
    figure = open_pyplot().figure(figsize=(WIDTH_IN, HEIGHT_IN * len(lines)), layout="constrained")
    grid = figure.add_gridspec(len(lines), 1)
    for place, line in enumerate(lines):
        inner = grid[place].subgridspec(1, len(line), width_ratios=[len(panel.tables) for panel in line])
        for column, panel in enumerate(line):
            _draw(figure.add_subplot(inner[column]), panel, rows, column == 0)
    figure.get_layout_engine().set(w_pad=0.06, h_pad=0.09)
    key = {"loc": "outside upper left", "ncols": len(rows), "frameon": False, "alignment": "left"}
    figure.legend(*figure.axes[0].get_legend_handles_labels(), title=_told(tables), title_fontsize=11, **key)
    return figure


def _told(tables: Sequence[CellTable]) -> str:
    """Say what is drawn, and of how many attempts."""
    counts = sorted({one.scenes for one in tables if not one.is_bin})
    spoken = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else f"{counts[0]}"
    return (
        f"Share of attempts that held, with 95 % intervals; {spoken} attempts of each row in each condition. "
        "Usual: one household thing."
    )


def _lines(panels: Sequence[Panel]) -> List[List[Panel]]:
    """Return the panels in lines of at most `MOST_ABREAST` conditions, or of one panel."""
    lines: List[List[Panel]] = []
    for panel in panels:
        if lines and sum(len(one.tables) for one in (*lines[-1], panel)) <= MOST_ABREAST:
            lines[-1].append(panel)
        else:
            lines.append([panel])
    return lines


def _draw(axes: Any, panel: Panel, rows: Sequence[str], first: bool) -> None:
    for place in range(0, len(panel.tables), 2):
        axes.axvspan(place - 0.5, place + 0.5, color=BAND, linewidth=0, zorder=0)
    apart = min(APART, SPREAD / len(rows))
    for number, row in enumerate(rows):
        _draw_row(axes, panel, row, number, apart * (number - (len(rows) - 1) / 2))
    axes.set_title(panel.heading, loc="left", fontsize=10, fontweight="bold", color=INK)
    levels = [_level(one.cell, GROUPS[panel.heading]) for one in panel.tables]
    axes.set_xticks(range(len(levels)), levels, fontsize=9, color=INK)
    axes.set_xlim(-0.5, len(panel.tables) - 0.5)
    axes.set_ylim(0, 100)
    axes.set_yticks(range(0, 101, 25), [f"{share} %" if first else "" for share in range(0, 101, 25)], color=SOFT)
    axes.tick_params(length=0, labelsize=9)
    axes.grid(axis="y", color="#dcdcd8", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)


def _draw_row(axes: Any, panel: Panel, row: str, number: int, off: float) -> None:
    """Draw what a row came to in each condition, with its interval."""
    colour, shape = COLOURS[number % len(COLOURS)], SHAPES[number % len(SHAPES)]
    for place, table in enumerate(panel.tables):
        success = next((one.success for one in table.figures if one.row == row), None)
        if success is not None and success.interval_95 is not None:
            ends = [100 * bound for bound in success.interval_95]
            axes.vlines(place + off, *ends, color=colour, linewidth=1.8, alpha=0.75)
            dot = {"color": colour, "markersize": 7, "markeredgecolor": "white", "clip_on": False, "zorder": 3}
            axes.plot(place + off, 100 * success.value, shape, **dot)
    axes.plot([], [], shape, color=colour, markersize=7.5, label=row)  # for the legend


def _level(cell: Cell, factors: Sequence[str]) -> str:
    """Return a condition's name below the axis of a panel of some factors."""
    if cell.factor not in factors:
        return "usual"
    return {
        "objects": cell.name,
        "clutter": f"{cell.things}",
        "noise": cell.noise,
        "height": f"{sum(cell.height_m) / 2:.2g} m",
        "tilt": f"{sum(cell.tilt_deg) / 2:g}°",
        "calibration": f"{cell.calibration_mm:g} mm,\n{cell.calibration_deg:g}° off",
        "motion": cell.name.replace("-", "\n", 1).replace("-", " "),
    }[cell.factor]
