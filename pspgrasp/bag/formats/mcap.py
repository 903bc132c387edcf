"""An MCAP file (https://mcap.dev/spec) of ROS 1 or ROS 2 messages, read chunk by chunk."""

from __future__ import annotations

import re
import struct
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Collection, Dict, Iterator, Optional, Set, Tuple

import lz4.frame
import numpy as np
import zstandard
from mcap import records
from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.stream_reader import get_chunk_data_stream

from pspgrasp.bag.formats.chunked import ChunkedBag, Opened, Stored
from pspgrasp.bag.formats.container import Connection, Publisher, short_type
from pspgrasp.bag.formats.index import INDEX, MOST_BYTES, Chunk
from pspgrasp.bag.recording import Fault
from pspgrasp.errors import DataError

MAGIC = b"\x89MCAP0\r\n"
RECORD = struct.Struct("<BQ")  # kind, bytes that follow
MESSAGE = struct.Struct("<HIQQ")  # channel, sequence, log time, publish time [ns]
CHUNK = struct.Struct("<QQQII")  # start, end, size, checksum, letters of the compression's name
ROS_ENCODINGS, DEFINITIONS = ("ros1", "cdr"), ("ros1msg", "ros2msg")
LATCHING = re.compile(r"durability:\s*(1|transient_local)\b")  # of ROS 2's quality of service
BROKEN = (
    McapError,
    struct.error,
    RuntimeError,
    ValueError,
    EOFError,
    MemoryError,
    OverflowError,
    zstandard.ZstdError,
)
LATEST_NS = (1 << 63) - 1  # in the year 2262
_RUN = 1 << 20  # bytes of messages outside chunks that are taken together as one


class McapBag(ChunkedBag):
    """See `pspgrasp.bag.formats.container.Container`."""

    kind = "MCAP"

    def __init__(self, path: Path, folder: Optional[Path] = None) -> None:
        """Go through the file, which may stand for the rosbag2 folder that holds it.

        Raises:
            DataError: Not such a file, or nothing in it can be read.
        """
        self._schemas: Dict[int, Tuple[str, str]] = {}  # name and definition of a type
        self._runs: Set[int] = set()
        self._encodings: Set[str] = set()
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise DataError(f"{path} is no MCAP file: it doesn't begin with its magic bytes")
        super().__init__(path)
        self.is_ros2 = "ros1" not in self._encodings
        if not self.is_ros2 and "cdr" in self._encodings:
            raise DataError(f"{path} mixes messages of ROS 1 and ROS 2")
        if folder:
            self.path, self.kind = folder, "rosbag2 (mcap)"

    def _scan(self) -> None:
        size, at, closed = self.path.stat().st_size, len(MAGIC), False
        with self.path.open("rb") as file:
            while at < size and not closed:
                file.seek(at)
                head = file.read(RECORD.size)
                kind, length = RECORD.unpack(head) if len(head) == RECORD.size else (0, size)
                end = at + RECORD.size + length
                try:
                    self._note(file, kind, at, min(end, size), end > size)
                except BROKEN as error:
                    self._faults.append(Fault(-1, "damaged", f"the record at byte {at} can't be read: {error}"))
                closed = kind == Opcode.FOOTER
                at = end
        if at > size:
            self._faults.append(Fault(-1, "truncated", f"it ends at byte {size}, within a record"))
        elif not closed:
            self._faults.append(Fault(-1, "not closed", "it was never closed, so it has no summary at its end"))

    def _note(self, file: BinaryIO, kind: int, at: int, end: int, cut: bool) -> None:
        """Keep what a record says; the file stands behind its head."""
        begin = at + RECORD.size
        if kind == Opcode.CHUNK:
            *_, letters = CHUNK.unpack(file.read(CHUNK.size))
            compression = file.read(min(letters, 16)).decode("utf-8", "replace")
            self._index.add_chunk(begin, end - begin, compression or "none", cut)
        elif kind == Opcode.MESSAGE and not cut:
            self._take_message(at, end)
        elif kind == Opcode.MESSAGE_INDEX and len(self._index) and not cut:
            self._index.add(len(self._index) - 1, *_entries(file.read(end - begin)))
        elif kind in (Opcode.SCHEMA, Opcode.CHANNEL) and not cut:
            self.publishers.update(self._described(kind, file.read(end - begin)))

    def _take_message(self, at: int, end: int) -> None:
        """Take a message outside chunks together with those before it."""
        last = self._index[-1] if len(self._index) else None
        if last and last.position in self._runs and last.position + last.size == at and last.size < _RUN:
            self._index.grow_last(end - last.position)
        else:
            self._runs.add(at)
            self._index.add_chunk(at, end - at, "none", cut=False)

    def _described(self, kind: int, data: bytes) -> Dict[int, Publisher]:
        """Return the publisher that a record describes, if it does."""
        stream = ReadDataStream(BytesIO(data))
        if kind == Opcode.SCHEMA:
            schema = records.Schema.read(stream)
            definition = schema.data.decode("utf-8", "replace") if schema.encoding in DEFINITIONS else ""
            self._schemas[schema.id] = short_type(schema.name), definition
            return {}
        channel = records.Channel.read(stream)
        type_name, definition = self._schemas.get(channel.schema_id, ("", ""))
        encoding, metadata = channel.message_encoding, channel.metadata
        if encoding not in ROS_ENCODINGS:
            return {channel.id: Publisher(Connection(channel.topic, f"{type_name} as {encoding or 'unknown'}", 0))}
        self._encodings.add(encoding)
        latches = metadata.get("latching") == "1" or bool(LATCHING.search(metadata.get("offered_qos_profiles", "")))
        connection = Connection(channel.topic, type_name, 0)
        return {channel.id: Publisher(connection, definition, metadata.get("callerid", ""), latches)}

    def _open(self, chunk: Chunk, offsets: Collection[int]) -> Opened:  # noqa: ARG002 (records are found without them)
        data, wrong = self._records(chunk)
        opened = Opened([], {}, set(), wrong)
        try:
            for kind, offset, body in _records_in(data):
                if kind == Opcode.MESSAGE:
                    channel, _, log_ns, _ = MESSAGE.unpack_from(body)
                    if log_ns > LATEST_NS:
                        raise ValueError(f"a time of {log_ns} ns")
                    opened.messages.append(Stored(log_ns, offset, channel, body[MESSAGE.size :]))
                    opened.starts.add(offset)
                elif kind in (Opcode.SCHEMA, Opcode.CHANNEL):
                    opened.publishers.update(self._described(kind, bytes(body)))
        except BROKEN as error:
            return opened._replace(wrong=wrong or f"bytes in it are no messages: {error}")
        return opened

    def _records(self, chunk: Chunk) -> Tuple[memoryview, str]:
        """Return the records of a chunk, and what was wrong; "" if nothing was."""
        content = self._content(chunk)
        if chunk.position in self._runs:
            return memoryview(content), ""
        try:
            record = records.Chunk.read(ReadDataStream(BytesIO(content)))
            if chunk.cut and not record.compression:
                return memoryview(record.data), "it is cut off"
            _check_size(record)
            stream, size = get_chunk_data_stream(record, validate_crc=True)
            return memoryview(stream.read(size)), ""
        except BROKEN as error:
            return memoryview(
                b""
            ), "it is cut off" if chunk.cut else f"it can't be decompressed, or was changed: {error}"


def _check_size(chunk: records.Chunk) -> None:
    """Refuse what would unpack to more than any recording has: by its own word, and by that of its compression."""
    sizes = [chunk.uncompressed_size]
    if chunk.compression == "zstd":
        sizes.append(zstandard.frame_content_size(chunk.data))  # -1 isn't known; then no more than the chunk's is taken
    elif chunk.compression == "lz4":
        sizes.append(lz4.frame.get_frame_info(chunk.data)["content_size"])
    if max(sizes) > MOST_BYTES:
        raise ValueError(f"it would unpack to {max(sizes)} bytes, more than {MOST_BYTES}")


def _records_in(data: memoryview) -> Iterator[Tuple[int, int, memoryview]]:
    """Yield kind, offset and content of records."""
    at = 0
    while at < len(data):
        kind, length = RECORD.unpack_from(data, at)
        if at + RECORD.size + length > len(data):
            raise ValueError("a record is longer than its chunk")
        yield kind, at, data[at + RECORD.size : at + RECORD.size + length]
        at += RECORD.size + length


def _entries(data: bytes) -> Tuple[int, np.ndarray]:
    """Return the channel of an index record, and its entries."""
    channel, size = struct.unpack_from("<HI", data)
    return channel, np.frombuffer(data, INDEX, offset=6, count=size // INDEX.itemsize)
