"""What the demo makes of the grasps it gets."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from genpy import Time
from geometry_msgs.msg import Point, Pose, Quaternion
from std_msgs.msg import Header

from pspgrasp.ros.demo_report import DemoReport, EvenSpread, closing_angle_rad
from pspgrasp.ros.interfaces import Grasp, GraspArray

pytestmark = pytest.mark.ros

PICTURE = np.zeros((48, 64, 3), np.uint8)


def grasps_at(stamp_ns: int, count: int = 1) -> GraspArray:
    pose = Pose(Point(0.1, -0.2, 0.55), Quaternion(0.0, 0.0, math.sin(0.25), math.cos(0.25)))
    grasp = Grasp(pose=pose, width=0.042, quality=0.83)
    return GraspArray(Header(stamp=Time(*divmod(stamp_ns, 10**9))), [grasp] * count)


def report_of(*scenes: str) -> DemoReport:
    """Return a report of one judged frame for each scene."""
    report = DemoReport(pictures_a_scene=2)
    for index, scene in enumerate(scenes):
        stamp_ns = (index + 1) * 10**9
        report.begin_scene(scene)
        report.add_frame(stamp_ns)
        report.add_grasps(grasps_at(stamp_ns), stamp_ns + 5 * 10**7)
        report.add_overlay(stamp_ns, PICTURE)
    return report


@pytest.mark.parametrize("length", [0, 1, 2, 3, 12, 13, 100, 1001])
def test_pictures_are_spread_evenly_over_a_stream_of_any_length(length: int) -> None:
    spread = EvenSpread(3)
    for stamp_ns in range(length):
        spread.add(stamp_ns, PICTURE)
    stamps = [stamp_ns for stamp_ns, _ in spread.chosen()]
    assert len(stamps) == min(3, length)
    np.testing.assert_allclose(
        stamps, (np.arange(len(stamps)) + 0.5) / max(len(stamps), 1) * length, atol=1 + length / 6
    )


def test_a_row_tells_the_best_grasp_in_metres_degrees_and_millimetres() -> None:
    report = DemoReport(pictures_a_scene=1)
    report.add_frame(10**9)
    report.add_frame(2 * 10**9)
    row = report.add_grasps(grasps_at(2 * 10**9, count=3), now_ns=2 * 10**9 + 48 * 10**6)
    assert row.split() == ["1", "1.00", "3", "0.100", "-0.200", "0.550", "28.6", "42.0", "0.83", "48"]
    assert report.add_grasps(grasps_at(10**9, count=0), now_ns=10**9).split() == ["0", "0.00", "0", *"------", "0"]


@pytest.mark.parametrize("angle_rad", [-math.pi / 2, -0.4, 0.0, 1.2])
@pytest.mark.parametrize("half_turns", [0, 1, 2])
def test_an_angle_has_the_period_of_half_a_turn(angle_rad: float, half_turns: int) -> None:
    half_rad = (angle_rad + half_turns * math.pi) / 2
    found_rad = closing_angle_rad(Quaternion(0.0, 0.0, math.sin(half_rad), math.cos(half_rad)))
    assert math.sin(found_rad - angle_rad) == pytest.approx(0.0, abs=1e-9)
    assert -math.pi / 2 - 1e-9 <= found_rad < math.pi / 2


def test_a_report_of_two_fruitful_scenes_passes_and_is_written_down(tmp_path: Path) -> None:
    assert report_of("a bin", "table").write(tmp_path) == "PASS"
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == ["a_bin_000.png", "contact_sheet.png", "grasps.txt", "summary.txt", "table_001.png"]
    first, *_, last = (tmp_path / "summary.txt").read_text().splitlines()
    assert first == "a bin: 1 of 1 frames judged, 1 with grasps, median age 50 ms"
    assert last == "PASS"


def test_a_scene_without_grasps_or_pictures_fails_by_name(tmp_path: Path) -> None:
    report = report_of("good")
    report.begin_scene("barren")
    report.add_overlay(5 * 10**9, PICTURE)
    assert report.write(tmp_path) == "FAIL: no grasp in: barren"
    report.begin_scene("unseen")
    report.add_grasps(grasps_at(6 * 10**9), 6 * 10**9)
    assert report.write(tmp_path) == "FAIL: no grasp in: barren; no picture of: unseen"


def test_a_recording_of_nothing_fails(tmp_path: Path) -> None:
    assert DemoReport(pictures_a_scene=1).write(tmp_path) == "FAIL: the recording brought no frame"


def test_a_recording_without_named_scenes_is_one_scene(tmp_path: Path) -> None:
    report = DemoReport(pictures_a_scene=1)
    report.add_frame(10**9)
    report.add_grasps(grasps_at(10**9), 10**9)
    report.add_overlay(10**9, PICTURE)
    assert report.write(tmp_path) == "PASS"
    assert (tmp_path / "recording_000.png").exists()
