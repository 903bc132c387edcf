"""Where frames are in others, one sample after the other: TF, and the PoseStamped messages of a topic."""

from __future__ import annotations

import math
from typing import Any, Collection, Iterator, NamedTuple, Tuple, Union

from pspgrasp.bag.formats.container import Connection, Container, Loss, Message
from pspgrasp.bag.reading.messages import POSE, TRANSFORMS, Decoder, stamp_ns
from pspgrasp.bag.recording import Fault, Told, silent
from pspgrasp.errors import DataError

STATIC = "tf_static"


class Sample(NamedTuple):
    """Where a frame was at one time.

    Attributes:
        parent: The frame in which it was.
        child: The frame that was there.
        stamp_ns: When [ns].
        position_m: (x, y, z) [m].
        turn: Quaternion (x, y, z, w).
        is_static: Whether it stays there for ever.
    """

    parent: str
    child: str
    stamp_ns: int
    position_m: Tuple[float, float, float]
    turn: Tuple[float, float, float, float]
    is_static: bool

    @property
    def is_pose(self) -> bool:
        """Whether its numbers are finite, and its quaternion is a rotation."""
        return all(map(math.isfinite, (*self.position_m, *self.turn))) and any(self.turn)


def transforms(bag: Container, decoder: Decoder, told: Told = silent) -> Iterator[Union[Sample, Fault]]:
    """Yield the samples of a bag's TF, by recorded time, and a fault for each message that can't be read."""
    wanted = {c for c in bag.connections if c.type_name in TRANSFORMS and decoder.knows(c.type_name, c.md5)}
    for item in decoded(bag, decoder, wanted, told):
        if isinstance(item, Fault):
            yield item
            continue
        message, msg = item
        is_static = message.connection.topic.endswith(STATIC)
        for one in msg.transforms:
            shift, turn = one.transform.translation, one.transform.rotation
            yield _sample(one.header.frame_id, one.child_frame_id, stamp_ns(one), shift, turn, is_static)


def camera_poses(
    bag: Container, decoder: Decoder, topic: str, optical_frame: str, told: Told = silent
) -> Iterator[Union[Sample, Fault]]:
    """Yield where a camera was by the PoseStamped messages of a topic, and a fault for each that can't be read."""
    wanted = {c for c in bag.connections if c.topic == topic and c.type_name == POSE}
    for item in decoded(bag, decoder, wanted, told):
        if isinstance(item, Fault):
            yield item
            continue
        msg = item[1]
        # A frame of its own: TF may hang the camera's frame elsewhere, and a pose may be told in that very frame.
        parent = f"{msg.header.frame_id} of {topic}"
        yield _sample(parent, optical_frame, stamp_ns(msg), msg.pose.position, msg.pose.orientation, False)


def decoded(
    bag: Container, decoder: Decoder, wanted: Collection[Connection], told: Told = silent
) -> Iterator[Union[Tuple[Message, Any], Fault]]:
    """Yield the messages of some connections, as they lie in the bag and decoded, and a fault for each that can't be.

    Of damage that is no message of theirs it says nothing: who reads the images meets it, too.
    """
    done, expected = 0, sum(connection.messages for connection in wanted)
    for item in bag.messages({connection.topic for connection in wanted}) if wanted else ():
        if isinstance(item, Fault) or item.connection not in wanted:
            continue
        yield _decoded(decoder, item)
        done += 1
        told(done, expected)


def _decoded(decoder: Decoder, item: Union[Message, Loss]) -> Union[Tuple[Message, Any], Fault]:
    kind = f"unreadable {item.connection.topic}"
    if isinstance(item, Loss):
        return Fault(-1, kind, item.detail)
    try:
        return item, decoder.decode(item).msg
    except DataError as error:
        return Fault(-1, kind, str(error))


def bare(frame: str) -> str:
    """Return a frame as TF 2 spells it: the first TF put a slash before it."""
    return frame.lstrip("/")


def _sample(parent: str, child: str, at_ns: int, position: Any, turn: Any, is_static: bool) -> Sample:
    place_m, quaternion = (position.x, position.y, position.z), (turn.x, turn.y, turn.z, turn.w)
    return Sample(bare(parent), bare(child), at_ns, place_m, quaternion, is_static)
