"""An MCAP file (https://mcap.dev/spec) of ROS 1 or ROS 2 messages, read chunk by chunk."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Dict, Iterator, Optional, Set, Tuple

import numpy as np
import zstandard
from mcap import records
from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.stream_reader import get_chunk_data_stream

from pspgrasp.bag.chunked import INDEX, Chunk, ChunkedBag, Opened, Stored
from pspgrasp.bag.container import Connection, short_type
from pspgrasp.bag.recording import Fault
from pspgrasp.errors import DataError

MAGIC = b"\x89MCAP0\r\n"
RECORD = struct.Struct("<BQ")  # kind, bytes that follow
MESSAGE = struct.Struct("<HIQQ")  # channel, sequence, log time, publish time [ns]
CHUNK = struct.Struct("<QQQII")  # start, end, size, checksum, letters of the compression's name
ROS_ENCODINGS = ("ros1", "cdr")
BROKEN = (McapError, struct.error, RuntimeError, ValueError, EOFError, MemoryError, zstandard.ZstdError)
_RUN = 1 << 20  # bytes of messages outside chunks that are taken together as one


class McapBag(ChunkedBag):
    """See `pspgrasp.bag.container.Container`."""

    kind = "MCAP"

    def __init__(self, path: Path, folder: Optional[Path] = None) -> None:
        """Go through the file, which may stand for the rosbag2 folder that holds it.

        Raises:
            DataError: Not such a file, or nothing in it can be read.
        """
        self._schemas: Dict[int, str] = {}
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
            self._chunks.append(Chunk(self.path, begin, end - begin, compression or "none", cut))
        elif kind == Opcode.MESSAGE and not cut:
            self._take_message(at, end)
        elif kind == Opcode.MESSAGE_INDEX and self._chunks and not cut:
            channel, index = _index(file.read(end - begin))
            self._chunks[-1].index[channel] = index
        elif kind in (Opcode.SCHEMA, Opcode.CHANNEL) and not cut:
            self._connections.update(self._described(kind, file.read(end - begin)))

    def _take_message(self, at: int, end: int) -> None:
        """Take a message outside chunks together with those before it."""
        last = self._chunks[-1] if self._chunks else None
        if last and last.position in self._runs and last.position + last.size == at and last.size < _RUN:
            last.size = end - last.position
        else:
            self._runs.add(at)
            self._chunks.append(Chunk(self.path, at, end - at, "none"))

    def _described(self, kind: int, data: bytes) -> Dict[int, Connection]:
        """Return the connection that a record describes, if it does."""
        stream = ReadDataStream(BytesIO(data))
        if kind == Opcode.SCHEMA:
            schema = records.Schema.read(stream)
            self._schemas[schema.id] = short_type(schema.name)
            return {}
        channel = records.Channel.read(stream)
        type_name, encoding = self._schemas.get(channel.schema_id, ""), channel.message_encoding
        if encoding not in ROS_ENCODINGS:
            return {channel.id: Connection(channel.topic, f"{type_name} as {encoding or 'unknown'}", 0)}
        self._encodings.add(encoding)
        return {channel.id: Connection(channel.topic, type_name, 0)}

    def _open(self, chunk: Chunk) -> Opened:
        data, wrong = self._content(chunk)
        opened = Opened([], {}, set(), wrong)
        try:
            for kind, offset, body in _records_in(data):
                if kind == Opcode.MESSAGE:
                    channel, _, log_ns, _ = MESSAGE.unpack_from(body)
                    opened.messages.append(Stored(log_ns, offset, channel, body[MESSAGE.size :]))
                    opened.starts.add(offset)
                elif kind in (Opcode.SCHEMA, Opcode.CHANNEL):
                    opened.connections.update(self._described(kind, bytes(body)))
        except BROKEN as error:
            return opened._replace(wrong=wrong or f"bytes in it are no messages: {error}")
        return opened

    def _content(self, chunk: Chunk) -> Tuple[memoryview, str]:
        """Return the records of a chunk, and what was wrong; "" if nothing was."""
        content = chunk.content()
        if chunk.position in self._runs:
            return memoryview(content), ""
        try:
            record = records.Chunk.read(ReadDataStream(BytesIO(content)))
            if chunk.cut and not record.compression:
                return memoryview(record.data), "it is cut off"
            stream, size = get_chunk_data_stream(record, validate_crc=True)
            return memoryview(stream.read(size)), ""
        except BROKEN as error:
            return memoryview(
                b""
            ), "it is cut off" if chunk.cut else f"it can't be decompressed, or was changed: {error}"


def _records_in(data: memoryview) -> Iterator[Tuple[int, int, memoryview]]:
    """Yield kind, offset and content of records."""
    at = 0
    while at < len(data):
        kind, length = RECORD.unpack_from(data, at)
        if at + RECORD.size + length > len(data):
            raise ValueError("a record is longer than its chunk")
        yield kind, at, data[at + RECORD.size : at + RECORD.size + length]
        at += RECORD.size + length


def _index(data: bytes) -> Tuple[int, np.ndarray]:
    """Return the channel of an index record, and its entries."""
    channel, size = struct.unpack_from("<HI", data)
    return channel, np.frombuffer(data, INDEX, offset=6, count=size // INDEX.itemsize)
