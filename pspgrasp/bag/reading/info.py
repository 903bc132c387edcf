"""What is in a bag or in a folder of images, before anything is judged."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Iterator, List, Sequence, Tuple

from rich.text import Text

from pspgrasp.bag.formats.container import Connection
from pspgrasp.bag.reading.image_folder import IMAGES, ImageFolder, is_image_folder
from pspgrasp.bag.reading.messages import POSE, TRANSFORMS, Decoder
from pspgrasp.bag.reading.open import open_bag, sources
from pspgrasp.bag.reading.recorded_grasps import grasp_connections
from pspgrasp.bag.reading.topics import choose_camera
from pspgrasp.bag.recording import Fault, Selection
from pspgrasp.errors import DataError


@dataclass(frozen=True)
class Info:
    """What a recording holds.

    Attributes:
        path: The file or folder.
        kind: "ROS 1 bag", "rosbag2 (mcap)", "folder of depth PNGs"; "" where it can't be opened.
        size_bytes: Of its file or files.
        start_ns: When its first message was recorded [ns]; 0 for images.
        duration_s: From the first message to the last [s]; NaN where times aren't known.
        compression: none, lz4, bz2 or zstd.
        connections: Topics by name and type; for a folder, its images.
        depth: What would be read: the topic of the depth image; "" where `why_not` says why nothing would.
        camera: Where its camera comes from: a topic, or in words.
        why_not: What stands in the way of reading it; "" if nothing does.
        grasps: Topics of grasps that were recorded.
        poses: Topics that may say where the camera was.
        faults: What is wrong with the file.
    """

    path: Path
    kind: str
    size_bytes: int
    start_ns: int = 0
    duration_s: float = 0.0
    compression: str = "none"
    connections: Tuple[Connection, ...] = ()
    depth: str = ""
    camera: str = ""
    why_not: str = ""
    grasps: Tuple[str, ...] = ()
    poses: Tuple[str, ...] = ()
    faults: Tuple[Fault, ...] = ()

    @property
    def messages(self) -> int:
        """How many there are of all topics together."""
        return sum(connection.messages for connection in self.connections)

    def rate_hz(self, connection: Connection) -> float:
        """Return messages a second over the whole recording [1/s]; NaN where it has no duration."""
        return max(0, connection.messages - 1) / (self.duration_s or math.nan)


def info_of(path: Path, selection: Selection) -> List[Info]:
    """Return what is in a bag or in a folder of images, or in all of them in a folder.

    Raises:
        DataError: It is nothing that could be read.
    """
    return [_info(source, selection) for source in sources(path)]


def shown(infos: Sequence[Info]) -> Text:
    """Return it for the terminal."""
    return Text("\n".join(line for info in infos for line in (*_lines(info), "")))


def _lines(info: Info) -> Iterator[str]:
    yield str(info.path)
    if info.kind:
        begin = f", from {_when(info.start_ns)}" if info.start_ns > 10**18 else ""
        size = f"{info.size_bytes / 1e6:.1f} MB, compression {info.compression}"
        lasts = "times not known" if math.isnan(info.duration_s) else f"{info.duration_s:.1f} s"
        yield f"  {info.kind}, {size}, {lasts}{begin}, {info.messages} messages"
    width = max((len(connection.topic) for connection in info.connections), default=0)
    for connection in info.connections:
        rate_hz = info.rate_hz(connection)
        rate = "" if math.isnan(rate_hz) else f"{rate_hz:.1f} Hz"
        yield f"  {connection.topic:{width}} {connection.messages:7d} {rate:>11}  {connection.type_name}"
    yield f"  read: {info.depth}, camera: {info.camera}" if info.depth else f"  can't be read: {info.why_not}"
    if info.grasps:
        yield f"  recorded grasps: {', '.join(info.grasps)}"
    if info.poses:
        yield f"  poses: {', '.join(info.poses)}"
    for fault in info.faults:
        yield f"  {fault.kind}: {fault.detail}"


def _when(stamp_ns: int) -> str:
    return datetime.fromtimestamp(stamp_ns / 1e9, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")


def _info(path: Path, selection: Selection) -> Info:
    size_bytes = sum(file.stat().st_size for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file())
    try:
        if path.is_dir() and is_image_folder(path):
            return _of_folder(path, selection, size_bytes)
        return _of_bag(path, selection, size_bytes)
    except DataError as error:
        return Info(path, "", size_bytes, why_not=str(error))


def _of_folder(path: Path, selection: Selection, size_bytes: int) -> Info:
    folder = ImageFolder(path, selection, path.name)
    images = Connection(IMAGES, "PNG", folder.images)
    return Info(path, folder.kind, size_bytes, 0, folder.duration_s, "none", (images,), IMAGES, folder.camera_source)


def _of_bag(path: Path, selection: Selection, size_bytes: int) -> Info:
    bag = open_bag(path)
    decoder = Decoder(bag.is_ros2)
    depth = camera = why_not = ""
    try:
        chosen = choose_camera(bag, decoder, selection)
        depth, camera = chosen.depth, chosen.info or "given"
    except DataError as error:
        why_not = str(error)
    return Info(
        path=path,
        kind=bag.kind,
        size_bytes=size_bytes,
        start_ns=bag.start_ns,
        duration_s=max(0, bag.end_ns - bag.start_ns) / 1e9,
        compression=bag.compression,
        connections=bag.connections,
        depth=depth,
        camera=camera,
        why_not=why_not,
        grasps=tuple(connection.topic for connection in grasp_connections(bag, decoder)),
        poses=tuple(c.topic for c in bag.connections if c.type_name in (*TRANSFORMS, POSE) and c.messages),
        faults=bag.faults,
    )
