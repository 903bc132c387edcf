"""GG-CNN's topics and service, published from whatever network runs here."""

from __future__ import annotations

import threading
from typing import Callable, Optional

import cv2
import numpy as np
import rospy
from geometry_msgs.msg import Point, Pose, PoseStamped, Quaternion
from sensor_msgs.msg import Image
from std_msgs.msg import Float32MultiArray

from pspgrasp.config import from_tree
from pspgrasp.depth import DepthFrame
from pspgrasp.errors import PspGraspError
from pspgrasp.ggcnn_service import GgcnnServiceConfig, GgcnnServiceGrasp, service_grasp
from pspgrasp.ggcnn_stream import GgcnnOutput, GgcnnStream
from pspgrasp.node_config import TopicsConfig
from pspgrasp.predictor import GraspPredictor
from pspgrasp.ros.depth_topic import DepthTopic
from pspgrasp.ros.interfaces import GgcnnGrasp, GraspPrediction, GraspPredictionResponse
from pspgrasp.ros.messages import to_image_msg
from pspgrasp.ros.transforms import CameraPoses


class GgcnnTopics:
    """The five topics of `run_ggcnn.py` and `ggcnn_predict_rt.py`, and the tool pose that they read."""

    def __init__(self, preset: str, quirks: str, robot_pose: str) -> None:
        self._stream = GgcnnStream(preset, quirks)
        self._height_m = 0.0
        images = ("grasp", "grasp_plain", "depth", "ang")
        self._images = {name: rospy.Publisher(f"ggcnn/img/{name}", Image, queue_size=1) for name in images}
        self._command = rospy.Publisher("ggcnn/out/command", Float32MultiArray, queue_size=1)
        self._robot_pose = rospy.Subscriber(robot_pose, PoseStamped, self._store_height, queue_size=1)

    def judge(self, frame: DepthFrame, predictor: GraspPredictor) -> GgcnnOutput:
        """Return what GG-CNN would put out for a frame."""
        return self._stream.update(frame, predictor, self._height_m)

    def publish(self, output: GgcnnOutput, depth_msg: Image) -> str:
        """Publish an output, or return why GG-CNN would publish nothing; "" if it was published."""
        if not output.silence:
            self._publish(output, depth_msg)
        return output.silence

    def reset(self) -> None:
        """Put the tracked point back to the middle."""
        self._stream.tracker.reset()

    def _publish(self, output: GgcnnOutput, depth_msg: Image) -> None:
        pictures = {
            "grasp": (output.grasp, "bgr8"),
            "grasp_plain": (output.grasp_plain, "bgr8"),
            "depth": (output.network_input, "32FC1"),
            "ang": (output.angle_rad, "32FC1"),
        }
        for name, (image, encoding) in pictures.items():
            self._images[name].publish(to_image_msg(image, encoding, depth_msg.header))
        # Exactly six: a consumer in the wild reads data[-2].
        self._command.publish(Float32MultiArray(data=output.command))

    def _store_height(self, msg: PoseStamped) -> None:
        self._height_m = msg.pose.position.z


class GgcnnService:
    """`/ggcnn_service/predict`: the best grasp of the next depth image, in the robot's base frame."""

    def __init__(
        self,
        namespace: str,
        topics: TopicsConfig,
        quirks: str,
        poses: CameraPoses,
        predictor: Callable[[], GraspPredictor],
        network: threading.Lock,
        timeout_s: float,
    ) -> None:
        """Serve.

        Args:
            namespace: Of the service and of its parameters `camera/...`.
            topics: Where it listens unless `camera/depth_topic` and `camera/info_topic` say otherwise.
            quirks: strict or fixed.
            poses: Where the camera stands.
            predictor: Returns the one that runs now, or raises what keeps frames from being judged.
            network: Held while the network runs.
            timeout_s: Longest wait for the next frame.

        Raises:
            ConfigError: A parameter `camera/...` is unknown or ill-typed.
        """
        self._config = _service_config(f"{namespace}/camera", topics)
        self._quirks, self._poses, self._predictor = quirks, poses, predictor
        self._network, self._timeout_s = network, timeout_s
        self._topic = DepthTopic(self._config.depth_topic, self._config.info_topic)
        self._picture = rospy.Publisher(f"{namespace}/visualisation", Image, queue_size=1)
        self._service = rospy.Service(f"{namespace}/predict", GraspPrediction, self._handle)

    def _handle(self, _request: object) -> GraspPredictionResponse:
        try:
            grasp = self._grasp()
        except Exception as error:  # noqa: BLE001 (whatever it is, the caller needs an answer)
            rospy.logerr("%s: %s", self._service.resolved_name, error)
            return GraspPredictionResponse(success=False)
        if grasp is None:
            rospy.logwarn("%s: the frame holds no grasp with depth under it", self._service.resolved_name)
            return GraspPredictionResponse(success=False)
        position, orientation = Point(*grasp.position_m), Quaternion(*grasp.orientation_xyzw)
        best = GgcnnGrasp(Pose(position, orientation), grasp.width_m, grasp.quality)
        return GraspPredictionResponse(success=True, best_grasp=best)

    def _grasp(self) -> Optional[GgcnnServiceGrasp]:
        self._predictor()  # refuses at once, without a wait for a frame
        arrival = self._topic.mailbox.wait_for(lambda _: True, self._timeout_s)
        if arrival is None:
            raise PspGraspError(f"no depth image on {self._topic.depth} in {self._timeout_s:g} s")
        frame = self._topic.frame(arrival)
        rotation, translation_m = self._poses.pose(
            self._config.robot_base_frame, self._config.camera_frame, arrival.msg.header.stamp
        )
        with self._network:
            grasp = service_grasp(frame, self._predictor(), rotation, translation_m, self._config, self._quirks)
        if grasp is not None and self._picture.get_num_connections():
            self._picture.publish(to_image_msg(_picture(grasp), "bgr8", arrival.msg.header))
        return grasp


def _service_config(place: str, topics: TopicsConfig) -> GgcnnServiceConfig:
    tree = rospy.get_param(place, {})
    heard = {"depth_topic": topics.depth, "info_topic": topics.camera_info}
    return from_tree(GgcnnServiceConfig, {**heard, **tree} if isinstance(tree, dict) else tree, place)


def _picture(grasp: GgcnnServiceGrasp) -> np.ndarray:
    """Return quality as a JET picture with the chosen pixel, (300, 300, 3) uint8 BGR."""
    picture = cv2.applyColorMap((grasp.quality_map * 255).astype(np.uint8), cv2.COLORMAP_JET)
    return cv2.circle(picture, (grasp.peak[1], grasp.peak[0]), 5, (0, 255, 0), -1)
