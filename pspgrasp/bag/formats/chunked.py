"""What ROS 1 bags and MCAP files have in common: messages in chunks, and behind each chunk an index of it.

The file is gone through from record to record. So one that was cut off, never closed or damaged gives what is whole in
it; the libraries' readers need the index at its end, and stop at the first damaged byte.
"""

from __future__ import annotations

import heapq
from collections import Counter
from pathlib import Path
from typing import Collection, Dict, Iterator, List, NamedTuple, Set, Tuple, Union

import numpy as np

from pspgrasp.bag.formats.container import Connection, Loss, Message, Publisher
from pspgrasp.bag.formats.index import INDEX, Chunk, Index
from pspgrasp.bag.recording import Fault
from pspgrasp.errors import DataError

Item = Union[Message, Loss, Fault]


class Stored(NamedTuple):
    """A message in a chunk.

    Attributes:
        recorded_ns: When it was recorded [ns].
        offset: Where in the chunk it begins.
        connection: Number of its publisher.
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
        publishers: That are described in it.
        starts: Offsets of all its records that are whole.
        wrong: What was wrong with it; "" if nothing was.
    """

    messages: List[Stored]
    publishers: Dict[int, Publisher]
    starts: Set[int]
    wrong: str


class ChunkedBag:
    """See `pspgrasp.bag.formats.container.Container`."""

    def __init__(self, path: Path) -> None:
        """Go through the file, and look into chunks that have no index.

        Raises:
            DataError: Not such a file, or nothing in it can be read.
        """
        self.path = self._file = path
        self._index = Index()
        self.publishers: Dict[int, Publisher] = {}
        self._faults: List[Fault] = []
        self._scan()
        self._look_into_bare_chunks()
        self._look_for_publishers()
        counts = self._index.counts()
        if not counts:
            why = f": {self._faults[0].detail}" if self._faults else ""
            raise DataError(f"{path} holds no message that can be read{why}")
        self.publishers = _counted(self.publishers, counts)
        self.start_ns, self.end_ns = self._index.span_ns()
        self.compression = " and ".join(self._index.compressions)
        self.faults = tuple(self._faults)
        self.connections = tuple(sorted({publisher.connection for publisher in self.publishers.values()}))

    def messages(self, topics: Collection[str]) -> Iterator[Item]:
        """Yield the messages of some topics by recorded time, what is lost of them, and damage beyond them."""
        wanted = [number for number, publisher in self.publishers.items() if publisher.connection.topic in topics]
        return (item for _, item in self._numbered(wanted))

    def all_messages(self) -> Iterator[Tuple[int, Item]]:
        """Yield the same of all topics, each with the number of its publisher."""
        return self._numbered(self.publishers)

    def _numbered(self, wanted: Collection[int]) -> Iterator[Tuple[int, Item]]:
        waiting: List[Tuple[int, int, int, Item]] = []
        order = 0  # of what was recorded at one time
        # Chunks overlap in time where a bag was not recorded but written, topic by topic.
        for first_ns, chunk, promised in self._by_time(wanted):
            while waiting and waiting[0][0] < first_ns:
                yield heapq.heappop(waiting)[2:]
            for number, item in self._items(chunk, promised):
                heapq.heappush(waiting, (item.recorded_ns, order, number, item))
                order += 1
        while waiting:
            yield heapq.heappop(waiting)[2:]

    def count(self, connections: Collection[Connection], start_ns: int, stop_ns: int) -> int:
        """Return how many messages of some connections were recorded in [start_ns, stop_ns), losses included."""
        wanted = [number for number, publisher in self.publishers.items() if publisher.connection in connections]
        times_ns = self._index.held(wanted)["time_ns"]
        return int(np.count_nonzero((start_ns <= times_ns) & (times_ns < stop_ns)))

    def _scan(self) -> None:
        """Find chunks, their indices and connections."""
        raise NotImplementedError

    def _open(self, chunk: Chunk, offsets: Collection[int]) -> Opened:
        """Return what can be got out of a chunk, in which messages are said to begin at some offsets."""
        raise NotImplementedError

    def _content(self, chunk: Chunk) -> bytes:
        """Return a chunk's bytes as they lie in the file."""
        with self._file.open("rb") as file:
            file.seek(chunk.position)
            return file.read(chunk.size)

    def _look_into_bare_chunks(self) -> None:
        """Make the index of chunks that have none."""
        for number in self._index.bare():
            opened = self._open(self._index[number], ())
            self.publishers = {**opened.publishers, **self.publishers}
            for connection, entries in _entries(opened.messages).items():
                self._index.add(number, connection, entries)

    def _look_for_publishers(self) -> None:
        """Find those that nothing describes but a record among their messages."""
        looked: Set[int] = set()  # each chunk is opened once, however many connections are missing
        for number, count in self._index.counts().items():
            if number not in self.publishers:
                self._look_for(number, looked)
            if number not in self.publishers:
                self._faults.append(Fault(-1, "damaged", f"it isn't known on which topic {count} messages are"))

    def _look_for(self, number: int, looked: Set[int]) -> None:
        for chunk in sorted(set(self._index.held([number])["chunk"].tolist()) - looked):
            looked.add(chunk)
            self.publishers = {**self._open(self._index[chunk], ()).publishers, **self.publishers}
            if number in self.publishers:
                return

    def _by_time(self, wanted: Collection[int]) -> Iterator[Tuple[int, Chunk, np.ndarray]]:
        """Yield the chunks that hold messages of some connections, with these and the first time, by that time."""
        held = self._index.held(wanted)
        if not held.size:
            return
        chunks, begins = np.unique(held["chunk"], return_index=True)
        firsts_ns, ends = np.minimum.reduceat(held["time_ns"], begins), np.append(begins[1:], len(held))
        for place in np.argsort(firsts_ns, kind="stable"):
            yield int(firsts_ns[place]), self._index[int(chunks[place])], held[begins[place] : ends[place]]

    def _items(self, chunk: Chunk, promised: np.ndarray) -> Iterator[Tuple[int, Union[Message, Loss]]]:
        """Yield the messages that a chunk's index promises, and the lack of them."""
        opened, wanted = self._open(chunk, promised["offset"].tolist()), set(promised["connection"].tolist())
        for message in opened.messages:
            if message.connection in wanted:
                connection = self.publishers[message.connection].connection
                yield message.connection, Message(connection, message.recorded_ns, message.data)
        # Where nothing is wrong with the chunk, an index that says otherwise is.
        for _, number, time_ns, offset in promised.tolist() if opened.wrong else ():
            if offset not in opened.starts:
                detail = f"lost with the chunk at byte {chunk.position} of {self._file.name}: {opened.wrong}"
                yield number, Loss(self.publishers[number].connection, time_ns, "damaged", detail)


def _entries(messages: Collection[Stored]) -> Dict[int, np.ndarray]:
    entries: Dict[int, List[Tuple[int, int]]] = {}
    for message in messages:
        entries.setdefault(message.connection, []).append((message.recorded_ns, message.offset))
    return {number: np.array(found, INDEX) for number, found in entries.items()}


def _counted(publishers: Dict[int, Publisher], counts: Dict[int, int]) -> Dict[int, Publisher]:
    """Return publishers whose connections know how many messages there are; equal connections are counted together."""
    together: Counter[Connection] = Counter()
    for number, publisher in publishers.items():
        together[publisher.connection] += counts.get(number, 0)
    return {
        number: publisher._replace(connection=publisher.connection._replace(messages=together[publisher.connection]))
        for number, publisher in publishers.items()
    }
