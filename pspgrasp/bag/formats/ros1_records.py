"""Records of the ROS 1 bag format 2.0 (http://wiki.ros.org/Bags/Format/2.0), read so that damage stays local.

A record is: length and bytes of its header, length and bytes of its data. A header is a row of `name=value`.
Messages lie in chunks; behind each chunk stand index records that say where in it they begin.
"""

from __future__ import annotations

import bz2
import mmap
import struct
from bisect import bisect_right
from pathlib import Path
from typing import Any, BinaryIO, Dict, Iterable, Iterator, List, NamedTuple, Tuple, TypeVar

import numpy as np
from lz4.frame import LZ4FrameDecompressor

from pspgrasp.bag.formats.index import MOST_BYTES

MAGIC = b"#ROSBAG V2.0\n"
MESSAGE, BAG_HEADER, INDEX, CHUNK, CHUNK_INFO, CONNECTION = 2, 3, 4, 5, 6, 7
INDEX_ENTRY = np.dtype([("sec", "<u4"), ("nsec", "<u4"), ("offset", "<u4")])

_LENGTH = struct.Struct("<I")
_LONGEST_HEADER = 1 << 20  # a connection's header holds its topic alone: what claims more is damage
_CHUNK_HEADER = 120  # bytes; `op`, `compression` and `size` take 50
_LARGEST = 1 << 63  # a time is two numbers of 32 bits, of which nanoseconds, which stand high, need 30
_PIECE = 1 << 16  # bytes that are decompressed at once where the whole can't be


Buffer = TypeVar("Buffer", bytes, memoryview)


class Damage(Exception):  # noqa: N818 (never a user's error: reading goes on behind it)
    """Bytes that are no record."""


class Record(NamedTuple):
    """Where a record lies.

    Attributes:
        fields: Of its header.
        data: Offset of its data.
        end: Offset behind it.
    """

    fields: Dict[str, bytes]
    data: int
    end: int

    def number(self, name: str) -> int:
        """Return a field that is a whole number.

        Raises:
            Damage: It isn't there, or is larger than any that a recorder writes.
        """
        if name not in self.fields:
            raise Damage(f"a record has no field {name!r}")
        number = int.from_bytes(self.fields[name], "little")
        if number >= _LARGEST:
            raise Damage(f"field {name!r} of a record is no number")
        return number

    def text(self, name: str) -> str:
        """Return a field that is text.

        Raises:
            Damage: It isn't there.
        """
        if name not in self.fields:
            raise Damage(f"a record has no field {name!r}")
        return self.fields[name].decode("utf-8", "replace")

    @property
    def size(self) -> int:
        """Bytes of its data."""
        return self.end - self.data

    @property
    def op(self) -> int:
        """The kind of record."""
        return self.number("op")

    @property
    def time_ns(self) -> int:
        """When its message was recorded [ns]."""
        time = self.number("time")
        return (time & 0xFFFFFFFF) * 10**9 + (time >> 32)


def parse_fields(header: bytes) -> Dict[str, bytes]:
    """Return name -> value.

    Raises:
        Damage: It is no header.
    """
    fields, at = {}, 0
    while at < len(header):
        if at + 4 > len(header):
            raise Damage("a header ends within a field")
        (size,) = _LENGTH.unpack_from(header, at)
        name, equals, value = header[at + 4 : at + 4 + size].partition(b"=")
        at += 4 + size
        if not equals or at > len(header):
            raise Damage("a field has no name, or no end")
        fields[name.decode("ascii", "replace")] = value
    return fields


def record_in(data: memoryview, at: int) -> Record:
    """Return the record at an offset of a chunk's data.

    Raises:
        Damage: There is none, or not all of it.
    """
    (header_size,) = _length(data[at : at + 4])
    fields = parse_fields(bytes(exactly(data[at + 4 : at + 4 + header_size], header_size)))
    begin = at + 8 + header_size
    (data_size,) = _length(data[begin - 4 : begin])
    if begin + data_size > len(data):
        raise Damage("a record is longer than its chunk")
    return Record(fields, begin, begin + data_size)


def read_record(file: BinaryIO) -> Record:
    """Return the record at the file's position and go to its data, which may end behind the file.

    Raises:
        Damage: There is none.
    """
    (header_size,) = _length(file.read(4))
    if header_size > _LONGEST_HEADER:
        raise Damage(f"a header of {header_size} bytes is none")
    fields = parse_fields(exactly(file.read(header_size), header_size))
    (data_size,) = _length(file.read(4))
    return Record(fields, file.tell(), file.tell() + data_size)


def _length(data: Buffer) -> Tuple[Any, ...]:
    return _LENGTH.unpack(exactly(data, 4))


def exactly(data: Buffer, size: int) -> Buffer:
    """Return the data if it has that size.

    Raises:
        Damage: It hasn't.
    """
    if len(data) != size:
        raise Damage("a record is cut off")
    return data


def next_chunk(path: Path, behind: int) -> int:
    """Return where the first chunk record behind a position begins; the file's size if there is none."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
        at = view.find(b"op=\x05", behind)
        while at >= 0:
            for begin in range(max(behind + 1, at - _CHUNK_HEADER), at - 7):
                if _is_chunk(view, begin):
                    return begin
            at = view.find(b"op=\x05", at + 1)
        return len(view)


def _is_chunk(view: mmap.mmap, begin: int) -> bool:
    (size,) = _LENGTH.unpack_from(view, begin)
    if size > _CHUNK_HEADER:
        return False
    try:
        return set(parse_fields(view[begin + 4 : begin + 4 + size])) >= {"op", "compression", "size"}
    except Damage:
        return False


def messages_in(data: memoryview, offsets: Iterable[int]) -> Iterator[Tuple[int, Record]]:
    """Yield (offset, record) of the message and connection records in a chunk.

    Args:
        data: Of the chunk, decompressed.
        offsets: Where messages begin, by its index: behind damage, reading goes on there.
    """
    known, at = sorted(offsets), 0
    while at < len(data):
        try:
            record = record_in(data, at)
            _check(record, data)
        except Damage:
            behind = bisect_right(known, at)
            at = known[behind] if behind < len(known) else len(data)
            continue
        yield at, record
        at = record.end


def _check(record: Record, data: memoryview) -> None:
    """Refuse what lacks something, so that nobody has to look again."""
    if record.op not in (MESSAGE, CONNECTION):
        raise Damage(f"a record of kind {record.op} doesn't belong into a chunk")
    record.number("conn")
    if record.op == MESSAGE:
        record.number("time")
    else:
        record.text("topic")
        parse_fields(bytes(data[record.data : record.end]))


def decompress(data: bytes, compression: str) -> Tuple[bytes, str]:
    """Return what can be got out of a chunk, and what was wrong with it; "" if all is out.

    A damaged bz2 chunk gives the blocks before the damage, each of which has its checksum. LZ4 has one at the
    very end, so nothing of a damaged one can be trusted; one that is only cut off gives what is there.
    """
    if compression == "none":
        return data, ""
    if compression == "bz2":
        return _in_pieces(data, bz2.BZ2Decompressor(), keep=True)
    if compression == "lz4":
        return _in_pieces(data, LZ4FrameDecompressor(), keep=False)
    return b"", f"compression {compression!r} isn't known; there are none, bz2 and lz4"


def _in_pieces(data: bytes, decompressor: Any, keep: bool) -> Tuple[bytes, str]:
    pieces: List[bytes] = []
    size = 0
    for at in range(0, len(data), _PIECE):
        try:
            pieces.append(decompressor.decompress(data[at : at + _PIECE], MOST_BYTES + 1 - size))
            size += len(pieces[-1])
            if size > MOST_BYTES:
                raise ValueError(f"it holds more than {MOST_BYTES} bytes")
        except (OSError, RuntimeError, EOFError, ValueError) as error:
            return b"".join(pieces) if keep else b"", f"it can't be decompressed: {error}"
        if decompressor.eof:
            break
    return b"".join(pieces), "" if decompressor.eof else "it is cut off"
