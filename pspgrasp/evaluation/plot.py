"""Plots for pages: how matplotlib is opened, and how a figure becomes a file."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pspgrasp.data.output import make_folder
from pspgrasp.errors import PspGraspError

DOTS_PER_INCH = 110


def check_plots() -> None:
    """Say before the work whether plots can be drawn after it.

    Raises:
        PspGraspError: matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        raise PspGraspError("plots need matplotlib: pip install 'pspgrasp[training]' (or [sim])")


def open_pyplot() -> Any:
    """Return matplotlib's pyplot, which draws into files and opens no window.

    Raises:
        PspGraspError: matplotlib is not installed.
    """
    check_plots()
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot


def save_plot(figure: Any, path: Path) -> Path:
    """Write a figure and close it; return where it is.

    Raises:
        PspGraspError: It can't be written.
    """
    make_folder(path.parent)
    try:
        figure.savefig(path, dpi=DOTS_PER_INCH, metadata={"Software": None})  # the same figures, the same bytes
    except OSError as error:
        raise PspGraspError(f"{path} can't be written: {error.strerror or error}") from error
    finally:
        open_pyplot().close(figure)
    return path
