"""The folder of a run: while it works, and when it is done."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Iterator, Optional, Sequence

from pspgrasp.bag.report.frames_csv import write_frames
from pspgrasp.bag.report.page import write_report
from pspgrasp.bag.report.results_json import write_results
from pspgrasp.bag.results.ledger import LINES
from pspgrasp.bag.results.result import RecordingResult
from pspgrasp.bag.run import Run
from pspgrasp.data.output import make_folder
from pspgrasp.errors import PspGraspError
from pspgrasp.whole_file import whole_file

RESULTS, FRAMES, REPORT = "results.json", "frames.csv", "report.html"
FILES = (REPORT, RESULTS, FRAMES, LINES)


@contextmanager
def working_folder(output: Optional[Path]) -> Iterator[Path]:
    """Yield a folder for what comes of frames, which is gone at the end: within the output, if there is to be one.

    Raises:
        PspGraspError: It can't be made.
    """
    is_new = output is not None and not output.exists()
    if output:
        make_folder(output)
    try:
        folder = Path(tempfile.mkdtemp(prefix=".unfinished_" if output else "pspgrasp_", dir=output))
    except OSError as error:
        raise PspGraspError(f"{output} can't be written: {error.strerror or error}") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if output and is_new:
            with suppress(OSError):  # there is something in it
                output.rmdir()


def write_output(run: Run, folder: Path, output: Path) -> None:
    """Write the files of a run. They take their places one right after the other, when all of them are whole.

    Args:
        run: That they tell of.
        folder: A `working_folder` of the output.
        output: Where they go.

    Raises:
        PspGraspError: A recording can't be read again, or a file can't be written.
    """
    write_report(folder / REPORT, run)
    write_results(run, folder / RESULTS)
    write_frames(run.results, folder / FRAMES)
    write_lines(run.results, folder / LINES)
    try:
        for name in FILES:
            os.replace(folder / name, output / name)
    except OSError as error:
        raise PspGraspError(f"{output} can't be written: {error.strerror or error}") from error


def write_lines(results: Sequence[RecordingResult], path: Path) -> None:
    """Put the lines of all recordings one behind the other; those of each recording are gone afterwards.

    Raises:
        PspGraspError: They can't be written.
    """
    with whole_file(path) as part, part.open("wb") as file:
        for result in results:
            with result.lines.open("rb") as lines:
                shutil.copyfileobj(lines, file)
            result.lines.unlink()
