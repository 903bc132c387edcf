"""Which topics of a bag are a depth image and its camera_info."""

from __future__ import annotations

from typing import List, NamedTuple, Sequence, Tuple

from pspgrasp.bag.formats.container import Connection, Container, Message
from pspgrasp.bag.reading.messages import CAMERA_INFO, COMPRESSED_IMAGE, IMAGE, Decoder
from pspgrasp.bag.recording import Selection
from pspgrasp.depth import DEPTH_ENCODINGS
from pspgrasp.errors import DataError, unknown_name

COMPRESSED = "/compressedDepth"


class Camera(NamedTuple):
    """The topics of one depth camera.

    Attributes:
        depth: Topic of its images.
        images: What of this topic can be images; a bag may have other types on it.
        info: Topic of their camera_info; "" where the camera is given.
    """

    depth: str
    images: Tuple[Connection, ...]
    info: str


def choose_camera(bag: Container, decoder: Decoder, selection: Selection) -> Camera:
    """Return the depth camera that is asked for, else the only one there is.

    Raises:
        DataError: None, more than one, or not such a topic.
    """
    depth = selection.depth_topic or _only_depth(bag, decoder)
    images = check_topic(bag, decoder, depth, "depth", (IMAGE, COMPRESSED_IMAGE))
    if selection.camera:
        return Camera(depth, images, "")
    info = selection.info_topic or info_of(depth, topics_of(bag, CAMERA_INFO), bag)
    check_topic(bag, decoder, info, "info", (CAMERA_INFO,))
    return Camera(depth, images, info)


def depth_topics(bag: Container, decoder: Decoder) -> Tuple[str, ...]:
    """Return the topics of depth images, by their first message; without compressed copies of a topic."""
    known = [c for c in bag.connections if c.messages and decoder.knows(c.type_name, c.md5)]
    topics = {connection.topic for connection in known if _is_depth(bag, decoder, connection)}
    copies = {topic + COMPRESSED for topic in topics}
    return tuple(sorted(topics - copies))


def topics_of(bag: Container, type_name: str) -> Tuple[str, ...]:
    """Return the topics of a type that hold messages."""
    return tuple(c.topic for c in bag.connections if c.type_name == type_name and c.messages)


def info_of(depth: str, infos: Sequence[str], bag: Container) -> str:
    """Return the camera_info of a depth image: the one beside it, else the only one.

    Raises:
        DataError: There is none, or several and none beside it.
    """
    near = [info for info in names_beside(depth) if info in infos] or list(infos)
    if not near:
        why = "without it a pixel is no point in space: give --camera FX FY CX CY"
        raise DataError(f"{bag.path} has no camera_info for {depth}; {why}")
    if len(near) > 1 and near[0] not in names_beside(depth):
        raise DataError(f"{bag.path} has no camera_info beside {depth}; choose with --info-topic: {', '.join(near)}")
    return near[0]


def names_beside(depth: str) -> List[str]:
    """Return what the camera_info of an image may be called: by image_transport, and by RealSense's recorder."""
    image = depth[: -len(COMPRESSED)] if depth.endswith(COMPRESSED) else depth
    names = [f"{image.rpartition('/')[0]}/camera_info"]
    if image.endswith("/image/data"):
        names.append(f"{image[: -len('/image/data')]}/info/camera_info")
    return names


def _only_depth(bag: Container, decoder: Decoder) -> str:
    topics = depth_topics(bag, decoder)
    if not topics:
        kinds = ", ".join(DEPTH_ENCODINGS)
        raise DataError(f"{bag.path} has no depth images ({kinds} or compressedDepth); {_held(bag)}")
    if len(topics) > 1:
        raise DataError(
            f"{bag.path} has {len(topics)} depth images; choose one with --depth-topic: {', '.join(topics)}"
        )
    return topics[0]


def _held(bag: Container) -> str:
    images = [f"{c.topic} ({c.type_name})" for c in bag.connections if c.type_name in (IMAGE, COMPRESSED_IMAGE)]
    return f"its images are {', '.join(images)}" if images else "it has no images at all"


def _is_depth(bag: Container, decoder: Decoder, connection: Connection) -> bool:
    """Look at the first message of images that can be read."""
    if connection.type_name not in (IMAGE, COMPRESSED_IMAGE):
        return False
    for item in bag.messages([connection.topic]):
        if not isinstance(item, Message) or item.connection.type_name != connection.type_name:
            continue
        try:
            msg = decoder.decode(item).msg
        except DataError:
            continue
        return msg.encoding in DEPTH_ENCODINGS if connection.type_name == IMAGE else "compressedDepth" in msg.format
    return False


def check_topic(
    bag: Container, decoder: Decoder, topic: str, option: str, types: Tuple[str, ...]
) -> Tuple[Connection, ...]:
    """Return the connections of a topic that have one of the types.

    Raises:
        DataError: There is no such topic, or it is of another type.
    """
    of_topic = [connection for connection in bag.connections if connection.topic == topic]
    right = [connection for connection in of_topic if connection.type_name in types]
    if not of_topic:
        fitting = [connection.topic for connection in bag.connections if connection.type_name in types]
        raise DataError(f"{bag.path}: {unknown_name(f'{option} topic', topic, fitting)}")
    if not right:
        raise DataError(f"{bag.path}: {topic} is {of_topic[0].type_name}; --{option}-topic takes {' or '.join(types)}")
    known = tuple(connection for connection in right if decoder.knows(connection.type_name, connection.md5))
    if not known:
        told = f"{right[0].type_name} (md5 {right[0].md5})"
        raise DataError(f"{bag.path}: {topic} was recorded with another definition of {told} than ROS's")
    return known
