"""What a run came to, for the terminal: one table, and lines on what couldn't be read."""

from __future__ import annotations

import math
from typing import Dict, List, Optional

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pspgrasp.bag.figures.compare import Comparison
from pspgrasp.bag.figures.figure import Figure, table_of
from pspgrasp.bag.figures.remarks import remarks
from pspgrasp.bag.results.result import RecordingResult
from pspgrasp.bag.run import Run

LABEL = 36  # columns of a figure's name
CELL = 38  # columns of a model's figures
LISTED = 6  # frames on which two models differ most; faults of a kind
#: Told in the files and the report.
LEFT_OUT = (
    *("latency, prepare", "latency, maps", "latency, detect", "network, p", "network, max", "p25", "p75"),
    *("distance in space, p95", "jitter, opening", "missing depth, p95"),
)


def width_of(run: Run) -> int:
    """Return how many columns its table needs, so that nothing in it is broken into lines."""
    return LABEL + CELL * len(run.specs)


def shown(run: Run) -> RenderableType:
    """Return all of it."""
    heads = [_recording(result) for result in run.results]
    if not any(run.figures.values()):
        return Group(*heads, Text("no image could be judged, so there are no figures", style="bold"))
    return Group(*heads, *_protocols(run), figure_table(run), *_together(run))


def _recording(result: RecordingResult) -> Text:
    text = Text(f"{result.recording}: {result.read} of {result.expected} images judged")
    text.append(", stopped by the user" if result.interrupted else "")
    text.append(f"; {result.description}", style="dim")
    for line in result.faults.lines():
        text.append(f"\n  {line}", style="yellow")
    for model in result.models:
        for first in model.failures.first[:1]:
            told = f"{len(model.failures)} frames; the first, {first.number}: {first.detail}"
            text.append(f"\n  {model.model} failed on {told}", style="red")
    return text


def _protocols(run: Run) -> List[Text]:
    told = run.protocols
    return [Text(f"{spec.name}: {told[spec.name]}", style="dim") for spec in run.specs if spec.name in told]


def figure_table(run: Run) -> Table:
    """Return the figures: a line a figure, a column a model, with the difference to the first where there is one."""
    table = Table(box=box.SIMPLE, header_style="bold")
    table.add_column("", max_width=LABEL, overflow="fold")
    for model in run.figures:
        table.add_column(model, justify="right")
    differences = {one.other: table_of(one.differences) for one in run.comparisons}
    columns = {model: table_of(figures) for model, figures in run.figures.items()}
    for label in _labels(columns):
        unit = next(column[label].unit for column in columns.values() if label in column)
        cells = [_cell(column.get(label), differences.get(model, {}).get(label)) for model, column in columns.items()]
        table.add_row(f"{label} [{unit}]".replace("[", r"\["), *cells)
    return table


def _labels(columns: Dict[str, Dict[str, Figure]]) -> List[str]:
    """Return what is told: in each model's order, where others have more in between."""
    every: List[str] = []
    for column in columns.values():
        place = 0
        for label in column:
            if label not in every:
                every.insert(place, label)
            place = every.index(label) + 1
    told = [label for label in every if not any(part in label for part in LEFT_OUT)]
    return [label for label in told if any(_counts(column.get(label)) for column in columns.values())]


def _counts(figure: Optional[Figure]) -> bool:
    return figure is not None and not math.isnan(figure.value)


def _cell(figure: Optional[Figure], difference: Optional[Figure]) -> Text:
    if figure is None or not _counts(figure):
        return Text("-", style="dim")
    text = Text(spoken(figure.value))
    if not math.isnan(figure.low):
        text.append(f" [{spoken(figure.low)}, {spoken(figure.high)}]", style="dim")
    elif figure.is_of_too_few:
        text.append(" [too few frames]", style="dim")
    if difference is not None and _counts(difference):
        sure = not math.isnan(difference.low) and not difference.low <= 0 <= difference.high
        sign = "-" if difference.value < 0 else "+"
        text.append(f" {sign}{spoken(abs(difference.value))}", style="bold" if sure else "dim")
    return text


def spoken(value: float) -> str:
    """Return a number with three digits that count, never as 1e+03."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _together(run: Run) -> List[RenderableType]:
    brackets = "in brackets: 95 % interval, Wilson's for shares, else by a bootstrap of blocks of neighbouring frames"
    behind = "; behind it: the difference to the first model on the same frames, bold where its interval leaves out 0"
    told = [brackets + (behind if run.comparisons else ""), *remarks(run.results, run.selection)]
    return [*(Text(line, style="dim") for line in told), *(_comparison(one) for one in run.comparisons)]


def _comparison(one: Comparison) -> Text:
    table = table_of(one.agreement)
    both, same = table["both find a grasp"], table["same grasp, of those"]
    text = Text(f"\n{one.other} against {one.first}: ", style="bold")
    text.append(f"both find a grasp in {one.both} frames, {one.first} alone in {one.only_first}, ", style="none")
    text.append(f"{one.other} alone in {one.only_other}, none in {one.neither}", style="none")
    if _counts(same) and _counts(both):
        apart, angle = table["distance in space, median"], table["angle, median"]
        text.append(
            f"\n  the same grasp (within 10 mm and 30 deg) in {same.value:.0f} % of those "
            f"({same.low:.0f} to {same.high:.0f}); median {apart.value:.0f} mm and {angle.value:.0f} deg apart",
            style="none",
        )
    for frame in one.most[:LISTED]:
        text.append(f"\n  {frame.recording}, frame {frame.number}: {frame.why}", style="none")
    return text
