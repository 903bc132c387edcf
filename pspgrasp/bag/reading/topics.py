"""Which topics of a bag are a depth image and its camera_info."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, List, NamedTuple, Optional, Sequence, Tuple

from pspgrasp.bag.formats.container import Connection, Container, Message
from pspgrasp.bag.reading.messages import CAMERA_INFO, COMPRESSED_IMAGE, IMAGE, Decoder, depth_m_of
from pspgrasp.bag.reading.transforms import bare
from pspgrasp.bag.recording import Selection
from pspgrasp.depth import DEPTH_ENCODINGS
from pspgrasp.errors import DataError, DepthError, unknown_name

COMPRESSED = "/compressedDepth"
UNSEEN = "of unknown size or frame"


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
    info = selection.info_topic or info_of(depth, bag, decoder)
    check_topic(bag, decoder, info, "info", (CAMERA_INFO,))
    return Camera(depth, images, info)


def depth_topics(bag: Container, decoder: Decoder) -> Tuple[str, ...]:
    """Return the topics of depth images, by their first message; without compressed copies of a topic."""
    known = [c for c in bag.connections if c.messages and decoder.knows(c.type_name, c.md5)]
    topics = {connection.topic for connection in known if _is_depth(bag, decoder, connection)}
    copies = {topic + COMPRESSED for topic in topics}
    return tuple(sorted(topics - copies))


def info_of(depth: str, bag: Container, decoder: Decoder) -> str:
    """Return the camera_info that belongs to a depth image: the one beside it, or the only one that fits.

    One fits in the image's namespace, or if image and camera_info are of one size and in one frame: another camera's
    would put every grasp in a wrong place.

    Raises:
        DataError: There is none that fits, or several.
    """
    infos = [one for one in bag.connections if one.type_name == CAMERA_INFO and one.messages]
    named = [name for name in names_beside(depth) if name in [one.topic for one in infos]]
    if named:
        return named[0]
    if not infos:
        why = "without it a pixel is no point in space: give --camera FX FY CX CY"
        raise DataError(f"{bag.path} has no camera_info for {depth}; {why}")
    return _fitting(depth, infos, bag, decoder)


def _fitting(depth: str, infos: Sequence[Connection], bag: Container, decoder: Decoder) -> str:
    images = [one for one in bag.connections if one.topic == depth]
    views = {one.topic: _view(_first(bag, decoder, one)) for one in (*images, *infos)}
    mine = views[depth]
    fit = [
        info.topic
        for info in infos
        if _namespace(info.topic) == _namespace(depth) or (mine is not None and views[info.topic] == mine)
    ]
    if len(fit) == 1:
        return fit[0]
    listed = ", ".join(f"{info.topic} ({views[info.topic] or UNSEEN})" for info in infos)
    many = f"{len(fit)} camera_infos that fit" if fit else "no camera_info that fits"
    raise DataError(f"{bag.path} has {many} {depth} ({mine or UNSEEN}); choose with --info-topic: {listed}")


class View(NamedTuple):
    """What an image and its camera_info share."""

    width_px: int
    height_px: int
    frame: str

    def __str__(self) -> str:
        """Say it in words."""
        return f"{self.width_px}x{self.height_px} in frame {self.frame!r}"


def _view(msg: Any) -> Optional[View]:
    """Return what a message says; None where it can't be told."""
    if msg is None or not msg.header.frame_id:
        return None
    try:
        height_px, width_px = depth_m_of(msg).shape if hasattr(msg, "format") else (msg.height, msg.width)
    except DepthError:
        return None
    return View(int(width_px), int(height_px), bare(msg.header.frame_id))


def _namespace(topic: str) -> str:
    image = topic[: -len(COMPRESSED)] if topic.endswith(COMPRESSED) else topic
    return image.rpartition("/")[0] or topic  # what has none shares none


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
    msg = _first(bag, decoder, connection)
    if msg is None:
        return False
    return msg.encoding in DEPTH_ENCODINGS if connection.type_name == IMAGE else "compressedDepth" in msg.format


def _first(bag: Container, decoder: Decoder, connection: Connection) -> Any:
    """Return the first message that can be read; None if none can."""
    for item in bag.messages([connection.topic]):
        if isinstance(item, Message) and item.connection.type_name == connection.type_name:
            with suppress(DataError):
                return decoder.decode(item).msg
    return None


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
