"""Laws of exports: what is written can be read back by the libraries of those that read it, or nothing is written."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Tuple

import cv2
import numpy as np
import pytest

pytest.importorskip("rosbags", reason="needs the extra bag")

from bag_writers import (
    DEPTH,
    FRAME,
    INFO,
    PERIOD_NS,
    START_NS,
    Entry,
    Messages,
    camera_entries,
    write_bag,
    write_mcap,
    write_rosbag2,
)
from made_up import Drawing, drawn, predictor_of
from rosbags.rosbag1 import Reader
from rosbags.rosbag1 import Writer as Writer1
from rosbags.typesys import get_types_from_msg

from pspgrasp.bag.export import job as export_module
from pspgrasp.bag.export.bag import topics_of
from pspgrasp.bag.export.grasp_messages import ros1_types
from pspgrasp.bag.export.job import SUFFIXES, Job, check_output, export
from pspgrasp.bag.judging.ggcnn_model import GgcnnModel
from pspgrasp.bag.judging.read_ahead import ReadAhead
from pspgrasp.bag.pictures import gripper_in_camera, outline
from pspgrasp.bag.reading.open import open_recordings
from pspgrasp.bag.recording import Fault, RecordedFrame, Selection
from pspgrasp.bag.results.frame import FrameResult
from pspgrasp.depth import DepthFrame
from pspgrasp.errors import ConfigError, DataError, NetworkError, PspGraspError
from pspgrasp.node_config import NodeConfig

FRAMES, SHAPE = 6, (120, 160)
K = (150.0, 150.0, 79.5, 59.5)


class FakeSpec:
    """Builds a model of a test."""

    preset, config = "", NodeConfig()

    def __init__(self, name: str, column: int = 32, runtime: Any = None) -> None:
        self.name, self._column, self._runtime = name, column, runtime

    def build(self) -> Any:
        return drawn(self.name, self._column, self._runtime)


class FailingOnce(Drawing):
    """Fails on one image."""

    calls = 0

    def __call__(self, image: np.ndarray) -> np.ndarray:
        self.calls += 1
        if self.calls == 3:
            raise NetworkError("put out NaN")
        return super().__call__(image)


def images(count: int = FRAMES, shape: Tuple[int, int] = SHAPE) -> List[np.ndarray]:
    """Return depth [mm] of a table that comes nearer."""
    return [np.full(shape, 500 - number, np.uint16) for number in range(count)]


def entries(messages: Messages, count: int = FRAMES, shape: Tuple[int, int] = SHAPE) -> List[Entry]:
    """Return the messages of a camera, and others between them."""
    every = []
    for entry in camera_entries(messages, images(count, shape)):
        if entry.topic == INFO:
            stamp_ns = entry.recorded_ns - 2_000_000
            entry = entry._replace(msg=messages.camera_info(stamp_ns, shape, K))
        every += [
            entry,
            Entry("/arm/state", "std_msgs/msg/Float32MultiArray", entry.recorded_ns + 5, messages.command([1.0])),
        ]
    return every


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_bag(tmp_path / "drive.bag", Messages(), entries(Messages()))


def job(source: Path, output: Path, *specs: Any, compression: str = "none") -> Job:
    recording = open_recordings([source], Selection())[0]
    return Job(recording, source, specs or (FakeSpec("ours"),), output, compression)


def frames_of(path: Path) -> List[DepthFrame]:
    return [item.frame for item in open_recordings([path], Selection())[0] if isinstance(item, RecordedFrame)]


def judged(source: Path, spec: Any) -> List[FrameResult]:
    """Return what a model makes of each frame."""
    model = spec.build()
    recording = open_recordings([source], Selection())[0]
    return [model.judged(item) for item in recording if isinstance(item, RecordedFrame)]


# --- bag


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
    source = write_bag(tmp_path / "drive.bag", Messages(), entries(Messages()), stored)
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
    source = write_bag(tmp_path / "drive.bag", Messages(), entries(Messages(), 2, (480, 640)))
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
    source = write_rosbag2(tmp_path / "drive", Messages(ros2=True), entries(Messages(ros2=True)))
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
    source = write_bag(tmp_path / "drive.bag", Messages(), entries(Messages()), "bz2", chunk_bytes=50_000)
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
    source, types = tmp_path / "drive.bag", Messages().types
    with Writer1(source) as writer:
        for caller in ("/one", "/two"):
            kind = "std_msgs/msg/String"
            latched = writer.add_connection("/map", kind, typestore=types, callerid=caller, latching=1)
            writer.write(latched, START_NS, types.serialize_ros1(types.types[kind](caller), kind))
        for topic, kind, recorded_ns, msg in entries(Messages()):
            known = [one for one in writer.connections if one.topic == topic]
            connection = known[0] if known else writer.add_connection(topic, kind, typestore=types)
            writer.write(connection, recorded_ns, types.serialize_ros1(msg, kind))
    export("bag", job(source, tmp_path / "judged.bag"))
    with Reader(tmp_path / "judged.bag") as reader:
        found = [(one.ext.callerid, one.ext.latching) for one in reader.connections if one.topic == "/map"]
    assert sorted(found) == [("/one", 1), ("/two", 1)]


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


# --- mcap


def messages_of(path: Path) -> Dict[str, List[Tuple[int, Any]]]:
    """Return topic -> (log time, message) of a file with protobuf messages."""
    pytest.importorskip("google.protobuf", reason="reads what Foxglove reads")
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    from mcap.reader import make_reader

    found: Dict[str, List[Tuple[int, Any]]] = {}
    classes: Dict[int, Any] = {}
    with path.open("rb") as file:
        for schema, channel, message in make_reader(file).iter_messages():
            if schema.id not in classes:
                pool = descriptor_pool.DescriptorPool()
                for one in descriptor_pb2.FileDescriptorSet.FromString(schema.data).file:
                    pool.Add(one)
                classes[schema.id] = message_factory.GetMessageClass(pool.FindMessageTypeByName(schema.name))
            found.setdefault(channel.topic, []).append((message.log_time, classes[schema.id].FromString(message.data)))
    return found


def test_an_mcap_has_what_foxglove_shows(source: Path, tmp_path: Path) -> None:
    pytest.importorskip("foxglove", reason="needs the extra export")
    pytest.importorskip("mcap", reason="reads what was written")
    output, spec = tmp_path / "drive.mcap", FakeSpec("ours")
    export("mcap", job(source, output, spec, FakeSpec("other", 40)))
    found, expected = messages_of(output), judged(source, spec)
    assert {topic: len(some) for topic, some in found.items()} == dict.fromkeys(
        [
            *("/camera/depth", "/camera/calibration"),
            *(f"/{model}/{kind}" for model in ("ours", "other") for kind in ("grasps", "annotations", "quality")),
        ],
        FRAMES,
    )
    assert list(found["/camera/calibration"][0][1].K) == [K[0], 0.0, K[2], 0.0, K[1], K[3], 0.0, 0.0, 1.0]
    assert cv2.imdecode(np.frombuffer(found["/camera/depth"][0][1].data, np.uint8), 1).shape == (*SHAPE, 3)
    camera = frames_of(source)[0].camera
    for (at_ns, scene), (_, marks), result in zip(found["/ours/grasps"], found["/ours/annotations"], expected):
        best = result.grasps[0]
        assert at_ns == result.stamp_ns
        assert scene.entities[0].frame_id == FRAME
        points = [(point.x, point.y, point.z) for point in scene.entities[0].lines[0].points]
        np.testing.assert_allclose(points, gripper_in_camera(best).reshape(-1, 3), atol=1e-9)
        corners = [(point.x - 0.5, point.y - 0.5) for point in marks.points[0].points]
        np.testing.assert_allclose(corners, outline(best, camera)[:4], atol=1e-6)


# --- rerun


def test_an_rrd_has_depth_grasps_and_figures_by_stamp(source: Path, tmp_path: Path) -> None:
    rerun = pytest.importorskip("rerun", reason="needs the extra export")
    dataframe = pytest.importorskip("rerun.dataframe", reason="reads what was written")
    assert rerun
    output, spec = tmp_path / "drive.rrd", FakeSpec("ours")
    export("rerun", job(source, output, spec))
    table = dataframe.load_recording(output).view(index="stamp", contents="/**").select().read_all()
    expected = judged(source, spec)
    assert table.num_rows == FRAMES
    stamps_ns = table.column("stamp").to_numpy().astype("datetime64[ns]").astype(np.int64)
    assert stamps_ns.tolist() == [result.stamp_ns for result in expected]
    quality = [row[0] for row in _column(table, "/quality/ours").to_pylist()]
    assert quality == pytest.approx([result.grasps[0].quality for result in expected])
    strips = _column(table, "/world/camera/grasps/ours", "LineStrip3D").to_pylist()
    for row, result in zip(strips, expected):
        lines = np.array(row).reshape(-1, 4, 2, 3)
        np.testing.assert_allclose(lines[0], gripper_in_camera(result.grasps[0]), atol=1e-6)


def _column(table: Any, entity: str, part: str = "") -> Any:
    names = [name for name in table.column_names if name.startswith(f"{entity}:") and part in name]
    assert len(names) == 1, table.column_names
    return table.column(names[0])


# --- video


def test_a_film_has_every_frame_at_the_rate_of_the_recording(source: Path, tmp_path: Path) -> None:
    pytest.importorskip("av", reason="needs the extra export")
    output = tmp_path / "drive.mp4"
    export("video", job(source, output, FakeSpec("ours"), FakeSpec("other", 40, FailingOnce())))
    film = cv2.VideoCapture(str(output))
    assert film.get(cv2.CAP_PROP_FPS) == pytest.approx(1e9 / PERIOD_NS, abs=0.1)
    frames = []
    while True:
        there, frame = film.read()
        if not there:
            break
        frames.append(frame)
    assert len(frames) == FRAMES
    assert frames[0].shape == (720, 480 + 360, 3), "two models, one above the other; quality beside depth"
    blank, whole = (frames[number][400:600, 100:].max() for number in (1, 2))
    assert blank < 60 < whole, "the second model's third look was at the second frame: one for grasps, one for quality"


# --- all kinds


@pytest.mark.parametrize("kind", SUFFIXES)
def test_an_export_that_is_broken_off_leaves_what_was_there(
    source: Path, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for library in {"rerun": ["rerun"], "mcap": ["foxglove"], "video": ["av"], "bag": []}[kind]:
        pytest.importorskip(library, reason="needs the extra export")
    output = tmp_path / f"out{SUFFIXES[kind]}"
    output.write_text("what was there before")

    class BrokenOff(ReadAhead):
        def __iter__(self) -> Any:
            for number, item in enumerate(super().__iter__()):
                if number == 3:
                    raise KeyboardInterrupt
                yield item

    monkeypatch.setattr(export_module, "ReadAhead", BrokenOff)
    monkeypatch.setattr(export_module, "PEEKED", 2)
    with pytest.raises(KeyboardInterrupt):
        export(kind, job(source, output))
    assert output.read_text() == "what was there before"
    assert sorted(tmp_path.iterdir()) == sorted([source, output])


@pytest.mark.parametrize(("kind", "library"), [("rerun", "rerun"), ("mcap", "foxglove"), ("video", "av")])
def test_without_its_library_one_line_says_what_to_install(
    source: Path, tmp_path: Path, kind: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(PspGraspError, match="pip install"):
        export(kind, job(source, tmp_path / f"out{SUFFIXES[kind]}"))
    assert list(tmp_path.iterdir()) == [source]


def test_frames_that_a_model_fails_on_are_told_and_written_for_the_others(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "judged.bag"
    exported = export("bag", job(source, output, FakeSpec("ours"), FakeSpec("b", 40, FailingOnce())))
    assert exported.frames == FRAMES
    assert exported.faults.first == [Fault(2, "b failed", "put out NaN")]
    assert len(decoded(output, "/grasp_detector/b/grasps")) == FRAMES - 1


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("drive.bag", "never written to"),
        ("images/judged.bag", "never written to"),
        ("judged.mcap", r"must end in \.bag"),
        ("folder.bag", "is a folder"),
        ("none/judged.bag", "there is no folder"),
    ],
)
def test_an_output_that_would_do_harm_is_refused(tmp_path: Path, output: str, said: str) -> None:
    for folder in ("images", "folder.bag"):
        (tmp_path / folder).mkdir()
    (tmp_path / "link").symlink_to(tmp_path)
    for base in (tmp_path, tmp_path / "link"):
        with pytest.raises(ConfigError, match=said):
            check_output("bag", base / output, [tmp_path / "drive.bag", tmp_path / "images"])


def test_nothing_is_written_of_a_recording_without_frames(tmp_path: Path) -> None:
    messages = Messages()
    broken = [
        entry._replace(msg=replace(entry.msg, step=1)) if entry.topic == DEPTH else entry for entry in entries(messages)
    ]
    source = write_bag(tmp_path / "drive.bag", messages, broken)
    with pytest.raises(DataError):
        export("bag", job(source, tmp_path / "judged.bag"))
    assert list(tmp_path.iterdir()) == [source]
