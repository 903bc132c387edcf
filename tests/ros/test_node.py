"""The node on a ROS graph: what a camera publishes comes back as grasps."""

from __future__ import annotations

import dataclasses
import math
import subprocess
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple

import cv2
import numpy as np
import pytest
import rospy
import tf2_ros
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from dynamic_reconfigure.msg import Config, DoubleParameter, IntParameter
from dynamic_reconfigure.srv import Reconfigure, ReconfigureRequest
from geometry_msgs.msg import PoseStamped
from rig import (
    ANSWER_S,
    CAMERA,
    PATIENT,
    START_S,
    Camera,
    Listener,
    NodeUnderTest,
    camera_info_msg,
    compressed_msg,
    depth_msg,
    node,
    static_transform,
    wait_until,
)
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import CompressedImage, Image
from std_srvs.srv import Trigger
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import Marker, MarkerArray

from pspgrasp.camera import PinholeCamera
from pspgrasp.data.tabletop import tabletop_frames
from pspgrasp.depth import DepthFrame
from pspgrasp.predictor import GraspPredictor
from pspgrasp.ros.interfaces import GraspArray, Predict, SetModel
from pspgrasp.ros.messages import from_image_msg
from pspgrasp.tracker import GraspTracker

pytestmark = pytest.mark.ros

TOPIC, INFO = "/camera/depth/image_rect_raw", "/camera/depth/camera_info"


class Running(NamedTuple):
    """A node, its camera, and what it publishes."""

    process: NodeUnderTest
    camera: Camera
    grasps: Listener
    diagnostics: Listener


@pytest.fixture(scope="module")
def scenes() -> List[np.ndarray]:
    """Return a few depth images (480, 640) [m] of a table with objects."""
    return [frame.depth_m for frame, _ in tabletop_frames(seed=3, frames=4)]


@pytest.fixture(scope="module")
def running(graph: str, scenes: List[np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Run the node with its defaults, and all its outputs on."""
    camera, grasps = Camera(TOPIC, INFO), Listener("/detector/grasps", GraspArray)
    diagnostics = Listener("/diagnostics", DiagnosticArray)
    parameters = {**PATIENT, "publish_maps": True, "frames": {"broadcast": "grasp"}, "info_timeout_s": 0.2}
    with node("/detector", parameters, tmp_path_factory.mktemp("node") / "log") as process:
        camera.wait_for_listener()
        camera.publish_until(grasps.answers, lambda: depth_msg(scenes[0]))
        yield Running(process, camera, grasps, diagnostics)
    camera.close()


def publish_bad(running: Running, msg: Image, text: str) -> None:
    """Publish an image and wait until diagnostics report an error that holds `text`; no grasps come of it."""
    seen = len(running.diagnostics.messages)
    running.camera.publish(msg, camera=None)
    running.diagnostics.wait(
        lambda report: any(
            text in status.message and status.level == DiagnosticStatus.ERROR
            for status in report.status
            if status.name.startswith("detector")
        ),
        since=seen,
    )
    assert not [a for a in running.grasps.messages if a.header.stamp == msg.header.stamp]


def good_frame_gives_grasps(running: Running, scene: np.ndarray) -> GraspArray:
    stamp = running.camera.publish(depth_msg(scene))
    array = running.grasps.at(stamp)
    assert array.grasps
    return array


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
    array = good_frame_gives_grasps(running, scenes[0])
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
    before = good_frame_gives_grasps(running, scenes[0])
    refused = set_model("resnet19")
    assert not refused.success
    assert "resnet18" in refused.message
    assert "efficientnet_lite0 goes on" in refused.message
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00not a header at all")
    assert "broken" in set_model(str(broken)).message
    again = good_frame_gives_grasps(running, scenes[0])
    assert [g.quality for g in again.grasps] == [g.quality for g in before.grasps]
    swapped = set_model("resnet18")
    assert swapped.success, swapped.message
    other = good_frame_gives_grasps(running, scenes[0])
    assert [g.quality for g in other.grasps] != [g.quality for g in before.grasps]
    assert set_model("efficientnet_lite0").success
    back = good_frame_gives_grasps(running, scenes[0])
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
    assert len(good_frame_gives_grasps(running, scenes[0]).grasps) > 1
    change(ReconfigureRequest(Config(ints=[IntParameter("max_grasps", 1)])))
    assert len(good_frame_gives_grasps(running, scenes[0]).grasps) == 1
    assert rospy.get_param("/detector/detection/max_grasps") == 1, "a respawned node goes on with it"
    change(ReconfigureRequest(Config(ints=[IntParameter("max_grasps", 5)])))


def test_settings_that_contradict_each_other_are_refused(running: Running, scenes: List[np.ndarray]) -> None:
    change = rospy.ServiceProxy("/detector/crop/set_parameters", Reconfigure)
    answer = change(ReconfigureRequest(Config(doubles=[DoubleParameter("near_m", 3.0)])))
    assert {d.name: d.value for d in answer.config.doubles}["near_m"] == pytest.approx(0.1)
    assert "near_m (3) must be below far_m (2)" in running.process.output()
    good_frame_gives_grasps(running, scenes[0])


def test_diagnostics_tell_how_it_fares(running: Running, scenes: List[np.ndarray]) -> None:
    good_frame_gives_grasps(running, scenes[0])
    after = len(running.diagnostics.messages)
    good_frame_gives_grasps(running, scenes[1])
    wait_until(lambda: len(running.diagnostics.messages) > after + 1)
    status = running.diagnostics.messages[-1].status[0]
    values = {pair.key: pair.value for pair in status.values}
    assert status.level == 0, status.message
    assert {"device", "checkpoint", "last error", "latency [ms]", "age [ms]", "fps", "dropped"} <= set(values)
    assert (values["device"], values["checkpoint"]) == ("cpu", "efficientnet_lite0")
    assert float(values["latency [ms]"]) > 0


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
    good_frame_gives_grasps(running, scenes[0])
    msg = depth_msg(scenes[0])
    spoil(msg)
    publish_bad(running, msg, text)
    good_frame_gives_grasps(running, scenes[0])


def test_a_camera_without_calibration_is_reported(running: Running, scenes: List[np.ndarray]) -> None:
    msg = depth_msg(scenes[0])
    uncalibrated = camera_info_msg(CAMERA, msg.header)
    uncalibrated.K = [0.0] * 9
    running.camera.info.publish(uncalibrated)
    publish_bad(running, msg, "not calibrated")
    good_frame_gives_grasps(running, scenes[0])


def test_all_depth_missing_is_an_empty_answer_not_an_error(running: Running, scenes: List[np.ndarray]) -> None:
    nothing = running.grasps.at(running.camera.publish(depth_msg(np.full((480, 640), np.nan, np.float32))))
    assert nothing.grasps == []
    good_frame_gives_grasps(running, scenes[0])


def test_one_stamp_that_goes_back_is_dropped(running: Running, scenes: List[np.ndarray]) -> None:
    good = good_frame_gives_grasps(running, scenes[0])
    early = good.header.stamp - rospy.Duration.from_sec(0.3)
    publish_bad(running, depth_msg(scenes[0], stamp=early), "stamps went back")
    good_frame_gives_grasps(running, scenes[0])


def test_a_stale_image_is_not_published(running: Running, scenes: List[np.ndarray]) -> None:
    old = rospy.Time.now() - rospy.Duration(60)
    publish_bad(running, depth_msg(scenes[0], stamp=old), "stamps went back")
    publish_bad(running, depth_msg(scenes[0], stamp=old + rospy.Duration(1)), "max_age_s")
    good_frame_gives_grasps(running, scenes[0])


def test_a_camera_info_that_changes_is_honoured(running: Running, scenes: List[np.ndarray]) -> None:
    one = good_frame_gives_grasps(running, scenes[0])
    longer = dataclasses.replace(CAMERA, fx=2 * CAMERA.fx, fy=2 * CAMERA.fy)

    def halved(two: GraspArray) -> bool:
        return np.allclose([g.width for g in two.grasps], [g.width / 2 for g in one.grasps], rtol=1e-5)

    running.camera.publish_until(
        lambda stamp: running.grasps.answers(stamp, halved), lambda: depth_msg(scenes[0]), camera=longer
    )
    half = PinholeCamera(320, 240, 307.5, 307.5, 160.0, 120.0)
    running.camera.publish_until(running.grasps.answers, lambda: depth_msg(scenes[0][::2, ::2].copy()), camera=half)
    running.camera.publish_until(running.grasps.answers, lambda: depth_msg(scenes[0]))


@pytest.fixture(scope="module")
def based(graph: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Run a node that publishes in a base frame and tracks; TF must be told where its cameras are."""
    camera, grasps = Camera("/based/depth/image", "/based/depth/camera_info"), Listener("/based/grasps", GraspArray)
    diagnostics = Listener("/diagnostics", DiagnosticArray)
    frames = {"base": "base_link", "tf_timeout_s": 0.3}
    parameters = {**PATIENT, "topics": {"depth": "/based/depth/image"}, "frames": frames, "tracking": True}
    with node("/based", parameters, tmp_path_factory.mktemp("based") / "log") as process:
        camera.wait_for_listener()
        yield Running(process, camera, grasps, diagnostics)
    camera.close()


def test_a_frame_that_tf_does_not_know_is_dropped(based: Running, scenes: List[np.ndarray]) -> None:
    unknown = based.camera.publish(depth_msg(scenes[0], frame_id="nowhere"))
    based.diagnostics.wait(
        lambda m: (
            m.status[0].name.startswith("based") and "no transform from 'nowhere' to 'base_link'" in m.status[0].message
        )
    )
    assert not [a for a in based.grasps.messages if a.header.stamp == unknown]


def test_grasps_stand_where_the_camera_stood_at_the_images_stamp(
    based: Running, scenes: List[np.ndarray], predictor: GraspPredictor
) -> None:
    """The camera moves 0.2 m in a second; an image from the middle lies 0.1 m on, not at either end."""
    turn, start_m = Rotation.from_euler("xyz", (math.pi, 0.1, 0.4)), np.array((0.4, -0.1, 0.9))
    broadcaster, now = tf2_ros.TransformBroadcaster(), rospy.Time.now()
    stamp = now + rospy.Duration.from_sec(0.5)

    def moving_image() -> Image:
        for seconds in (0.0, 1.0):
            pose = static_transform("base_link", "moving", turn, start_m + np.array((0.2 * seconds, 0.0, 0.0)))
            pose.header.stamp = now + rospy.Duration.from_sec(seconds)
            broadcaster.sendTransform(pose)
        return depth_msg(scenes[0], frame_id="moving", stamp=stamp)

    based.camera.publish_until(based.grasps.answers, moving_image)
    array = based.grasps.at(stamp)
    expected = predictor.predict(from_image_msg(depth_msg(scenes[0]), CAMERA)).grasps[0]
    position, q = array.grasps[0].pose.position, array.grasps[0].pose.orientation
    assert array.header.frame_id == "base_link"
    np.testing.assert_allclose(
        (position.x, position.y, position.z),
        turn.as_matrix() @ expected.position_m + start_m + np.array((0.1, 0.0, 0.0)),
        atol=1e-6,
    )
    np.testing.assert_allclose(
        Rotation.from_quat((q.x, q.y, q.z, q.w)).as_matrix(), turn.as_matrix() @ expected.rotation(), atol=1e-6
    )


def test_tracking_stays_with_its_grasp_until_it_is_reset(
    based: Running, scenes: List[np.ndarray], predictor: GraspPredictor
) -> None:
    """Mirrored, the best grasp is on the other side; ~grasp takes the one nearest to where it was."""
    broadcaster = tf2_ros.StaticTransformBroadcaster()
    broadcaster.sendTransform(static_transform("base_link", "camera", Rotation.identity(), np.zeros(3)))
    chosen, reset = Listener("/based/grasp", PoseStamped), rospy.ServiceProxy("/based/reset_tracking", Trigger)
    wait_until(chosen.connected)
    one, two = (from_image_msg(depth_msg(s), CAMERA) for s in (scenes[0], scenes[0][:, ::-1].copy()))
    first, second = predictor.predict(one), predictor.predict(two)
    tracker = GraspTracker((first.image_grasps[0].v, first.image_grasps[0].u))
    tracker.select([(g.v, g.u) for g in first.image_grasps])
    nearest = tracker.select([(g.v, g.u) for g in second.image_grasps])
    assert nearest != 0, "the scene must tell tracking from taking the best"
    based.camera.publish_until(based.grasps.answers, lambda: depth_msg(scenes[0]))
    reset()
    for depth_m, grasp in ((one.depth_m, first.grasps[0]), (two.depth_m, second.grasps[nearest])):
        pose = chosen.at(based.camera.publish(depth_msg(depth_m)))
        np.testing.assert_allclose(pose.pose.position.x, grasp.position_m[0], atol=1e-5)
    reset()
    pose = chosen.at(based.camera.publish(depth_msg(two.depth_m)))
    np.testing.assert_allclose(pose.pose.position.x, second.grasps[0].position_m[0], atol=1e-5)


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


def test_it_waits_for_a_camera_says_so_and_ends_on_sigint(graph: str, tmp_path: Path) -> None:
    parameters = {"topics": {"depth": "/absent/image"}, "info_timeout_s": 0.1}
    process = NodeUnderTest("/ending", parameters, tmp_path / "log")
    rospy.wait_for_service("/ending/predict", timeout=START_S)
    text = "still waiting for camera_info on /absent/camera_info and depth image on /absent/image"
    wait_until(lambda: process.output().count(text) >= 2)
    assert process.stop() == 0
