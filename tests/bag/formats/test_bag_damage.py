"""What is whole in a damaged bag is read, what isn't is counted, and a bag without anything is one line."""

from __future__ import annotations

import random
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable, Dict

import numpy as np
import pytest
from bag_readers import (
    change,
    chunk_records,
    faults_of,
    frames_of,
    index_position,
    kinds,
    numbers_of,
    read_true,
)
from bag_writers import ROS1, ROS2, Messages, camera_entries, depth_images, write_bag, write_mcap, write_rosbag2

from pspgrasp.bag.formats import ros1_records as records
from pspgrasp.bag.reading.info import info_of
from pspgrasp.bag.reading.open import open_recordings
from pspgrasp.bag.recording import Fault, RecordedFrame, Selection
from pspgrasp.errors import DataError

IMAGES = depth_images(10)
COMPRESSIONS = ("none", "bz2", "lz4")


def bag(path: Path, compression: str = "none", **options: Any) -> Path:
    return write_bag(path, ROS1, camera_entries(ROS1, IMAGES), compression, **options)


# --- nothing to read


@pytest.mark.parametrize("name", ["a.bag", "a.mcap", "a.db3"])
@pytest.mark.parametrize("content", [b"", b"hello\nworld\n", bytes(5000), b"#ROSBAG V1.2\n", b"#ROSBAG V2.0\n"])
def test_what_is_no_bag_is_one_line(name: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        open_recordings([path], Selection())
    assert name in str(error.value)
    assert "\n" not in str(error.value)


def test_a_bag_without_messages_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no message"):
        open_recordings([write_bag(tmp_path / "a.bag", ROS1, [])], Selection())


def test_an_unreadable_bag_beside_others_is_a_recording_with_one_fault(tmp_path: Path) -> None:
    bag(tmp_path / "good.bag")
    (tmp_path / "empty.bag").write_bytes(b"")
    empty, good = open_recordings([tmp_path], Selection())
    assert [(type(item), item.kind) for item in empty] == [(Fault, "unreadable")]  # type: ignore[union-attr]
    assert (len(empty), len(list(good))) == (0, 10)
    (tmp_path / "good.bag").write_bytes(b"")
    with pytest.raises(DataError, match="none of 2 recordings can be opened"):
        open_recordings([tmp_path], Selection())


# --- truncated, not closed


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_bag_cut_off_anywhere_gives_its_whole_chunks(compression: str, tmp_path: Path) -> None:
    whole = bag(tmp_path / "whole.bag", compression, chunk_bytes=1)  # each message has its chunk
    data, ends = whole.read_bytes(), [record.end for record in chunk_records(whole)][1::2]
    for share in np.linspace(0.2, 0.98, 9):
        size = round(index_position(whole) * share)
        path = tmp_path / f"{size}.bag"
        path.write_bytes(data[:size])
        items = read_true(path, IMAGES)
        assert len(frames_of(items)) == sum(end <= size for end in ends)
        assert "truncated" in kinds(items)
    (tmp_path / "short.bag").write_bytes(data[:4200])
    with pytest.raises(DataError):
        open_recordings([tmp_path / "short.bag"], Selection())


def test_messages_that_are_whole_in_a_cut_raw_chunk_are_read(tmp_path: Path) -> None:
    path = bag(tmp_path / "a.bag", chunk_bytes=10**9)
    (chunk,) = chunk_records(path)
    path.write_bytes(path.read_bytes()[: chunk.data + chunk.size // 2])
    items = read_true(path, IMAGES)
    assert 3 <= len(frames_of(items)) <= 5
    assert kinds(items) == {"truncated": 1}


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_bag_that_was_never_closed_is_read_whole(compression: str, tmp_path: Path) -> None:
    path = bag(tmp_path / "a.bag", compression)
    path.write_bytes(path.read_bytes()[: index_position(path)])
    data = path.read_bytes()
    change(path, data.index(b"index_pos=") + 10, bytes(8))
    items = read_true(path, IMAGES)
    assert len(frames_of(items)) == 10
    assert kinds(items) == {"not closed": 1}


def test_an_mcap_cut_off_gives_its_whole_chunks(tmp_path: Path) -> None:
    folder = write_rosbag2(tmp_path / "a", ROS2, camera_entries(ROS2, IMAGES), "mcap")
    (file,) = folder.glob("*.mcap")
    data = file.read_bytes()
    given = []
    for share in (0.2, 0.5, 0.8, 0.95):
        file.write_bytes(data[: round(share * len(data))])
        items = read_true(folder, IMAGES)
        assert "truncated" in kinds(items)
        given.append(len(frames_of(items)))
    assert given == sorted(given)
    assert given[0] < 3 < 7 < given[-1]


# --- damaged


def test_a_damaged_index_costs_nothing(tmp_path: Path) -> None:
    path = bag(tmp_path / "a.bag")
    change(path, index_position(path) + 20, bytes(range(200)))
    items = read_true(path, IMAGES)
    assert len(frames_of(items)) == 10
    assert kinds(items) == {"index damaged": 1}


def test_an_index_of_nonsense_behind_a_chunk_costs_nothing(tmp_path: Path) -> None:
    path = bag(tmp_path / "a.bag")
    second = chunk_records(path)[1]
    with path.open("rb") as file:
        file.seek(second.end)
        entries = records.read_record(file)
    change(path, entries.data + 8, struct.pack("<I", 0xFFFFFF))  # where the first message begins
    items = read_true(path, IMAGES)
    assert (len(frames_of(items)), faults_of(items)) == (10, [])


@pytest.mark.parametrize("which", [0, 1])
def test_one_of_two_damaged_indices_behind_a_chunk_costs_nothing(which: int, tmp_path: Path) -> None:
    path = bag(tmp_path / "a.bag")
    at = chunk_records(path)[1].end
    with path.open("rb") as file:
        for _ in range(which):
            file.seek(at)
            at = records.read_record(file).end
    change(path, at, b"\xff" * 12)
    items = read_true(path, IMAGES)
    assert numbers_of(items) == list(range(10))
    assert kinds(items) == {"damaged": 1}


@pytest.mark.parametrize("compression", ["bz2", "lz4"])
def test_a_damaged_chunk_costs_its_own_messages_and_the_others_keep_their_numbers(
    compression: str, tmp_path: Path
) -> None:
    path = bag(tmp_path / "a.bag", compression)
    chunks = chunk_records(path)
    change(path, chunks[1].data, b"broken!!")
    items = read_true(path, IMAGES)
    lost = [fault.number for fault in faults_of(items) if fault.kind == "damaged"]
    assert len(lost) in (3, 4)
    assert kinds(items) == {"damaged": len(lost), "camera_info damaged": len(lost)}
    assert sorted(numbers_of(items) + lost) == list(range(10))
    (recording,) = open_recordings([path], Selection())
    assert len(recording) == 10


@pytest.mark.parametrize("at", [0, 4, 20])
def test_a_damaged_record_in_a_raw_chunk_costs_one_message(at: int, tmp_path: Path) -> None:
    path = bag(tmp_path / "a.bag", chunk_bytes=10**9)
    (chunk,) = chunk_records(path)
    data = path.read_bytes()
    image = [a for a, r in records.messages_in(memoryview(data)[chunk.data : chunk.end], []) if r.size > 6000][4]
    change(path, chunk.data + image + at, b"\xff\xff\xff\xff")
    items = read_true(path, IMAGES)
    assert numbers_of(items) == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert [(fault.number, fault.kind) for fault in faults_of(items)] == [(4, "damaged")]


def test_a_damaged_head_of_a_chunk_costs_that_chunk(tmp_path: Path) -> None:
    path = bag(tmp_path / "a.bag")
    second = chunk_records(path)[1]
    change(path, second.data - 12, b"\xff" * 12)
    (recording,) = open_recordings([path], Selection())
    items = list(recording)
    stamps = [item.frame.stamp_ns for item in items if isinstance(item, RecordedFrame)]
    assert 6 <= len(stamps) <= 7
    assert stamps == sorted(stamps)
    assert [item.kind for item in items if isinstance(item, Fault)] == ["damaged"]


@pytest.mark.parametrize("messages", [ROS1, ROS2])
def test_an_mcap_with_a_damaged_chunk_gives_the_others(messages: Messages, tmp_path: Path) -> None:
    path = write_mcap(tmp_path / "a.mcap", messages, camera_entries(messages, IMAGES))
    change(path, path.stat().st_size // 2, b"\0\xff\0\xff")
    items = read_true(path, IMAGES)
    assert kinds(items).keys() == {"damaged", "camera_info damaged"}
    assert 0 < kinds(items)["damaged"] < 4
    assert sorted(item.number for item in items if item.number >= 0) == list(range(10))


@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
def test_damaged_metadata_cost_nothing(storage: str, tmp_path: Path) -> None:
    folder = write_rosbag2(tmp_path / "a", ROS2, camera_entries(ROS2, IMAGES), storage)
    (folder / "metadata.yaml").write_text("rosbag2_bagfile_information: [", encoding="utf-8")
    items = read_true(folder, IMAGES)
    assert len(frames_of(items)) == 10
    assert all(fault.kind == "index damaged" and "\n" not in fault.detail for fault in faults_of(items))


FUZZED: Dict[str, Callable[[Path], Path]] = {
    "a.bag": bag,
    "bz2.bag": lambda path: bag(path, "bz2"),
    "lz4.bag": lambda path: bag(path, "lz4"),
    "sqlite3": lambda path: write_rosbag2(path, ROS2, camera_entries(ROS2, IMAGES)),
    "mcap": lambda path: write_rosbag2(path, ROS2, camera_entries(ROS2, IMAGES), "mcap"),
    "message": lambda path: write_rosbag2(path, ROS2, camera_entries(ROS2, IMAGES), compression="message"),
}


@pytest.mark.parametrize("name", FUZZED)
def test_random_damage_is_a_fault_or_one_line_and_never_anything_else(name: str, tmp_path: Path) -> None:
    path = FUZZED[name](tmp_path / name)
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    chance = random.Random(name)
    for _ in range(10):
        file = chance.choice(files)
        whole = file.read_bytes()
        file.write_bytes(damaged(whole, chance))
        with suppress(DataError):
            (recording,) = open_recordings([path], Selection())
            assert all(isinstance(item, (RecordedFrame, Fault)) for item in recording)
        (info,) = info_of(path, Selection())
        assert "\n" not in info.why_not
        file.write_bytes(whole)


def damaged(data: bytes, chance: random.Random) -> bytes:
    at, found = chance.randrange(len(data)), bytearray(data)
    how = chance.choice(["flip", "cut", "blank", "insert"])
    if how == "flip":
        found[at] ^= 1 << chance.randrange(8)
    elif how == "cut":
        del found[at:]
    elif how == "blank":
        found[at : at + 40] = bytes(len(found[at : at + 40]))
    else:
        found[at:at] = chance.randbytes(5)
    return bytes(found)
