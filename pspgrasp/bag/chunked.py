"""What ROS 1 bags and MCAP files have in common: messages in chunks, and behind each chunk an index of it.

The file is gone through from record to record. So one that was cut off, never closed or damaged gives what is whole in
it; the libraries' readers need the index at its end, and stop at the first damaged byte.
"""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Collection, Dict, Iterator, List, NamedTuple, Set, Tuple, Union

import numpy as np

from pspgrasp.bag.container import Connection, Loss, Message
from pspgrasp.bag.recording import Fault
from pspgrasp.errors import DataError

Item = Union[Message, Loss, Fault]
INDEX = np.dtype([("time_ns", "<i8"), ("offset", "<i8")])


@dataclass
class Chunk:
    """A chunk record.

    Attributes:
        path: Of its file.
        position: Of its content in the file.
        size: Bytes of it that the file holds.
        compression: none, bz2, lz4 or zstd.
        cut: Whether the file ends within it.
        index: Connection -> times and offsets of its messages, (N,) `INDEX`.
    """

    path: Path
    position: int
    size: int
    compression: str
    cut: bool = False
    index: Dict[int, np.ndarray] = field(default_factory=dict)

    def times_ns(self, connections: Collection[int]) -> np.ndarray:
        """Return when the messages of some connections were recorded, int64 [ns]."""
        wanted = [entries["time_ns"] for number, entries in self.index.items() if number in connections]
        return np.concatenate(wanted) if wanted else np.empty(0, np.int64)

    def content(self) -> bytes:
        """Return its bytes as they lie in the file."""
        with self.path.open("rb") as file:
            file.seek(self.position)
            return file.read(self.size)


class Stored(NamedTuple):
    """A message in a chunk.

    Attributes:
        recorded_ns: When it was recorded [ns].
        offset: Where in the chunk it begins.
        connection: Its number.
        data: As it was serialised.
    """

    recorded_ns: int
    offset: int
    connection: int
    data: memoryview


class Opened(NamedTuple):
    """What came out of a chunk.

    Attributes:
        messages: Those that are whole.
        connections: That are described in it.
        starts: Offsets of all its records that are whole.
        wrong: What was wrong with it; "" if nothing was.
    """

    messages: List[Stored]
    connections: Dict[int, Connection]
    starts: Set[int]
    wrong: str


class ChunkedBag:
    """See `pspgrasp.bag.container.Container`."""

    def __init__(self, path: Path) -> None:
        """Go through the file, and look into chunks that have no index.

        Raises:
            DataError: Not such a file, or nothing in it can be read.
        """
        self.path = path
        self._chunks: List[Chunk] = []
        self._connections: Dict[int, Connection] = {}
        self._faults: List[Fault] = []
        self._scan()
        self._look_into_chunks()
        if not any(chunk.index for chunk in self._chunks):
            why = f": {self._faults[0].detail}" if self._faults else ""
            raise DataError(f"{path} holds no message that can be read{why}")
        self._count()
        times = [t for chunk in self._chunks if (t := chunk.times_ns(self._connections)).size]
        self.start_ns = min((int(t.min()) for t in times), default=0)
        self.end_ns = max((int(t.max()) for t in times), default=0)
        self.compression = " and ".join(sorted({chunk.compression for chunk in self._chunks}))
        self.faults = tuple(self._faults)
        self.connections = tuple(sorted(set(self._connections.values())))

    def messages(self, topics: Collection[str]) -> Iterator[Item]:
        """Yield the messages of some topics by recorded time, what is lost of them, and damage beyond them."""
        wanted = {number for number, connection in self._connections.items() if connection.topic in topics}
        holding = [(int(t.min()), chunk) for chunk in self._chunks if (t := chunk.times_ns(wanted)).size]
        waiting: List[Tuple[int, int, Item]] = []
        order = 0  # of what was recorded at one time
        # Chunks overlap in time where a bag was not recorded but written, topic by topic.
        for first_ns, chunk in sorted(holding, key=lambda pair: pair[0]):
            while waiting and waiting[0][0] < first_ns:
                yield heapq.heappop(waiting)[2]
            for item in self._items(chunk, wanted):
                heapq.heappush(waiting, (item.recorded_ns, order, item))
                order += 1
        while waiting:
            yield heapq.heappop(waiting)[2]

    def count(self, connections: Collection[Connection], start_ns: int, stop_ns: int) -> int:
        """Return how many messages of some connections were recorded in [start_ns, stop_ns), losses included."""
        wanted = {number for number, connection in self._connections.items() if connection in connections}
        times = (chunk.times_ns(wanted) for chunk in self._chunks)
        return sum(int(np.count_nonzero((start_ns <= t) & (t < stop_ns))) for t in times)

    def _scan(self) -> None:
        """Find chunks, their indices and connections."""
        raise NotImplementedError

    def _open(self, chunk: Chunk) -> Opened:
        """Return what can be got out of a chunk."""
        raise NotImplementedError

    def _look_into_chunks(self) -> None:
        """Make the index of chunks that have none, and find the connections that nothing else describes."""
        for chunk in self._chunks:
            if chunk.index and set(chunk.index) <= set(self._connections):
                continue
            opened = self._open(chunk)
            self._connections = {**opened.connections, **self._connections}
            if not chunk.index:
                chunk.index = _index_of(opened.messages)
        unknown = {number for chunk in self._chunks for number in chunk.index} - set(self._connections)
        if unknown:
            lost = sum(len(chunk.index.get(number, ())) for chunk in self._chunks for number in unknown)
            self._faults.append(Fault(-1, "damaged", f"it isn't known on which topics {lost} messages are"))

    def _count(self) -> None:
        """Give the connections their numbers of messages; those of several publishers become equal."""
        counts: Counter[Connection] = Counter()
        for number, connection in self._connections.items():
            counts[connection] += sum(len(chunk.index.get(number, ())) for chunk in self._chunks)
        self._connections = {n: c._replace(messages=counts[c]) for n, c in self._connections.items()}

    def _items(self, chunk: Chunk, wanted: Collection[int]) -> Iterator[Union[Message, Loss]]:
        """Yield the messages of some connections in a chunk, and the lack of those that its index promises."""
        opened = self._open(chunk)
        for message in opened.messages:
            if message.connection in wanted:
                yield Message(self._connections[message.connection], message.recorded_ns, message.data)
        # Where nothing is wrong with the chunk, an index that says otherwise is.
        for number in set(chunk.index) & set(wanted) if opened.wrong else ():
            for time_ns, offset in chunk.index[number].tolist():
                if offset not in opened.starts:
                    detail = f"lost with the chunk at byte {chunk.position} of {chunk.path.name}: {opened.wrong}"
                    yield Loss(self._connections[number], time_ns, "damaged", detail)


def _index_of(messages: Collection[Stored]) -> Dict[int, np.ndarray]:
    entries: Dict[int, List[Tuple[int, int]]] = {}
    for message in messages:
        entries.setdefault(message.connection, []).append((message.recorded_ns, message.offset))
    return {number: np.array(found, INDEX) for number, found in entries.items()}
