"""The node says how it fares and why an image gave nothing; it can be paused."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Iterator, List

import numpy as np
import pytest
import rosgraph
import rospy
from rig import (
    PATIENT,
    Camera,
    Listener,
    NodeUnderTest,
    Running,
    depth_msg,
    node,
    wait_until,
)
from scaled_network import scaled
from std_msgs.msg import Float32MultiArray
from std_srvs.srv import Trigger

from pspgrasp.ros.interfaces import (
    DetectorState,
    FrameStatus,
    GraspArray,
    Predict,
    SetModel,
)

pytestmark = pytest.mark.ros

TOPIC, INFO = "/camera/depth/image_rect_raw", "/camera/depth/camera_info"


@pytest.fixture
def camera(graph: str) -> Iterator[Camera]:
    made = Camera(TOPIC, INFO)
    yield made
    made.close()


@pytest.fixture(scope="module")
def statuses(running: Running) -> Listener:
    return Listener("/detector/status", FrameStatus)


def states(listener: Listener) -> List[int]:
    return [msg.state for msg in listener.messages]


# --- why an image gave no grasp


def test_status_tells_of_each_image_what_became_of_it(
    running: Running, statuses: Listener, scenes: List[np.ndarray]
) -> None:
    def outcome(msg: Any) -> Any:
        running.camera.publish(msg)
        return statuses.wait(lambda status: status.header.stamp == msg.header.stamp)

    running.camera.publish_until(statuses.answers, lambda: depth_msg(scenes[0]))
    good = outcome(depth_msg(scenes[0]))
    assert (good.outcome, good.header.frame_id) == (FrameStatus.GRASPS, "camera")
    nothing = outcome(depth_msg(np.full((480, 640), np.nan, np.float32)))
    assert (nothing.outcome, nothing.message) == (FrameStatus.NO_DEPTH, "no depth is measured in the window")
    flat = outcome(depth_msg(np.full((480, 640), 0.6, np.float32)))
    assert flat.outcome == FrameStatus.NO_PEAK
    bad = depth_msg(scenes[0])
    bad.encoding = "bgr8"
    told = outcome(bad)
    assert told.outcome == FrameStatus.BAD_IMAGE
    assert "unknown depth encoding" in told.message
    early = outcome(depth_msg(scenes[0], stamp=good.header.stamp - rospy.Duration(60)))
    assert (early.outcome, "stamps went back" in early.message) == (FrameStatus.STAMP_WENT_BACK, True)
    old = outcome(depth_msg(scenes[0], stamp=early.header.stamp + rospy.Duration(1)))
    assert (old.outcome, "max_age_s" in old.message) == (FrameStatus.TOO_OLD, True)
    assert outcome(depth_msg(scenes[0])).outcome == FrameStatus.GRASPS


def test_why_peaks_were_refused_is_told_by_number(running: Running, statuses: Listener, tmp_path: Path) -> None:
    # An object that no opening of 1 mm takes; the node of this file has other limits.
    parameters = {**PATIENT, "limits": {"max_width_m": 0.001}, "topics": {"depth": TOPIC}}
    refused = Listener("/small/status", FrameStatus)
    from pspgrasp.data.tabletop import tabletop_frames

    scene = next(iter(tabletop_frames(seed=3, frames=1)))[0].depth_m
    with node("/small", parameters, tmp_path / "log"):
        running.camera.publish_until(
            lambda stamp: refused.answers(stamp, lambda s: s.outcome == FrameStatus.ALL_REFUSED),
            lambda: depth_msg(scene),
        )
    last = refused.messages[-1]
    assert FrameStatus.PEAK_OPENS_TOO_FAR in list(last.refused)
    assert "the opening is above the gripper's largest" in last.message


# --- how the node fares


def test_state_is_kept_for_whoever_comes_late(running: Running, scenes: List[np.ndarray]) -> None:
    assert "starting: the network is loaded" in running.process.output()
    running.good(scenes[0])
    late = Listener("/detector/state", DetectorState)
    told = late.wait(lambda msg: msg.state in (DetectorState.RUNNING, DetectorState.DEGRADED))
    assert told.name in ("running", "degraded")
    assert told.reason


# --- a network that puts out what isn't a number


def test_a_checkpoint_of_nan_does_not_start_and_is_no_swap(
    running: Running, scenes: List[np.ndarray], tmp_path: Path
) -> None:
    checkpoint = scaled(tmp_path / "nan.safetensors", float("nan"), "conv1")
    answer = rospy.ServiceProxy("/detector/set_model", SetModel)(checkpoint)
    assert not answer.success
    assert "efficientnet_lite0 goes on" in answer.message
    running.good(scenes[0])
    process = NodeUnderTest("/nan", {"checkpoint": checkpoint}, tmp_path / "log")
    assert process.exit_code() == 1
    assert "NaN" in process.output()
    assert "Traceback" not in process.output()


# --- pause


def test_nothing_is_judged_while_paused_and_then_only_what_came_later(
    camera: Camera, scenes: List[np.ndarray], tmp_path: Path
) -> None:
    told, grasps = Listener("/pausing/state", DetectorState), Listener("/pausing/grasps", GraspArray)
    statuses = Listener("/pausing/status", FrameStatus)
    commands = Listener("/ggcnn/out/command", Float32MultiArray)
    parameters = {**PATIENT, "backbone": "ggcnn", "ggcnn": "mvp", "topics": {"depth": TOPIC}}
    with node("/pausing", parameters, tmp_path / "log"):
        camera.wait_for_listener()
        camera.publish_until(grasps.answers, lambda: depth_msg(scenes[0]))
        wait_until(lambda: commands.messages != [])
        assert rospy.ServiceProxy("/pausing/pause", Trigger)().success
        told.wait(lambda msg: msg.state == DetectorState.PAUSED)
        seen = [len(listener.messages) for listener in (grasps, statuses, commands)]
        during = [camera.publish(depth_msg(scenes[0])) for _ in range(3)]
        answer = rospy.ServiceProxy("/pausing/predict", Predict)(timeout=10.0)
        assert (answer.success, "paused" in answer.message) == (False, True)
        assert [len(listener.messages) for listener in (grasps, statuses, commands)] == seen
        assert rospy.ServiceProxy("/pausing/resume", Trigger)().success
        camera.publish_until(grasps.answers, lambda: depth_msg(scenes[0]))
        assert {msg.header.stamp for msg in [*grasps.messages, *statuses.messages]}.isdisjoint(during)
        told.wait(lambda msg: msg.state == DetectorState.RUNNING, since=states(told).index(DetectorState.PAUSED))


# --- services that change the node


def test_services_that_change_the_node_can_be_left_out(graph: str, tmp_path: Path) -> None:
    off = {"set_model": False, "pause": False, "reset_tracking": False, "reconfigure": False, "set_logger_level": False}
    with node("/locked", {"backbone": "ggcnn", "services": off}, tmp_path / "log"):
        _, _, services = rosgraph.Master("/tests").getSystemState()
        ours = {name for name, nodes in services if "/locked" in nodes}
        assert ours == {"/locked/predict", "/locked/get_loggers"}
