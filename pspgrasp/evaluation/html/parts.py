"""What the sections of a page are made of."""

from __future__ import annotations

import base64
from html import escape
from typing import Iterable, Mapping, NamedTuple, Sequence, Tuple

COLOURS = 8  # of rows, --row-0 and so on in the page
LONG = 60  # characters of a fact that gets a line of its own


class Shown(NamedTuple):
    """A picture of a page.

    Attributes:
        jpeg: The bytes of its file.
        title: In a few words.
        caption: What there is to see.
    """

    jpeg: bytes
    title: str
    caption: str


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


def told(rows: Sequence[str], descriptions: Mapping[str, str]) -> str:
    """Return a legend that says of each row, in order, what it is; nothing for those without a description."""
    items = "".join(
        f'<li style="{row_colour(number)}"><i class="swatch"></i><b>{escape(row)}</b>: {escape(descriptions[row])}</li>'
        for number, row in enumerate(rows)
        if descriptions.get(row)
    )
    return f'<ul class="legend told soft">{items}</ul>' if items else ""


def row_colour(number: int) -> str:
    """Return the style that makes an element's colour that of a row."""
    return f"--colour:var(--row-{number % COLOURS})"


def facts(named: Mapping[str, str]) -> str:
    """Return a card of names and values."""
    return f'<div class="card"><dl class="facts">{"".join(_fact(*one) for one in named.items())}</dl></div>'


def _fact(name: str, value: str) -> str:
    if len(value) > LONG:
        return f'<div class="wide"><dt>{escape(name)}</dt><dd><code>{escape(value)}</code></dd></div>'
    return f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"


def pictures(all_shown: Iterable[Shown]) -> str:
    """Return pictures in a grid; "" for none."""
    figures = "".join(_picture(one) for one in all_shown)
    return f'<div class="pictures">{figures}</div>' if figures else ""


def _picture(one: Shown) -> str:
    return (
        f'<figure class="card"><img alt="{escape(one.title)}" loading="lazy" src="{jpeg_source(one.jpeg)}">'
        f"<figcaption><b>{escape(one.title)}</b>{escape(one.caption)}</figcaption></figure>"
    )


def jpeg_source(jpeg: bytes) -> str:
    """Return where a browser finds a picture that is part of the page."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")
