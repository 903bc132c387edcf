"""What a page holds, for tests of reports."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import List, Optional, Tuple


class Page(HTMLParser):
    """Which elements a page has, whether each is closed, and what it would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: List[str] = []
        self.fetched: List[str] = []
        self.tags: List[str] = []
        self.texts: List[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: List[Tuple[str, Optional[str]]]) -> None:
        self.tags.append(tag)
        if tag not in ("meta", "link", "img", "line", "circle", "path", "polyline", "rect", "br"):
            self.open.append(tag)
        self.fetched += [value for name, value in attrs if name in ("src", "href") and value]

    def handle_startendtag(self, tag: str, attrs: List[Tuple[str, Optional[str]]]) -> None:
        self.handle_starttag(tag, attrs)
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
