"""What went on while time passed, as SVG: of any number of values, as many as there are pixels are drawn."""

from __future__ import annotations

from html import escape
from typing import Iterator, NamedTuple, Sequence, Tuple

import numpy as np

from pspgrasp.evaluation.html.axes import Field, drawn
from pspgrasp.evaluation.html.parts import row_colour

WIDTH, NARROW_WIDTH, HEIGHT = 1160, 560, 210
LEFT, RIGHT, TOP, BOTTOM = 58, 16, 10, 26
OUTLIERS, ABOVE_THEM = 99.5, 1.4  # a percentile, and how much higher a chart may end: few values don't flatten all


class Line(NamedTuple):
    """One row's values.

    Attributes:
        name: Of the row.
        colour: Its number.
        times_s: (N,), rising.
        values: (N,), NaN where there is none.
    """

    name: str
    colour: int
    times_s: np.ndarray
    values: np.ndarray


def time_chart(
    label: str, unit: str, lines: Sequence[Line], span: Tuple[float, float] = (0.0, np.nan), width: int = WIDTH
) -> str:
    """Return a chart as an SVG element; "" where there is no value.

    Args:
        label: What it shows.
        unit: Of the values.
        lines: Of all rows.
        span: Where the chart begins, if no value is lower, and where it ends; NaN leaves it to the values: single
            ones beyond all others lie at its upper border.
        width: Of the picture [px]; others fit into the same page if it is shrunk no further.
    """
    known = np.concatenate([line.values[~np.isnan(line.values)] for line in lines]) if lines else np.zeros(0)
    if not known.size:
        return ""
    times_s = np.concatenate([line.times_s for line in lines])
    field = Field(
        *(width, HEIGHT, LEFT, RIGHT, TOP, BOTTOM),
        (float(times_s.min()), float(times_s.max())),
        _span(known, *span),
    )
    return drawn(field, label, "s", unit, "".join(_drawn(field, line, unit) for line in lines))


def _span(known: np.ndarray, floor: float, ceiling: float) -> Tuple[float, float]:
    low = min(floor, float(known.min()))
    usual = float(np.percentile(known, OUTLIERS))
    high = min(float(known.max()), low + ABOVE_THEM * (usual - low)) if np.isnan(ceiling) else ceiling
    return low, high if high > low else low + 1.0


def _drawn(field: Field, line: Line, unit: str) -> str:
    known = line.values[~np.isnan(line.values)]
    if not known.size:
        return ""
    runs = list(_runs(*thinned(line.times_s, line.values, field)))
    path = "".join(_stroke(field, *run) for run in runs if len(run[0]) > 1)
    alone = "".join(_stroke(field, *run) for run in runs if len(run[0]) == 1)
    said = f"{line.name}: {known.min():.3g} to {known.max():.3g} {unit}, median {np.median(known):.3g}"
    return (
        f'<g style="{row_colour(line.colour)}"><title>{escape(said)}</title>'
        f'<path class="line" d="{path}"/><path class="alone" d="{alone}"/>{_beyond(field, line)}</g>'
    )


def thinned(times_s: np.ndarray, values: np.ndarray, field: Field) -> Tuple[np.ndarray, np.ndarray]:
    """Return the times and values that a chart shows: the lowest and the highest of each column of pixels.

    What a column lacks altogether stays as one NaN, so that a gap stays a gap.
    """
    if len(times_s) <= 2 * field.columns:
        return times_s, values
    column = np.minimum((field.x(times_s) - field.left).astype(int), field.columns - 1)
    starts = np.flatnonzero(np.diff(column, prepend=-1))
    lowest = np.minimum.reduceat(np.where(np.isnan(values), np.inf, values), starts)
    highest = np.maximum.reduceat(np.where(np.isnan(values), -np.inf, values), starts)
    pairs = np.stack([lowest, highest], axis=1).ravel()
    pairs[~np.isfinite(pairs)] = np.nan
    return np.repeat(times_s[starts], 2), pairs


def _runs(times_s: np.ndarray, values: np.ndarray) -> Iterator[Tuple[np.ndarray, np.ndarray]]:
    """Yield what lies between gaps."""
    known = ~np.isnan(values)
    borders = np.flatnonzero(np.diff(known.astype(int), prepend=0, append=0))
    for begin, end in zip(borders[::2], borders[1::2]):
        yield times_s[begin:end], values[begin:end]


def _stroke(field: Field, times_s: np.ndarray, values: np.ndarray) -> str:
    places = [f"{x:.1f} {y:.1f}" for x, y in zip(field.x(times_s), field.y(values))]
    return f"M{places[0]}h0" if len(places) == 1 else f"M{places[0]}L{' '.join(places[1:])}"


def _beyond(field: Field, line: Line) -> str:
    """Return marks of values that the chart's upper border cuts off."""
    x = np.unique(np.rint(field.x(line.times_s[line.values > field.y_span[1] * (1 + 1e-9)])))
    marks = "".join(f"M{one:.0f} {field.top}l-3 5h6z" for one in x)
    return f'<path class="beyond" d="{marks}"/>' if marks else ""
