"""What time, TF and the ROS master may do."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Iterator, List, Set, Tuple
from xmlrpc.client import ServerProxy

import numpy as np
import pytest
import rosgraph
import rospy
import tf2_ros
from fault_table import Fault
from rig import ANSWER_S, START_S, Camera, depth_msg, static_transform, wait_until
from rosgraph_msgs.msg import Clock
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import CameraInfo, Image
from watched import SMALL, Watched, listening

from pspgrasp.ros.interfaces import FrameStatus, GraspArray

pytestmark = pytest.mark.ros


# --- time and TF


class Simulated:
    """A node whose time and TF are told here."""

    def __init__(self, robot: Watched, clock: rospy.Publisher, scene: np.ndarray) -> None:
        """Show it one image again and again, each a tenth of a second later, from 1100 s on."""
        self.robot, self._clock, self._scene = robot, clock, scene
        self._broadcaster, self._now_s = tf2_ros.TransformBroadcaster(), 1100.0

    def jump(self, back_s: float) -> None:
        """Let the next image be of an earlier time."""
        self._now_s -= back_s

    def outcome(self, tf: bool = True, tf_after_s: float = 0.0) -> str:
        """Show an image of a new moment; return what became of it."""
        self._now_s += 0.1
        stamp = rospy.Time.from_sec(self._now_s)
        self._clock.publish(Clock(stamp))
        msg = depth_msg(self._scene, frame_id="seeing", stamp=stamp)
        self.robot.camera.publish(msg)
        time.sleep(tf_after_s)
        if tf:
            self._tell_where(stamp)
        return self.robot.became_of(msg)[0]

    def _tell_where(self, stamp: rospy.Time) -> None:
        for seconds in (-0.02, 0.02):
            pose = static_transform("stand", "seeing", Rotation.identity(), np.array((0.0, 0.0, 1.0)))
            pose.header.stamp = stamp + rospy.Duration.from_sec(seconds)
            self._broadcaster.sendTransform(pose)


@pytest.fixture(scope="module")
def simulated(graph: str, scenes: List[np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulated]:
    rospy.set_param("/use_sim_time", True)
    clock = rospy.Publisher("/clock", Clock, queue_size=10, latch=True)
    parameters = {**SMALL, "frames": {"base": "stand", "tf_timeout_s": 2.0}}
    try:
        with listening("/looping", parameters, tmp_path_factory.mktemp("looping") / "log") as robot:
            robot.camera.wait_for_listener()
            made = Simulated(robot, clock, scenes[0])
            wait_until(lambda: made.outcome() == "GRASPS")
            yield made
    finally:
        rospy.delete_param("/use_sim_time")
        clock.unregister()


def test_time_jumps_back(simulated: Simulated, fault: Fault) -> None:
    """Simulated time jumps back by 50 s, as when `rosbag play --loop --clock` begins again."""
    before = [simulated.outcome() for _ in range(5)]
    simulated.jump(50.0)
    first = simulated.outcome()
    fault.sees("`STAMP_WENT_BACK` for one image", before == 5 * ["GRASPS"] and first == "STAMP_WENT_BACK")
    after = [simulated.outcome() for _ in range(5)]
    fault.sees("then grasps, with stamps and TF of the new time", after == 5 * ["GRASPS"])


def test_tf_comes_and_goes(simulated: Simulated, fault: Fault) -> None:
    """TF comes later than the image, stays away, and is back."""
    fault.sees("a late transform is waited for", simulated.outcome(tf_after_s=0.2) == "GRASPS")
    away = simulated.outcome(tf=False)
    fault.sees("without it `NO_TRANSFORM`, never another stamp's", away == "NO_TRANSFORM")
    with fault.until_good():
        back = simulated.outcome()
    fault.sees("grasps of the first image for which it is back", back == "GRASPS")


# --- the ROS master


class OtherMaster:
    """A ROS master of its own, as its own process, on one port for ever."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self._port}"
        self.api = rosgraph.Master(rospy.get_name(), self.uri)

    def start(self) -> None:
        """Run it with nothing known to it."""
        self._process = subprocess.Popen(["rosmaster", "--core", "-p", str(self._port)])
        wait_until(lambda: rosgraph.is_master_online(self.uri))

    def kill(self) -> None:
        """End it without a word to anybody."""
        self._process.kill()
        self._process.wait()

    def introduce(self, robot: Watched) -> None:
        """Make the node and the tests, which live with another master, known to each other."""
        me, name = rospy.core.get_node_uri(), robot.process.name
        wait_until(lambda: self.knows(name)[0][2] >= {f"{name}/predict"}, START_S)
        self.introduce_camera(name)
        for topic, kind in (("grasps", GraspArray), ("status", FrameStatus)):
            nodes = self.api.registerSubscriber(f"{name}/{topic}", kind._type, me)
            ServerProxy(me).publisherUpdate(rospy.get_name(), f"{name}/{topic}", nodes)

    def introduce_camera(self, name: str) -> None:
        """Make a node's camera, which is the tests', known."""
        for topic, kind in (("image", Image), ("camera_info", CameraInfo)):
            self.api.registerPublisher(f"{name}/camera/{topic}", kind._type, rospy.core.get_node_uri())

    def knows(self, node: str) -> Tuple[List[Set[str]], Any]:
        """Return what a node publishes, hears and serves, and its parameters."""
        state = [{name for name, nodes in kind if node in nodes} for kind in self.api.getSystemState()]
        return state, self.api.getParam(node) if self.api.hasParam(node) else None


def test_the_master_is_restarted(graph: str, scenes: List[np.ndarray], fault: Fault, tmp_path: Path) -> None:
    """`roscore` is killed, and started again with nothing known to it."""
    name, master = "/orphan", OtherMaster()
    master.start()
    try:
        master.api.setParam(name, {**SMALL, "runtime": "torch", "topics": {"depth": f"{name}/camera/image"}})
        with listening(name, SMALL, tmp_path / "log", surroundings={"ROS_MASTER_URI": master.uri}) as robot:
            master.introduce(robot)
            robot.camera.wait_for_listener()
            robot.becomes_good(scenes[0], START_S)
            before = master.knows(name)
            master.kill()
            alone = [robot.outcome(depth_msg(scenes[0])) for _ in range(3)]
            fault.sees("the node goes on without it: topics run from node to node", alone == 3 * ["GRASPS"])
            robot.camera.close()
            robot = robot._replace(camera=Camera(f"{name}/camera/image", f"{name}/camera/camera_info"))
            master.start()
            with fault.until_good():
                master.introduce_camera(name)
                wait_until(lambda: master.knows(name) == before)
            fault.sees("the new one knows its topics, services and parameters again", master.knows(name) == before)
            robot.camera.wait_for_listener(ANSWER_S)
            again = robot.outcome(depth_msg(scenes[0]))
            fault.sees("a camera that came to the new one before it is heard", again == "GRASPS")
            robot.camera.close()
    finally:
        master.kill()
