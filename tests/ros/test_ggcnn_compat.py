"""A robot built for GG-CNN against this node: its topics, its service, its closed loop."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Tuple

import numpy as np
import pytest
import rospy
import tf2_ros
from geometry_msgs.msg import PoseStamped
from ggcnn_consumer import ClosedLoopConsumer
from rig import (
    ANSWER_S,
    CAMERA,
    PATIENT,
    Camera,
    Listener,
    NodeUnderTest,
    depth_msg,
    node,
    static_transform,
    wait_until,
)
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import Image
from std_msgs.msg import Float32MultiArray
from std_srvs.srv import Trigger

from pspgrasp.camera import PinholeCamera
from pspgrasp.data.tabletop import tabletop_frames
from pspgrasp.ggcnn_service import GgcnnServiceConfig, service_grasp
from pspgrasp.ggcnn_stream import GgcnnStream
from pspgrasp.predictor import GraspPredictor
from pspgrasp.ros.interfaces import GraspArray, GraspPrediction, Predict
from pspgrasp.ros.messages import from_image_msg

pytestmark = [pytest.mark.ros, pytest.mark.usefixtures("graph")]

DEPTH, INFO = "/camera/depth/image_meters", "/camera/depth/camera_info"
CAMERA_FRAME, BASE_FRAME = "camera_depth_optical_frame", "panda_link0"
LOOKS_DOWN, CAMERA_PLACE_M = Rotation.from_matrix(np.diag([1.0, -1.0, -1.0])), np.array((0.4, 0.0, 0.6))
IMAGES = {"grasp": "bgr8", "grasp_plain": "bgr8", "depth": "32FC1", "ang": "32FC1"}


class Running(NamedTuple):
    """The node in the place of GG-CNN's kinova node."""

    process: NodeUnderTest
    camera: Camera
    command: Listener
    images: Dict[str, Listener]
    robot: rospy.Publisher


@pytest.fixture(scope="module")
def scenes() -> List[np.ndarray]:
    return [frame.depth_m for frame, _ in tabletop_frames(seed=5, frames=6)]


@pytest.fixture(scope="module")
def running(graph: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    camera = Camera(DEPTH, INFO)
    command = Listener("/ggcnn/out/command", Float32MultiArray)
    images = {name: Listener(f"/ggcnn/img/{name}", Image) for name in IMAGES}
    robot = rospy.Publisher("/m1n6s200_driver/out/tool_pose", PoseStamped, latch=True, queue_size=1)
    broadcaster = tf2_ros.StaticTransformBroadcaster()
    broadcaster.sendTransform(static_transform(BASE_FRAME, CAMERA_FRAME, LOOKS_DOWN, CAMERA_PLACE_M))
    with node("/ggcnn_detection", {**PATIENT, "ggcnn": "kinova"}, tmp_path_factory.mktemp("ggcnn") / "log") as process:
        camera.wait_for_listener()
        wait_until(
            lambda: all(li.connected() for li in (command, *images.values())) and robot.get_num_connections() > 0
        )
        yield Running(process, camera, command, images, robot)
    camera.close()
    robot.unregister()


def send(running: Running, scene: np.ndarray) -> Tuple[Image, List[float]]:
    """Publish a frame and return it with the command that it gave.

    A command carries no stamp, but is published with the images, which do: they have one number.
    """
    msg = depth_msg(scene, "32FC1", CAMERA_FRAME)
    running.camera.publish(msg)
    for listener in running.images.values():
        listener.at(msg.header.stamp)
    number = [m.header.stamp for m in running.images["ang"].messages].index(msg.header.stamp)
    return msg, list(running.command.wait(lambda _: True, since=number).data)


def set_height(running: Running, height_m: float, probe: np.ndarray, predictor: GraspPredictor) -> None:
    """Move the robot's tool, and send frames until the node's answer shows that it has heard of it."""
    frame = from_image_msg(depth_msg(probe, "32FC1", CAMERA_FRAME), CAMERA)
    low, high = (GgcnnStream("kinova", "strict").update(frame, predictor, h).command for h in (0.2, 0.5))
    assert not np.allclose(low, high, atol=1e-3), "the probe must tell the two apart"
    pose = PoseStamped()
    pose.pose.position.z = height_m
    running.robot.publish(pose)

    def heard() -> bool:
        reset(running)
        return np.allclose(send(running, probe)[1], high if height_m > 0.34 else low, atol=1e-3)

    wait_until(heard)


def reset(running: Running) -> None:
    assert rospy.ServiceProxy("/ggcnn_detection/reset_tracking", Trigger)().success


def test_the_command_is_six_floats_and_those_of_the_contract(
    running: Running, scenes: List[np.ndarray], predictor: GraspPredictor
) -> None:
    """Over a sequence, with the arm low: the tracked point is carried from frame to frame."""
    set_height(running, 0.2, scenes[0], predictor)
    reset(running)
    stream = GgcnnStream("kinova", "strict")
    for scene in scenes:
        msg, data = send(running, scene)
        expected = stream.update(from_image_msg(msg, CAMERA), predictor, 0.2)
        assert len(data) == 6
        np.testing.assert_allclose(data, expected.command, rtol=1e-5, atol=1e-5)
    assert running.command.messages[-1].layout.dim == []
    assert running.command.messages[-1].layout.data_offset == 0


def test_with_the_arm_high_the_tracked_point_jumps_to_the_best_peak(
    running: Running, scenes: List[np.ndarray], predictor: GraspPredictor
) -> None:
    set_height(running, 0.5, scenes[0], predictor)
    stream = GgcnnStream("kinova", "strict")
    msg, data = send(running, scenes[0])
    np.testing.assert_allclose(
        data, stream.update(from_image_msg(msg, CAMERA), predictor, 0.5).command, rtol=1e-5, atol=1e-5
    )


def test_the_four_images(running: Running, scenes: List[np.ndarray], predictor: GraspPredictor) -> None:
    set_height(running, 0.5, scenes[0], predictor)
    msg, _ = send(running, scenes[1])
    expected = GgcnnStream("kinova", "strict").update(from_image_msg(msg, CAMERA), predictor, 0.5)
    arrays = {"grasp": expected.grasp, "grasp_plain": expected.grasp_plain, "depth": expected.network_input,
              "ang": expected.angle_rad}  # fmt: skip
    for name, encoding in IMAGES.items():
        image = running.images[name].at(msg.header.stamp)
        assert (image.encoding, image.height, image.width) == (encoding, 300, 300)
        assert image.header.frame_id == CAMERA_FRAME
        ours = np.frombuffer(image.data, np.uint8 if encoding == "bgr8" else np.float32)
        np.testing.assert_allclose(ours, arrays[name].ravel(), atol=1e-5)


def test_nothing_is_published_where_there_is_no_grasp(
    running: Running, scenes: List[np.ndarray], predictor: GraspPredictor
) -> None:
    set_height(running, 0.5, scenes[0], predictor)
    send(running, scenes[0])
    before = {name: len(listener.messages) for name, listener in running.images.items()}
    commands = len(running.command.messages)
    empty = depth_msg(np.full((480, 640), np.nan, np.float32), "32FC1", CAMERA_FRAME)
    predict = rospy.ServiceProxy("/ggcnn_detection/predict", Predict)
    timer = rospy.Timer(rospy.Duration.from_sec(0.05), lambda _: running.camera.publish(restamped(empty)))
    answer = predict(timeout=ANSWER_S)
    timer.shutdown()
    assert not answer.success
    assert "no depth" in answer.message
    assert {name: len(listener.messages) for name, listener in running.images.items()} == before
    assert len(running.command.messages) == commands
    send(running, scenes[0])


def restamped(msg: Image) -> Image:
    msg.header.stamp = rospy.Time.now()
    return msg


def test_our_own_topics_speak_beside_ggcnns(running: Running, scenes: List[np.ndarray]) -> None:
    grasps = Listener("/ggcnn_detection/grasps", GraspArray)
    wait_until(grasps.connected)
    msg, _ = send(running, scenes[2])
    assert grasps.at(msg.header.stamp).grasps
    grasps.close()


def test_an_image_too_small_for_ggcnn_still_gives_our_own_grasps(running: Running, scenes: List[np.ndarray]) -> None:
    grasps = Listener("/ggcnn_detection/grasps", GraspArray)
    wait_until(grasps.connected)
    small = PinholeCamera(640, 360, CAMERA.fx, CAMERA.fy, CAMERA.cx, 180.0)
    cut = scenes[2][60:420].copy()
    running.camera.publish_until(
        lambda stamp: grasps.answers(stamp, lambda a: len(a.grasps) > 0),
        lambda: depth_msg(cut, "32FC1", CAMERA_FRAME),
        camera=small,
    )
    assert "doesn't fit into a depth image of 640x360" in running.process.output()
    running.camera.publish_until(grasps.answers, lambda: depth_msg(scenes[2], "32FC1", CAMERA_FRAME))
    grasps.close()


def test_the_service_answers_in_the_base_frame(
    running: Running, scenes: List[np.ndarray], predictor: GraspPredictor
) -> None:
    service = rospy.ServiceProxy("/ggcnn_service/predict", GraspPrediction)
    msg = depth_msg(scenes[3], "32FC1", CAMERA_FRAME)
    timer = rospy.Timer(rospy.Duration.from_sec(0.05), lambda _: running.camera.publish(restamped(msg)))
    answer = service()
    timer.shutdown()
    assert answer.success
    expected = service_grasp(
        from_image_msg(msg, CAMERA), predictor, LOOKS_DOWN.as_matrix(), CAMERA_PLACE_M, GgcnnServiceConfig()
    )
    assert expected is not None
    grasp, p, q = answer.best_grasp, answer.best_grasp.pose.position, answer.best_grasp.pose.orientation
    np.testing.assert_allclose((p.x, p.y, p.z), expected.position_m, atol=1e-6)
    np.testing.assert_allclose((q.x, q.y, q.z, q.w), expected.orientation_xyzw, atol=1e-6)
    assert grasp.width == pytest.approx(expected.width_m, rel=1e-5)
    assert grasp.quality == pytest.approx(expected.quality, rel=1e-5)


def test_the_service_does_not_wait_for_ever(running: Running) -> None:
    answer = rospy.ServiceProxy("/ggcnn_service/predict", GraspPrediction)()
    assert not answer.success
    assert answer.best_grasp.quality == 0
    assert "no depth image on /camera/depth/image_meters in 2 s" in running.process.output()


@pytest.mark.parametrize("turn_deg", [20, -60, 90, 120])  # near 0 the angle wraps, and `strict` averages it wrongly
def test_the_kinova_closed_loop_steers_to_the_object(
    running: Running, scenes: List[np.ndarray], predictor: GraspPredictor, turn_deg: int
) -> None:
    """The consumer reads what robots read; it must end above the box, fingers across its short side."""
    set_height(running, 0.3, scenes[0], predictor)
    reset(running)
    send(running, box_on_a_table(turn_deg))
    consumer = ClosedLoopConsumer(BASE_FRAME, CAMERA_FRAME)
    wait_until(consumer.connected)
    for _ in range(4):
        seen = consumer.steps
        send(running, box_on_a_table(turn_deg))
        wait_until(lambda seen=seen: consumer.steps > seen)
    consumer.close()
    # e[2] of the consumer is the direction in which the jaws close, in the base frame.
    turned = Rotation.from_euler("z", turn_deg, degrees=True)
    along_m, across_m, above_m = turned.inv().apply(np.subtract(consumer.goal_m, (0.4, 0.0, 0.05)))
    assert abs(along_m) < 0.06, "on the box, whose length is 160 mm"
    assert abs(across_m) < 0.01, "in the middle of its short side"
    assert abs(above_m) < 0.02
    assert consumer.fingers_may_close
    assert 0.03 < consumer.grip_width_mm / 1000 < 0.12
    across = turned.apply((0.0, 1.0, 0.0))
    closing = np.array((math.cos(consumer.closing_yaw_rad), math.sin(consumer.closing_yaw_rad), 0.0))
    assert abs(float(across @ closing)) > math.cos(math.radians(20))


def box_on_a_table(turn_deg: int) -> np.ndarray:
    """Return depth (480, 640) [m] from straight above: a box of 160 x 40 x 50 mm, turned anticlockwise in the base."""
    v, u = np.mgrid[:480, :640].astype(np.float32)
    x_m, y_m = (u - CAMERA.cx) / CAMERA.fx * 0.55, -(v - CAMERA.cy) / CAMERA.fy * 0.55
    c, s = math.cos(math.radians(turn_deg)), math.sin(math.radians(turn_deg))
    on_box = (np.abs(c * x_m + s * y_m) < 0.08) & (np.abs(-s * x_m + c * y_m) < 0.02)
    noise_m = np.random.default_rng(0).normal(0, 0.0005, (480, 640))
    return (np.where(on_box, 0.55, 0.6) + noise_m).astype(np.float32)


def test_the_mvp_preset_publishes_its_own(scenes: List[np.ndarray], predictor: GraspPredictor, tmp_path: Path) -> None:
    camera, command = (
        Camera("/mvp/depth/image", "/mvp/depth/camera_info"),
        Listener("/ggcnn/out/command", Float32MultiArray),
    )
    parameters = {
        **PATIENT,
        "ggcnn": "mvp",
        "quirks": "fixed",
        "topics": {"depth": "/mvp/depth/image"},
        "ggcnn_service": "/mvp",
    }
    with node("/mvp_detection", parameters, tmp_path / "log"):
        camera.wait_for_listener()
        wait_until(lambda: command.connected() >= 1)
        angle = Listener("/ggcnn/img/ang", Image)
        wait_until(angle.connected)
        camera.publish_until(angle.answers, lambda: depth_msg(scenes[0], "32FC1", CAMERA_FRAME))
        data = list(command.wait(lambda _: True).data)
    frame = from_image_msg(depth_msg(scenes[0], "32FC1", CAMERA_FRAME), CAMERA)
    expected = GgcnnStream("mvp", "fixed").update(frame, predictor)
    np.testing.assert_allclose(data, expected.command, rtol=1e-5, atol=1e-5)
