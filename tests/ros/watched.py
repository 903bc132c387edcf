"""A node with a camera of its own, and all that it says of itself."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, NamedTuple, Optional, Tuple
from urllib.parse import urlparse
from xmlrpc.client import ServerProxy

import numpy as np
import rosgraph
from diagnostic_msgs.msg import DiagnosticArray
from rig import (
    ANSWER_S,
    CAMERA,
    CHECKOUT,
    DETECTOR,
    PATIENT,
    START_S,
    Camera,
    Listener,
    NodeUnderTest,
    depth_msg,
    wait_until,
)
from rosgraph.network import write_ros_handshake_header
from sensor_msgs.msg import Image

from pspgrasp.camera import PinholeCamera
from pspgrasp.predictor import Prediction
from pspgrasp.ros.interfaces import DetectorState, FrameStatus, GraspArray

HALF = PinholeCamera(320, 240, 307.5, 307.5, 160.0, 120.0)
FAULTY = CHECKOUT / "tests" / "ros" / "faulty_detector.py"
SMALL = {**PATIENT, "backbone": "ggcnn"}  # judges fast
OUTCOMES = {getattr(FrameStatus, name): name for name in dir(FrameStatus) if name.isupper() and "PEAK" not in name}


class Watched(NamedTuple):
    """A node under test, its camera, and what it publishes."""

    process: NodeUnderTest
    camera: Camera
    grasps: Listener
    statuses: Listener
    states: Listener
    diagnostics: Listener

    def judged(self, msg: Image, camera: Optional[PinholeCamera] = CAMERA) -> Tuple[str, Optional[GraspArray]]:
        """Publish an image; return what became of it, and its grasps."""
        self.camera.publish(msg, camera)
        return self.became_of(msg)

    def became_of(self, msg: Image) -> Tuple[str, Optional[GraspArray]]:
        """Return what became of an image that was published, and its grasps."""
        status = self.statuses.at(msg.header.stamp)
        array = self.grasps.at(msg.header.stamp) if status.outcome == FrameStatus.GRASPS else None
        return OUTCOMES[status.outcome], array

    def outcome(self, msg: Image, camera: Optional[PinholeCamera] = CAMERA) -> str:
        """Publish an image; return what became of it."""
        return self.judged(msg, camera)[0]

    def becomes_good(self, scene: np.ndarray, timeout_s: float = 30.0) -> None:
        """Publish fresh images, one every tenth of a second, until one gives grasps."""
        seen = len(self.grasps.messages)

        def answered() -> bool:
            self.camera.publish(depth_msg(scene))
            return self.grasps.comes(lambda array: array.grasps, since=seen, timeout_s=0.1)

        wait_until(answered, timeout_s)

    def runs(self, scene: np.ndarray) -> None:
        """Publish fresh images until none has failed lately."""

        def running() -> bool:
            self.outcome(depth_msg(scene))
            return self.states.messages[-1].state == DetectorState.RUNNING

        wait_until(running)

    def told(self, state: int, since: int = 0) -> DetectorState:
        """Wait for a state and return what was said of it."""
        return self.states.wait(lambda msg: msg.state == state, since=since)

    def reports(self, level: int, text: str, since: int = 0) -> bool:
        """Tell whether /diagnostics, from message number `since` on, reports the node at this level with `text`."""
        return self.diagnostics.comes(lambda array: self._says(array, level, text), since, ANSWER_S)

    def _says(self, array: DiagnosticArray, level: int, text: str) -> bool:
        status = array.status[0]
        mine = status.name.startswith(self.process.name.lstrip("/") + ":")
        return mine and status.level == level and text in status.message

    def counts(self) -> Dict[str, int]:
        """Return how many images were received, judged, failed, dropped, as the next two reports both say it."""
        first = self._count(len(self.diagnostics.messages))
        while True:
            second = self._count(len(self.diagnostics.messages))
            if first == second:
                return second
            first = second

    def _count(self, since: int) -> Dict[str, int]:
        name = self.process.name.lstrip("/") + ":"
        report = self.diagnostics.wait(lambda array: array.status[0].name.startswith(name), since=since)
        figures = {pair.key: pair.value for pair in report.status[0].values}
        return {key: int(figures[key]) for key in ("received", "judged", "failed", "dropped")}


def all_accounted_for(counts: Dict[str, int]) -> bool:
    """Tell whether each image that came was judged, has failed, or was dropped for a newer one."""
    return counts["received"] == counts["judged"] + counts["failed"] + counts["dropped"]


def shows(array: Optional[GraspArray], expected: Prediction) -> bool:
    """Tell whether a message holds the grasps of a prediction in the camera's frame, all of them and no other."""
    if array is None:
        return not expected.grasps
    pairs = zip(expected.image_grasps, expected.grasps)
    wanted = [(*g.position_m, g.width_m, g.quality, i.u, i.v) for i, g in pairs]
    place = [grasp.pose.position for grasp in array.grasps]
    found = [(p.x, p.y, p.z, g.width, g.quality, g.u, g.v) for p, g in zip(place, array.grasps)]
    return len(found) == len(wanted) and np.allclose(found, wanted, rtol=1e-5, atol=1e-9)


@contextmanager
def listening(
    name: str, parameters: Dict[str, Any], log: Path, script: Path = DETECTOR, **more: Any
) -> Iterator[Watched]:
    """Run a node that listens to a camera of its own; it needn't live at the end."""
    depth = f"{name}/camera/image"
    camera = Camera(depth, f"{name}/camera/camera_info")
    kinds = {"grasps": GraspArray, "status": FrameStatus, "state": DetectorState}
    listeners = [Listener(f"{name}/{topic}", kind) for topic, kind in kinds.items()]
    listeners += [Listener("/diagnostics", DiagnosticArray)]
    process = NodeUnderTest(name, {**parameters, "topics": {"depth": depth}}, log, script, **more)
    try:
        yield Watched(process, camera, *listeners)
    finally:
        process.stop()
        camera.close()
        for listener in listeners:
            listener.close()


@contextmanager
def watched(name: str, parameters: Dict[str, Any], log: Path, scene: np.ndarray, **more: Any) -> Iterator[Watched]:
    """Run a node that has given grasps already, and lives at the end."""
    with listening(name, parameters, log, **more) as robot:
        robot.camera.wait_for_listener()
        robot.becomes_good(scene, START_S)
        yield robot
        assert robot.process.alive(), robot.process.output()[-3000:]


def never_reads(node: str, topic: str) -> socket.socket:
    """Subscribe to a topic of a node by hand, and read nothing of it."""
    api = rosgraph.Master("/tests").lookupNode(node)
    _, _, (_, host, port) = ServerProxy(api).requestTopic("/deaf", topic, [["TCPROS"]])
    connection = socket.create_connection((host or urlparse(api).hostname, port))
    header = {"topic": topic, "message_definition": "", "md5sum": "*", "type": "*", "callerid": "/deaf"}
    write_ros_handshake_header(connection, header)
    return connection
