"""Messages that aren't as they should be: what can be read is read, and the rest is told."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, List

import pytest
from bag_readers import faults_of, frames_of, kinds, numbers_of, read, read_true
from bag_writers import CAMERA_INFO, DEPTH, IMAGE, INFO, ROS1, START_NS, Entry, camera_entries, depth_images, write_bag

from pspgrasp.bag.reading.bag import BagRecording
from pspgrasp.bag.reading.open import open_recordings
from pspgrasp.bag.recording import RecordedFrame, Selection
from pspgrasp.errors import DataError

IMAGES = depth_images(10)


def with_entries(path: Path, changed: Callable[[List[Entry]], List[Entry]]) -> Path:
    return write_bag(path, ROS1, changed(camera_entries(ROS1, IMAGES)))


def test_bytes_behind_a_message_are_left_out_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = ROS1.serialize
    longer = lambda entry: plain(entry) + (b"abc" if entry.topic == DEPTH else b"")  # noqa: E731
    monkeypatch.setattr(ROS1, "serialize", longer)
    items = read_true(write_bag(tmp_path / "a.bag", ROS1, camera_entries(ROS1, IMAGES)), IMAGES)
    assert len(frames_of(items)) == 10
    assert kinds(items) == {"trailing bytes": 10}


def test_a_message_that_is_cut_off_costs_one_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, third = ROS1.serialize, camera_entries(ROS1, IMAGES)[5].recorded_ns
    shorter = lambda entry: plain(entry)[: 20 if entry.recorded_ns == third else None]  # noqa: E731
    monkeypatch.setattr(ROS1, "serialize", shorter)
    items = read_true(write_bag(tmp_path / "a.bag", ROS1, camera_entries(ROS1, IMAGES)), IMAGES)
    assert numbers_of(items) == [0, 1, 3, 4, 5, 6, 7, 8, 9]
    assert [(fault.number, fault.kind) for fault in faults_of(items)] == [(2, "bad message")]


def test_another_type_on_the_topic_is_told_and_is_no_image(tmp_path: Path) -> None:
    text = ROS1.make("std_msgs/msg/String", "hello")
    stray = Entry(DEPTH, "std_msgs/msg/String", START_NS + 50_000_000, text)
    path = with_entries(tmp_path / "a.bag", lambda entries: [*entries[:4], stray, *entries[4:]])
    items = read_true(path, IMAGES)
    assert numbers_of(items) == list(range(10))
    assert [(fault.number, fault.kind) for fault in faults_of(items)] == [(-1, "wrong type")]


def test_an_image_that_is_no_depth_is_told(tmp_path: Path) -> None:
    def changed(entries: List[Entry]) -> List[Entry]:
        picture = ROS1.image(IMAGES[0], "bgr8", START_NS)
        return [*entries[:3], entries[3]._replace(msg=picture), *entries[4:]]

    items = read_true(with_entries(tmp_path / "a.bag", changed), IMAGES)
    assert len(frames_of(items)) == 9
    assert [(fault.number, fault.kind) for fault in faults_of(items)] == [(1, "bad depth")]


def test_another_definition_of_a_type_is_refused(tmp_path: Path) -> None:
    path = write_bag(tmp_path / "a.bag", ROS1, camera_entries(ROS1, IMAGES))
    md5 = b"060021388200f6f0f447d0fcd9c64743"
    path.write_bytes(path.read_bytes().replace(md5, md5[::-1]))
    with pytest.raises(DataError, match="another definition of sensor_msgs/Image"):
        open_recordings([path], Selection(depth_topic=DEPTH))


def test_an_image_whose_stamp_goes_back_is_told_and_left_out_as_by_the_node(tmp_path: Path) -> None:
    def changed(entries: List[Entry]) -> List[Entry]:
        early = ROS1.image(IMAGES[6], "16UC1", START_NS)
        return [entry._replace(msg=early) if at == 13 else entry for at, entry in enumerate(entries)]

    items = read_true(with_entries(tmp_path / "a.bag", changed), IMAGES)
    assert [one.number for one in frames_of(items)] == [0, 1, 2, 3, 4, 5, 7, 8, 9]
    assert [one.number for one in frames_of(items) if one.anew] == [7]
    assert [(fault.number, fault.kind) for fault in faults_of(items)] == [(6, "stamp goes back")]
    assert "0.167 s" in faults_of(items)[0].detail


def test_without_camera_info_a_camera_must_be_given(tmp_path: Path) -> None:
    path = write_bag(tmp_path / "a.bag", ROS1, camera_entries(ROS1, IMAGES, info=""))
    with pytest.raises(DataError, match="give --camera FX FY CX CY"):
        open_recordings([path], Selection())
    items = read_true(path, IMAGES, camera=(60.0, 61.0, 30.0, 20.0))
    assert (len(frames_of(items)), faults_of(items)) == (10, [])
    assert frames_of(items)[0].frame.camera.fy == 61.0


def test_a_camera_info_that_says_nothing_makes_every_image_a_fault(tmp_path: Path) -> None:
    def changed(entries: List[Entry]) -> List[Entry]:
        nothing = ROS1.camera_info(START_NS, (48, 64), (0, 0, 0, 0))
        return [entry._replace(msg=nothing) if entry.topic == INFO else entry for entry in entries]

    path = with_entries(tmp_path / "a.bag", changed)
    items = read_true(path, IMAGES)
    assert (len(frames_of(items)), kinds(items)) == (0, {"no camera_info": 10})
    assert len(frames_of(read_true(path, IMAGES, camera=(60.0, 60.0, 32.0, 24.0)))) == 10


def test_a_camera_info_of_another_size_makes_every_image_a_fault(tmp_path: Path) -> None:
    info = [Entry(INFO, CAMERA_INFO, START_NS - 1, ROS1.camera_info(START_NS, (480, 640)))]
    path = write_bag(tmp_path / "a.bag", ROS1, info + camera_entries(ROS1, IMAGES, info=""))
    assert kinds(read(path)) == {"bad camera_info": 10}


def test_a_first_image_that_cannot_be_decoded_does_not_hide_the_camera(tmp_path: Path) -> None:
    def changed(entries: List[Entry]) -> List[Entry]:
        picture = Entry(DEPTH, IMAGE, START_NS, ROS1.image(IMAGES[0], "16UC1", START_NS))
        picture.msg.step = 3
        return [picture, *entries]

    path = with_entries(tmp_path / "a.bag", changed)
    (recording,) = open_recordings([path], Selection())
    assert isinstance(recording, BagRecording)
    assert len([item for item in recording if isinstance(item, RecordedFrame)]) == 10
