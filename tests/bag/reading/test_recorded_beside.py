"""Grasps that were recorded, and where the camera was: from the messages of a bag to the camera's optical frame."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, List, Sequence, Tuple

import numpy as np
import pytest

pytest.importorskip("rosbags", reason="needs the bag extra")

from bag_writers import (
    CHECKOUT,
    FRAME,
    PERIOD_NS,
    ROS1,
    ROS2,
    START_NS,
    Entry,
    Messages,
    camera_entries,
    depth_images,
    write_bag,
    write_rosbag2,
)
from rosbags.typesys import get_types_from_msg
from scipy.spatial.transform import Rotation

from pspgrasp.bag.reading.info import info_of
from pspgrasp.bag.reading.messages import GRASP_DEFINITIONS
from pspgrasp.bag.reading.open import open_recordings
from pspgrasp.bag.recording import Fault, RecordedGrasp, Recording, Selection
from pspgrasp.errors import DataError
from pspgrasp.grasp import Grasp

BOTH = pytest.mark.parametrize("messages", [ROS1, ROS2], ids=["ros1", "ros2"])
NO_TURN = (0.0, 0.0, 0.0, 1.0)


def recording_of(folder: Path, messages: Messages, beside: Sequence[Entry], **selection: Any) -> Recording:
    folder.mkdir(exist_ok=True)
    entries = sorted([*camera_entries(messages, depth_images(3)), *beside], key=lambda entry: entry.recorded_ns)
    path = (
        write_rosbag2(folder / "a", messages, entries)
        if messages.ros2
        else write_bag(folder / "a.bag", messages, entries)
    )
    (recording,) = open_recordings([path], Selection(**selection))
    return recording


def tf(
    messages: Messages, links: Sequence[Tuple[str, str, int, Sequence[float], Sequence[float]]], static: bool
) -> Entry:
    transforms = [messages.transform(*link) for link in links]
    topic, recorded_ns = ("/tf_static", START_NS) if static else ("/tf", links[0][2] + 1)
    return Entry(topic, "tf2_msgs/msg/TFMessage", recorded_ns, messages.tf(transforms))


def grasp_array(messages: Messages, stamp_ns: int, grasps: Sequence[Grasp], frame: str = FRAME) -> Entry:
    made = []
    for grasp in grasps:
        pose = messages.pose(grasp.position_m, Rotation.from_matrix(grasp.rotation()).as_quat())
        made.append(messages.make("pspgrasp/msg/Grasp", pose, grasp.width_m, grasp.quality, 1.0, 2.0, 3.0))
    array = messages.make("pspgrasp/msg/GraspArray", messages.header(stamp_ns, frame), made)
    return Entry("/detector/grasps", "pspgrasp/msg/GraspArray", stamp_ns + 9_000_000, array)


@pytest.mark.parametrize("name", ["Grasp", "GraspArray"])
def test_the_definitions_here_are_those_of_the_message_files(name: str) -> None:
    full = f"pspgrasp/msg/{name}"
    of_file = get_types_from_msg((CHECKOUT / "msg" / f"{name}.msg").read_text(encoding="utf-8"), full)
    assert get_types_from_msg(GRASP_DEFINITIONS[f"pspgrasp/{name}"], full) == of_file


# --- grasps


@BOTH
@pytest.mark.parametrize("angle_rad", [-1.2, 0.0, 0.7])
def test_the_best_of_a_grasp_array_comes_back_as_it_went_in(
    messages: Messages, angle_rad: float, tmp_path: Path
) -> None:
    grasps = [
        Grasp(np.array([0.01, 0.02, 0.5]), angle_rad, 0.05, 0.75),
        Grasp(np.array([0.1, 0.0, 0.6]), 0.1, 0.04, 0.5),
    ]
    (found,) = recording_of(tmp_path, messages, [grasp_array(messages, START_NS, grasps)]).grasps()
    assert np.allclose(found.position_m, grasps[0].position_m)
    assert found.angle_rad == pytest.approx(angle_rad)
    assert (found.width, found.width_unit) == (pytest.approx(0.05), "m")
    assert (found.stamp_ns, found.exact, found.topic) == (START_NS, True, "/detector/grasps")


def test_a_grasp_in_the_base_frame_is_turned_into_the_cameras(tmp_path: Path) -> None:
    grasp = Grasp(np.array([0.02, -0.03, 0.45]), 0.4, 0.05, 0.75)
    down = Rotation.from_euler("xz", [math.pi, 0.3])  # a camera that looks down, and is turned
    shift_m = np.array([0.5, 0.1, 0.9])
    in_base = ROS1.pose(
        down.apply(grasp.position_m) + shift_m, (down * Rotation.from_matrix(grasp.rotation())).as_quat()
    )
    message = ROS1.make("pspgrasp/msg/Grasp", in_base, 0.05, 0.75, 1.0, 2.0, 3.0)
    array = ROS1.make("pspgrasp/msg/GraspArray", ROS1.header(START_NS, "base"), [message])
    entry = Entry("/grasps", "pspgrasp/msg/GraspArray", START_NS, array)
    mount = tf(ROS1, [("base", FRAME, 0, shift_m, down.as_quat())], static=True)
    (found,) = recording_of(tmp_path, ROS1, [entry, mount]).grasps()
    assert np.allclose(found.position_m, grasp.position_m)
    assert found.angle_rad == pytest.approx(0.4)


def test_a_grasp_in_a_frame_that_tf_does_not_know_is_a_fault(tmp_path: Path) -> None:
    entry = grasp_array(ROS1, START_NS, [Grasp(np.ones(3), 0.0, 0.05, 0.5)], frame="somewhere")
    (fault,) = recording_of(tmp_path, ROS1, [entry]).grasps()
    assert isinstance(fault, Fault)
    assert fault.kind == "no TF for /detector/grasps"
    assert "'somewhere'" in fault.detail


def test_a_message_without_grasps_is_none_and_no_fault(tmp_path: Path) -> None:
    assert list(recording_of(tmp_path, ROS1, [grasp_array(ROS1, START_NS, [])]).grasps()) == []


def cut_bag(folder: Path, topic: str, beside: Sequence[Entry]) -> Recording:
    """Return a recording in which the messages of a topic lack their second half."""

    class Cut(Messages):
        def serialize(self, entry: Entry) -> bytes:
            data = super().serialize(entry)
            return data[: len(data) // 2] if entry.topic == topic else data

    path = write_bag(
        folder / f"{topic.strip('/').replace('/', '_')}.bag", Cut(), [*camera_entries(ROS1, depth_images(3)), *beside]
    )
    (recording,) = open_recordings([path], Selection())
    return recording


def test_recorded_grasps_and_tf_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    grasps = [grasp_array(ROS1, START_NS + n, [Grasp(np.ones(3), 0.0, 0.05, 0.5)]) for n in range(3)]
    found = list(cut_bag(tmp_path, "/detector/grasps", grasps).grasps())
    assert [one.kind for one in found if isinstance(one, Fault)] == ["unreadable /detector/grasps"] * 3
    moving = [tf(ROS1, [("base", FRAME, START_NS + n, (0, 0, 1), NO_TURN)], static=False) for n in range(4)]
    told: List[Tuple[int, int]] = []
    recording = cut_bag(tmp_path, "/tf", moving)
    faults = list(recording.look_beside(lambda done, expected: told.append((done, expected))))
    assert [fault.kind for fault in faults] == ["unreadable /tf"] * 4
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert recording.poses() is None
    assert list(recording.look_beside()) == [], "they are told once"
    assert len(told) == 4


@BOTH
def test_the_command_of_ggcnn_is_a_grasp_in_pixels_at_its_recorded_time(messages: Messages, tmp_path: Path) -> None:
    kind, when_ns = "std_msgs/msg/Float32MultiArray", START_NS + 5_000_000
    command = Entry("/ggcnn/out/command", kind, when_ns, messages.command([0.1, 0.2, 0.5, 2.0, 70.0, 480.0]))
    others = [
        Entry("/ggcnn/out/command", kind, when_ns + 1, messages.command([0.1, math.nan, 0.5, 2.0, 70.0, 480.0])),
        Entry("/ggcnn/out/command", kind, when_ns + 2, messages.command([0.1])),
        Entry("/motor/currents", kind, when_ns + 3, messages.command([1, 2, 3, 4, 5, 6])),
    ]
    recording = recording_of(tmp_path, messages, [command, *others])
    found, *faults = recording.grasps()
    assert isinstance(found, RecordedGrasp)
    assert [fault.kind for fault in faults if isinstance(fault, Fault)] == ["no grasp on /ggcnn/out/command"] * 2
    assert np.allclose(found.position_m, (0.1, 0.2, 0.5))
    assert found.angle_rad == pytest.approx(2.0 - math.pi)  # half a turn is the same grasp
    assert (found.width, found.width_unit, found.stamp_ns, found.exact) == (
        pytest.approx(70.0 * 400 / 300),
        "px",
        when_ns,
        False,
    )


@pytest.mark.parametrize(("command_width", "scale"), [("kinova", 400 / 300), ("mvp", 1.0), ("image", 1.0)])
def test_widths_of_commands_become_pixels_of_the_image(command_width: str, scale: float, tmp_path: Path) -> None:
    kind, values = "std_msgs/msg/Float32MultiArray", [0.1, 0.2, 0.5, 0.0, 60.0, 480.0]
    entry = Entry("/ggcnn/out/command", kind, START_NS, ROS1.command(values))
    (found,) = recording_of(tmp_path, ROS1, [entry], command_width=command_width).grasps()
    assert found.width == pytest.approx(60.0 * scale)


def test_info_names_what_lies_beside(tmp_path: Path) -> None:
    recording_of(
        tmp_path, ROS1, [grasp_array(ROS1, START_NS, []), tf(ROS1, [("base", FRAME, 0, (0, 0, 1), NO_TURN)], True)]
    )
    (info,) = info_of(tmp_path / "a.bag", Selection())
    assert (info.grasps, info.poses) == (("/detector/grasps",), ("/tf_static",))


# --- poses


@BOTH
def test_the_camera_is_found_along_the_chain_and_between_two_times(messages: Messages, tmp_path: Path) -> None:
    quarter = Rotation.from_euler("z", 90, degrees=True).as_quat()
    arm = [
        tf(messages, [("base", "tool", START_NS, (0, 0, 0), NO_TURN)], static=False),
        tf(messages, [("base", "tool", START_NS + 2 * PERIOD_NS, (0.2, 0, 0), quarter)], static=False),
    ]
    mount = tf(messages, [("tool", FRAME, 0, (0.1, 0, 0), NO_TURN)], static=True)
    poses = recording_of(tmp_path, messages, [*arm, mount]).poses()
    assert poses is not None
    assert np.allclose(poses.at(START_NS), shifted(0.1, 0.0, 0.0))
    eighth = math.radians(45)
    half_way = poses.at(START_NS + PERIOD_NS)
    assert np.allclose(half_way[:3, 3], (0.1 + 0.1 * math.cos(eighth), 0.1 * math.sin(eighth), 0.0), atol=1e-6)
    assert math.atan2(half_way[1, 0], half_way[0, 0]) == pytest.approx(eighth, abs=1e-6)
    for unknown_ns in (START_NS - 1, START_NS + 2 * PERIOD_NS + 1):
        with pytest.raises(DataError, match="isn't known at"):
            poses.at(unknown_ns)


def shifted(*position_m: float) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, 3] = position_m
    return matrix


def test_a_camera_that_is_mounted_on_something_fixed_stands_still(tmp_path: Path) -> None:
    mount = tf(ROS1, [("/world", "/" + FRAME, 0, (0, 0, 2), NO_TURN)], static=True)
    assert recording_of(tmp_path / "unsaid", ROS1, [mount]).poses() is None, "world may be a part of the camera"
    poses = recording_of(tmp_path / "said", ROS1, [mount], fixed_frame="world").poses()
    assert poses is not None
    assert np.allclose(poses.at(START_NS), poses.at(START_NS + 10**12))


@pytest.mark.parametrize(
    "links", [[], [("base", "other", 0, (0, 0, 1), NO_TURN)], [("camera_link", FRAME, 0, (0, 0.01, 0), NO_TURN)]]
)
def test_without_a_way_to_something_fixed_nobody_knows_where_the_camera_was(links: List[Any], tmp_path: Path) -> None:
    recording = recording_of(tmp_path, ROS1, [tf(ROS1, links, static=True)] if links else [])
    assert recording.poses() is None


@pytest.mark.parametrize("root", ["camera_mount", "base", "odom"])
def test_the_frame_that_stands_still_is_the_root_of_what_moves_whatever_its_name(root: str, tmp_path: Path) -> None:
    arm = [tf(ROS1, [(root, "camera_arm", START_NS + n, (0.1 * n, 0, 0), NO_TURN)], static=False) for n in range(2)]
    mount = tf(ROS1, [("camera_arm", FRAME, 0, (0, 0, 1), NO_TURN)], static=True)
    recording = recording_of(tmp_path, ROS1, [*arm, mount])
    assert f"the camera's poses are in '{root}'" in recording.description
    poses = recording.poses()
    assert poses is not None
    assert np.allclose(poses.at(START_NS + 1), shifted(0.1, 0.0, 1.0))


def test_a_camera_beside_an_arm_is_known_though_it_does_not_move(tmp_path: Path) -> None:
    arm = [tf(ROS1, [("base", "tool", START_NS + n, (0.1 * n, 0, 0), NO_TURN)], static=False) for n in range(2)]
    mount = tf(ROS1, [("base", FRAME, 0, (0, 0, 1), NO_TURN)], static=True)
    assert recording_of(tmp_path, ROS1, [*arm, mount]).poses() is not None


def test_what_is_told_again_and_again_but_never_changes_is_no_motion(tmp_path: Path) -> None:
    built = [tf(ROS1, [("camera", FRAME, START_NS + n, (0, 0.01, 0), NO_TURN)], static=False) for n in range(3)]
    assert recording_of(tmp_path, ROS1, built).poses() is None


def test_the_frame_that_stands_still_can_be_named_and_must_be_there(tmp_path: Path) -> None:
    arm = [
        tf(
            ROS1,
            [
                ("odom", "base", START_NS + n, (0.1 * n, 0, 0), NO_TURN),
                ("base", FRAME, START_NS + n, (0, 0, n), NO_TURN),
            ],
            False,
        )
        for n in range(2)
    ]
    poses = recording_of(tmp_path / "base", ROS1, arm, fixed_frame="/base").poses()
    assert poses is not None
    assert np.allclose(poses.at(START_NS + 1), shifted(0.0, 0.0, 1.0))
    with pytest.raises(DataError, match=r"TF doesn't hang '.*' on 'world', but on: odom, base"):
        recording_of(tmp_path / "world", ROS1, arm, fixed_frame="world")


@pytest.mark.parametrize("links", [[("a", FRAME), ("b", FRAME)], [("a", FRAME), (FRAME, "a")]])
def test_tf_that_contradicts_itself_is_said_and_not_used(links: List[Tuple[str, str]], tmp_path: Path) -> None:
    entry = tf(ROS1, [(parent, child, 0, (0, 0, 1), NO_TURN) for parent, child in links], static=True)
    recording = recording_of(tmp_path, ROS1, [entry])
    assert recording.poses() is None
    assert "where the camera was can't be told: TF" in recording.description


def test_a_rotation_of_zeros_is_said_and_not_used(tmp_path: Path) -> None:
    recording = recording_of(tmp_path, ROS1, [tf(ROS1, [("base", FRAME, 0, (0, 0, 1), (0, 0, 0, 0))], static=True)])
    assert recording.poses() is None
    assert "its rotation is zero" in recording.description


def test_poses_of_a_topic_are_the_cameras_where_the_user_says_so(tmp_path: Path) -> None:
    made = [
        Entry(
            "/eye",
            "geometry_msgs/msg/PoseStamped",
            START_NS + at,
            ROS1.make("geometry_msgs/msg/PoseStamped", header, pose),
        )
        for at, x in ((0, 0.0), (PERIOD_NS, 0.1))
        for header, pose in [(ROS1.header(START_NS + at, "map"), ROS1.pose((x, 0, 1), NO_TURN))]
    ]
    poses = recording_of(tmp_path, ROS1, made, pose_topic="/eye").poses()
    assert poses is not None
    assert np.allclose(poses.at(START_NS + PERIOD_NS // 2), shifted(0.05, 0.0, 1.0), atol=1e-6)
    with pytest.raises(DataError, match="unknown pose topic '/eyes'; did you mean '/eye'"):
        open_recordings([tmp_path / "a.bag"], Selection(pose_topic="/eyes"))
