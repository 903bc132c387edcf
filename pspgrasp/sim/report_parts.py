"""What the sections of the report are made of."""

from __future__ import annotations

from html import escape
from typing import Dict, Iterable, List, Sequence, Tuple

from pspgrasp.sim.charts import COLOURS
from pspgrasp.sim.table import CellTable

#: Factor -> heading, and whether its levels have an order.
FACTORS: Dict[str, Tuple[str, bool]] = {
    "objects": ("Things", False),
    "clutter": ("Clutter: things on the table", True),
    "noise": ("Noise of the camera", True),
    "height": ("Height of the camera [m]", True),
    "tilt": ("Tilt of the camera [deg]", True),
    "calibration": ("Wrong hand-eye calibration", False),
    "bin": ("Clearing a bin", False),
    "motion": ("Things that are moved while the gripper comes", False),
}


def section(heading: str, text: str, body: str) -> str:
    """Return a section of the page; all three are HTML."""
    return f'<section><h2>{heading}</h2><p class="soft">{text}</p>{body}</section>'


def table(heads: Iterable[str], lines: Iterable[str]) -> str:
    """Return a table on a card, of `th` and `tr` elements."""
    return (
        f'<div class="card scroll"><table><thead><tr>{"".join(heads)}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def head(text: str, kind: str = "", tip: str = "", colour: str = "") -> str:
    """Return the head of a column; with a colour it gets a swatch."""
    swatch = '<i class="swatch"></i>' if colour else ""
    return f'<th scope="col" class="{kind}" title="{escape(tip)}" style="{colour}">{swatch}{escape(text)}</th>'


def legend(named: Iterable[Tuple[str, str]]) -> str:
    """Return a legend of (name, colour) pairs."""
    items = (f'<li style="{colour}"><i class="swatch"></i>{escape(name)}</li>' for name, colour in named)
    return f'<ul class="legend">{"".join(items)}</ul>'


def row_colour(number: int) -> str:
    """Return the style that makes an element's colour that of a row."""
    return f"--colour:var(--row-{number % COLOURS})"


def row_names(tables: Sequence[CellTable]) -> List[str]:
    """Return the names of all rows, in the order in which they come up."""
    return list(dict.fromkeys(figure.row for table in tables for figure in table.figures))
