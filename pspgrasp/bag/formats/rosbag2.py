"""A rosbag2 folder, or one of its files (.db3, .mcap), as rosbags reads it."""

from __future__ import annotations

import re
import struct
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Collection, Dict, Iterator, List, Tuple, Union

import apsw
from rosbags.interfaces import Connection as RosbagsConnection
from rosbags.interfaces import ConnectionExtRosbag2, QosDurability
from rosbags.rosbag2 import Reader, ReaderError

from pspgrasp.bag.formats.container import Connection, Message, Publisher, short_type
from pspgrasp.bag.formats.index import MOST_BYTES
from pspgrasp.bag.recording import Fault
from pspgrasp.errors import DataError, shown

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdError
else:
    from backports.zstd import ZstdError

METADATA = "metadata.yaml"
Item = Union[Message, Fault]
#: What reading a damaged file raises beside ReaderError: its bytes are trusted to be numbers, keys and texts.
BROKEN = (
    ReaderError,
    apsw.Error,
    OSError,
    RuntimeError,
    struct.error,
    ZstdError,
    AssertionError,
    EOFError,
    IndexError,
    KeyError,
    MemoryError,
    TypeError,
    ValueError,
)


class Rosbag2:
    """See `pspgrasp.bag.formats.container.Container`."""

    is_ros2 = True

    def __init__(self, path: Path, faults: Tuple[Fault, ...] = ()) -> None:
        """Look at what the bag says it holds; `faults` are known already.

        Raises:
            DataError: It can't be read.
        """
        self.path = path
        with self._opened() as reader:
            self.publishers = _publishers(reader.connections)
            self.connections = tuple(sorted({publisher.connection for publisher in self.publishers.values()}))
            self.start_ns, self.end_ns = (reader.start_time, reader.end_time) if reader.message_count else (0, 0)
            self.compression = reader.compression_format or "none"
        self.kind = f"rosbag2 ({_storage(path)})"
        self.faults = (*faults, *_unwritten(path))

    def messages(self, topics: Collection[str]) -> Iterator[Item]:
        """Yield the messages of some topics by recorded time, and the damage where reading ends early."""
        return (item for _, item in self._numbered(topics))

    def all_messages(self) -> Iterator[Tuple[int, Item]]:
        """Yield the same of all topics, each with the number of its publisher."""
        return self._numbered([connection.topic for connection in self.connections])

    def _numbered(self, topics: Collection[str]) -> Iterator[Tuple[int, Item]]:
        with self._opened() as reader:
            wanted = [connection for connection in reader.connections if connection.topic in topics]
            if not wanted:
                return
            # Closed at once when the caller stops, so that no file stays open.
            with closing(reader.messages(wanted)) as messages:
                try:
                    for one, recorded_ns, data in messages:
                        _check(recorded_ns, data)
                        yield one.id, Message(self.publishers[one.id].connection, recorded_ns, data)
                except BROKEN as error:
                    yield -1, Fault(-1, "damaged", f"{self.path} can't be read any further: {one_line(error)}")

    def count(self, connections: Collection[Connection], start_ns: int, stop_ns: int) -> int:
        """Return about how many messages were recorded in [start_ns, stop_ns), taken to come at an even rate."""
        inside_ns = min(stop_ns, self.end_ns) - max(start_ns, self.start_ns)
        messages = sum(connection.messages for connection in connections)
        return round(messages * max(0, inside_ns) / max(1, self.end_ns - self.start_ns))

    @contextmanager
    def _opened(self) -> Iterator[Reader]:
        reader = Reader(self.path)
        try:
            with _plain_databases():
                reader.open()
            _check_told(reader)
        except BROKEN as error:
            raise DataError(f"{self.path} is no rosbag2 that can be read: {one_line(error)}") from error
        try:
            yield reader
        finally:
            reader.close()


@contextmanager
def _plain_databases() -> Iterator[None]:
    """Let databases that are opened answer from their tables alone: a view may count without end."""
    apsw.connection_hooks.append(_refuse_views)
    try:
        yield
    finally:
        apsw.connection_hooks.remove(_refuse_views)


def _refuse_views(connection: apsw.Connection) -> None:
    def judge(operation: int, _first: Any, _second: Any, _database: Any, view: Any) -> int:
        return apsw.SQLITE_DENY if view or operation == apsw.SQLITE_RECURSIVE else apsw.SQLITE_OK

    connection.set_authorizer(judge)
    connection.limit(apsw.SQLITE_LIMIT_LENGTH, MOST_BYTES)


def _check_told(reader: Reader) -> None:
    """Refuse metadata of other kinds than texts and whole numbers, which rosbags takes as they come."""
    texts = [text for one in reader.connections for text in (one.topic, one.msgtype)]
    numbers = [number for one in reader.connections for number in (one.msgcount, one.id)]
    texts.append(reader.compression_format or "")
    numbers += [reader.start_time, reader.end_time, reader.message_count]
    for wanted, values in ((str, texts), (int, numbers)):
        wrong = [value for value in values if not isinstance(value, wanted)]
        if wrong:
            raise TypeError(f"its metadata must hold a {wanted.__name__} where it holds {shown(wrong[0])}")


def _check(recorded_ns: Any, data: Any) -> None:
    """Refuse what SQLite stores as readily in place of a time and bytes."""
    if not isinstance(recorded_ns, int) or not isinstance(data, (bytes, memoryview)):
        raise TypeError(f"a message is {type(data).__name__} at a time that is {type(recorded_ns).__name__}")


def one_line(error: BaseException) -> str:
    """Return what an error says, on one line."""
    return " ".join(str(error).split()) or type(error).__name__


def messages_are_compressed(metadata: Path) -> bool:
    """Tell whether a rosbag2's metadata say that messages or files are compressed."""
    text = metadata.read_text(encoding="utf-8", errors="replace") if metadata.is_file() else ""
    return bool(re.search(r"compression_mode:\s*['\"]?(file|message)", text, re.IGNORECASE))


def _publishers(found: List[RosbagsConnection]) -> Dict[int, Publisher]:
    """Return publishers by their numbers; those of one topic and type have equal connections."""
    kinds = [(one.topic, short_type(one.msgtype)) for one in found]
    counts = {kind: sum(one.msgcount for one, other in zip(found, kinds) if other == kind) for kind in kinds}
    return {one.id: _publisher(one, Connection(*kind, counts[kind])) for one, kind in zip(found, kinds)}


def _publisher(found: RosbagsConnection, connection: Connection) -> Publisher:
    profiles = found.ext.offered_qos_profiles if isinstance(found.ext, ConnectionExtRosbag2) else ()
    latches = any(profile.durability == QosDurability.TRANSIENT_LOCAL for profile in profiles)
    return Publisher(connection, found.msgdef.data, "", latches)


def _storage(path: Path) -> str:
    files = path.iterdir() if path.is_dir() else [path]
    return "mcap" if any(".mcap" in file.name for file in files) else "sqlite3"


def _unwritten(path: Path) -> Iterator[Fault]:
    """Yield a fault for each log of SQLite: messages in it were recorded, and never got into their file."""
    for log in path.glob("*.db3-wal") if path.is_dir() else [path.with_name(f"{path.name}-wal")]:
        if log.is_file() and log.stat().st_size:
            yield Fault(-1, "not closed", f"{log} holds messages that were never written into its bag")
