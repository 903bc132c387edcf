"""Numbers of every frame, on disk: one column at a time comes into memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

import numpy as np

from pspgrasp.errors import DataError

PIECE = 4096  # rows that are read at once


@dataclass(frozen=True)
class Columns:
    """A table of rows of one kind.

    Attributes:
        path: Its file: the rows one after the other.
        kind: Of a row; its fields are the columns.
        rows: How many there are.
    """

    path: Path
    kind: np.dtype
    rows: int

    def __len__(self) -> int:
        """How many rows there are."""
        return self.rows

    def __getitem__(self, name: str) -> np.ndarray:
        """Return a column, (N,) or (N, ...)."""
        return np.concatenate([np.zeros(0, self.kind)[name], *(piece[name] for piece in self.pieces())])

    def pieces(self) -> Iterator[np.ndarray]:
        """Yield the rows, some thousands at a time.

        Raises:
            DataError: The file isn't there, or is too short.
        """
        for first in range(0, self.rows, PIECE):
            yield self._read(first, min(PIECE, self.rows - first))

    def row(self, number: int) -> np.void:
        """Return one row, from 0.

        Raises:
            DataError: The file isn't there, or is too short.
        """
        return self._read(number, 1)[0]

    def _read(self, first: int, count: int) -> np.ndarray:
        try:
            rows = np.fromfile(self.path, self.kind, count, offset=first * self.kind.itemsize)
        except OSError as error:
            raise DataError(f"{self.path} can't be read: {error.strerror or error}") from error
        if len(rows) < count:
            raise DataError(f"{self.path} ends early: row {first + len(rows)} of {self.rows} is missing")
        return rows
