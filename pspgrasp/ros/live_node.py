"""A node that runs, as a camera's driver and a robot meet it: images in by topic, answers out."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Dict, Iterator, List, Mapping, Optional

import numpy as np
import rosgraph
import rospy
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from pspgrasp.config import to_tree
from pspgrasp.depth import DepthFrame
from pspgrasp.errors import ConfigError, PspGraspError, unknown_name
from pspgrasp.node_config import NodeConfig
from pspgrasp.ros.interfaces import GraspArray
from pspgrasp.ros.mailbox import Mailbox
from pspgrasp.ros.messages import to_camera_info_msg, to_depth_msg
from pspgrasp.sim.camera import REALSENSE

ENCODINGS = ("16UC1", "32FC1")
ANSWER_S = 10.0  # longest wait for the grasps of an image
CONNECT_S = 5.0  # longest wait until a topic of the node is connected
WAKE_UP_S, WAKE_UPS = 0.25, 40  # between two first images, and how many there are
POLL_S = 0.01  # between two looks at a connection, for which ROS offers no event
TABLE = DepthFrame(np.full((REALSENSE.height_px, REALSENSE.width_px), 0.6, np.float32), REALSENSE)
START = "roslaunch pspgrasp grasp_detector.launch min_quality:=0 max_width:=0.08 max_age:=0"


class SilentNodeError(PspGraspError):
    """A node isn't there, or doesn't answer."""


class LiveNode:
    """A node that runs, met as a camera's driver and a robot meet it. One image is under way at a time.

    Attributes:
        name: Of the node, with its namespace.
        config: Its parameters.
        encoding: Of the images that it gets.
    """

    def __init__(self, name: str, encoding: str = "16UC1") -> None:
        """Connect to a node and wait until it answers.

        Args:
            name: Of the node.
            encoding: 16UC1 [mm], as a RealSense's driver publishes depth, or 32FC1 [m].

        Raises:
            SilentNodeError: It isn't there, listens elsewhere, or doesn't answer.
            ConfigError: It answers in another frame, or shares its topics with a camera or a robot.
        """
        if encoding not in ENCODINGS:
            raise ConfigError(unknown_name("encoding of depth", encoding, ENCODINGS))
        self.name, self.encoding = rospy.resolve_name(name), encoding
        self.config = NodeConfig.from_parameters(rospy.get_param(self.name, {}))
        self._check_settings()
        topics = self.config.topics.resolved(self.speaks_ggcnn)
        wanted = {topics.depth: Image, topics.camera_info: CameraInfo}
        # The preset kinova looks for its best peak only while the tool is high above the table.
        wanted.update({topics.robot_pose: PoseStamped} if self.speaks_ggcnn else {})
        self._check_graph([self.topic(name) for name in wanted])
        self._subscribers: List[rospy.Subscriber] = []
        self._publishers = [rospy.Publisher(self.topic(name), kind, queue_size=1) for name, kind in wanted.items()]
        self._answers: Mailbox[GraspArray] = self.listen("~grasps", GraspArray)
        self._wake_up()

    @property
    def speaks_ggcnn(self) -> bool:
        """Whether it publishes GG-CNN's topics, too."""
        return self.config.ggcnn != "off"

    def topic(self, name: str) -> str:
        """Return the full name of one of the node's topics, which may be relative or `~private`."""
        return rosgraph.names.resolve_name(name, self.name)

    def listen(self, name: str, kind: Any) -> Mailbox[Any]:
        """Return where the messages of one of the node's topics arrive from now on.

        Raises:
            SilentNodeError: Nobody publishes it.
        """
        arrived: Mailbox[Any] = Mailbox()
        subscriber = rospy.Subscriber(self.topic(name), kind, arrived.put, tcp_nodelay=True)
        self._subscribers.append(subscriber)
        deadline_s = time.monotonic() + CONNECT_S
        while not subscriber.get_num_connections():
            if time.monotonic() > deadline_s:
                raise SilentNodeError(f"nobody publishes {subscriber.resolved_name}; start: {START}")
            time.sleep(POLL_S)
        return arrived

    def judged(self, frame: DepthFrame, height_m: float) -> GraspArray:
        """Return the node's answer to an image; no grasp is an empty one.

        Args:
            frame: What the camera measured.
            height_m: Of the camera above the table, which is taken for the tool's.

        Raises:
            SilentNodeError: None came in time.
        """
        stamp, deadline_s = self._publish(frame, height_m), time.monotonic() + ANSWER_S
        answer: Optional[GraspArray] = None
        while answer is None or answer.header.stamp != stamp:
            left_s = deadline_s - time.monotonic()
            if left_s < 0:
                raise SilentNodeError(
                    f"{self.name} did not answer an image on {self._publishers[0].resolved_name} in {ANSWER_S:g} s; "
                    f"waited for {self.topic('~grasps')}: its log and /diagnostics say why"
                )
            answer = self._answers.take(left_s)
        return answer

    def told(self) -> str:
        """Return the node's network, and which of its settings differ from their defaults, in words."""
        mine = self.config
        plain = replace(NodeConfig(), topics=mine.topics, checkpoint=mine.checkpoint, backbone=mine.backbone)
        settings, defaults = _flat(to_tree(mine)), _flat(to_tree(plain))
        others = [f"{key} {value}" for key, value in settings.items() if value != defaults[key]]
        return f"{self.name} ({', '.join([mine.checkpoint or mine.backbone, *others])})"

    def close(self) -> None:
        """Leave its topics."""
        for connection in (*self._subscribers, *self._publishers):
            connection.unregister()

    def _check_settings(self) -> None:
        if self.config.frames.base:
            raise ConfigError(
                f"{self.name} publishes grasps in {self.config.frames.base!r}; start it without base_frame: the bench "
                "reads them in the camera's frame"
            )
        if self.config.topics.depth.endswith("/compressedDepth"):
            raise ConfigError(
                f"{self.name} listens to compressedDepth; start it with another depth_topic: 16UC1, 32FC1"
            )
        if rospy.get_param("/use_sim_time", False):
            raise ConfigError("/use_sim_time is set: the bench stamps its images by the wall clock; set it to false")

    def _check_graph(self, topics: List[str]) -> None:
        """See that the node listens to depth and camera_info, and that it hears nobody but the bench."""
        published, heard, _ = rosgraph.Master(rospy.get_name()).getSystemState()
        for topic in topics[:2]:
            if self.name not in dict(heard).get(topic, []):
                raise SilentNodeError(f"{self.name} does not run, or does not listen to {topic}; start: {START}")
        for topic in topics:
            others = [node for node in dict(published).get(topic, []) if node != rospy.get_name()]
            if others:
                raise ConfigError(f"{others[0]} publishes {topic}, too; stop it: {self.name} must hear the bench alone")

    def _publish(self, frame: DepthFrame, height_m: float) -> rospy.Time:
        """Publish an image with all that goes with it, and return its stamp."""
        header = Header(stamp=rospy.Time.now(), frame_id=frame.frame_id)
        depth, info, *robot = self._publishers
        pose = PoseStamped(header=Header(stamp=header.stamp))
        pose.pose.position.z = height_m
        for publisher in robot:
            publisher.publish(pose)
        info.publish(to_camera_info_msg(frame.camera, header))
        depth.publish(to_depth_msg(frame, self.encoding, header))
        return header.stamp

    def _wake_up(self) -> None:
        """Show it a bare table until it answers: connections come one by one, that of camera_info maybe last."""
        for _ in range(WAKE_UPS):
            self._publish(TABLE, 1.0)
            if self._answers.take(WAKE_UP_S) is not None:
                self.judged(TABLE, 1.0)  # what is still under way comes before its answer
                return
        raise SilentNodeError(
            f"{self.name} answers no image on {self._publishers[0].resolved_name}; waited for {self.topic('~grasps')}: "
            f"its log and /diagnostics say why; start: {START}"
        )


@contextmanager
def on_the_graph() -> Iterator[None]:
    """Be a node, unless this process is one.

    Raises:
        SilentNodeError: There is no ROS master.
    """
    if not _master_answers():
        raise SilentNodeError(f"no ROS master answers at {rosgraph.get_master_uri()}; start: {START}")
    if rospy.core.is_initialized():
        yield
        return
    rospy.init_node("pspgrasp_sim", anonymous=True, disable_signals=True)
    try:
        yield
    finally:
        # rospy's threads would keep the process alive.
        rospy.signal_shutdown("the run is over")


def _master_answers() -> bool:
    try:
        return bool(rosgraph.is_master_online())
    except ValueError:  # ROS_MASTER_URI is no address
        return False


def _flat(tree: Mapping[str, Any], place: str = "") -> Dict[str, Any]:
    """Return a tree's leaves by their paths."""
    leaves: Dict[str, Any] = {}
    for key, value in tree.items():
        leaves.update(_flat(value, f"{place}{key}/") if isinstance(value, dict) else {place + key: value})
    return leaves
