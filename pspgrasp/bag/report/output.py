"""The folder of a run: while it works, and when it is done."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Iterator, NamedTuple, Optional, Sequence, Tuple

from pspgrasp.bag.progress import TellsOf, in_silence
from pspgrasp.bag.report.frames_csv import write_frames
from pspgrasp.bag.report.page import write_report
from pspgrasp.bag.report.results_json import write_results
from pspgrasp.bag.report.strip import Seen, strip
from pspgrasp.bag.results.ledger import LINES
from pspgrasp.bag.results.result import RecordingResult
from pspgrasp.bag.run import ALL_READ, IN_PART, INTERRUPTED, Run
from pspgrasp.data.output import make_folder
from pspgrasp.errors import PspGraspError
from pspgrasp.whole_file import whole_file

RESULTS, FRAMES, REPORT = "results.json", "frames.csv", "report.html"
TABLES = (FRAMES, LINES)
FILES = (REPORT, RESULTS, *TABLES)


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


class Pictures(NamedTuple):
    """What became of the report's pictures.

    Attributes:
        why_not: Why there are none, in one line; "" if all is well.
        exit_code: Of a run of which nothing else is to be said.
    """

    why_not: str
    exit_code: int


def write_tables(results: Sequence[RecordingResult], folder: Path, output: Path) -> None:
    """Write all frames and faults: what was done is safe before anything is made of it.

    What an earlier run left there goes when both files are whole.

    Args:
        results: What was done.
        folder: A `working_folder` of the output.
        output: Where the files go.

    Raises:
        PspGraspError: They can't be written.
    """
    write_frames(results, folder / FRAMES)
    write_lines(results, folder / LINES)
    with _written_to(output):
        for name in (REPORT, RESULTS):
            (output / name).unlink(missing_ok=True)
        for name in TABLES:
            os.replace(folder / name, output / name)


def write_run(run: Run, output: Path, tells_of: TellsOf = in_silence) -> Pictures:
    """Write what a run adds up to, and the report; without pictures if they fail, or the user stops them.

    Args:
        run: That the files tell of.
        output: Where they go.
        tells_of: Hears of progress while pictures are drawn.

    Raises:
        PspGraspError: A file can't be written.
    """
    write_results(run, output / RESULTS)
    seen, pictures = _seen(run, tells_of)
    write_report(output / REPORT, run, seen)
    return pictures


def _seen(run: Run, tells_of: TellsOf) -> Tuple[Sequence[Seen], Pictures]:
    try:
        return strip(run, tells_of), Pictures("", ALL_READ)
    except KeyboardInterrupt:
        return (), Pictures("stopped by the user", INTERRUPTED)
    except PspGraspError as error:
        return (), Pictures(str(error), IN_PART)
    except Exception as error:  # noqa: BLE001 (whatever torch or OpenCV raise; figures and tables don't need them)
        return (), Pictures(f"unexpected {type(error).__name__}: {error}", IN_PART)


@contextmanager
def _written_to(output: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PspGraspError(f"{output} can't be written: {error.strerror or error}") from error


def write_lines(results: Sequence[RecordingResult], path: Path) -> None:
    """Put the lines of all recordings one behind the other.

    Raises:
        PspGraspError: They can't be written.
    """
    with whole_file(path) as part, part.open("wb") as file:
        for result in results:
            with result.lines.open("rb") as lines:
                shutil.copyfileobj(lines, file)
