"""Messages of bags and the types of the core, without ROS; the live node's are in pspgrasp/ros/messages.py."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Any, NamedTuple, Tuple

import numpy as np
from rosbags.interfaces import CDRDeser, Msgdef
from rosbags.serde import SerdeError
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from pspgrasp.bag.formats.container import Message
from pspgrasp.camera import PinholeCamera
from pspgrasp.compressed_depth import decode_compressed_depth
from pspgrasp.depth import decode_depth
from pspgrasp.errors import DataError

IMAGE, COMPRESSED_IMAGE, CAMERA_INFO = "sensor_msgs/Image", "sensor_msgs/CompressedImage", "sensor_msgs/CameraInfo"
GRASPS, FLOATS, POSE = "pspgrasp/GraspArray", "std_msgs/Float32MultiArray", "geometry_msgs/PoseStamped"
TRANSFORMS = ("tf2_msgs/TFMessage", "tf/tfMessage")
SAME_FIELDS = {"tf/tfMessage": "tf2_msgs/TFMessage"}  # the name before ROS Hydro
#: The fields of msg/Grasp.msg and msg/GraspArray.msg.
GRASP_DEFINITIONS = {
    "pspgrasp/Grasp": """\
geometry_msgs/Pose pose
float32 width
float32 quality
float32 u
float32 v
float32 width_px
""",
    "pspgrasp/GraspArray": """\
std_msgs/Header header
pspgrasp/Grasp[] grasps
""",
}
#: rosbags doesn't count it among ROS 1's types.
TRANSFORM_DEFINITION = {"tf2_msgs/TFMessage": "geometry_msgs/TransformStamped[] transforms\n"}


class Decoded(NamedTuple):
    """A message.

    Attributes:
        msg: Its fields, as rosbags makes them.
        trailing_bytes: How many stood behind its last field.
    """

    msg: Any
    trailing_bytes: int


@lru_cache(maxsize=2)
def _known_types(is_ros2: bool) -> Typestore:
    """Return ROS's own types and ours; making the code that decodes them takes a while."""
    types = get_typestore(Stores.LATEST if is_ros2 else Stores.ROS1_NOETIC)
    for name, definition in {**GRASP_DEFINITIONS, **TRANSFORM_DEFINITION}.items():
        if rosbags_name(name) not in types.fielddefs:
            types.register(get_types_from_msg(definition, rosbags_name(name)))
    return types


class Decoder:
    """Messages from bytes, by ROS's own definitions, whatever a bag says theirs are."""

    def __init__(self, is_ros2: bool) -> None:
        self._is_ros2 = is_ros2
        self._types = _known_types(is_ros2)

    def knows(self, type_name: str, md5: str) -> bool:
        """Tell whether a type is known here, and in ROS 1 by this checksum; "" fits all."""
        name = _known_name(type_name)
        return name in self._types.fielddefs and md5 in ("", self._types.generate_msgdef(name)[1])

    def decode(self, message: Message) -> Decoded:
        """Return a message.

        Raises:
            DataError: It isn't what its type says.
        """
        definition = self._types.get_msgdef(_known_name(message.connection.type_name))
        try:
            body, deserialize = self._road(definition, memoryview(message.data))
            # Not rosbags' own `deserialize`, which refuses bytes behind the last field; a ROS node ignores them.
            msg, end = deserialize(body, 0, definition.cls, self._types)
        except (SerdeError, struct.error, ValueError, IndexError) as error:
            raise DataError(f"a message of {message.connection.topic} can't be decoded: {error}") from error
        trailing, padding = len(body) - end, 3 if self._is_ros2 else 0
        return Decoded(msg, trailing if trailing > padding else 0)

    def _road(self, definition: Msgdef[Any], data: memoryview) -> Tuple[memoryview, CDRDeser]:
        """Return what of the data is decoded, and by which function."""
        if not self._is_ros2:
            return data, definition.deserialize_ros1
        if len(data) < 4 or data[0] != 0 or data[1] not in (0, 1):
            raise ValueError("it has no CDR header")
        return data[4:], definition.deserialize_cdr_le if data[1] else definition.deserialize_cdr_be


def rosbags_name(type_name: str) -> str:
    """Return a type as rosbags spells it."""
    return type_name.replace("/", "/msg/")


def _known_name(type_name: str) -> str:
    return rosbags_name(SAME_FIELDS.get(type_name, type_name))


def stamp_ns(msg: Any) -> int:
    """Return the stamp of a message with a header [ns]."""
    return int(msg.header.stamp.sec) * 10**9 + int(msg.header.stamp.nanosec)


def camera_of(msg: Any) -> PinholeCamera:
    """Return the camera of a CameraInfo's K; distortion is not modelled.

    Raises:
        DepthError: It isn't calibrated.
    """
    k = msg.K if hasattr(msg, "K") else msg.k
    return PinholeCamera(int(msg.width), int(msg.height), float(k[0]), float(k[4]), float(k[2]), float(k[5]))


def depth_m_of(msg: Any) -> np.ndarray:
    """Return the depth (H, W) float32 [m], NaN = no measurement, of an Image or a CompressedImage.

    Raises:
        DepthError: Wrong encoding or short data.
    """
    if hasattr(msg, "format"):
        return decode_compressed_depth(msg.data, msg.format)
    return decode_depth(msg.data, msg.encoding, msg.height, msg.width, msg.step, bool(msg.is_bigendian))
