"""How often which value comes up, as SVG: one outline a row, above each other."""

from __future__ import annotations

from html import escape
from typing import NamedTuple, Sequence, Tuple

import numpy as np

from pspgrasp.evaluation.html.axes import Field, drawn
from pspgrasp.evaluation.html.parts import row_colour

WIDTH, HEIGHT = 400, 220
LEFT, RIGHT, TOP, BOTTOM = 48, 14, 10, 28
BINS = 40
OUTLIERS = 99.0  # percentile; what lies beyond counts in the last bin


class Values(NamedTuple):
    """One row's values.

    Attributes:
        name: Of the row.
        colour: Its number.
        values: (N,), NaN where there is none.
    """

    name: str
    colour: int
    values: np.ndarray


def histogram(label: str, unit: str, rows: Sequence[Values], span: Tuple[float, float] = (np.nan, np.nan)) -> str:
    """Return a chart as an SVG element; "" where there is no value.

    Args:
        label: What it shows.
        unit: Of the values.
        rows: All rows.
        span: Of the values; NaN leaves it to them, and what lies far beyond counts in the last bin.
    """
    known = [row.values[~np.isnan(row.values)] for row in rows]
    every = np.concatenate(known) if known else np.zeros(0)
    if not every.size:
        return ""
    low, high = _span(every, span)
    edges = np.linspace(low, high, BINS + 1)
    shares = [100 * np.histogram(np.clip(one, low, high), edges)[0] / max(len(one), 1) for one in known]
    top = max(float(share.max()) for share in shares)
    field = Field(WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM, (low, high), (0.0, 1.05 * top))
    inside = "".join(_outline(field, row, edges, share) for row, share in zip(rows, shares) if share.any())
    return drawn(field, label, unit, "%", inside)


def _span(every: np.ndarray, span: Tuple[float, float]) -> Tuple[float, float]:
    low = float(every.min()) if np.isnan(span[0]) else span[0]
    high = float(np.percentile(every, OUTLIERS)) if np.isnan(span[1]) else span[1]
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _outline(field: Field, row: Values, edges: np.ndarray, shares: np.ndarray) -> str:
    x, y = field.x(edges), field.y(shares)
    ground = float(field.y(np.zeros(1))[0])
    steps = "".join(f"V{top:.1f}H{right:.1f}" for top, right in zip(y, x[1:]))
    outline = f"M{x[0]:.1f} {ground:.1f}{steps}V{ground:.1f}"
    return (
        f'<g style="{row_colour(row.colour)}"><title>{escape(row.name)}</title>'
        f'<path class="area" d="{outline}z"/><path class="line" d="{outline}"/></g>'
    )
