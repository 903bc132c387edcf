"""What a bag is, whatever its format: connections, and messages in the order of their recorded times."""

from __future__ import annotations

from pathlib import Path
from typing import Collection, Dict, Iterator, NamedTuple, Protocol, Tuple, Union

from pspgrasp.bag.recording import Fault


class Connection(NamedTuple):
    """A topic as one type; a bag may hold a topic twice, under two types.

    Attributes:
        topic: Its name.
        type_name: Of its messages, as ROS 1 spells it: "sensor_msgs/Image".
        messages: How many the bag says it holds.
        md5: Checksum of the type's definition in ROS 1; "" where none is recorded.
    """

    topic: str
    type_name: str
    messages: int
    md5: str = ""


class Publisher(NamedTuple):
    """Who published on a connection, as far as a bag says.

    Attributes:
        connection: Topic and type.
        definition: Of the type, as a text with all types that it uses; "" where the bag doesn't hold it.
        caller: Name of the node in ROS 1; "" isn't known.
        latches: Whether who comes late gets the last message.
    """

    connection: Connection
    definition: str = ""
    caller: str = ""
    latches: bool = False


class Message(NamedTuple):
    """A message as it lies in the bag.

    Attributes:
        connection: Its topic and type.
        recorded_ns: When it was recorded [ns].
        data: Serialised by ROS 1, or as CDR by ROS 2.
    """

    connection: Connection
    recorded_ns: int
    data: Union[bytes, memoryview]


class Loss(NamedTuple):
    """A message that the bag says it holds and that can't be got out.

    Attributes:
        connection: Its topic and type.
        recorded_ns: When it was recorded [ns].
        kind: As in `Fault`.
        detail: One line for the user.
    """

    connection: Connection
    recorded_ns: int
    kind: str
    detail: str


class Container(Protocol):
    """A bag. It holds no open file between two readings, and is never written to."""

    path: Path
    #: "ROS 1 bag", "rosbag2 (sqlite3)"...
    kind: str
    #: "none", "lz4", "bz2", "zstd".
    compression: str
    #: Whether messages are CDR, and of ROS 2's types.
    is_ros2: bool
    connections: Tuple[Connection, ...]
    #: By their numbers in the file; several may publish on one connection.
    publishers: Dict[int, Publisher]
    #: Recorded times of the first and the last message [ns].
    start_ns: int
    end_ns: int
    #: What was found wrong when it was opened.
    faults: Tuple[Fault, ...]

    def messages(self, topics: Collection[str]) -> Iterator[Union[Message, Loss, Fault]]:
        """Yield the messages of some topics by recorded time, what is lost of them, and damage beyond them."""

    def all_messages(self) -> Iterator[Tuple[int, Union[Message, Loss, Fault]]]:
        """Yield the same of all topics, each with the number of its publisher; of damage it says nothing."""

    def count(self, connections: Collection[Connection], start_ns: int, stop_ns: int) -> int:
        """Return how many messages of some connections were recorded in [start_ns, stop_ns), losses included."""


def short_type(type_name: str) -> str:
    """Return a type as ROS 1 spells it: ROS 2 puts "msg" between package and name."""
    return type_name.replace("/msg/", "/")
