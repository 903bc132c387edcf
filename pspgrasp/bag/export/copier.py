"""All messages of a bag, for a bag of ROS 1: byte by byte, or made messages of ROS 1. What is damaged is left out."""

from __future__ import annotations

import struct
from typing import Callable, Dict, Iterable, Iterator, NamedTuple, Optional, Tuple, Union

from rosbags.convert.converter import migrate_bytes
from rosbags.interfaces import Connection as WriterConnection
from rosbags.rosbag1 import Writer
from rosbags.serde import SerdeError
from rosbags.typesys import Stores, TypesysError, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from pspgrasp.bag.export.grasp_messages import ros1_types
from pspgrasp.bag.formats.container import Container, Loss, Message, Publisher
from pspgrasp.bag.reading.messages import rosbags_name
from pspgrasp.bag.recording import Fault
from pspgrasp.errors import DataError

#: What turning a message of ROS 2 into one of ROS 1 raises where its bytes aren't what its type says.
BROKEN = (SerdeError, struct.error, AssertionError, ValueError, IndexError, KeyError, TypeError)

Bytes = Union[bytes, memoryview]
Item = Union[Message, Loss, Fault]


class Road(NamedTuple):
    """How the messages of one publisher get into a bag of ROS 1.

    Attributes:
        connection: Of that bag.
        turned: Makes a message of ROS 1.
    """

    connection: WriterConnection
    turned: Callable[[Bytes], Bytes]


class Copier:
    """Copies messages in the order in which they were recorded."""

    def __init__(self, bag: Container, lost: Callable[[Fault], None]) -> None:
        """Copy a bag; `lost` hears of each message that can't be."""
        self._bag, self._lost = bag, lost
        self._roads: Dict[int, Union[Road, str]] = {}
        self._left: Iterator[Tuple[int, Item]] = iter(())
        self._next: Optional[Tuple[int, Item]] = None

    def check(self, topics: Iterable[str]) -> None:
        """See that the recording has none of some topics.

        Raises:
            DataError: It has.
        """
        taken = sorted({connection.topic for connection in self._bag.connections} & set(topics))
        if taken:
            path, told = self._bag.path, ", ".join(taken)
            raise DataError(f"{path} has {told} already; rename it there (rosbag filter), or drop it")

    def begin(self, writer: Writer) -> None:
        """Take over the connections."""
        roads = (_Ros2Roads if self._bag.is_ros2 else _Ros1Roads)(writer)
        self._roads = {number: roads.of(publisher) for number, publisher in self._bag.publishers.items()}
        self._writer, self._left = writer, self._bag.all_messages()

    def copy_until(self, stop_ns: Optional[int]) -> None:
        """Copy what was recorded until then; None copies the rest."""
        while True:
            self._next = self._next or next(self._left, None)
            if self._next is None:
                return
            number, item = self._next
            if not isinstance(item, Fault):  # who reads the images tells of those
                if stop_ns is not None and item.recorded_ns > stop_ns:
                    return
                self._copy(self._roads[number], item)
            self._next = None

    def _copy(self, road: Union[Road, str], item: Union[Message, Loss]) -> None:
        why = road if isinstance(road, str) else item.detail if isinstance(item, Loss) else self._written(road, item)
        if why:
            self._lost(Fault(-1, "not copied", f"a message of {item.connection.topic}: {why}"))

    def _written(self, road: Road, message: Message) -> str:
        """Return why a message isn't written; "" if it is."""
        try:
            data = road.turned(message.data)
        except BROKEN as error:
            return f"it isn't what its type says: {error}"
        self._writer.write(road.connection, message.recorded_ns, data)
        return ""


class _Ros1Roads:
    """From ROS 1: a message stays as it is."""

    def __init__(self, writer: Writer) -> None:
        self._writer, self._types = writer, ros1_types()
        self._connections: Dict[Tuple[str, str, str, str, bool], WriterConnection] = {}

    def of(self, publisher: Publisher) -> Union[Road, str]:
        """Return the road, or why there is none."""
        connection = publisher.connection
        name, definition, md5 = rosbags_name(connection.type_name), publisher.definition, connection.md5
        try:
            if not md5:
                definition, md5 = self._described(name, definition)
        except TypesysError as error:
            return f"its type {connection.type_name} can't be understood: {error}"
        return Road(self._connection(publisher, name, definition, md5), lambda data: data)

    def _described(self, name: str, definition: str) -> Tuple[str, str]:
        """Return definition and checksum of a type; those that bags of ROS 1 in other formats don't hold."""
        if name not in self._types.fielddefs:
            _register(self._types, name, definition)
        return self._types.generate_msgdef(name)

    def _connection(self, publisher: Publisher, name: str, definition: str, md5: str) -> WriterConnection:
        topic, caller, latches = publisher.connection.topic, publisher.caller, publisher.latches
        key = (topic, name, md5, caller, latches)
        if key not in self._connections:
            self._connections[key] = self._writer.add_connection(
                topic, name, msgdef=definition, md5sum=md5, callerid=caller or None, latching=int(latches)
            )
        return self._connections[key]


class _Ros2Roads(_Ros1Roads):
    """From ROS 2: what ROS 1 has under the same name becomes that; a type of one's own becomes one of ROS 1."""

    def __init__(self, writer: Writer) -> None:
        super().__init__(writer)
        self._theirs = get_typestore(Stores.LATEST)

    def of(self, publisher: Publisher) -> Union[Road, str]:
        """Return the road, or why there is none."""
        name = rosbags_name(publisher.connection.type_name)
        try:
            if name not in self._theirs.fielddefs:
                _register(self._theirs, name, publisher.definition)
            definition, md5 = self._described(name, publisher.definition)
        except (TypesysError, *BROKEN) as error:
            return f"its type {publisher.connection.type_name} isn't known to ROS 1: {error}"
        cache: Dict[str, object] = {}

        def turned(data: Bytes) -> Bytes:
            types = (self._theirs, self._types, name, name)
            return migrate_bytes(*types, cache, data, src_is2=True, dst_is2=False)

        return Road(self._connection(publisher, name, definition, md5), turned)


def _register(types: Typestore, name: str, definition: str) -> None:
    """Make a type known; of those that it uses, the known ones stay as they are.

    Raises:
        TypesysError: There is no definition, or it can't be understood.
    """
    if not definition:
        raise TypesysError("the bag doesn't hold its definition")
    every = get_types_from_msg(definition, name)
    types.register({one: fields for one, fields in every.items() if one not in types.fielddefs})
