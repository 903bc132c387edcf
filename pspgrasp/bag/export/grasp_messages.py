"""Messages of ROS 1 about grasps, as the live node publishes them (pspgrasp/ros/messages.py), without ROS."""

from __future__ import annotations

from typing import Any, List, Sequence

import numpy as np
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore
from scipy.spatial.transform import Rotation

from pspgrasp.bag.pictures import grasp
from pspgrasp.bag.reading.messages import GRASP_DEFINITIONS
from pspgrasp.bag.results.frame import FoundGrasp
from pspgrasp.camera import PinholeCamera
from pspgrasp.depth import DepthFrame
from pspgrasp.overlay import gripper_lines

GRASPS, MARKERS, COMMAND = (
    "pspgrasp/msg/GraspArray",
    "visualization_msgs/msg/MarkerArray",
    "std_msgs/msg/Float32MultiArray",
)
IMAGE, CAMERA_INFO = "sensor_msgs/msg/Image", "sensor_msgs/msg/CameraInfo"
ADD, DELETE_ALL, LINE_LIST = 0, 3, 5  # of visualization_msgs/Marker
BEST_M, OTHER_M = 0.004, 0.002  # thickness of lines


def ros1_types() -> Typestore:
    """Return the types of ROS 1, and our own."""
    types = get_typestore(Stores.ROS1_NOETIC)
    for name, definition in GRASP_DEFINITIONS.items():
        types.register(get_types_from_msg(definition, name.replace("/", "/msg/")))
    return types


class GraspMessages:
    """Makes serialised messages; every one has the stamp and the frame of its image."""

    def __init__(self, types: Typestore) -> None:
        self._types = types

    def grasps(self, found: Sequence[FoundGrasp], frame: DepthFrame) -> bytes:
        """Return a pspgrasp/GraspArray, best first."""
        grasps = [
            self._make("pspgrasp/msg/Grasp", self._pose(one), one.width_m, one.quality, one.u, one.v, one.width_px)
            for one in found
        ]
        return self._bytes(GRASPS, self._header(frame), grasps)

    def markers(self, found: Sequence[FoundGrasp], frame: DepthFrame) -> bytes:
        """Return a visualization_msgs/MarkerArray of grippers, green where quality is high; earlier ones go away."""
        clear = self._marker(frame, 0, DELETE_ALL, self._unmoved(), np.zeros((0, 3)), 0.0, (0.0, 0.0, 0.0, 0.0))
        grippers = [
            self._marker(
                frame,
                rank,
                ADD,
                self._pose(one),
                gripper_lines(one.width_m),
                OTHER_M if rank else BEST_M,
                (1.0 - one.quality, one.quality, 0.1, 0.6 if rank else 1.0),
            )
            for rank, one in enumerate(found)
        ]
        return self._bytes(MARKERS, [clear, *grippers])

    def command(self, command: Sequence[float]) -> bytes:
        """Return GG-CNN's six floats as a std_msgs/Float32MultiArray."""
        layout = self._make("std_msgs/msg/MultiArrayLayout", [], 0)
        return self._bytes(COMMAND, layout, np.array(command, np.float32))

    def depth(self, frame: DepthFrame) -> bytes:
        """Return a sensor_msgs/Image, 32FC1 with NaN where nothing was measured."""
        height_px, width_px = frame.depth_m.shape
        data = np.ascontiguousarray(frame.depth_m, "<f4").view(np.uint8).ravel()
        return self._bytes(IMAGE, self._header(frame), height_px, width_px, "32FC1", 0, 4 * width_px, data)

    def camera_info(self, frame: DepthFrame) -> bytes:
        """Return the sensor_msgs/CameraInfo of a camera without distortion."""
        camera: PinholeCamera = frame.camera
        k = np.array([camera.fx, 0, camera.cx, 0, camera.fy, camera.cy, 0, 0, 1], float)
        p = np.array([camera.fx, 0, camera.cx, 0, 0, camera.fy, camera.cy, 0, 0, 0, 1, 0], float)
        region = self._make("sensor_msgs/msg/RegionOfInterest", 0, 0, 0, 0, False)
        size = (camera.height_px, camera.width_px)
        lens = ("plumb_bob", np.zeros(5), k, np.eye(3).ravel(), p)
        return self._bytes(CAMERA_INFO, self._header(frame), *size, *lens, 0, 0, region)

    def _make(self, name: str, *values: Any) -> Any:
        return self._types.types[name](*values)

    def _bytes(self, name: str, *values: Any) -> bytes:
        return bytes(self._types.serialize_ros1(self._make(name, *values), name))

    def _header(self, frame: DepthFrame) -> Any:
        stamp = self._make("builtin_interfaces/msg/Time", *divmod(frame.stamp_ns, 10**9))
        return self._make("std_msgs/msg/Header", 0, stamp, frame.frame_id)

    def _pose(self, found: FoundGrasp) -> Any:
        one = grasp(found)
        return self._pose_of(one.position_m, Rotation.from_matrix(one.rotation()).as_quat())

    def _unmoved(self) -> Any:
        return self._pose_of(np.zeros(3), np.array([0.0, 0.0, 0.0, 1.0]))

    def _pose_of(self, position_m: np.ndarray, xyzw: np.ndarray) -> Any:
        point = self._make("geometry_msgs/msg/Point", *(float(number) for number in position_m))
        turn = self._make("geometry_msgs/msg/Quaternion", *(float(number) for number in xyzw))
        return self._make("geometry_msgs/msg/Pose", point, turn)

    def _marker(
        self,
        frame: DepthFrame,
        number: int,
        action: int,
        pose: Any,
        points_m: np.ndarray,
        thick_m: float,
        rgba: Sequence[float],
    ) -> Any:
        points: List[Any] = [self._make("geometry_msgs/msg/Point", *map(float, point)) for point in points_m]
        return self._make(
            "visualization_msgs/msg/Marker",
            self._header(frame),
            "grasps",
            number,
            LINE_LIST,
            action,
            pose,
            self._make("geometry_msgs/msg/Vector3", thick_m, 0.0, 0.0),
            self._make("std_msgs/msg/ColorRGBA", *rgba),
            self._make("builtin_interfaces/msg/Duration", 0, 0),
            False,
            points,
            [],
            "",
            "",
            False,
        )
