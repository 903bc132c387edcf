"""The field of a chart: where numbers lie in it, and the lines and numbers beside it."""

from __future__ import annotations

import math
from html import escape
from typing import List, NamedTuple, Tuple

import numpy as np

STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
MARGIN = 6  # of numbers beside an axis


class Field(NamedTuple):
    """Where a chart is drawn, and what it spans.

    Attributes:
        width: Of the whole picture [px], as are all other lengths.
        height: Of it.
        left: Margin.
        right: Margin.
        top: Margin.
        bottom: Margin.
        x_span: Numbers at the left and at the right border.
        y_span: Numbers at the lower and at the upper border.
    """

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    x_span: Tuple[float, float]
    y_span: Tuple[float, float]

    @property
    def columns(self) -> int:
        """How many columns of pixels the field has."""
        return self.width - self.left - self.right

    def x(self, numbers: np.ndarray) -> np.ndarray:
        """Return where numbers lie [px], on the border those beyond it."""
        low, high = self.x_span
        return self.left + self.columns * np.clip((numbers - low) / ((high - low) or 1.0), 0.0, 1.0)

    def y(self, numbers: np.ndarray) -> np.ndarray:
        """Return the same upwards."""
        low, high = self.y_span
        tall = self.height - self.top - self.bottom
        return self.top + tall * (1.0 - np.clip((numbers - low) / ((high - low) or 1.0), 0.0, 1.0))


def ticks(low: float, high: float, most: int) -> Tuple[List[float], int]:
    """Return round numbers from `low` to `high`, about `most` of them, and with how many decimals they are told."""
    rough = max(high - low, 1e-9) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * one for one in STEPS if power * one >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    decimals = next(n for n in range(12) if abs(round(step, n) - step) < 1e-6 * step)
    return [step * n for n in range(first, last + 1)], decimals


def drawn(field: Field, label: str, x_unit: str, y_unit: str, inside: str) -> str:
    """Return a chart as an SVG element.

    Args:
        field: Its field.
        label: What it shows, for those who can't see it.
        x_unit: Behind the numbers below it.
        y_unit: Behind the uppermost number.
        inside: SVG.
    """
    return (
        f'<svg class="chart" viewBox="0 0 {field.width} {field.height}" role="img" aria-label="{escape(label)}">'
        f"{_y_axis(field, y_unit)}{_x_axis(field, x_unit)}{inside}</svg>"
    )


def _y_axis(field: Field, unit: str) -> str:
    numbers, decimals = ticks(*field.y_span, 4)
    right = field.width - field.right
    lines = []
    for number, y in zip(numbers, field.y(np.array(numbers))):
        last = f" {unit}" if unit and number == numbers[-1] else ""
        lines.append(
            f'<line class="grid" x1="{field.left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="tick" x="{field.left - MARGIN}" y="{y + 3.5:.1f}" text-anchor="end">'
            f"{number:.{decimals}f}{escape(last)}</text>"
        )
    return "".join(lines)


def _x_axis(field: Field, unit: str) -> str:
    numbers, decimals = ticks(*field.x_span, max(2, field.columns // 110))
    y = field.height - field.bottom + 18
    return "".join(
        f'<text class="tick" x="{x:.1f}" y="{y}" text-anchor="middle">{number:.{decimals}f}'
        f"{escape(f' {unit}' if unit and number == numbers[-1] else '')}</text>"
        for number, x in zip(numbers, field.x(np.array(numbers)))
    )
