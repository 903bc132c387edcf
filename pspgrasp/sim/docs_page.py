"""The part of a Markdown page that a run writes: its command, tables and plot, between two marks."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from pspgrasp.evaluation import marked_page
from pspgrasp.evaluation.marked_page import Marks, picture_of, put_between, shown
from pspgrasp.sim.markdown import markdown
from pspgrasp.sim.plot import draw_success, panels_of
from pspgrasp.sim.publish import Finished

MARKS = Marks("<!-- figures of `pspgrasp sim run` -->", "<!-- end of the figures -->")
BEGIN, END = MARKS


def check_page(page: Path) -> None:
    """Say before a run whether its figures can be put into a page after it.

    Raises:
        DataError: The page isn't there, or lacks the marks.
        PspGraspError: matplotlib is not installed.
    """
    marked_page.check_page(page, MARKS)


def put_into(page: Path, run: Finished) -> None:
    """Replace what stands between the two marks of a page, and the plot in the folder of pictures beside it.

    Raises:
        DataError: The page isn't there, or has no such marks.
        PspGraspError: It or the plot can't be written, or matplotlib is not installed.
    """
    versions = ", ".join(f"{name} {version}" for name, version in run.versions.items())
    parts = [f"```sh\n{run.command}\n```", f"Made on {date.today().isoformat()} with {versions}.", markdown(run.tables)]
    if panels_of(run.tables):
        parts.insert(2, shown(draw_success(run.tables, picture_of(page, "success")), "Success by condition"))
    put_between(page, MARKS, parts)
