"""The frame of a page: its head, its style in light and dark, and its foot."""

from __future__ import annotations

from html import escape
from pathlib import Path
from string import Template
from typing import Iterable, Mapping, NamedTuple

from pspgrasp.evaluation.html.parts import facts

TEMPLATE = Path(__file__).with_name("page.html")


class PageHead(NamedTuple):
    """What stands above the figures.

    Attributes:
        title: Of the page.
        subtitle: What was done, in a sentence or two.
        facts: Name -> value: date, versions, seed, machine, command and the like.
    """

    title: str
    subtitle: str
    facts: Mapping[str, str]


def framed(page_head: PageHead, sections: Iterable[str], glossary: Mapping[str, str], style: str = "") -> str:
    """Return a page as HTML.

    Args:
        page_head: What stands above the figures.
        sections: HTML; those that are "" are left out.
        glossary: Word -> what it means, as HTML; stands at the foot.
        style: CSS that only this page needs.
    """
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=escape(page_head.title),
        subtitle=escape(page_head.subtitle),
        facts=facts(page_head.facts),
        sections="\n".join(section for section in sections if section),
        glossary="".join(f"<div><dt>{escape(word)}</dt><dd>{text}</dd></div>" for word, text in glossary.items()),
        style=style,
    )
