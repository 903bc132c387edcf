"""The report's tables of figures: a line for each, a column for each model."""

from __future__ import annotations

import math
from html import escape
from typing import Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

from pspgrasp.bag.figures.compare import Comparison
from pspgrasp.bag.figures.figure import Figure, table_of
from pspgrasp.bag.figures.remarks import remarks
from pspgrasp.bag.run import Run
from pspgrasp.evaluation.html.parts import head, legend, row_colour, section, table, told

#: Figures of which less is better; of the others nobody can say.
LESS_IS_BETTER = ("latency", "no grasp", "failed", "jitter", "jumps", "spread", "opening above", "opening below")
#: Heading -> which labels stand below it, in the summary.
GROUPS: Tuple[Tuple[str, Tuple[str, ...]], ...] = (
    ("Latency", ("latency, median", "latency, p95", "latency, p99", "latency, max")),
    ("Grasps", ("no grasp", "failed", "quality, median", "missing depth, median")),
    ("Gripper", ("opening, median", "opening above the gripper's", "opening below the gripper's")),
    (
        "Steadiness while nothing moves",
        ("still scene", "jitter, distance", "jitter, angle", "jitter, opening", "jitter, distance in space", "jumps"),
    ),
    ("Steadiness in a frame that stands still (TF)", ("spread in a second, fixed frame", "jumps, fixed frame")),
)
TOO_FEW = "too few frames"
UNIT_OF_QUALITY = "0 to 1"  # which says nothing beside a number
TYPICAL = ("", ", median", ", p95")  # of the figures that are named without a statistic

Columns = Dict[str, Dict[str, Figure]]  # model -> label -> figure


def summary(run: Run) -> str:
    """Return the section of what matters most."""
    columns, lines = _columns(run), []
    for heading, labels in (*GROUPS, *_topics(run)):
        chosen = [label for label in _expanded(labels) if _any(columns, label)]
        if chosen:
            lines.append(f'<tr class="factor"><th colspan="{len(columns) + 1}">{escape(heading)}</th></tr>')
            lines += _lines(run, columns, chosen)
    text = "Over all frames, with 95 % intervals." + (
        f" Behind them the difference to {escape(run.specs[0].name)} on the same frames, where its interval leaves out "
        "zero marked: ▲ better, ▼ worse, ◆ different. Of twenty figures that don't differ, one is marked by chance."
        if len(columns) > 1
        else ""
    )
    notes = "".join(f'<p class="soft note">{escape(line)}</p>' for line in remarks(run.results, run.selection))
    return (
        section("Summary", text, table(_heads(run), lines) + notes + told(list(columns), run.protocols))
        if lines
        else ""
    )


def all_figures(run: Run) -> str:
    """Return the section of all that is measured, folded away."""
    columns = _columns(run)
    labels = list(dict.fromkeys(label for column in columns.values() for label in column))
    lines = _lines(run, columns, [label for label in labels if _any(columns, label)])
    if not lines:
        return ""
    body = f"<details><summary>{len(lines)} figures</summary>{table(_heads(run), lines)}</details>"
    return section("All figures", "By stage, by reason and by quartile.", body)


def agreement(run: Run) -> str:
    """Return the section of how much models agree with the first, frame by frame."""
    if not run.comparisons:
        return ""
    bars = "".join(f"<h3>{escape(one.other)}</h3>{stack(_finders(run, one))}" for one in run.comparisons)
    others = {one.other: table_of(one.agreement) for one in run.comparisons}
    labels = list(dict.fromkeys(label for column in others.values() for label in column if _any(others, label)))
    heads = [head(""), *(head(other, "number", "", _colour_of(run, other)) for other in others)]
    lines = (_line(label, (_cell(column.get(label), None) for column in others.values())) for label in labels)
    text = (
        f"With {escape(run.specs[0].name)} on the same frames: who finds a grasp, and how far the best ones are apart."
    )
    body = f'<div class="card bars">{bars}</div><div class="told">{table(heads, lines)}</div>'
    return section("Do models agree?", text, body)


def _finders(run: Run, one: Comparison) -> Tuple[Tuple[str, int, str], ...]:
    return (
        ("both find a grasp", one.both, "--colour:var(--both)"),
        (f"only {one.first}", one.only_first, _colour_of(run, one.first)),
        (f"only {one.other}", one.only_other, _colour_of(run, one.other)),
        ("neither", one.neither, "--colour:var(--why-0)"),
    )


def stack(kinds: Sequence[Tuple[str, int, str]]) -> str:
    """Return a bar of (name, count, colour), and its legend."""
    total = sum(count for _, count, _ in kinds) or 1
    parts = "".join(
        f'<i style="{colour};width:{100 * count / total:.2f}%" title="{escape(name)}: {count}"></i>'
        for name, count, colour in kinds
        if count
    )
    named = [(f"{name}: {count} ({100 * count / total:.0f} %)", colour) for name, count, colour in kinds if count]
    return f'{legend(named)}<div class="stack">{parts}</div>'


def _colour_of(run: Run, model: str) -> str:
    return row_colour([spec.name for spec in run.specs].index(model))


def _topics(run: Run) -> Iterator[Tuple[str, Tuple[str, ...]]]:
    """Yield what is told of each topic of recorded grasps."""
    for topic in sorted({topic for result in run.results for topic in result.recorded}):
        names = ("same grasp", "distance in space", "distance", "angle", "opening", "opening, pixels")
        yield f"Against what the robot published: {topic}", tuple(f"{topic}: {name}" for name in names)


def _expanded(labels: Sequence[str]) -> List[str]:
    """Return labels; one that is a name stands for its typical statistics."""
    return list(dict.fromkeys(f"{label}{statistic}" for label in labels for statistic in TYPICAL))


def _columns(run: Run) -> Columns:
    return {model: table_of(figures) for model, figures in run.figures.items()}


def _any(columns: Columns, label: str) -> bool:
    return any(label in column and not math.isnan(column[label].value) for column in columns.values())


def _heads(run: Run) -> List[str]:
    return [head(""), *(head(spec.name, "number", "", row_colour(n)) for n, spec in enumerate(run.specs))]


def _lines(run: Run, columns: Columns, labels: Sequence[str]) -> List[str]:
    differences = {one.other: table_of(one.differences) for one in run.comparisons}
    return [
        _line(
            label,
            (_cell(column.get(label), differences.get(model, {}).get(label)) for model, column in columns.items()),
        )
        for label in labels
    ]


def _line(label: str, cells: Iterable[str]) -> str:
    return f'<tr><th scope="row">{escape(label)}</th>{"".join(cells)}</tr>'


def _cell(figure: Optional[Figure], difference: Optional[Figure]) -> str:
    if figure is None or math.isnan(figure.value):
        return '<td class="number soft">-</td>'
    unit = "" if figure.unit in ("", UNIT_OF_QUALITY) else f" {escape(figure.unit)}"
    spread = "" if math.isnan(figure.low) else f"{spoken(figure.low)} to {spoken(figure.high)}"
    spread = TOO_FEW if figure.is_of_too_few else spread
    beside = " &middot; ".join(part for part in (spread, _difference(difference)) if part)
    return (
        f'<td class="number figures" title="from {figure.count} frames"><b>{spoken(figure.value)}</b>{unit}'
        f"<small>{beside}</small></td>"
    )


def _difference(figure: Optional[Figure]) -> str:
    if figure is None or math.isnan(figure.value):
        return ""
    if math.isnan(figure.low):
        return f'<span title="{TOO_FEW} for an interval">{signed(figure.value)}</span>'
    tip = f"{signed(figure.low)} to {signed(figure.high)} {figure.unit}"
    kind, sign = _judged(figure)
    return f'<span class="{kind}" title="{escape(tip)}">{sign}{signed(figure.value)}</span>'


def _judged(figure: Figure) -> Tuple[str, str]:
    """Return whether a difference is better or worse, and its sign; neither where it isn't sure."""
    if figure.low <= 0 <= figure.high:
        return "", ""
    if not figure.name.startswith(LESS_IS_BETTER):
        return "", "◆ "
    return ("better", "▲ ") if figure.value < 0 else ("worse", "▼ ")


def spoken(value: float) -> str:
    """Return a number for people: three digits that count."""
    if value == 0:
        return "0"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def signed(value: float) -> str:
    """Return a difference for people."""
    return "±0" if value == 0 else ("+" if value > 0 else "-") + spoken(abs(value))
