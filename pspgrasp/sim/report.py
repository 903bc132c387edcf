"""The report of a run: one page that needs nothing else, neither a network nor a script."""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path
from typing import Mapping, NamedTuple, Optional, Sequence
from urllib.parse import quote

from pspgrasp.data.output import write_text
from pspgrasp.errors import PspGraspError
from pspgrasp.evaluation.html.page import PageHead, framed
from pspgrasp.evaluation.html.parts import Shown, pictures, section, told
from pspgrasp.sim.report_figures import OUTCOMES, STYLE, charts, outcomes
from pspgrasp.sim.report_pace import clearing, pace
from pspgrasp.sim.report_parts import row_names
from pspgrasp.sim.report_success import success
from pspgrasp.sim.table import CellTable

EMBEDDED_BYTES = 5_000_000  # a larger video stays beside the page


class Head(NamedTuple):
    """What stands above the figures.

    Attributes:
        title: Of the page.
        subtitle: What was done, in a sentence or two.
        facts: Name -> value: date, versions, seed, machine, command and the like.
        rows: Row -> how it comes to a grasp.
    """

    title: str
    subtitle: str
    facts: Mapping[str, str]
    rows: Mapping[str, str]


def write_report(
    path: Path, head: Head, tables: Sequence[CellTable], failures: Sequence[Shown] = (), video: Optional[Path] = None
) -> None:
    """Write the report of a run.

    Args:
        path: An HTML file; what is there is replaced.
        head: What stands above the figures.
        tables: The figures.
        failures: Pictures of what went wrong.
        video: Of a bin that is cleared. It becomes part of the page if it is small; else the page points to it, and
            the two must stay in one folder.

    Raises:
        PspGraspError: The video can't be read, or the page can't be written.
    """
    film = "" if video is None else _video(video)
    write_text(path, page(head, tables, failures, film))


def page(head: Head, tables: Sequence[CellTable], failures: Sequence[Shown] = (), video: str = "") -> str:
    """Return the report as HTML.

    Args:
        head: What stands above the figures.
        tables: The figures.
        failures: Pictures of what went wrong.
        video: Where a browser finds the video; empty for none.
    """
    sections = [success(tables, head.rows), _rows(tables, head.rows), charts(tables), outcomes(tables)]
    sections += [clearing(tables), _film(video), pace(tables), _failures(failures)]
    glossary = {outcome.value: outcome.meaning for outcome in OUTCOMES}
    return framed(PageHead(head.title, head.subtitle, head.facts), sections, glossary, STYLE)


def _rows(tables: Sequence[CellTable], descriptions: Mapping[str, str]) -> str:
    said = told(row_names(tables), descriptions)
    return section("Rows", "How each comes to a grasp.", said) if said else ""


def _video(video: Path) -> str:
    """Return where a browser finds a video: in the page, or beside it."""
    try:
        if video.stat().st_size > EMBEDDED_BYTES:
            return quote(video.name)
        return "data:video/mp4;base64," + base64.b64encode(video.read_bytes()).decode("ascii")
    except OSError as error:
        raise PspGraspError(f"{video} can't be read: {error.strerror or error}") from error


def _film(source: str) -> str:
    if not source:
        return ""
    film = f'<video controls muted playsinline preload="metadata" src="{escape(source)}"></video>'
    return section("A bin is cleared", "In simulated time.", f'<figure class="card film">{film}</figure>')


def _failures(failures: Sequence[Shown]) -> str:
    text = (
        "Of the first row: those before all that another row held, and where it was surest. What the camera measured, "
        "and the grasp (its thick sides are the fingers); the gripper at its lowest; the end."
    )
    return section("Worst failures", text, pictures(failures)) if failures else ""
