"""Where the chunks of a bag lie, and where in them which messages: 32 bytes for each chunk and for each message."""

from __future__ import annotations

from array import array
from typing import Collection, Dict, Iterator, List, NamedTuple, Tuple

import numpy as np

#: A message: its chunk, its connection, when it was recorded, and where in the chunk it begins.
HELD = np.dtype([("chunk", "<i8"), ("connection", "<i8"), ("time_ns", "<i8"), ("offset", "<i8")])
INDEX = np.dtype([("time_ns", "<i8"), ("offset", "<i8")])
MOST_BYTES = 1 << 28  # that a chunk may unpack to; recorders fill one with a megabyte, or with one message
_FIELDS = 4  # of a chunk: position, size, compression, cut; and of a message


class Chunk(NamedTuple):
    """A chunk of a bag's file.

    Attributes:
        number: Its place in the file, from 0.
        position: Of its content in the file.
        size: Bytes of it that the file holds.
        compression: none, bz2, lz4 or zstd.
        cut: Whether the file ends within it.
    """

    number: int
    position: int
    size: int
    compression: str
    cut: bool


class Index:
    """The chunks of a bag, in the order of the file, and the messages that each one is said to hold."""

    def __init__(self) -> None:
        """Begin without any."""
        self._chunks, self._messages = array("q"), array("q")
        self._compressions: List[str] = []

    def __len__(self) -> int:
        """How many chunks there are."""
        return len(self._chunks) // _FIELDS

    def __getitem__(self, number: int) -> Chunk:
        """Return a chunk; -1 is the last one."""
        begin = (number % len(self)) * _FIELDS
        position, size, compression, cut = self._chunks[begin : begin + _FIELDS]
        return Chunk(number % len(self), position, size, self._compressions[compression], bool(cut))

    def __iter__(self) -> Iterator[Chunk]:
        """Yield the chunks in the order of the file."""
        return map(self.__getitem__, range(len(self)))

    @property
    def compressions(self) -> List[str]:
        """Those that chunks have, by name."""
        return sorted(self._compressions)

    def add_chunk(self, position: int, size: int, compression: str, cut: bool) -> None:
        """Add a chunk behind the others."""
        if compression not in self._compressions:
            self._compressions.append(compression)
        self._chunks.extend((position, size, self._compressions.index(compression), cut))

    def grow_last(self, size: int) -> None:
        """Give the last chunk another size."""
        self._chunks[-_FIELDS + 1] = size

    def add(self, chunk: int, connection: int, entries: np.ndarray) -> None:
        """Say which messages (N,) `INDEX` of a connection a chunk holds."""
        rows = np.empty(len(entries), HELD)
        rows["chunk"], rows["connection"] = chunk, connection
        rows["time_ns"], rows["offset"] = entries["time_ns"], entries["offset"]
        self._messages.frombytes(rows.tobytes())

    def forget_last(self) -> None:
        """Take back what was said of the last chunk."""
        while self._messages and self._messages[-_FIELDS] == len(self) - 1:
            del self._messages[-_FIELDS:]

    def held(self, connections: Collection[int]) -> np.ndarray:
        """Return the messages of some connections, (N,) `HELD` by chunk."""
        rows = self._rows()
        rows = rows[np.isin(rows["connection"], list(connections))]
        return rows[np.argsort(rows["chunk"], kind="stable")]

    def counts(self) -> Dict[int, int]:
        """Return connection -> how many messages it has."""
        numbers, counts = np.unique(self._rows()["connection"], return_counts=True)
        return dict(zip(numbers.tolist(), counts.tolist()))

    def bare(self) -> List[int]:
        """Return the chunks of which nothing is said."""
        said = np.zeros(len(self), bool)
        said[self._rows()["chunk"]] = True
        return np.flatnonzero(~said).tolist()

    def span_ns(self) -> Tuple[int, int]:
        """Return when the first and the last message were recorded [ns]; zeros where there is none."""
        times_ns = self._rows()["time_ns"]
        return (int(times_ns.min()), int(times_ns.max())) if times_ns.size else (0, 0)

    def _rows(self) -> np.ndarray:
        return np.frombuffer(self._messages, HELD) if self._messages else np.empty(0, HELD)
