"""A file appears whole or not at all, and is known by its digest."""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from pspgrasp.errors import PspGraspError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield where to write; what was written takes the place of `path` at the end, and is gone if that isn't reached.

    Raises:
        PspGraspError: It can't be written.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part")  # two processes may write one file at once
    try:
        yield part
        os.replace(part, path)
    except OSError as error:
        raise PspGraspError(f"{path} can't be written: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    """Return the digest of a file, in hex digits.

    Raises:
        OSError: It can't be read.
    """
    return hashlib.sha256(path.read_bytes()).hexdigest()
