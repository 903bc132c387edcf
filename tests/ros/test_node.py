"""The node on a ROS graph: what a camera publishes comes back as grasps."""

from __future__ import annotations

import math
import subprocess
from pathlib import Path
from typing import List

import cv2
import numpy as np
import pytest
import rospy
from dynamic_reconfigure.msg import Config, DoubleParameter, IntParameter
from dynamic_reconfigure.srv import Reconfigure, ReconfigureRequest
from geometry_msgs.msg import PoseStamped
from rig import (
    ANSWER_S,
    CAMERA,
    PATIENT,
    Camera,
    Listener,
    Running,
    camera_info_msg,
    compressed_msg,
    depth_msg,
    node,
    wait_until,
)
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import CompressedImage, Image
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import Marker, MarkerArray

from pspgrasp.depth import DepthFrame
from pspgrasp.predictor import GraspPredictor
from pspgrasp.ros.interfaces import GraspArray, Predict, SetModel
from pspgrasp.ros.messages import from_image_msg

pytestmark = pytest.mark.ros

TOPIC, INFO = "/camera/depth/image_rect_raw", "/camera/depth/camera_info"


def test_grasps_are_those_of_the_predictor(
    running: Running, scenes: List[np.ndarray], predictor: GraspPredictor
) -> None:
    for scene in scenes:
        msg = depth_msg(scene)
        array = running.grasps.at(running.camera.publish(msg))
        expected = predictor.predict(from_image_msg(msg, CAMERA))
        assert array.header.frame_id == "camera"
        assert len(array.grasps) == len(expected.grasps) > 0
        for ours, theirs, place in zip(array.grasps, expected.grasps, expected.image_grasps):
            position = ours.pose.position
            np.testing.assert_allclose((position.x, position.y, position.z), theirs.position_m)
            q = ours.pose.orientation
            np.testing.assert_allclose(
                Rotation.from_quat((q.x, q.y, q.z, q.w)).as_matrix(), theirs.rotation(), atol=1e-9
            )
            np.testing.assert_allclose(
                (ours.width, ours.quality, ours.u, ours.v, ours.width_px),
                (theirs.width_m, theirs.quality, place.u, place.v, place.width_px),
                rtol=1e-6,
            )
        qualities = [grasp.quality for grasp in array.grasps]
        assert qualities == sorted(qualities, reverse=True)


def test_a_float_image_gives_the_same_grasps(running: Running, scenes: List[np.ndarray]) -> None:
    whole_mm = np.rint(scenes[0] * 1000) / np.float32(1000)
    one = running.grasps.at(running.camera.publish(depth_msg(whole_mm)))
    other = running.grasps.at(running.camera.publish(depth_msg(whole_mm.astype(np.float32), "32FC1")))
    assert [g.u for g in one.grasps] == [g.u for g in other.grasps]
    np.testing.assert_allclose([g.width for g in one.grasps], [g.width for g in other.grasps], rtol=1e-3)


def test_every_output_carries_the_images_stamp(running: Running, scenes: List[np.ndarray]) -> None:
    kinds = {"grasp": PoseStamped, "overlay": Image, "quality": Image, "angle": Image, "width": Image}
    listeners = {name: Listener(f"/detector/{name}", kind) for name, kind in kinds.items()}
    markers, frames = Listener("/detector/markers", MarkerArray), Listener("/tf", TFMessage)
    wait_until(lambda: all(li.connected() for li in [*listeners.values(), markers, frames]))
    array = running.good(scenes[0])
    seen = {name: listener.at(array.header.stamp) for name, listener in listeners.items()}
    assert seen["grasp"].pose == array.grasps[0].pose
    assert (seen["overlay"].encoding, seen["overlay"].height, seen["overlay"].width) == ("bgr8", 480, 640)
    for name in ("quality", "angle", "width"):
        assert (seen[name].encoding, seen[name].height, seen[name].width) == ("32FC1", 300, 300)
        values = np.frombuffer(seen[name].data, np.float32)
        assert np.isfinite(values).all()
    assert np.abs(np.frombuffer(seen["angle"].data, np.float32)).max() <= math.pi / 2 + 1e-6
    marks = markers.wait(lambda msg: msg.markers[0].header.stamp == array.header.stamp).markers
    assert [m.action for m in marks] == [Marker.DELETEALL] + [Marker.ADD] * len(array.grasps)
    moved = frames.wait(lambda msg: msg.transforms[0].header.stamp == array.header.stamp).transforms[0]
    assert (moved.header.frame_id, moved.child_frame_id) == ("camera", "grasp")


def test_predict_answers_with_the_next_frame(running: Running, scenes: List[np.ndarray]) -> None:
    predict = rospy.ServiceProxy("/detector/predict", Predict)
    timer = rospy.Timer(rospy.Duration.from_sec(0.05), lambda _: running.camera.publish(depth_msg(scenes[1])))
    called = rospy.Time.now()
    answer = predict(timeout=ANSWER_S)
    timer.shutdown()
    assert answer.success, answer.message
    assert answer.grasps.grasps
    assert answer.grasps.header.stamp >= called


def test_predict_says_why_there_is_no_grasp(running: Running) -> None:
    predict = rospy.ServiceProxy("/detector/predict", Predict)
    silent = predict(timeout=0.2)
    assert not silent.success
    assert "no frame was judged in 0.2 s" in silent.message
    flat = np.full((480, 640), 0.6, np.float32)
    timer = rospy.Timer(rospy.Duration.from_sec(0.05), lambda _: running.camera.publish(depth_msg(flat)))
    empty = predict(timeout=ANSWER_S)
    timer.shutdown()
    assert not empty.success
    assert "quality" in empty.message


def test_set_model_swaps_and_keeps_the_old_one_if_it_fails(
    running: Running, scenes: List[np.ndarray], tmp_path: Path
) -> None:
    set_model = rospy.ServiceProxy("/detector/set_model", SetModel)
    before = running.good(scenes[0])
    refused = set_model("resnet19")
    assert not refused.success
    assert "resnet18" in refused.message
    assert "efficientnet_lite0 goes on" in refused.message
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00not a header at all")
    assert "broken" in set_model(str(broken)).message
    again = running.good(scenes[0])
    assert [g.quality for g in again.grasps] == [g.quality for g in before.grasps]
    swapped = set_model("resnet18")
    assert swapped.success, swapped.message
    other = running.good(scenes[0])
    assert [g.quality for g in other.grasps] != [g.quality for g in before.grasps]
    assert set_model("efficientnet_lite0").success
    back = running.good(scenes[0])
    assert [g.quality for g in back.grasps] == [g.quality for g in before.grasps]


@pytest.mark.parametrize("timeout_s", [float("inf"), float("nan"), -1.0, 1e30])
def test_predict_refuses_to_wait_for_ever(running: Running, timeout_s: float) -> None:
    answer = rospy.ServiceProxy("/detector/predict", Predict)(timeout=timeout_s)
    assert not answer.success
    assert "timeout must lie in" in answer.message


def test_refused_peaks_are_told_with_their_reason(running: Running, scenes: List[np.ndarray]) -> None:
    change = rospy.ServiceProxy("/detector/limits/set_parameters", Reconfigure)
    change(ReconfigureRequest(Config(doubles=[DoubleParameter("max_width_m", 0.001)])))
    predict = rospy.ServiceProxy("/detector/predict", Predict)
    timer = rospy.Timer(rospy.Duration.from_sec(0.05), lambda _: running.camera.publish(depth_msg(scenes[0])))
    answer = predict(timeout=ANSWER_S)
    timer.shutdown()
    change(ReconfigureRequest(Config(doubles=[DoubleParameter("max_width_m", 10.0)])))
    assert not answer.success
    assert "the opening is above the gripper's largest" in answer.message


def test_settings_change_while_it_runs(running: Running, scenes: List[np.ndarray]) -> None:
    change = rospy.ServiceProxy("/detector/detection/set_parameters", Reconfigure)
    assert len(running.good(scenes[0]).grasps) > 1
    change(ReconfigureRequest(Config(ints=[IntParameter("max_grasps", 1)])))
    assert len(running.good(scenes[0]).grasps) == 1
    assert rospy.get_param("/detector/detection/max_grasps") == 1, "a respawned node goes on with it"
    change(ReconfigureRequest(Config(ints=[IntParameter("max_grasps", 5)])))


def test_settings_that_contradict_each_other_are_refused(running: Running, scenes: List[np.ndarray]) -> None:
    change = rospy.ServiceProxy("/detector/crop/set_parameters", Reconfigure)
    answer = change(ReconfigureRequest(Config(doubles=[DoubleParameter("near_m", 3.0)])))
    assert {d.name: d.value for d in answer.config.doubles}["near_m"] == pytest.approx(0.1)
    assert "near_m (3) must be below far_m (2)" in running.process.output()
    running.good(scenes[0])


def test_diagnostics_tell_how_it_fares(running: Running, scenes: List[np.ndarray]) -> None:
    after = len(running.diagnostics.messages)

    def fares_well() -> bool:
        running.good(scenes[0])  # images must come: a camera that is silent for a while is told, too
        return len(running.diagnostics.messages) > after + 1 and running.diagnostics.messages[-1].status[0].level == 0

    wait_until(fares_well)
    values = {pair.key: pair.value for pair in running.diagnostics.messages[-1].status[0].values}
    assert {"device", "checkpoint", "last error", "latency [ms]", "age [ms]", "fps", "dropped"} <= set(values)
    assert (values["device"], values["checkpoint"]) == ("cpu", "efficientnet_lite0")
    assert float(values["latency [ms]"]) > 0


def test_compressed_depth_gives_the_same_grasps(
    graph: str, scenes: List[np.ndarray], predictor: GraspPredictor, tmp_path: Path
) -> None:
    topic = "/packed/depth/image_rect_raw/compressedDepth"
    camera = Camera(topic, "/packed/depth/camera_info", CompressedImage)
    grasps = Listener("/packed_detector/grasps", GraspArray)
    with node("/packed_detector", {**PATIENT, "topics": {"depth": topic}}, tmp_path / "log"):
        camera.wait_for_listener()
        raw = np.rint(np.nan_to_num(scenes[0]) * 1000).astype(np.uint16)
        png = cv2.imencode(".png", raw)[1].tobytes()
        array = grasps.at(camera.publish(compressed_msg(b"\0" * 12 + png, "16UC1; compressedDepth")))
    expected = predictor.predict(DepthFrame(raw.astype(np.float32) * np.float32(0.001), CAMERA))
    assert [g.u for g in array.grasps] == [g.u for g in expected.image_grasps]
    assert [g.width for g in array.grasps] == pytest.approx([g.width_m for g in expected.grasps])


def test_the_same_bag_gives_the_same_grasps_live_and_offline(
    graph: str, scenes: List[np.ndarray], predictor: GraspPredictor, running: Running, tmp_path: Path
) -> None:
    import rosbag

    path, start = tmp_path / "frames.bag", rospy.Time.now() + rospy.Duration(3)
    with rosbag.Bag(str(path), "w") as bag:
        for number, scene in enumerate(scenes):
            stamp = start + rospy.Duration(number)
            msg = depth_msg(scene, stamp=stamp)
            bag.write(INFO, camera_info_msg(CAMERA, msg.header), stamp)
            bag.write(TOPIC, msg, stamp)
    play = subprocess.run(["rosbag", "play", "--quiet", str(path)], capture_output=True, text=True, check=False)
    assert play.returncode == 0, play.stderr
    with rosbag.Bag(str(path)) as bag:
        for _, msg, _ in bag.read_messages(topics=[TOPIC]):
            # rosbag's messages are of a class of their own, with the same fields.
            expected = predictor.predict(from_image_msg(msg, CAMERA))
            array = running.grasps.wait(lambda a, msg=msg: a.header.stamp.to_nsec() == msg.header.stamp.to_nsec())
            assert [g.u for g in array.grasps] == pytest.approx([g.u for g in expected.image_grasps])
            assert [g.width for g in array.grasps] == pytest.approx([g.width_m for g in expected.grasps])
