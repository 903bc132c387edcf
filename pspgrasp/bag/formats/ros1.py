"""A ROS 1 bag, read chunk by chunk."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Collection, Dict, List

import numpy as np

from pspgrasp.bag.formats import ros1_records as records
from pspgrasp.bag.formats.chunked import ChunkedBag, Opened, Stored
from pspgrasp.bag.formats.container import Connection, Publisher
from pspgrasp.bag.formats.index import INDEX, Chunk
from pspgrasp.bag.recording import Fault
from pspgrasp.errors import DataError


class Ros1Bag(ChunkedBag):
    """See `pspgrasp.bag.formats.container.Container`."""

    kind = "ROS 1 bag"
    is_ros2 = False

    def __init__(self, path: Path) -> None:
        """Go through the file.

        Raises:
            DataError: Not such a bag, or nothing in it can be read.
        """
        self._index_position = 0
        _check_magic(path)
        super().__init__(path)

    def _scan(self) -> None:
        size, at = self.path.stat().st_size, len(records.MAGIC)
        with self.path.open("rb") as file:
            while at < size:
                try:
                    file.seek(at)
                    record = records.read_record(file)
                    self._note(file, record, size)
                    at = record.end
                except records.Damage as damage:
                    at = self._skip(at, size, damage)
        if self._index_position == 0:
            self._faults.append(Fault(-1, "not closed", "it was never closed, so it has no index at its end"))
        elif self._index_position > size and not self._faults:
            self._faults.append(Fault(-1, "truncated", f"it ends at byte {size}, before its index"))

    def _note(self, file: BinaryIO, record: records.Record, size: int) -> None:
        """Keep what a record says.

        Raises:
            Damage: It can't be understood, or the file ends within it.
        """
        cut = record.end > size
        if record.op == records.CHUNK:
            held = min(record.end, size) - record.data
            self._index.add_chunk(record.data, held, record.text("compression"), cut)
        if cut:
            raise records.Damage(f"its record needs {record.end - size} bytes more")
        if record.op == records.BAG_HEADER:
            self._index_position = record.number("index_pos")
        elif record.op == records.INDEX and len(self._index):
            read = records.exactly(file.read(record.size), records.INDEX_ENTRY.itemsize * record.number("count"))
            entries = np.frombuffer(read, records.INDEX_ENTRY)
            self._index.add(len(self._index) - 1, record.number("conn"), _index(entries))
        elif record.op == records.CONNECTION:
            self.publishers[record.number("conn")] = _publisher(record, file.read(record.size))

    def _skip(self, at: int, size: int, damage: records.Damage) -> int:
        """Note what can't be read, and return where reading goes on."""
        self._index.forget_last()  # what stands behind a chunk may be damaged too
        behind = records.next_chunk(self.path, at)
        kind = "truncated" if behind == size and not 0 < self._index_position <= size else "damaged"
        kind = "index damaged" if 0 < self._index_position <= at else kind
        self._faults.append(Fault(-1, kind, f"bytes {at} to {behind} of {size} can't be read: {damage}"))
        return behind

    def _open(self, chunk: Chunk, offsets: Collection[int]) -> Opened:
        raw, wrong = records.decompress(self._content(chunk), chunk.compression)
        data = memoryview(raw)
        found = list(records.messages_in(data, offsets))
        publishers: Dict[int, Publisher] = {}
        messages: List[Stored] = []
        for offset, record in found:
            body, number = data[record.data : record.end], record.number("conn")
            if record.op == records.MESSAGE:
                messages.append(Stored(record.time_ns, offset, number, body))
            else:
                publishers[number] = _publisher(record, bytes(body))
        whole = sum(record.end - offset for offset, record in found) == len(data)
        # Some writers let the index point to the connection record before a message: all starts count.
        starts = {offset for offset, _ in found}
        return Opened(messages, publishers, starts, wrong or ("" if whole else "bytes in it are no messages"))


def _publisher(record: records.Record, data: bytes) -> Publisher:
    fields = {name: value.decode("utf-8", "replace") for name, value in records.parse_fields(data).items()}
    md5 = fields.get("md5sum", "").replace("*", "")
    connection = Connection(record.text("topic"), fields.get("type", ""), 0, md5)
    is_latching = fields.get("latching", "0") == "1"
    return Publisher(connection, fields.get("message_definition", ""), fields.get("callerid", ""), is_latching)


def _index(entries: np.ndarray) -> np.ndarray:
    index = np.empty(len(entries), INDEX)
    index["time_ns"] = entries["sec"].astype(np.int64) * 10**9 + entries["nsec"]
    index["offset"] = entries["offset"]
    return index


def _check_magic(path: Path) -> None:
    with path.open("rb") as file:
        begin = file.read(len(records.MAGIC))
    if not begin:
        raise DataError(f"{path} is empty")
    if begin != records.MAGIC:
        if begin.startswith(b"#ROSBAG V") and begin[9:].strip():
            version = begin[9:].split()[0].decode("ascii", "replace")
            raise DataError(f"{path} is a bag of version {version}; `rosbag migrate` makes one of version 2.0")
        raise DataError(f"{path} is no ROS 1 bag: it doesn't begin with '#ROSBAG V2.0'")
