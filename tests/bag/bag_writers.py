"""Bags for tests, written by rosbags: the same messages as a ROS 1 bag or a rosbag2."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, Dict, Iterable, List, NamedTuple, Sequence, Tuple

import cv2
import numpy as np
import pytest

pytest.importorskip("rosbags", reason="needs the extra bag")

from mcap.writer import Writer
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin
from rosbags.rosbag2 import Writer as Writer2
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

CHECKOUT = Path(__file__).parents[2]
DEPTH, INFO = "/camera/depth/image_rect_raw", "/camera/depth/camera_info"
FRAME = "camera_depth_optical_frame"
K = (62.0, 63.0, 31.5, 23.5)
START_NS = 1_600_000_000_000_000_000
PERIOD_NS = 33_333_333
IMAGE, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
CAMERA_INFO = "sensor_msgs/msg/CameraInfo"


class Entry(NamedTuple):
    """A message to write."""

    topic: str
    type_name: str
    recorded_ns: int
    msg: Any


class Messages:
    """Makes messages of ROS 1 or ROS 2."""

    def __init__(self, ros2: bool = False) -> None:
        self.ros2 = ros2
        self.types = get_typestore(Stores.ROS2_HUMBLE if ros2 else Stores.ROS1_NOETIC)
        if not ros2:
            tf = "geometry_msgs/TransformStamped[] transforms"
            self.types.register(get_types_from_msg(tf, "tf2_msgs/msg/TFMessage"))
        for name in ("Grasp", "GraspArray"):
            definition = (CHECKOUT / "msg" / f"{name}.msg").read_text(encoding="utf-8")
            self.types.register(get_types_from_msg(definition, f"pspgrasp/msg/{name}"))

    def make(self, type_name: str, *values: Any) -> Any:
        return self.types.types[type_name](*values)

    def serialize(self, entry: Entry) -> bytes:
        serialize = self.types.serialize_cdr if self.ros2 else self.types.serialize_ros1
        return bytes(serialize(entry.msg, entry.type_name))

    def header(self, stamp_ns: int, frame_id: str = FRAME) -> Any:
        stamp = self.make("builtin_interfaces/msg/Time", *divmod(stamp_ns, 10**9))
        return self.make("std_msgs/msg/Header", *([] if self.ros2 else [0]), stamp, frame_id)

    def image(self, depth: np.ndarray, encoding: str, stamp_ns: int, big: bool = False, padding: int = 0) -> Any:
        kind = depth.dtype.newbyteorder(">" if big else "<")
        rows = np.ascontiguousarray(depth.astype(kind)).view(np.uint8).reshape(depth.shape[0], -1)
        padded = np.pad(rows, ((0, 0), (0, padding)), constant_values=7)
        height, width = depth.shape[:2]
        return self.make(
            IMAGE, self.header(stamp_ns), height, width, encoding, int(big), padded.shape[1], padded.reshape(-1)
        )

    def compressed(self, depth: np.ndarray, image_format: str, stamp_ns: int) -> Any:
        png = cv2.imencode(".png", depth)[1].tobytes()
        data = np.frombuffer(struct.pack("<iff", 0, 0.0, 0.0) + png, np.uint8)
        return self.make(COMPRESSED, self.header(stamp_ns), image_format, data)

    def camera_info(self, stamp_ns: int, shape: Tuple[int, ...], k: Sequence[float] = K) -> Any:
        fx, fy, cx, cy = k
        matrix = np.array([fx, 0, cx, 0, fy, cy, 0, 0, 1], float)
        projection = np.array([fx, 0, cx, 0, 0, fy, cy, 0, 0, 0, 1, 0], float)
        roi = self.make("sensor_msgs/msg/RegionOfInterest", 0, 0, 0, 0, False)
        lens = ("plumb_bob", np.zeros(5), matrix, np.eye(3).reshape(-1), projection)
        return self.make(CAMERA_INFO, self.header(stamp_ns), *shape, *lens, 0, 0, roi)

    def transform(self, parent: str, child: str, stamp_ns: int, shift: Sequence[float], xyzw: Sequence[float]) -> Any:
        vector = self.make("geometry_msgs/msg/Vector3", *map(float, shift))
        turn = self.make("geometry_msgs/msg/Quaternion", *map(float, xyzw))
        transform = self.make("geometry_msgs/msg/Transform", vector, turn)
        return self.make("geometry_msgs/msg/TransformStamped", self.header(stamp_ns, parent), child, transform)

    def tf(self, transforms: List[Any]) -> Any:
        return self.make("tf2_msgs/msg/TFMessage", transforms)

    def pose(self, position: Sequence[float], xyzw: Sequence[float]) -> Any:
        point = self.make("geometry_msgs/msg/Point", *map(float, position))
        return self.make("geometry_msgs/msg/Pose", point, self.make("geometry_msgs/msg/Quaternion", *map(float, xyzw)))

    def command(self, values: Sequence[float]) -> Any:
        layout = self.make("std_msgs/msg/MultiArrayLayout", [], 0)
        return self.make("std_msgs/msg/Float32MultiArray", layout, np.array(values, np.float32))


ROS1, ROS2 = Messages(), Messages(ros2=True)


def depth_images(count: int, shape: Tuple[int, int] = (48, 64), seed: int = 0) -> List[np.ndarray]:
    """Return depth in millimetres, uint16, with holes; noise, so that no two are alike and none is small packed."""
    random = np.random.default_rng(seed)
    images = random.integers(400, 900, (count, *shape)).astype(np.uint16)
    images[random.random(images.shape) < 0.1] = 0
    return list(images)


def camera_entries(
    messages: Messages,
    images: Iterable[np.ndarray],
    depth: str = DEPTH,
    info: str = INFO,
    encoding: str = "16UC1",
    start_ns: int = START_NS,
) -> List[Entry]:
    """Return the images and camera_infos of a camera; each is recorded 2 ms after its stamp."""
    entries = []
    for number, image in enumerate(images):
        stamp_ns = start_ns + number * PERIOD_NS
        recorded_ns = stamp_ns + 2_000_000
        if info:
            entries.append(Entry(info, CAMERA_INFO, recorded_ns, messages.camera_info(stamp_ns, image.shape)))
        entries.append(Entry(depth, IMAGE, recorded_ns + 1, messages.image(image, encoding, stamp_ns)))
    return entries


def write_bag(
    path: Path, messages: Messages, entries: Iterable[Entry], compression: str = "none", chunk_bytes: int = 20_000
) -> Path:
    """Write a ROS 1 bag; with 48x64 images of 16 bits and these chunks, three or four lie in each."""
    writer = Writer1(path)
    writer.chunk_threshold = chunk_bytes
    if compression != "none":
        writer.set_compression(Writer1.CompressionFormat[compression.upper()])
    with writer:
        connections: Dict[Tuple[str, str], Any] = {}
        for entry in entries:
            key = (entry.topic, entry.type_name)
            if key not in connections:
                connections[key] = writer.add_connection(*key, typestore=messages.types)
            writer.write(connections[key], entry.recorded_ns, messages.serialize(entry))
    return path


def write_rosbag2(
    path: Path, messages: Messages, entries: Iterable[Entry], storage: str = "sqlite3", compression: str = ""
) -> Path:
    """Write a rosbag2 folder, compressed by "message" or "file" or not."""
    writer = Writer2(path, version=9, storage_plugin=StoragePlugin[storage.upper()])
    if compression:
        writer.set_compression(CompressionMode[compression.upper()], CompressionFormat.ZSTD)
    with writer:
        connections: Dict[Tuple[str, str], Any] = {}
        for entry in entries:
            key = (entry.topic, entry.type_name)
            if key not in connections:
                connections[key] = writer.add_connection(*key, typestore=messages.types)
            writer.write(connections[key], entry.recorded_ns, messages.serialize(entry))
    return path


def write_mcap(path: Path, messages: Messages, entries: Iterable[Entry], chunk_bytes: int = 20_000) -> Path:
    """Write an MCAP file with checksums: ROS 2's messages, or ROS 1's, as tools make it of a .bag."""
    encoding = "cdr" if messages.ros2 else "ros1"
    with path.open("wb") as file:
        writer = Writer(file, chunk_size=chunk_bytes)
        writer.start(profile="ros2" if messages.ros2 else "ros1")
        channels: Dict[str, int] = {}
        for entry in entries:
            if entry.topic not in channels:
                name = entry.type_name if messages.ros2 else entry.type_name.replace("/msg/", "/")
                schema = writer.register_schema(name, "ros2msg" if messages.ros2 else "ros1msg", b"")
                channels[entry.topic] = writer.register_channel(entry.topic, encoding, schema)
            data = messages.serialize(entry)
            writer.add_message(channels[entry.topic], entry.recorded_ns, data, entry.recorded_ns)
        writer.finish()
    return path
