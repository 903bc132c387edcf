"""The part of a Markdown page that a run writes: its command, tables and plot, between two marks."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Tuple

from pspgrasp.data.output import write_text
from pspgrasp.errors import DataError
from pspgrasp.evaluation.plot import check_plots
from pspgrasp.sim.markdown import markdown
from pspgrasp.sim.plot import draw_success, panels_of
from pspgrasp.sim.publish import Finished

BEGIN, END = "<!-- figures of `pspgrasp sim run` -->", "<!-- end of the figures -->"
PICTURES = "pictures"  # folder beside the page


def check_page(page: Path) -> None:
    """Say before a run whether its figures can be put into a page after it.

    Raises:
        DataError: The page isn't there, or lacks the marks.
        PspGraspError: matplotlib is not installed.
    """
    _around(page)
    check_plots()


def put_into(page: Path, run: Finished) -> None:
    """Replace what stands between the two marks of a page, and the plot in the folder of pictures beside it.

    Raises:
        DataError: The page isn't there, or has no such marks.
        PspGraspError: It or the plot can't be written, or matplotlib is not installed.
    """
    head, tail = _around(page)
    versions = ", ".join(f"{name} {version}" for name, version in run.versions.items())
    parts = [f"```sh\n{run.command}\n```", f"Made on {date.today().isoformat()} with {versions}.", markdown(run.tables)]
    if panels_of(run.tables):
        plot = draw_success(run.tables, page.parent / PICTURES / f"{page.stem}_success.png")
        parts.insert(2, f"![Success by condition]({PICTURES}/{plot.name})")
    write_text(page, "\n\n".join([f"{head}{BEGIN}", *parts, f"{END}{tail}"]))


def _around(page: Path) -> Tuple[str, str]:
    """Return what stands before the first mark of a page, and behind the second."""
    try:
        text = page.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{page} can't be read: {error}") from error
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise DataError(f"{page} lacks the line {BEGIN!r}, or {END!r} after it")
    return head, tail
