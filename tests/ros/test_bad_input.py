"""What a camera or a launch file does wrong is said in words, and the next good frame is served."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy as np
import pytest
import rospy
from rig import (
    CAMERA,
    START_S,
    NodeUnderTest,
    Running,
    camera_info_msg,
    depth_msg,
    wait_until,
)
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from pspgrasp.camera import PinholeCamera
from pspgrasp.config import DetectionConfig
from pspgrasp.ros.interfaces import GraspArray

pytestmark = pytest.mark.ros


def bad_images() -> Dict[str, Tuple[Any, str]]:
    """Return name -> (how to spoil a good image, what diagnostics must tell)."""

    def short(msg: Image) -> None:
        msg.data = msg.data[: len(msg.data) // 2]

    def set_to(**values: Any) -> Any:
        return lambda msg: [setattr(msg, key, value) for key, value in values.items()]

    return {
        "wrong encoding": (set_to(encoding="bgr8"), "unknown depth encoding 'bgr8'"),
        "short data": (short, "bytes; 640x480 px need"),
        "zero size": (set_to(height=0, width=0, step=0, data=b""), "empty"),
        "another size than camera_info": (
            set_to(height=240, step=1280),
            "depth image is 640x240 px but its camera_info says 640x480",
        ),
        "rows shorter than their pixels": (set_to(step=640), "row step of 640 bytes is too short"),
    }


@pytest.mark.parametrize("name", list(bad_images()))
def test_a_bad_image_is_reported_and_the_next_good_one_served(
    running: Running, scenes: List[np.ndarray], name: str
) -> None:
    spoil, text = bad_images()[name]
    running.good(scenes[0])
    msg = depth_msg(scenes[0])
    spoil(msg)
    running.bad(msg, text)
    running.good(scenes[0])


def test_a_camera_without_calibration_is_reported(running: Running, scenes: List[np.ndarray]) -> None:
    seen, uncalibrated = len(running.diagnostics.messages), camera_info_msg(CAMERA, Header())
    uncalibrated.K = [0.0] * 9
    running.camera.info.publish(uncalibrated)
    # Image and camera_info come by two connections: the first image may still meet the old one.
    running.camera.publish_until(
        lambda _: running.diagnostics.comes(running.is_error("not calibrated"), since=seen),
        lambda: depth_msg(scenes[0]),
        camera=None,
    )
    running.camera.publish_until(running.grasps.answers, lambda: depth_msg(scenes[0]))


def test_all_depth_missing_is_an_empty_answer_not_an_error(running: Running, scenes: List[np.ndarray]) -> None:
    nothing = running.grasps.at(running.camera.publish(depth_msg(np.full((480, 640), np.nan, np.float32))))
    assert nothing.grasps == []
    running.good(scenes[0])


def test_one_stamp_that_goes_back_is_dropped(running: Running, scenes: List[np.ndarray]) -> None:
    good = running.good(scenes[0])
    early = good.header.stamp - rospy.Duration.from_sec(0.3)
    running.bad(depth_msg(scenes[0], stamp=early), "stamps went back")
    running.good(scenes[0])


def test_a_stale_image_is_not_published(running: Running, scenes: List[np.ndarray]) -> None:
    old = rospy.Time.now() - rospy.Duration(60)
    running.bad(depth_msg(scenes[0], stamp=old), "stamps went back")
    running.bad(depth_msg(scenes[0], stamp=old + rospy.Duration(1)), "max_age_s")
    running.good(scenes[0])


def test_a_camera_info_that_changes_is_honoured(running: Running, scenes: List[np.ndarray]) -> None:
    one = running.good(scenes[0])
    longer = dataclasses.replace(CAMERA, fx=1.25 * CAMERA.fx, fy=1.25 * CAMERA.fy)

    def smaller(two: GraspArray) -> bool:
        """The contact widths are; what opens them is a length, but for the smoothing of widths where depth varies."""
        clearance_m = DetectionConfig().clearance_m
        before, after = ({(g.u, g.v): g.width - clearance_m for g in answer.grasps} for answer in (one, two))
        both = sorted(set(before) & set(after))  # the gripper isn't smaller, and may have no room any more
        return bool(both) and np.allclose([after[g] for g in both], [before[g] / 1.25 for g in both], rtol=1e-3)

    running.camera.publish_until(
        lambda stamp: running.grasps.answers(stamp, smaller), lambda: depth_msg(scenes[0]), camera=longer
    )
    half = PinholeCamera(320, 240, 307.5, 307.5, 160.0, 120.0)
    running.camera.publish_until(running.grasps.answers, lambda: depth_msg(scenes[0][::2, ::2].copy()), camera=half)
    running.camera.publish_until(running.grasps.answers, lambda: depth_msg(scenes[0]))


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"backbone": "resnet19"}, "did you mean 'resnet18'?"),
        ({"checkpoint": "/nowhere/net.safetensors"}, "/nowhere/net.safetensors is not a file"),
        ({"detection": {"min_qualty": 0.5}}, "did you mean 'min_quality'"),
        ({"detection": {"max_grasps": "many"}}, "detection/max_grasps must be a whole number, got 'many'"),
        ({"device": "gpu"}, "unknown device 'gpu'"),
        ({"backbone": "mobilenetv4_conv_small.e2400_r224_in1k"}, "trained weights ship for: efficientnet_lite0"),
        ({"ggcnn": "kinova", "frames": {"base": "/base_link"}}, "no leading slash"),
    ],
)
def test_what_can_not_start_says_why_in_one_line(graph: str, parameters: Any, text: str, tmp_path: Path) -> None:
    process = NodeUnderTest("/refused", parameters, tmp_path / "log")
    assert process.exit_code() == 1
    assert text in process.output()
    assert "Traceback" not in process.output()


def test_it_waits_for_a_camera_says_so_and_ends_on_sigint(graph: str, tmp_path: Path) -> None:
    parameters = {"topics": {"depth": "/absent/image"}, "info_timeout_s": 0.1}
    process = NodeUnderTest("/ending", parameters, tmp_path / "log")
    rospy.wait_for_service("/ending/predict", timeout=START_S)
    text = "still waiting for camera_info on /absent/camera_info and depth image on /absent/image"
    wait_until(lambda: process.output().count(text) >= 2)
    assert process.stop() == 0
