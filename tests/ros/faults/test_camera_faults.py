"""What a camera may do to a node that runs, and one that listens to it."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace
from typing import List

import numpy as np
import pytest
import rospy
from fault_table import Fault
from rig import CAMERA, camera_info_msg, depth_msg, wait_until
from sensor_msgs.msg import Image
from stream import halved
from watched import HALF, Watched, all_accounted_for, never_reads, shows

from pspgrasp.camera import PinholeCamera
from pspgrasp.predictor import GraspPredictor
from pspgrasp.ros.calibrations import HABIT
from pspgrasp.ros.interfaces import DetectorState
from pspgrasp.ros.messages import from_image_msg

pytestmark = pytest.mark.ros

FLOOD_S = 1.0


def test_a_camera_changes_in_flight(
    robot: Watched, small: GraspPredictor, scenes: List[np.ndarray], fault: Fault
) -> None:
    """The camera changes its size, its calibration, its encoding and its frame in flight."""
    longer = replace(HALF, fx=1.25 * HALF.fx, fy=1.25 * HALF.fy)
    for _ in range(HABIT):
        assert robot.outcome(depth_msg(scenes[0])) == "GRASPS"
    early = robot.outcome(depth_msg(halved(scenes[0])), CAMERA)
    fault.sees("`BAD_IMAGE` until its `camera_info` has changed as well", early == "BAD_IMAGE")
    wrong = []

    def judged(msg: Image, camera: PinholeCamera) -> bool:
        """Let an image come before its camera_info."""
        robot.camera.depth.publish(msg)
        time.sleep(0.02)
        robot.camera.info.publish(camera_info_msg(camera, msg.header))
        outcome, array = robot.became_of(msg)
        right = (
            shows(array, small.predict(from_image_msg(msg, camera))) and array.header.frame_id == msg.header.frame_id
        )
        wrong.extend([] if right or outcome == "NO_CAMERA_INFO" else [(outcome, camera)])
        return outcome == "GRASPS"

    changes = [
        (halved(scenes[0]), HALF, "16UC1", "camera"),
        (halved(scenes[0]), longer, "16UC1", "camera"),
        (scenes[0], CAMERA, "16UC1", "camera"),
        (scenes[0], CAMERA, "32FC1", "camera"),
        (scenes[0], CAMERA, "16UC1", "wrist"),
    ]
    for depth_m, camera, encoding, frame_id in changes:
        for _ in range(HABIT):
            wait_until(lambda change=(depth_m, encoding, frame_id), to=camera: judged(depth_msg(*change), to))
    fault.sees("from the first image on, grasps are those of the new camera, in its frame", not wrong)


def test_stamps_that_can_not_be(robot: Watched, scenes: List[np.ndarray], fault: Fault) -> None:
    """An image is stamped before the last one, then one a minute ago, one in an hour."""

    def stamped(stamp: rospy.Time) -> str:
        return robot.outcome(depth_msg(scenes[0], stamp=stamp))

    now, first = rospy.Time.now(), len(robot.grasps.messages)
    assert robot.outcome(depth_msg(scenes[0])) == "GRASPS"
    wrong = [now - rospy.Duration(120), now - rospy.Duration(60), now + rospy.Duration(3600)]
    seen = [stamped(stamp) for stamp in wrong]
    fault.sees("`STAMP_WENT_BACK`, `TOO_OLD`, `IN_FUTURE`", seen == ["STAMP_WENT_BACK", "TOO_OLD", "IN_FUTURE"])
    fault.sees("the next image gives grasps", robot.outcome(depth_msg(scenes[0])) == "GRASPS")
    published = {array.header.stamp for array in robot.grasps.messages[first:]}
    fault.sees("nothing is published of the wrong ones", published.isdisjoint(wrong))


def test_more_images_than_it_can_take(robot: Watched, scenes: List[np.ndarray], fault: Fault) -> None:
    """Images come at twice, then at ten times the rate that it can take."""
    began_s, before = time.monotonic(), robot.counts()
    for _ in range(5):
        robot.outcome(depth_msg(scenes[0]))
    takes_s = (time.monotonic() - began_s) / 5
    since, states = len(robot.grasps.messages), len(robot.states.messages)
    for rate in (2, 10):
        for _ in range(int(FLOOD_S * rate / takes_s)):
            robot.camera.publish(depth_msg(scenes[0]))
            time.sleep(takes_s / rate)
    with fault.until_good():
        last = robot.outcome(depth_msg(scenes[0]))
    counts = robot.counts()
    fault.sees("the newest image is judged", last == "GRASPS")
    fault.sees("the others are `dropped`", counts["dropped"] > before["dropped"])
    fault.sees("each that came is accounted for", all_accounted_for(counts))
    stamps = [array.header.stamp for array in robot.grasps.messages[since:]]
    fault.sees("grasps come in the order of their stamps, none twice", stamps == sorted(set(stamps)))
    bad = {msg.state for msg in robot.states.messages[states:]} & {DetectorState.FAILED, DetectorState.WAITING}
    fault.sees("it never fails", not bad and counts["failed"] == before["failed"])


def test_a_burst_after_a_pause(robot: Watched, scenes: List[np.ndarray], fault: Fault) -> None:
    """Thirty images come at once after none came for a second."""
    time.sleep(1.0)
    before = robot.counts()
    for _ in range(30):
        robot.camera.publish(depth_msg(scenes[0]))
    with fault.until_good():
        last = robot.outcome(depth_msg(scenes[1]))
    counts = robot.counts()
    came, judged = (counts[what] - before[what] for what in ("received", "judged"))
    fault.sees("the newest is judged, and no queue of old ones", last == "GRASPS" and judged < came)
    fault.sees("each that came is accounted for", all_accounted_for(counts))


def test_the_camera_stops(robot: Watched, scenes: List[np.ndarray], fault: Fault) -> None:
    """The camera stops, and comes back."""
    robot.runs(scenes[0])
    stops = len(robot.states.messages)
    stalled = robot.told(DetectorState.DEGRADED, since=stops)
    fault.sees("`DEGRADED` after `health/stall_s`, and it says why", "no image came" in stalled.reason)
    back = len(robot.states.messages)
    with fault.until_good():
        first = robot.camera.publish(depth_msg(scenes[0]))
        running = robot.told(DetectorState.RUNNING, since=back)
    fault.sees("`RUNNING` with the first image", robot.statuses.messages[-1].header.stamp == first and running.reason)


def test_a_subscriber_that_never_reads(robot: Watched, scenes: List[np.ndarray], fault: Fault) -> None:
    """Somebody subscribes to `~overlay`, the largest output, and never reads."""
    with closing(never_reads("/robust", "/robust/overlay")):
        seen = [robot.outcome(depth_msg(scenes[0])) for _ in range(20)]
    fault.sees("everybody else gets the grasps of each image", seen == 20 * ["GRASPS"])
