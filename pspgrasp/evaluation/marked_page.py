"""The part of a Markdown page that a program writes, between two marks."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Sequence, Tuple

from pspgrasp.data.output import write_text
from pspgrasp.errors import DataError
from pspgrasp.evaluation.plot import check_plots

PICTURES = "pictures"  # folder beside the page


class Marks(NamedTuple):
    """The two lines between which a program writes; nothing else of a page is touched."""

    begin: str
    end: str


def check_page(page: Path, marks: Marks) -> None:
    """Say before a run whether its figures can be put into a page after it.

    Raises:
        DataError: The page isn't there, or lacks the marks.
        PspGraspError: matplotlib is not installed.
    """
    _around(page, marks)
    check_plots()


def picture_of(page: Path, name: str) -> Path:
    """Return where a page's picture goes."""
    return page.parent / PICTURES / f"{page.stem}_{name}.png"


def shown(picture: Path, what: str) -> str:
    """Return the Markdown that shows such a picture in its page."""
    return f"![{what}]({PICTURES}/{picture.name})"


def put_between(page: Path, marks: Marks, parts: Sequence[str]) -> None:
    """Replace what stands between the two marks of a page.

    Raises:
        DataError: The page isn't there, or has no such marks.
        PspGraspError: It can't be written.
    """
    head, tail = _around(page, marks)
    write_text(page, "\n\n".join([f"{head}{marks.begin}", *parts, f"{marks.end}{tail}"]))


def _around(page: Path, marks: Marks) -> Tuple[str, str]:
    """Return what stands before the first mark of a page, and behind the second."""
    try:
        text = page.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{page} can't be read: {error}") from error
    head, begin, rest = text.partition(marks.begin)
    _, end, tail = rest.partition(marks.end)
    if not begin or not end:
        raise DataError(f"{page} lacks the line {marks.begin!r}, or {marks.end!r} after it")
    return head, tail
