"""A camera, listeners and a node under test on a real ROS graph."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional

import numpy as np
import rospy
from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import TransformStamped
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from pspgrasp.camera import PinholeCamera
from pspgrasp.ros.interfaces import GraspArray

CHECKOUT = Path(__file__).resolve().parents[2]
DETECTOR = CHECKOUT / "scripts" / "grasp_detector"
CAMERA = PinholeCamera(640, 480, 615.0, 615.0, 320.0, 240.0)
START_S = 90.0  # a loaded machine needs long to import torch
PATIENT = {"max_age_s": 30.0}  # and to judge a frame
ANSWER_S = 30.0


class Listener:
    """Keeps every message of a topic."""

    def __init__(self, topic: str, kind: Any) -> None:
        self._arrived = threading.Condition()
        self.messages: List[Any] = []
        self._subscriber = rospy.Subscriber(topic, kind, self._store, queue_size=100)

    def _store(self, msg: Any) -> None:
        with self._arrived:
            self.messages.append(msg)
            self._arrived.notify_all()

    def wait(self, wanted: Callable[[Any], bool], timeout_s: float = ANSWER_S, since: int = 0) -> Any:
        """Return the first message, from number `since` on, for which `wanted` holds."""
        with self._arrived:
            found = self._arrived.wait_for(lambda: [m for m in self.messages[since:] if wanted(m)], timeout_s)
        assert found, f"nothing that was wanted came on {self._subscriber.resolved_name} in {timeout_s:g} s"
        return found[0]

    def at(self, stamp: rospy.Time, timeout_s: float = ANSWER_S) -> Any:
        """Return the message with this stamp."""
        return self.wait(lambda msg: msg.header.stamp == stamp, timeout_s)

    def answers(self, stamp: rospy.Time, wanted: Callable[[Any], bool] = lambda msg: True) -> bool:
        """Tell whether a message with this stamp, and for which `wanted` holds, comes within a few seconds."""
        return self.comes(lambda msg: msg.header.stamp == stamp and wanted(msg))

    def comes(self, wanted: Callable[[Any], bool], since: int = 0, timeout_s: float = 5.0) -> bool:
        """Tell whether a message, from number `since` on, for which `wanted` holds comes in time."""
        with self._arrived:
            return self._arrived.wait_for(lambda: any(wanted(m) for m in self.messages[since:]), timeout_s)

    def connected(self) -> bool:
        """Tell whether somebody publishes."""
        return self._subscriber.get_num_connections() > 0

    def close(self) -> None:
        """Stop listening."""
        self._subscriber.unregister()


class Connections(rospy.SubscribeListener):
    """Tells when somebody has subscribed."""

    def __init__(self) -> None:
        super().__init__()
        self.event = threading.Event()

    def peer_subscribe(self, *_: Any) -> None:
        """Called by rospy for each new subscriber."""
        self.event.set()


class Camera:
    """Publishes depth images with their camera_info."""

    def __init__(self, depth: str, info: str, kind: Any = Image) -> None:
        self._listening = [Connections(), Connections()]
        self.depth = rospy.Publisher(depth, kind, self._listening[0], queue_size=10)
        self.info = rospy.Publisher(info, CameraInfo, self._listening[1], latch=True, queue_size=10)
        # A node has the calibration as soon as it listens: image and camera_info come by two connections.
        self.info.publish(camera_info_msg(CAMERA, Header()))

    def wait_for_listener(self, timeout_s: float = START_S) -> None:
        """Wait until a node has subscribed to both topics."""
        assert all(listening.event.wait(timeout_s) for listening in self._listening), "nobody listens to the camera"

    def publish(self, msg: Any, camera: Optional[PinholeCamera] = CAMERA) -> rospy.Time:
        """Publish an image, and its camera_info unless `camera` is None; return its stamp."""
        if camera is not None:
            self.info.publish(camera_info_msg(camera, msg.header))
        self.depth.publish(msg)
        return msg.header.stamp

    def publish_until(self, answered: Callable[[rospy.Time], bool], make_msg: Callable[[], Any], **camera: Any) -> None:
        """Publish fresh images until one was answered; a changed camera_info may come after its first image."""
        wait_until(lambda: answered(self.publish(make_msg(), **camera)))

    def close(self) -> None:
        """Stop publishing."""
        self.depth.unregister()
        self.info.unregister()


def depth_msg(depth_m: np.ndarray, encoding: str = "16UC1", frame_id: str = "camera", stamp: Any = None) -> Image:
    """Return an Image of depth (H, W) [m], NaN = no measurement, stamped now unless told."""
    msg = Image(height=depth_m.shape[0], width=depth_m.shape[1], encoding=encoding)
    msg.header.stamp, msg.header.frame_id = stamp or rospy.Time.now(), frame_id
    if encoding == "16UC1":
        raw: np.ndarray = np.rint(np.nan_to_num(depth_m) * 1000).astype("<u2")
    else:
        raw = depth_m.astype("<f4")
    msg.step, msg.data = raw.strides[0], raw.tobytes()
    return msg


def compressed_msg(data: bytes, image_format: str) -> CompressedImage:
    """Return a CompressedImage stamped now."""
    msg = CompressedImage(format=image_format, data=data)
    msg.header.stamp, msg.header.frame_id = rospy.Time.now(), "camera"
    return msg


def camera_info_msg(camera: PinholeCamera, header: Any) -> CameraInfo:
    """Return the camera_info of a camera."""
    msg = CameraInfo(header=header, width=camera.width_px, height=camera.height_px)
    msg.K = [camera.fx, 0, camera.cx, 0, camera.fy, camera.cy, 0, 0, 1]
    return msg


def static_transform(parent: str, child: str, turn: Rotation, shift_m: np.ndarray) -> TransformStamped:
    """Return the transform from child to parent, for ever."""
    msg = TransformStamped(child_frame_id=child)
    msg.header.frame_id, msg.header.stamp = parent, rospy.Time.now()
    msg.transform.translation.x, msg.transform.translation.y, msg.transform.translation.z = shift_m
    rotation = msg.transform.rotation
    rotation.x, rotation.y, rotation.z, rotation.w = turn.as_quat()
    return msg


class NodeUnderTest:
    """The node as its own process."""

    def __init__(
        self,
        name: str,
        parameters: Dict[str, Any],
        log: Path,
        script: Path = DETECTOR,
        surroundings: Optional[Dict[str, str]] = None,
    ) -> None:
        self.name, self._log = name, log
        if rospy.has_param(name):
            rospy.delete_param(name)
        # Grasps are compared with torch's, bit by bit; and the trials of `auto` take long on a loaded machine.
        # That is no reason for a watchdog to bite, either.
        rospy.set_param(name, {"runtime": "torch", "health": {"watchdog_s": 30.0}, **parameters})
        command = [sys.executable, str(script), f"__name:={name.lstrip('/')}"]
        path = os.pathsep.join([str(CHECKOUT), os.environ.get("PYTHONPATH", "")])
        environment = {**os.environ, "PYTHONPATH": path, **(surroundings or {})}
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )

    def output(self) -> str:
        """Return what the process has printed."""
        return self._log.read_text(errors="replace") if self._log.is_file() else ""

    def exit_code(self, timeout_s: float = START_S) -> int:
        """Wait for the process to end by itself."""
        return self._process.wait(timeout_s)

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def send(self, number: int) -> None:
        """Send the process a signal."""
        self._process.send_signal(number)

    def alive(self) -> bool:
        """Tell whether the process runs."""
        return self._process.poll() is None

    def stop(self) -> int:
        """End the process as roslaunch does, by SIGINT, and return its exit code."""
        if self.alive():
            self._process.send_signal(signal.SIGINT)
        try:
            return self._process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            raise AssertionError(f"the node did not end in 15 s after SIGINT:\n{self.output()[-3000:]}") from None


@contextmanager
def node(name: str, parameters: Dict[str, Any], log: Path) -> Iterator[NodeUnderTest]:
    """Run a node; it must have listened, and must still live at the end."""
    process = NodeUnderTest(name, parameters, log)
    try:
        rospy.wait_for_service(f"{name}/predict", timeout=START_S)
        yield process
        assert process.alive(), process.output()[-3000:]
    except rospy.ROSException as error:
        raise AssertionError(f"{name} did not start:\n{process.output()[-3000:]}") from error
    finally:
        process.stop()


def wait_until(condition: Callable[[], bool], timeout_s: float = ANSWER_S) -> None:
    """Wait for something that ROS offers no event for, such as a parameter."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, f"{condition} did not come true in {timeout_s:g} s"
        time.sleep(0.02)


class Running(NamedTuple):
    """A node, its camera, and what it publishes."""

    process: NodeUnderTest
    camera: Camera
    grasps: Listener
    diagnostics: Listener

    def good(self, scene: np.ndarray) -> GraspArray:
        """Publish a good image and return the grasps that it gives."""
        array = self.grasps.at(self.camera.publish(depth_msg(scene)))
        assert array.grasps
        return array

    def bad(self, msg: Image, text: str) -> None:
        """Publish an image and wait until diagnostics report an error that holds `text`; no grasps come of it."""
        seen = len(self.diagnostics.messages)
        self.camera.publish(msg)
        self.diagnostics.wait(self.is_error(text), since=seen)
        assert not [a for a in self.grasps.messages if a.header.stamp == msg.header.stamp]

    def is_error(self, text: str) -> Callable[[Any], bool]:
        """Return what tells whether a report on /diagnostics is this node's ERROR with `text`."""

        def told(status: DiagnosticStatus) -> bool:
            mine = status.name.startswith(self.process.name.lstrip("/") + ":")
            return mine and status.level == DiagnosticStatus.ERROR and text in status.message

        return lambda report: any(told(status) for status in report.status)
