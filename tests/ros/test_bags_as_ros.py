"""A bag without ROS against ROS itself: rosbag and the live node's own conversions give the same."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator, List

import numpy as np
import pytest

pytest.importorskip("rosbags", reason="needs the bag extra")

import rosbag
import rospy
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from pspgrasp.bag.reading.open import open_recordings
from pspgrasp.bag.recording import Fault, RecordedFrame, Selection
from pspgrasp.camera import PinholeCamera
from pspgrasp.compressed_depth import HEADER
from pspgrasp.depth import DepthFrame
from pspgrasp.grasp import Grasp, ImageGrasp
from pspgrasp.ros.interfaces import GraspArray
from pspgrasp.ros.messages import (
    from_camera_info_msg,
    from_grasp_msg,
    from_image_msg,
    to_camera_info_msg,
    to_grasp_msg,
    to_pose_msg,
)

pytestmark = pytest.mark.ros
DEPTH, INFO = "/camera/depth/image_rect_raw", "/camera/depth/camera_info"
CAMERA = PinholeCamera(64, 48, 62.0, 63.0, 31.5, 23.5)


def header(number: int) -> Header:
    return Header(stamp=rospy.Time.from_sec(1000.0 + number / 30), frame_id="camera_optical")


def images() -> Iterator[Image]:
    """Yield depth in each way that drivers publish it."""
    random = np.random.default_rng(0)
    for number, (kind, encoding, padding) in enumerate(
        [("<u2", "16UC1", 0), (">u2", "16UC1", 0), ("<u2", "mono16", 6), ("<f4", "32FC1", 0), (">f4", "32FC1", 5)] * 3
    ):
        depth = random.integers(0, 900, (48, 64)) / (1000.0 if "f" in kind else 1)
        if "f" in kind:
            depth[0, :4] = np.nan, np.inf, 0.0, -1.0
        rows = depth.astype(kind).view(np.uint8).reshape(48, -1)
        data = np.pad(rows, ((0, 0), (0, padding)), constant_values=9)
        big = int(">" in kind)
        yield Image(header(number), 48, 64, encoding, big, data.shape[1], data.tobytes())


def written(path: Path, compression: str = "none", close: bool = True) -> Path:
    bag = rosbag.Bag(str(path), "w", compression=compression, chunk_threshold=20_000)
    for msg in images():
        bag.write(INFO, to_camera_info_msg(CAMERA, msg.header), msg.header.stamp)
        bag.write(DEPTH, msg, msg.header.stamp)
    if close:
        bag.close()
    else:
        bag.flush()
    return path


def as_ros(path: Path) -> List[DepthFrame]:
    """Return the frames that the live node would make of what rosbag reads."""
    frames, camera = [], None
    with rosbag.Bag(str(path)) as bag:
        for topic, msg, _ in bag.read_messages([DEPTH, INFO]):
            if topic == INFO:
                camera = from_camera_info_msg(msg)
            else:
                frames.append(from_image_msg(msg, camera))
    return frames


def as_here(path: Path) -> List[DepthFrame]:
    (recording,) = open_recordings([path], Selection())
    items = list(recording)
    assert [item for item in items if isinstance(item, Fault) and item.kind != "not closed"] == []
    return [item.frame for item in items if isinstance(item, RecordedFrame)]


def assert_same(ours: List[DepthFrame], theirs: List[DepthFrame]) -> None:
    assert len(ours) == len(theirs) > 0
    for one, other in zip(ours, theirs):
        assert np.array_equal(one.depth_m, other.depth_m, equal_nan=True)
        assert (one.camera, one.frame_id, one.stamp_ns) == (other.camera, other.frame_id, other.stamp_ns)


@pytest.mark.parametrize("compression", ["none", "bz2", "lz4"])
def test_a_bag_of_ros_gives_what_rosbag_and_the_node_make_of_it(compression: str, tmp_path: Path) -> None:
    path = written(tmp_path / "a.bag", compression)
    assert_same(as_here(path), as_ros(path))


@pytest.mark.parametrize("compression", ["none", "bz2", "lz4"])
def test_a_bag_that_ros_never_closed_gives_all_that_is_in_its_file(compression: str, tmp_path: Path) -> None:
    whole = as_ros(written(tmp_path / "whole.bag", compression))
    left = as_here(written(tmp_path / "left.bag", compression, close=False))
    assert len(left) >= len(whole) - 3  # the last chunk had not been written
    assert_same(left, whole[: len(left)])


def test_the_real_bag_gives_what_rosbag_and_the_node_make_of_it(data: Path) -> None:
    (path,) = (data / "bags").glob("*.bag")
    depth, info = "/device_0/sensor_0/Depth_0/image/data", "/device_0/sensor_0/Depth_0/info/camera_info"
    with rosbag.Bag(str(path)) as bag:
        (camera,) = (from_camera_info_msg(msg) for _, msg, _ in bag.read_messages([info]))
        theirs = [from_image_msg(msg, camera) for _, msg, _ in bag.read_messages([depth])]
    assert_same(as_here(path), theirs)


def test_compressed_depth_is_the_same(tmp_path: Path) -> None:
    import cv2

    png = cv2.imencode(".png", np.full((48, 64), 700, np.uint16))[1].tobytes()
    msg = CompressedImage(header(0), "16UC1; compressedDepth png", HEADER.pack(0, 0.0, 0.0) + png)
    path = tmp_path / "a.bag"
    with rosbag.Bag(str(path), "w") as bag:
        bag.write(INFO, to_camera_info_msg(CAMERA, msg.header), msg.header.stamp)
        bag.write(f"{DEPTH}/compressedDepth", msg, msg.header.stamp)
    assert_same(as_here(path), [from_image_msg(msg, CAMERA)])


def test_grasps_that_the_node_publishes_come_back_as_it_would_read_them(tmp_path: Path) -> None:
    path = written(tmp_path / "a.bag")
    grasp = Grasp(np.array([0.1, -0.05, 0.6]), -0.9, 0.05, 0.75)
    image_grasp = ImageGrasp(10.0, 20.0, -0.9, 30.0, 0.75)
    pose = to_pose_msg(grasp.position_m, grasp.rotation())
    array = GraspArray(header(2), [to_grasp_msg(grasp, image_grasp, pose)])
    with rosbag.Bag(str(path), "a") as bag:
        bag.write("/detector/grasps", array, array.header.stamp)
    (recording,) = open_recordings([path], Selection())
    (found,) = recording.grasps()
    wanted = from_grasp_msg(array.grasps[0])
    assert np.allclose(found.position_m, wanted.position_m)
    assert found.angle_rad == pytest.approx(wanted.angle_rad)
    assert found.width == pytest.approx(wanted.width_m)
    assert found.stamp_ns == array.header.stamp.to_nsec()
