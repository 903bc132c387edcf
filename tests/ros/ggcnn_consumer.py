"""A consumer that reads `ggcnn/out/command` as the kinova robot's closed loop does, down to its units."""

from __future__ import annotations

import math
from typing import Any, List

import numpy as np
import rospy
import tf2_ros
from scipy.spatial.transform import Rotation
from std_msgs.msg import Float32MultiArray

CLOSE_MM, USABLE_M, WIDTH_M = 80.0, 0.150, 0.25  # depth at the gripper; depth to be used; depth to update the width
TOOL_HEIGHT_M, CAMERA_ABOVE_TOOL_M = 0.3, 0.07
DEGREES_PER_PX = 0.1


class ClosedLoopConsumer:
    """Keeps the mean of the last three poses in the base frame, the width, and whether the fingers may close."""

    def __init__(self, base: str, camera: str) -> None:
        self._base, self._camera = base, camera
        self._buffer = tf2_ros.Buffer()
        self._listener = tf2_ros.TransformListener(self._buffer)
        self._last: List[np.ndarray] = []
        self.steps = 0
        self.fingers_may_close = False
        self.grip_width_mm = 70.0
        self._subscriber = rospy.Subscriber("/ggcnn/out/command", Float32MultiArray, self._update, queue_size=1)

    @property
    def goal_m(self) -> np.ndarray:
        """Mean position (3,) in the base frame [m]."""
        return np.mean(self._last, axis=0)[:3]

    @property
    def closing_yaw_rad(self) -> float:
        """Yaw of the last pose in the base frame: where the grasp's x axis points."""
        return float(self._last[-1][3])

    def connected(self) -> bool:
        """Tell whether a detector publishes."""
        return self._subscriber.get_num_connections() > 0

    def close(self) -> None:
        """Stop listening."""
        self._subscriber.unregister()

    def _update(self, msg: Any) -> None:
        d = list(msg.data)
        self.fingers_may_close = d[5] > CLOSE_MM
        if d[2] > USABLE_M:
            if d[2] > WIDTH_M:
                half_view_rad = math.radians(DEGREES_PER_PX * d[4] / 2)
                self.grip_width_mm = 2000 * (TOOL_HEIGHT_M + CAMERA_ABOVE_TOOL_M) * math.tan(half_view_rad)
            self._last = [*self._last, self._in_base(np.array(d[:3]), -d[3])][-3:]
        self.steps += 1

    def _in_base(self, position_m: np.ndarray, yaw_rad: float) -> np.ndarray:
        msg = self._buffer.lookup_transform(self._base, self._camera, rospy.Time(0), rospy.Duration(5)).transform
        turn = Rotation.from_quat((msg.rotation.x, msg.rotation.y, msg.rotation.z, msg.rotation.w))
        shift_m = np.array((msg.translation.x, msg.translation.y, msg.translation.z))
        closing = (turn * Rotation.from_euler("z", yaw_rad)).apply((1.0, 0.0, 0.0))
        return np.append(turn.apply(position_m) + shift_m, math.atan2(closing[1], closing[0]))
