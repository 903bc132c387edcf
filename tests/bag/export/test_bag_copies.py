"""Laws of exports to bags: all messages that can be read, and beside them what the node would have published."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, List, Tuple

import cv2
import numpy as np
import pytest

pytest.importorskip("rosbags", reason="needs the extra bag")

from bag_readers import chunk_records
from bag_writers import (
    DEPTH,
    FRAME,
    INFO,
    ROS1,
    ROS2,
    START_NS,
    Entry,
    Messages,
    write_bag,
    write_mcap,
    write_rosbag2,
)
from exports import FRAMES, FakeSpec, entries, frames_of, images, job, judged
from made_up import Drawing, predictor_of
from rosbags.rosbag1 import Reader
from rosbags.rosbag1 import Writer as Writer1
from rosbags.typesys import get_types_from_msg

from pspgrasp.bag.export.bag import topics_of
from pspgrasp.bag.export.grasp_messages import ros1_types
from pspgrasp.bag.export.job import export
from pspgrasp.bag.formats import ros1_records as records
from pspgrasp.bag.judging.ggcnn_model import GgcnnModel
from pspgrasp.bag.reading.open import open_recordings
from pspgrasp.bag.recording import Selection
from pspgrasp.errors import DataError


def raw(path: Path) -> List[Tuple[str, int, bytes]]:
    """Return topic, time and bytes of every message of a bag of ROS 1."""
    with Reader(path) as reader:
        return [(connection.topic, at_ns, bytes(data)) for connection, at_ns, data in reader.messages()]


def decoded(path: Path, topic: str) -> List[Any]:
    types = ros1_types()
    with Reader(path) as reader:
        some = [connection for connection in reader.connections if connection.topic == topic]
        return [types.deserialize_ros1(data, one.msgtype) for one, _, data in reader.messages(connections=some)]


@pytest.mark.parametrize("compression", ["none", "bz2"])
@pytest.mark.parametrize("stored", ["none", "bz2", "lz4"])
def test_a_bag_has_all_messages_of_the_recording_to_the_byte_and_the_grasps(
    tmp_path: Path, stored: str, compression: str
) -> None:
    source = write_bag(tmp_path / "drive.bag", ROS1, entries(ROS1), stored)
    before, output = source.read_bytes(), tmp_path / "judged.bag"
    assert export("bag", job(source, output, compression=compression)).frames == FRAMES
    topics = set(topics_of(["ours"])["ours"])
    assert [one for one in raw(output) if one[0] not in topics] == raw(source)
    assert source.read_bytes() == before
    assert sorted(tmp_path.iterdir()) == [source, output]
    assert f"compression={compression}".encode() in output.read_bytes()
    arrays, expected = decoded(output, "/grasp_detector/grasps"), judged(source, FakeSpec("ours"))
    assert len(arrays) == FRAMES
    for array, result in zip(arrays, expected):
        found, best = array.grasps[0], result.grasps[0]
        assert array.header.frame_id == FRAME
        assert array.header.stamp.sec * 10**9 + array.header.stamp.nanosec == result.stamp_ns
        assert (found.u, found.v, found.width) == pytest.approx((best.u, best.v, best.width_m))
        assert (found.pose.position.x, found.pose.position.z) == pytest.approx((best.position_m[0], best.position_m[2]))


def test_grasps_of_a_bag_are_read_back_as_what_a_robot_published(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "judged.bag"
    export("bag", job(source, output))
    recorded = open_recordings([output], Selection())[0].grasps()
    for grasp, result in zip(recorded, judged(source, FakeSpec("ours"))):
        best = result.grasps[0]
        assert (grasp.stamp_ns, grasp.exact) == (result.stamp_ns, True)
        np.testing.assert_allclose(grasp.position_m, best.position_m, atol=1e-6)
        assert (grasp.angle_rad, grasp.width) == pytest.approx((best.angle_rad, best.width_m), abs=1e-6)


def test_markers_are_grippers_that_take_the_place_of_earlier_ones(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "judged.bag"
    export("bag", job(source, output))
    for array, result in zip(decoded(output, "/grasp_detector/markers"), judged(source, FakeSpec("ours"))):
        assert array.markers[0].action == 3, "delete all"
        assert len(array.markers) == 1 + len(result.grasps)
        tips = [point.x for point in array.markers[1].points if point.z == 0]
        assert max(tips) - min(tips) == pytest.approx(result.grasps[0].width_m)


def test_models_of_several_have_topics_of_their_own(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "judged.bag"
    export("bag", job(source, output, FakeSpec("a"), FakeSpec("b@kinova", 40)))
    for topic in ("/grasp_detector/a/grasps", "/grasp_detector/b_kinova/grasps"):
        assert len(decoded(output, topic)) == FRAMES


def test_the_command_is_the_one_that_ggcnns_node_publishes(tmp_path: Path) -> None:
    source = write_bag(tmp_path / "drive.bag", ROS1, entries(ROS1, 2, (480, 640)))
    output, runtime = tmp_path / "judged.bag", Drawing()
    runtime.output = np.stack([cv2.resize(one, (300, 300)) for one in runtime.output])
    predictor = predictor_of(runtime)
    predictor = replace(predictor, preprocess=replace(predictor.preprocess, input_size_px=300))

    class Kinova(FakeSpec):
        preset = "kinova"

        def build(self) -> GgcnnModel:
            return GgcnnModel(self.name, predictor, "kinova")

    export("bag", job(source, output, Kinova("ours")))
    commands, expected = decoded(output, "/ggcnn/out/command"), judged(source, Kinova("ours"))
    assert len(commands) == 2
    for command, result in zip(commands, expected):
        assert tuple(command.data[:3]) == pytest.approx(result.grasps[0].position_m)
        assert command.data[4] == pytest.approx(result.grasps[0].width_px * 300 / 400)
        assert len(command.data) == 6


def test_a_rosbag2_becomes_a_bag_of_ros_1(tmp_path: Path) -> None:
    source = write_rosbag2(tmp_path / "drive", ROS2, entries(ROS2))
    output = tmp_path / "judged.bag"
    export("bag", job(source, output))
    topics = [topic for topic, _, _ in raw(output)]
    assert [topics.count(topic) for topic in (DEPTH, INFO, "/arm/state")] == [FRAMES, FRAMES, 2 * FRAMES]
    assert sorted(tmp_path.iterdir()) == [source, output]
    again = [frame.depth_m for frame in frames_of(output)]
    np.testing.assert_allclose(again, 1e-3 * np.array(images(), np.float32), rtol=1e-6)


def test_images_of_a_folder_become_messages(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for number, image in enumerate(images()):
        cv2.imwrite(str(folder / f"{number:03d}_depth.png"), image)
    output = tmp_path / "judged.bag"
    export("bag", job(folder, output))
    for one, other in zip(frames_of(output), frames_of(folder)):
        np.testing.assert_array_equal(one.depth_m, other.depth_m)
        assert one.camera == other.camera
        assert one.stamp_ns == other.stamp_ns


def test_topics_that_the_recording_has_already_are_refused(source: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.bag", tmp_path / "second.bag"
    export("bag", job(source, first))
    with pytest.raises(DataError, match="/grasp_detector/grasps, /grasp_detector/markers already"):
        export("bag", job(first, second))
    assert not second.exists()


def test_of_a_damaged_bag_what_can_be_read_is_copied_and_the_rest_is_told(source: Path, tmp_path: Path) -> None:
    whole = raw(source)
    source.write_bytes(source.read_bytes()[: source.stat().st_size * 2 // 3])
    output = tmp_path / "judged.bag"
    exported = export("bag", job(source, output))
    assert "truncated" in exported.faults.counts
    grasps = decoded(output, "/grasp_detector/grasps")
    assert 0 < len(grasps) == exported.frames < FRAMES
    topics = set(topics_of(["ours"])["ours"])
    copied = [one for one in raw(output) if one[0] not in topics]
    assert copied == whole[: len(copied)]
    assert [topic for topic, _, _ in copied].count(DEPTH) == exported.frames
    assert sorted(tmp_path.iterdir()) == [source, output]


def test_messages_of_a_damaged_chunk_are_counted_and_the_others_copied(tmp_path: Path) -> None:
    source = write_bag(tmp_path / "drive.bag", ROS1, entries(ROS1), "bz2", chunk_bytes=50_000)
    data, whole = source.read_bytes(), raw(source)
    second = data.index(b"BZh", data.index(b"BZh") + 3)
    source.write_bytes(data[: second + 10] + b"broken!!" + data[second + 18 :])
    output = tmp_path / "judged.bag"
    exported = export("bag", job(source, output))
    topics = set(topics_of(["ours"])["ours"])
    copied = [one for one in raw(output) if one[0] not in topics]
    assert set(copied) < set(whole)
    assert exported.faults.counts["not copied"] == len(whole) - len(copied)
    assert "a message of /" in exported.faults.of("not copied")[0].detail


def test_a_type_that_nobody_describes_is_left_out_and_told(tmp_path: Path) -> None:
    messages = Messages(ros2=True)
    messages.types.register(get_types_from_msg("float64 x", "own_msgs/msg/Own"))
    own = messages.make("own_msgs/msg/Own", 1.0)
    every = [*entries(messages), Entry("/own", "own_msgs/msg/Own", START_NS, own)]
    described = write_rosbag2(tmp_path / "described", messages, every)
    bare = write_mcap(tmp_path / "bare.mcap", messages, every)
    counts = [export("bag", job(path, tmp_path / f"{path.stem}.bag")).faults.counts for path in (described, bare)]
    assert counts == [{}, {"not copied": 1}]
    own_topics = [
        [topic for topic, _, _ in raw(tmp_path / f"{name}.bag")].count("/own") for name in ("described", "bare")
    ]
    assert own_topics == [1, 0]


def test_who_published_stays_as_it_was(tmp_path: Path) -> None:
    source, types = tmp_path / "drive.bag", ROS1.types
    with Writer1(source) as writer:
        for caller in ("/one", "/two"):
            kind = "std_msgs/msg/String"
            latched = writer.add_connection("/map", kind, typestore=types, callerid=caller, latching=1)
            writer.write(latched, START_NS, types.serialize_ros1(types.types[kind](caller), kind))
        for topic, kind, recorded_ns, msg in entries(ROS1):
            known = [one for one in writer.connections if one.topic == topic]
            connection = known[0] if known else writer.add_connection(topic, kind, typestore=types)
            writer.write(connection, recorded_ns, types.serialize_ros1(msg, kind))
    export("bag", job(source, tmp_path / "judged.bag"))
    with Reader(tmp_path / "judged.bag") as reader:
        found = [(one.ext.callerid, one.ext.latching) for one in reader.connections if one.topic == "/map"]
    assert sorted(found) == [("/one", 1), ("/two", 1)]


def test_a_bag_is_written_in_the_order_of_time(tmp_path: Path) -> None:
    source = write_bag(tmp_path / "drive.bag", ROS1, entries(ROS1, 60))
    export("bag", job(source, tmp_path / "judged.bag"))
    times_ns = written_ns(tmp_path / "judged.bag")
    assert len(times_ns) == 6 * 60
    assert times_ns == sorted(times_ns)


def written_ns(path: Path) -> List[int]:
    """Return the times of all messages in the order in which they lie in a bag."""
    data = memoryview(path.read_bytes())
    chunks = [data[chunk.data : chunk.end] for chunk in chunk_records(path)]
    every = [record for chunk in chunks for _, record in records.messages_in(chunk, [])]
    return [record.time_ns for record in every if record.op == records.MESSAGE]


@pytest.mark.ros
def test_ros_reads_the_bag(source: Path, tmp_path: Path) -> None:
    import rosbag

    from pspgrasp.ros.interfaces import GraspArray

    output = tmp_path / "judged.bag"
    export("bag", job(source, output, compression="bz2"))
    with rosbag.Bag(str(output)) as bag:
        types = bag.get_type_and_topic_info().topics
        assert types["/grasp_detector/grasps"].message_count == FRAMES
        assert types["/grasp_detector/grasps"].msg_type == "pspgrasp/GraspArray"
        assert {msg._md5sum for _, msg, _ in bag.read_messages("/grasp_detector/grasps")} == {GraspArray._md5sum}
        markers = [msg for _, msg, _ in bag.read_messages("/grasp_detector/markers")]
    from visualization_msgs.msg import MarkerArray

    assert {msg._md5sum for msg in markers} == {MarkerArray._md5sum}
