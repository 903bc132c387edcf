"""Where results go: folders, texts, whole files; with one line for the user when the disk says no."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from pspgrasp.errors import PspGraspError


def make_folder(folder: Path) -> None:
    """Make a folder, if it isn't there.

    Raises:
        PspGraspError: It can't be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PspGraspError(f"{folder} can't be made: {error.strerror or error}") from error


def write_text(path: Path, text: str) -> None:
    """Write a text.

    Raises:
        PspGraspError: It can't be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PspGraspError(f"{path} can't be written: {error.strerror or error}") from error


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield where to write; what was written takes the place of `path` at the end, and is gone if that isn't reached.

    Raises:
        PspGraspError: It can't be written.
    """
    part = path.with_name(path.name + ".part")
    try:
        yield part
        os.replace(part, path)
    except OSError as error:
        raise PspGraspError(f"{path} can't be written: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)
