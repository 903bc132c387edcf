"""Grasps in a base frame: where the camera stood when the image was taken; and one grasp followed over frames."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Iterator, List

import numpy as np
import pytest
import rospy
import tf2_ros
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from rig import (
    CAMERA,
    PATIENT,
    Camera,
    Listener,
    Running,
    depth_msg,
    node,
    static_transform,
    wait_until,
)
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger

from pspgrasp.data.tabletop import tabletop_frames
from pspgrasp.predictor import GraspPredictor
from pspgrasp.ros.interfaces import GraspArray
from pspgrasp.ros.messages import from_image_msg
from pspgrasp.tracker import GraspTracker

pytestmark = pytest.mark.ros


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
    """Upside down, the best grasp is elsewhere; ~grasp takes the one nearest to where it was."""
    broadcaster = tf2_ros.StaticTransformBroadcaster()
    broadcaster.sendTransform(static_transform("base_link", "camera", Rotation.identity(), np.zeros(3)))
    chosen, reset = Listener("/based/grasp", PoseStamped), rospy.ServiceProxy("/based/reset_tracking", Trigger)
    wait_until(chosen.connected)
    one, two = (from_image_msg(depth_msg(s), CAMERA) for s in (scenes[3], scenes[3][::-1].copy()))
    first, second = predictor.predict(one), predictor.predict(two)
    tracker = GraspTracker((first.image_grasps[0].v, first.image_grasps[0].u))
    tracker.select([(g.v, g.u) for g in first.image_grasps])
    nearest = tracker.select([(g.v, g.u) for g in second.image_grasps])
    assert nearest != 0, "the scene must tell tracking from taking the best"
    based.camera.publish_until(based.grasps.answers, lambda: depth_msg(scenes[3]))
    reset()
    for depth_m, grasp in ((one.depth_m, first.grasps[0]), (two.depth_m, second.grasps[nearest])):
        pose = chosen.at(based.camera.publish(depth_msg(depth_m)))
        np.testing.assert_allclose(pose.pose.position.x, grasp.position_m[0], atol=1e-5)
    reset()
    pose = chosen.at(based.camera.publish(depth_msg(two.depth_m)))
    np.testing.assert_allclose(pose.pose.position.x, second.grasps[0].position_m[0], atol=1e-5)


def test_a_gripper_that_comes_along_the_tables_normal_points_straight_down_in_the_base_frame(
    graph: str, tmp_path: Path
) -> None:
    """The table is known by TF alone: it is level at a height of the base frame, and the camera looks at it aslant."""
    (seen, pose), name = next(iter(tabletop_frames(seed=3, frames=2))), "/upright"
    height_m = 0.7
    turn, place_m = Rotation.from_matrix(pose[:3, :3]), pose[:3, 3] + np.array([0.0, 0.0, height_m])
    broadcaster = tf2_ros.StaticTransformBroadcaster()
    broadcaster.sendTransform(static_transform("robot", "aslant", turn, place_m))
    camera, grasps = (
        Camera("/upright/depth/image", "/upright/depth/camera_info"),
        Listener(f"{name}/grasps", GraspArray),
    )
    parameters = {
        **PATIENT,
        "topics": {"depth": "/upright/depth/image"},
        "frames": {"base": "robot"},
        "table": {"plane": "base", "base_z_m": height_m},
        "clearance": {"approach": "table"},
    }
    with node(name, parameters, tmp_path / "log"):
        camera.wait_for_listener()
        camera.publish_until(grasps.answers, lambda: depth_msg(seen.depth_m, frame_id="aslant"))
        found = grasps.at(camera.publish(depth_msg(seen.depth_m, frame_id="aslant"))).grasps
    camera.close()
    assert found
    for grasp in found:
        q, above_m = grasp.pose.orientation, grasp.pose.position.z - height_m
        down = Rotation.from_quat((q.x, q.y, q.z, q.w)).as_matrix()[:, 2]
        np.testing.assert_allclose(down, [0.0, 0.0, -1.0], atol=1e-6)
        assert 0.005 < above_m < 0.1, "on a thing, measured from the table"
