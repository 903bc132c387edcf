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
    PERIOD_NS,
    Messages,
    write_bag,
)
from exports import FRAMES, SHAPE, FailingOnce, FakeSpec, K, entries, frames_of, job, judged
from rosbags.rosbag1 import Reader

from pspgrasp.bag.export import job as export_module
from pspgrasp.bag.export.job import SUFFIXES, check_output, export
from pspgrasp.bag.judging.read_ahead import ReadAhead
from pspgrasp.bag.pictures import gripper_in_camera, outline
from pspgrasp.bag.recording import Fault
from pspgrasp.errors import ConfigError, DataError, PspGraspError

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
    with Reader(output) as reader:
        assert reader.topics["/grasp_detector/b/grasps"].msgcount == FRAMES - 1


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
