"""Where results go: folders and texts; with one line for the user when the disk says no."""

from __future__ import annotations

from pathlib import Path

from pspgrasp.errors import DataError, PspGraspError


def make_folder(folder: Path) -> None:
    """Make a folder, if it isn't there.

    Raises:
        PspGraspError: It can't be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PspGraspError(f"{folder} can't be made: {error.strerror or error}") from error


def make_empty_folder(folder: Path) -> None:
    """Make a folder, or take one that holds nothing.

    Raises:
        DataError: It holds something.
        PspGraspError: It can't be made.
    """
    make_folder(folder)
    if any(folder.iterdir()):
        raise DataError(f"{folder} holds something already, which could be mixed up with this; give another folder")


def write_text(path: Path, text: str) -> None:
    """Write a text.

    Raises:
        PspGraspError: It can't be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PspGraspError(f"{path} can't be written: {error.strerror or error}") from error
