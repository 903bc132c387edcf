"""The demo's other end: starts the recording once the detector is ready, follows it, and reports."""

from __future__ import annotations

import queue
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterator, Tuple

import rosgraph
import rospy
from cv_bridge import CvBridge
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import String
from std_srvs.srv import SetBool

from pspgrasp.errors import PspGraspError
from pspgrasp.ros.demo_report import COLUMNS, DemoReport
from pspgrasp.ros.interfaces import GraspArray

QUIET_S = 2.0  # wall time without a message after which a recording that has stopped is over
Handler = Callable[[Any, int], None]


class DemoError(PspGraspError):
    """The demo cannot begin or go on."""


@dataclass(frozen=True)
class DemoSettings:
    """The node's private parameters.

    Attributes:
        output: Folder of the pictures, the table and the summary.
        pictures: Pictures of each scene.
        depth_topic: What the detector subscribes to once it is ready.
        info_topic: One message a frame of the recording.
        detector: The detector's node.
        player: The paused `rosbag play`.
        patience_s: Longest wait [s] for the detector, and for the next message.
    """

    output: Path
    pictures: int
    depth_topic: str
    info_topic: str
    detector: str
    player: str
    patience_s: float

    @classmethod
    def from_parameters(cls) -> DemoSettings:
        """Return the settings that the parameter server holds."""
        return cls(
            output=Path(rospy.get_param("~output")),
            pictures=rospy.get_param("~pictures", 3),
            depth_topic=rospy.get_param("~depth_topic", "/camera/depth/image_rect_raw"),
            info_topic=rospy.get_param("~info_topic", "/camera/depth/camera_info"),
            detector=rospy.get_param("~detector", "/grasp_detector"),
            player=rospy.get_param("~player", "/player"),
            patience_s=rospy.get_param("~patience_s", 60.0),
        )


class DemoConsumer:
    """Follows the detector through a recording; ROS's threads only queue what arrives, one does the rest."""

    def __init__(self, settings: DemoSettings) -> None:
        self._settings = settings
        self._report = DemoReport(settings.pictures)
        self._arrived: queue.Queue[Tuple[Handler, Any, int]] = queue.Queue()
        self._info = self._subscribe(settings.info_topic, CameraInfo, self._on_frame)
        self._scene = self._subscribe("/demo/scene", String, self._on_scene)
        self._grasps = self._subscribe(f"{settings.detector}/grasps", GraspArray, self._on_grasps)
        self._overlay = self._subscribe(f"{settings.detector}/overlay", Image, self._on_overlay)

    def run(self) -> str:
        """Play the recording and return the verdict."""
        self._await_detector()
        say(f"{self._settings.detector} is ready; playing. It judges the newest frame and skips older ones.\n{COLUMNS}")
        self._start_recording()
        for handle, message, now_ns in self._arrivals():
            handle(message, now_ns)
        return self._report.write(self._settings.output)

    def _subscribe(self, topic: str, kind: type, handle: Handler) -> rospy.Subscriber:
        def enqueue(message: Any) -> None:
            self._arrived.put((handle, message, rospy.Time.now().to_nsec()))

        return rospy.Subscriber(topic, kind, enqueue, tcp_nodelay=True)

    def _await_detector(self) -> None:
        deadline_s = time.monotonic() + self._settings.patience_s
        while self._what_is_missing():
            if rospy.is_shutdown() or time.monotonic() > deadline_s:
                raise DemoError(f"not ready: {self._what_is_missing()}; the log of that node says why")
            time.sleep(0.1)  # the master tells no one who subscribes to what: it has to be asked

    def _what_is_missing(self) -> str:
        for subscription in (self._info, self._grasps, self._overlay):
            if not subscription.get_num_connections():
                return f"nobody publishes {subscription.name}"
        _, subscribers, _ = rosgraph.Master(rospy.get_name()).getSystemState()
        listens = self._settings.detector in dict(subscribers).get(self._settings.depth_topic, [])
        return "" if listens else f"{self._settings.detector} does not listen to {self._settings.depth_topic}"

    def _start_recording(self) -> None:
        service = f"{self._settings.player}/pause_playback"
        rospy.wait_for_service(service, self._settings.patience_s)
        rospy.ServiceProxy(service, SetBool)(False)

    def _arrivals(self) -> Iterator[Tuple[Handler, Any, int]]:
        """Yield what arrives until the recording has ended and nothing follows any more."""
        heard_s = time.monotonic()
        while not rospy.is_shutdown():
            try:
                yield self._arrived.get(timeout=QUIET_S)
                heard_s = time.monotonic()
            except queue.Empty:
                if not self._info.get_num_connections():
                    return
                if time.monotonic() - heard_s > self._settings.patience_s:
                    raise DemoError(f"{self._settings.player} has fallen silent before its end") from None

    def _on_scene(self, message: String, _: int) -> None:
        self._report.begin_scene(message.data)
        say(f"-- {message.data}")

    def _on_frame(self, message: CameraInfo, _: int) -> None:
        self._report.add_frame(message.header.stamp.to_nsec())

    def _on_grasps(self, message: GraspArray, now_ns: int) -> None:
        say(self._report.add_grasps(message, now_ns))

    def _on_overlay(self, message: Image, _: int) -> None:
        self._report.add_overlay(message.header.stamp.to_nsec(), CvBridge().imgmsg_to_cv2(message, "bgr8"))


def say(text: str) -> None:
    """Write to the terminal at once, though roslaunch may have put a pipe there."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    """Run the node; its exit status tells whether the demo passed."""
    rospy.init_node("demo_consumer")
    try:
        outcome = DemoConsumer(DemoSettings.from_parameters()).run()
    except (PspGraspError, rospy.ROSException) as error:
        outcome = f"FAIL: {error}"
    say(outcome)
    sys.exit(outcome != "PASS")
