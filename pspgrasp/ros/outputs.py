"""What the node publishes about a frame, each only while somebody listens where it costs something."""

from __future__ import annotations

import rospy
import tf2_ros
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import Image
from visualization_msgs.msg import MarkerArray

from pspgrasp.depth import DepthFrame
from pspgrasp.overlay import draw
from pspgrasp.predictor import Prediction
from pspgrasp.ros.interfaces import GraspArray
from pspgrasp.ros.messages import (
    to_image_msg,
    to_marker_array_msg,
    to_pose_stamped_msg,
    to_transform_msg,
)

MAPS = ("quality", "angle", "width")


class Outputs:
    """The publishers under the node's `~`."""

    def __init__(self, maps: bool, grasp_frame: str) -> None:
        """Advertise; `maps` adds ~quality, ~angle, ~width, `grasp_frame` broadcasts the best grasp to TF."""
        self._grasps = rospy.Publisher("~grasps", GraspArray, queue_size=1)
        self._grasp = rospy.Publisher("~grasp", PoseStamped, queue_size=1)
        self._markers = rospy.Publisher("~markers", MarkerArray, queue_size=1)
        self._overlay = rospy.Publisher("~overlay", Image, queue_size=1)
        self._maps = [rospy.Publisher(f"~{name}", Image, queue_size=1) for name in MAPS] if maps else []
        self._grasp_frame = grasp_frame
        self._broadcaster = tf2_ros.TransformBroadcaster() if grasp_frame else None

    def wanted(self) -> bool:
        """Tell whether anybody listens, or TF is broadcast."""
        publishers = (self._grasps, self._grasp, self._markers, self._overlay, *self._maps)
        return self._broadcaster is not None or any(p.get_num_connections() for p in publishers)

    def publish(
        self, array: GraspArray, chosen: int, depth_msg: Image, frame: DepthFrame, prediction: Prediction
    ) -> None:
        """Publish a frame's grasps; `chosen` is the one for ~grasp and TF."""
        self._grasps.publish(array)
        if array.grasps:
            self._grasp.publish(to_pose_stamped_msg(array.header, array.grasps[chosen]))
        if array.grasps and self._broadcaster:
            self._broadcaster.sendTransform(to_transform_msg(array.header, array.grasps[chosen], self._grasp_frame))
        if self._markers.get_num_connections():
            self._markers.publish(to_marker_array_msg(array))
        if self._overlay.get_num_connections():
            self._overlay.publish(to_image_msg(draw(frame, prediction), "bgr8", depth_msg.header))
        self._publish_maps(prediction, depth_msg)

    def _publish_maps(self, prediction: Prediction, depth_msg: Image) -> None:
        # They are smoothed when they are asked for.
        maps = prediction.maps if any(publisher.get_num_connections() for publisher in self._maps) else None
        if maps is None:
            return
        for publisher, image in zip(self._maps, (maps.quality, maps.angle_rad(), maps.width_px)):
            publisher.publish(to_image_msg(image, "32FC1", depth_msg.header))
