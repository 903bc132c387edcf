"""A live node on the bench of physics: its answers by topic are those of its network, and silence is an error."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Iterator, Tuple

import numpy as np
import pytest
import rosgraph
import rospy
from rig import CAMERA, PATIENT, node
from std_msgs.msg import Header

pytest.importorskip("mujoco", reason="needs the extra sim")

from pspgrasp.cli import main
from pspgrasp.data.tabletop import tabletop_frames
from pspgrasp.depth import DepthFrame
from pspgrasp.errors import ConfigError
from pspgrasp.ggcnn_stream import GgcnnStream
from pspgrasp.grasp import Grasp, ImageGrasp
from pspgrasp.ros import live_node
from pspgrasp.ros.bench_rows import GgcnnCommandRow, GraspsTopicRow, rows_through
from pspgrasp.ros.live_node import LiveNode, SilentNodeError
from pspgrasp.ros.messages import (
    from_camera_info_msg,
    from_grasp_msg,
    from_image_msg,
    to_camera_info_msg,
    to_depth_msg,
    to_grasp_msg,
    to_pose_msg,
)
from pspgrasp.sim.arrangement import Arrangement
from pspgrasp.sim.records import SceneRecord
from pspgrasp.sim.rows import MOST_GRASPS, DetectorRow, row_of
from pspgrasp.sim.run_folder import RunFolder
from pspgrasp.sim.shot import Shot
from pspgrasp.sim.world import World

pytestmark = [pytest.mark.ros, pytest.mark.slow, pytest.mark.usefixtures("graph")]

NODE, DEPTH = "/bench/detector", "/bench/depth/image_meters"
AS_THE_BENCH = {
    "detection": {"min_quality": 0.0, "max_grasps": MOST_GRASPS},
    "clearance": {"fingers": False, "palm": False},
    "table": {"plane": "none"},
}
PARAMETERS = {
    **PATIENT,
    **AS_THE_BENCH,
    "backbone": "ggcnn",
    "device": "cpu",
    "ggcnn": "kinova",
    "topics": {"depth": DEPTH, "robot_pose": "/bench/tool_pose"},
}
NOTHING = DepthFrame(np.full((480, 640), np.nan), CAMERA)


@pytest.fixture(scope="module")
def name(graph: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with node(NODE, PARAMETERS, tmp_path_factory.mktemp("bench") / "log"):
        yield NODE


@pytest.fixture
def rows(name: str, request: pytest.FixtureRequest) -> Iterator[Tuple[GraspsTopicRow, GgcnnCommandRow]]:
    with rows_through(name, request.param) as found:
        yield found


@pytest.fixture(scope="module")
def row() -> DetectorRow:
    return row_of("ggcnn")


def shot_of(frame: DepthFrame) -> Shot:
    """Return a shot of a frame from 0.6 m above an empty table: rows of detectors look at nothing else of it."""
    pose = np.eye(4)
    pose[2, 3] = 0.6
    return Shot(Arrangement.of(World(())), pose, pose, frame)


def in_millimetres(frame: DepthFrame) -> DepthFrame:
    return DepthFrame(np.rint(1000 * np.nan_to_num(frame.depth_m)).astype(np.float32) * np.float32(0.001), frame.camera)


def assert_same(found: Tuple[Grasp, ...], expected: Tuple[Grasp, ...]) -> None:
    assert len(found) == len(expected) > 0
    for one, other in zip(found, expected):
        np.testing.assert_allclose(one.position_m, other.position_m, atol=1e-6)
        assert math.sin(one.angle_rad - other.angle_rad) == pytest.approx(0, abs=1e-5)
        assert (one.width_m, one.quality) == pytest.approx((other.width_m, other.quality), abs=1e-5)


@pytest.mark.parametrize("rows", ["16UC1"], indirect=True)
def test_the_rows_are_what_the_network_says_in_process(
    rows: Tuple[GraspsTopicRow, GgcnnCommandRow], row: DetectorRow
) -> None:
    topic, command = rows
    for frame, _ in tabletop_frames(seed=5, frames=3):
        shot, received = shot_of(frame), in_millimetres(frame)
        assert_same(topic(shot), row.predictor.predict(received).grasps)
        # As high as the robot is, the stream looks for the best peak in each image, whatever came before.
        x_m, y_m, z_m, angle_rad, width_px, _ = GgcnnStream("kinova").update(received, row.predictor, 0.6).command
        # strict: pixels of a map of 300 px that shows 400 px of the image.
        width_m = width_px * 400 / 300 * z_m / frame.camera.fx
        assert_same(command(shot), (Grasp(np.array((x_m, y_m, z_m)), angle_rad, width_m, 1.0),))


@pytest.mark.parametrize("rows", ["32FC1"], indirect=True)
def test_an_empty_answer_is_no_grasp_and_a_missing_one_an_error(
    rows: Tuple[GraspsTopicRow, GgcnnCommandRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    topic, command = rows
    frame = next(tabletop_frames(seed=5, frames=1))[0]
    assert command(shot_of(frame))
    # A command that came before isn't taken for the answer to an image that has none.
    assert (topic(shot_of(NOTHING)), command(shot_of(NOTHING))) == ((), ())
    monkeypatch.setattr(live_node, "ANSWER_S", 0.0)
    for one in rows:
        with pytest.raises(SilentNodeError, match=rf"did not answer an image on {DEPTH} .*{NODE}/grasps"):
            one(shot_of(frame))


def test_on_the_bench_a_node_lifts_what_its_network_lifts(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["sim", "run", str(tmp_path), "--cells", "household", "--rows", "ggcnn", "--attempts", "3"]
    words += ["--no-film", "--pictures", "0", "--camera", "rays", "--through-ros", name]
    assert main([*words, "--processes", "2"]) == 1
    assert "leave out --processes" in capsys.readouterr().err
    assert main([*words, "--ros-encoding", "32FC1"]) == 1
    assert "another folder" in capsys.readouterr().err, "images of another encoding make another run"
    assert main([*words[:2], str(tmp_path / "metres"), *words[3:], "--ros-encoding", "32FC1"]) == 0
    assert f"ros-command ggcnn/out/command of the node {NODE} (ggcnn, " in capsys.readouterr().out
    for record in records_of(tmp_path / "metres"):
        (own,), (by_topic,), (by_command,) = (record.rows[row] for row in ("ggcnn", "ros-grasps", "ros-command"))
        assert (by_topic.outcome, by_topic.target, by_topic.held) == (own.outcome, own.target, own.held)
        np.testing.assert_allclose(by_topic.tip_m, own.tip_m, atol=1e-6)
        assert by_topic.opening_m == pytest.approx(own.opening_m, abs=1e-5)
        assert by_command.tip_m


def records_of(folder: Path) -> Tuple[SceneRecord, ...]:
    records = tuple(RunFolder(folder, json.loads((folder / "run.json").read_text())).records())
    assert [record.number for record in records] == [0, 1, 2]
    return records


def test_a_node_that_is_not_there_is_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sim", "run", str(tmp_path), "--rows", "labels", "--through-ros", "/nobody"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(
        "pspgrasp: /nobody does not run, or does not listen to /camera/depth/image_rect_raw; start: "
    )
    assert said.count("\n") == 1
    assert "roslaunch pspgrasp grasp_detector.launch" in said


def test_without_a_master_it_is_said_what_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROS_MASTER_URI", "http://127.0.0.1:9")
    with pytest.raises(SilentNodeError, match=r"no ROS master answers at http://127.0.0.1:9; start: roslaunch"):
        rows_through("/detector").__enter__()


def test_a_node_with_a_camera_of_its_own_is_refused(name: str) -> None:
    other = rosgraph.Master("/realsense")
    other.registerPublisher(DEPTH, "sensor_msgs/Image", "http://127.0.0.1:9")
    try:
        with pytest.raises(ConfigError, match=f"/realsense publishes {DEPTH}, too; stop it"):
            LiveNode(name)
    finally:
        other.unregisterPublisher(DEPTH, "http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"frames": {"base": "base_link"}}, "without base_frame"),
        ({"topics": {"depth": "/camera/depth/compressedDepth"}}, "another depth_topic"),
    ],
)
def test_answers_that_the_bench_cannot_read_are_refused(parameters: dict, said: str) -> None:
    rospy.set_param("/another", parameters)
    with pytest.raises(ConfigError, match=said):
        LiveNode("/another")
    rospy.delete_param("/another")


@pytest.mark.parametrize("angle_rad", [-math.pi / 2, -0.4, 0.0, 1.2, math.pi / 2 - 1e-9])
def test_a_grasp_comes_back_from_its_message(angle_rad: float) -> None:
    grasp = Grasp(np.array((0.1, -0.2, 0.5)), angle_rad, 0.05, 0.9)
    msg = to_grasp_msg(
        grasp, ImageGrasp(3.0, 4.0, angle_rad, 50.0, 0.9), to_pose_msg(grasp.position_m, grasp.rotation())
    )
    assert_same((from_grasp_msg(msg),), (grasp,))


def test_a_frame_comes_back_from_its_messages() -> None:
    frame = next(tabletop_frames(seed=5, frames=1))[0]
    header = Header(stamp=rospy.Time(7, 8), frame_id=frame.frame_id)
    assert from_camera_info_msg(to_camera_info_msg(frame.camera, header)) == frame.camera
    for encoding, expected in (("32FC1", frame), ("16UC1", in_millimetres(frame))):
        back = from_image_msg(to_depth_msg(frame, encoding, header), frame.camera)
        np.testing.assert_array_equal(back.depth_m, expected.depth_m)
        assert (back.frame_id, back.stamp_ns) == (frame.frame_id, 7_000_000_008)
