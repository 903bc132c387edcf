"""Small charts of shares with their intervals, as SVG inside a page."""

from __future__ import annotations

from html import escape
from typing import List, NamedTuple, Optional, Sequence, Tuple

from pspgrasp.evaluation.html.parts import row_colour

WIDTH, HEIGHT = 400, 250
LEFT, RIGHT, TOP, BOTTOM = 40, 12, 10, 34  # margins about the field
DODGE = 9  # between the points of two rows at one level, so that intervals don't hide each other
CAP = 3  # half of the stroke at an interval's end
LINES = (0.0, 0.25, 0.5, 0.75, 1.0)


class Point(NamedTuple):
    """A share and its 95 % interval."""

    share: float
    low: float
    high: float


class Series(NamedTuple):
    """What one row came to.

    Attributes:
        name: Of the row.
        colour: Its number.
        points: One for each level; None where there is none.
    """

    name: str
    colour: int
    points: Tuple[Optional[Point], ...]


def share_chart(label: str, levels: Sequence[str], series: Sequence[Series], joined: bool) -> str:
    """Return a chart as an SVG element.

    Args:
        label: What it shows, for those who can't see it.
        levels: Below the axis.
        series: Of all rows.
        joined: Whether lines go from level to level: for levels that have an order.
    """
    lines = "".join(_grid_line(share) for share in LINES)
    names = "".join(_level_name(place, level, len(levels)) for place, level in enumerate(levels))
    drawn = "".join(_drawn(one, _off(place, len(series)), joined) for place, one in enumerate(series))
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">'
        f"{lines}{names}{drawn}</svg>"
    )


def _x(place: int, count: int) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * (place + 0.5) / count


def _y(share: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - share)


def _off(place: int, count: int) -> float:
    return DODGE * (place - (count - 1) / 2)


def _grid_line(share: float) -> str:
    y = _y(share)
    return (
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="tick" x="{LEFT - 6}" y="{y + 3.5:.1f}" text-anchor="end">{100 * share:.0f}</text>'
    )


def _level_name(place: int, level: str, count: int) -> str:
    x, y = _x(place, count), HEIGHT - BOTTOM + 20
    return f'<text class="tick" x="{x:.1f}" y="{y}" text-anchor="middle">{escape(level)}</text>'


def _drawn(series: Series, off: float, joined: bool) -> str:
    count = len(series.points)
    placed = [(_x(place, count) + off, point) for place, point in enumerate(series.points) if point is not None]
    parts: List[str] = []
    if joined and len(placed) > 1:
        path = " ".join(f"{x:.1f},{_y(point.share):.1f}" for x, point in placed)
        parts.append(f'<polyline class="trend" points="{path}"/>')
    parts += [_marked(series.name, x, point) for x, point in placed]
    return f'<g style="{row_colour(series.colour)}">{"".join(parts)}</g>'


def _marked(name: str, x: float, point: Point) -> str:
    low, high, y = _y(point.low), _y(point.high), _y(point.share)
    said = f"{name}: {100 * point.share:.0f} % ({100 * point.low:.0f} to {100 * point.high:.0f})"
    ends = "".join(f"M{x - CAP:.1f} {end:.1f}h{2 * CAP}" for end in (low, high))
    return (
        f"<g><title>{escape(said)}</title>"
        f'<path class="whisker" d="M{x:.1f} {low:.1f}V{high:.1f}{ends}"/>'
        f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="4.5"/></g>'
    )
