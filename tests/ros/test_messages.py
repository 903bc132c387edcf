"""Messages and the core's types: what goes in comes out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from rig import CAMERA, camera_info_msg, depth_msg
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from visualization_msgs.msg import Marker

from pspgrasp.errors import DepthError
from pspgrasp.grasp import Grasp, ImageGrasp
from pspgrasp.ros import cv_bridge_check
from pspgrasp.ros.interfaces import GraspArray
from pspgrasp.ros.messages import (
    from_camera_info_msg,
    from_image_msg,
    to_grasp_msg,
    to_image_msg,
    to_marker_array_msg,
    to_pose_msg,
)
from pspgrasp.ros.reconfigure import config_type, description

pytestmark = [pytest.mark.ros, pytest.mark.usefixtures("graph")]


def test_camera_info_comes_back_as_the_camera() -> None:
    assert from_camera_info_msg(camera_info_msg(CAMERA, Header())) == CAMERA


def test_padded_rows_and_big_endian_give_the_same_frame() -> None:
    depth_m = np.linspace(0.3, 1.2, 480 * 640, dtype=np.float32).reshape(480, 640).round(3)
    plain = from_image_msg(depth_msg(depth_m), CAMERA)
    raw = np.rint(depth_m * 1000).astype(">u2")
    padded = np.zeros((480, 700), ">u2")
    padded[:, :640] = raw
    msg = depth_msg(depth_m)
    msg.data, msg.step, msg.is_bigendian = padded.tobytes(), padded.strides[0], 1
    np.testing.assert_array_equal(from_image_msg(msg, CAMERA).depth_m, plain.depth_m)
    np.testing.assert_allclose(plain.depth_m, depth_m, atol=1e-6)


def test_stamp_and_frame_are_kept() -> None:
    msg = depth_msg(np.full((480, 640), 0.5, np.float32), frame_id="eye")
    frame = from_image_msg(msg, CAMERA)
    assert (frame.frame_id, frame.stamp_ns) == ("eye", msg.header.stamp.to_nsec())


def test_images_out_carry_their_pixels() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    msg = to_image_msg(picture, "bgr8", Header(frame_id="eye"))
    assert isinstance(msg, Image)
    np.testing.assert_array_equal(np.frombuffer(msg.data, np.uint8).reshape(48, 64, 3), picture)
    assert (msg.encoding, msg.step, msg.header.frame_id) == ("bgr8", 192, "eye")


def test_markers_show_the_opening_of_each_grasp() -> None:
    array = GraspArray(header=Header(frame_id="eye"))
    for width_m in (0.04, 0.08):
        grasp = Grasp(np.array((0.1, 0.2, 0.5)), 0.3, width_m, 0.9)
        pose = to_pose_msg(grasp.position_m, grasp.rotation())
        array.grasps.append(to_grasp_msg(grasp, ImageGrasp(3.0, 4.0, 0.3, 50.0, 0.9), pose))
    first, *grippers = to_marker_array_msg(array).markers
    assert first.action == Marker.DELETEALL
    for gripper, width_m in zip(grippers, (0.04, 0.08)):
        fingers = [point.x for point in gripper.points if point.z == 0]
        assert max(fingers) - min(fingers) == pytest.approx(width_m)
        assert len(gripper.points) % 2 == 0


def test_the_pose_turns_the_x_axis_against_the_image_angle() -> None:
    pose = to_pose_msg(np.zeros(3), Grasp(np.zeros(3), math.pi / 4, 0.05, 1.0).rotation())
    assert 2 * math.atan2(pose.orientation.z, pose.orientation.w) == pytest.approx(-math.pi / 4)


def test_another_type_of_image_is_refused() -> None:
    msg = depth_msg(np.full((480, 640), 0.5, np.float32))
    msg.encoding = "rgb8"
    with pytest.raises(DepthError, match="rgb8"):
        from_image_msg(msg, CAMERA)


def test_dynamic_reconfigure_knows_every_setting_with_its_bounds() -> None:
    from pspgrasp.config import CropConfig, LimitsConfig

    names = [parameter["name"] for parameter in description(CropConfig)["parameters"]]
    assert names == ["size_px", "offset_u_px", "offset_v_px", "near_m", "far_m"]
    limits = config_type(LimitsConfig)
    assert "workspace_px" not in limits.defaults, "a polygon has no place there"
    assert (limits.min["max_width_m"], limits.max["max_width_m"], limits.type["max_width_m"]) == (0.0, 10.0, "double")


def test_a_cv_bridge_that_crashes_is_found_before_the_first_image(monkeypatch: pytest.MonkeyPatch) -> None:
    cv_bridge_check.check_cv_bridge()
    monkeypatch.setattr(cv_bridge_check.np, "__version__", "2.1.0")
    cv_bridge_check.check_cv_bridge()  # a conversion that works is believed, whatever the version
    monkeypatch.setattr(cv_bridge_check, "PROBE", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    with pytest.raises(Exception, match=r"numpy 2\.1\.0.*install 'numpy<2'"):
        cv_bridge_check.check_cv_bridge()
