"""The part of a Markdown page that a run writes: its command, date and machine, tables and plot, between two marks."""

from __future__ import annotations

from pathlib import Path

from pspgrasp.benchmark.markdown import markdown
from pspgrasp.benchmark.plot import draw_roads
from pspgrasp.benchmark.report import Circumstances
from pspgrasp.benchmark.run import Finished
from pspgrasp.evaluation.marked_page import Marks, picture_of, put_between, shown

MARKS = Marks("<!-- figures of `pspgrasp bench` -->", "<!-- end of the bench's figures -->")


def put_into(page: Path, run: Finished, made: Circumstances) -> None:
    """Replace what stands between the two marks of a page, and the plot in the folder of pictures beside it.

    Raises:
        DataError: The page isn't there, or has no such marks.
        PspGraspError: It or the plot can't be written, or matplotlib is not installed.
    """
    versions = ", ".join(f"{name} {version}" for name, version in made.versions.items())
    laps = min(one.laps for one in run.figures)
    said = f"Made on {made.date} on {made.machine}, with {versions}: {laps} rounds over {run.frames} images."
    picture = shown(draw_roads(run.figures, picture_of(page, "roads")), "The road by stages")
    put_between(page, MARKS, [f"```sh\n{made.command}\n```", said, picture, markdown(run)])
