"""What is whole in a damaged bag is read, what isn't is counted, and a bag without anything is one line."""

from __future__ import annotations

import random
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import numpy as np
import pytest

pytest.importorskip("rosbags", reason="needs the bag extra")

from bag_writers import (
    CAMERA_INFO,
    DEPTH,
    IMAGE,
    INFO,
    START_NS,
    Entry,
    Messages,
    camera_entries,
    depth_images,
    write_bag,
    write_mcap,
    write_rosbag2,
)

from pspgrasp.bag.formats import ros1_records as records
from pspgrasp.bag.reading.bag import BagRecording
from pspgrasp.bag.reading.info import info_of
from pspgrasp.bag.reading.open import open_recordings
from pspgrasp.bag.recording import Fault, RecordedFrame, Selection
from pspgrasp.errors import DataError

ROS1, ROS2 = Messages(), Messages(ros2=True)
IMAGES = depth_images(10)
COMPRESSIONS = ("none", "bz2", "lz4")


def bag(path: Path, compression: str = "none", **options: Any) -> Path:
    return write_bag(path, ROS1, camera_entries(ROS1, IMAGES), compression, **options)


def read(path: Path, **selection: Any) -> Tuple[List[RecordedFrame], List[Fault]]:
    (recording,) = open_recordings([path], Selection(**selection))
    items = list(recording)
    frames = [item for item in items if isinstance(item, RecordedFrame)]
    for item in frames:  # what is given is what was written
        assert np.array_equal(np.rint(1000 * np.nan_to_num(item.frame.depth_m)), IMAGES[item.number])
    return frames, [item for item in items if isinstance(item, Fault)]


def kinds(faults: List[Fault]) -> Dict[str, int]:
    names = [fault.kind for fault in faults]
    return {name: names.count(name) for name in set(names)}


def chunk_records(path: Path) -> List[records.Record]:
    """Return where the chunks of a whole bag lie."""
    found, at = [], len(records.MAGIC)
    with path.open("rb") as file:
        while at < path.stat().st_size:
            file.seek(at)
            record = records.read_record(file)
            found += [record] if record.op == records.CHUNK else []
            at = record.end
    return found


def change(path: Path, at: int, values: bytes) -> None:
    data = bytearray(path.read_bytes())
    data[at : at + len(values)] = values
    path.write_bytes(data)


def index_position(path: Path) -> int:
    with path.open("rb") as file:
        file.seek(len(records.MAGIC))
        return records.read_record(file).number("index_pos")


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
        frames, faults = read(path)
        assert len(frames) == sum(end <= size for end in ends)
        assert "truncated" in kinds(faults)
    (tmp_path / "short.bag").write_bytes(data[:4200])
    with pytest.raises(DataError):
        open_recordings([tmp_path / "short.bag"], Selection())


def test_messages_that_are_whole_in_a_cut_raw_chunk_are_read(tmp_path: Path) -> None:
    path = bag(tmp_path / "a.bag", chunk_bytes=10**9)
    (chunk,) = chunk_records(path)
    path.write_bytes(path.read_bytes()[: chunk.data + chunk.size // 2])
    frames, faults = read(path)
    assert 3 <= len(frames) <= 5
    assert kinds(faults) == {"truncated": 1}


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_bag_that_was_never_closed_is_read_whole(compression: str, tmp_path: Path) -> None:
    path = bag(tmp_path / "a.bag", compression)
    path.write_bytes(path.read_bytes()[: index_position(path)])
    data = path.read_bytes()
    change(path, data.index(b"index_pos=") + 10, bytes(8))
    frames, faults = read(path)
    assert len(frames) == 10
    assert kinds(faults) == {"not closed": 1}


def test_an_mcap_cut_off_gives_its_whole_chunks(tmp_path: Path) -> None:
    folder = write_rosbag2(tmp_path / "a", ROS2, camera_entries(ROS2, IMAGES), "mcap")
    (file,) = folder.glob("*.mcap")
    data = file.read_bytes()
    given = []
    for share in (0.2, 0.5, 0.8, 0.95):
        file.write_bytes(data[: round(share * len(data))])
        frames, faults = read(folder)
        assert "truncated" in kinds(faults)
        given.append(len(frames))
    assert given == sorted(given)
    assert given[0] < 3 < 7 < given[-1]


# --- damaged


def test_a_damaged_index_costs_nothing(tmp_path: Path) -> None:
    path = bag(tmp_path / "a.bag")
    change(path, index_position(path) + 20, bytes(range(200)))
    frames, faults = read(path)
    assert len(frames) == 10
    assert kinds(faults) == {"index damaged": 1}


def test_an_index_of_nonsense_behind_a_chunk_costs_nothing(tmp_path: Path) -> None:
    path = bag(tmp_path / "a.bag")
    second = chunk_records(path)[1]
    with path.open("rb") as file:
        file.seek(second.end)
        entries = records.read_record(file)
    change(path, entries.data + 8, struct.pack("<I", 0xFFFFFF))  # where the first message begins
    frames, faults = read(path)
    assert (len(frames), faults) == (10, [])


@pytest.mark.parametrize("compression", ["bz2", "lz4"])
def test_a_damaged_chunk_costs_its_own_messages_and_the_others_keep_their_numbers(
    compression: str, tmp_path: Path
) -> None:
    path = bag(tmp_path / "a.bag", compression)
    chunks = chunk_records(path)
    change(path, chunks[1].data, b"broken!!")
    frames, faults = read(path)
    lost = [fault.number for fault in faults if fault.kind == "damaged"]
    assert len(lost) == len(faults) in (3, 4)
    assert sorted([item.number for item in frames] + lost) == list(range(10))
    (recording,) = open_recordings([path], Selection())
    assert len(recording) == 10


@pytest.mark.parametrize("at", [0, 4, 20])
def test_a_damaged_record_in_a_raw_chunk_costs_one_message(at: int, tmp_path: Path) -> None:
    path = bag(tmp_path / "a.bag", chunk_bytes=10**9)
    (chunk,) = chunk_records(path)
    data = path.read_bytes()
    image = [a for a, r in records.messages_in(memoryview(data)[chunk.data : chunk.end], []) if r.size > 6000][4]
    change(path, chunk.data + image + at, b"\xff\xff\xff\xff")
    frames, faults = read(path)
    assert [item.number for item in frames] == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert [(fault.number, fault.kind) for fault in faults] == [(4, "damaged")]


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
    frames, faults = read(path)
    assert kinds(faults).keys() == {"damaged"}
    assert 0 < len(faults) < 6
    assert sorted(item.number for item in (*frames, *faults)) == list(range(10))


@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
def test_damaged_metadata_cost_nothing(storage: str, tmp_path: Path) -> None:
    folder = write_rosbag2(tmp_path / "a", ROS2, camera_entries(ROS2, IMAGES), storage)
    (folder / "metadata.yaml").write_text("rosbag2_bagfile_information: [", encoding="utf-8")
    frames, faults = read(folder)
    assert len(frames) == 10
    assert all(fault.kind == "index damaged" and "\n" not in fault.detail for fault in faults)


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


# --- strange messages


def with_entries(path: Path, changed: Callable[[List[Entry]], List[Entry]]) -> Path:
    return write_bag(path, ROS1, changed(camera_entries(ROS1, IMAGES)))


def test_bytes_behind_a_message_are_left_out_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = ROS1.serialize
    longer = lambda entry: plain(entry) + (b"abc" if entry.topic == DEPTH else b"")  # noqa: E731
    monkeypatch.setattr(ROS1, "serialize", longer)
    frames, faults = read(bag(tmp_path / "a.bag"))
    assert len(frames) == 10
    assert kinds(faults) == {"trailing bytes": 10}


def test_a_message_that_is_cut_off_costs_one_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, third = ROS1.serialize, camera_entries(ROS1, IMAGES)[5].recorded_ns
    shorter = lambda entry: plain(entry)[: 20 if entry.recorded_ns == third else None]  # noqa: E731
    monkeypatch.setattr(ROS1, "serialize", shorter)
    frames, faults = read(bag(tmp_path / "a.bag"))
    assert [item.number for item in frames] == [0, 1, 3, 4, 5, 6, 7, 8, 9]
    assert [(fault.number, fault.kind) for fault in faults] == [(2, "bad message")]


def test_another_type_on_the_topic_is_told_and_is_no_image(tmp_path: Path) -> None:
    text = ROS1.make("std_msgs/msg/String", "hello")
    stray = Entry(DEPTH, "std_msgs/msg/String", START_NS + 50_000_000, text)
    path = with_entries(tmp_path / "a.bag", lambda entries: [*entries[:4], stray, *entries[4:]])
    frames, faults = read(path)
    assert [item.number for item in frames] == list(range(10))
    assert [(fault.number, fault.kind) for fault in faults] == [(-1, "wrong type")]


def test_an_image_that_is_no_depth_is_told(tmp_path: Path) -> None:
    def changed(entries: List[Entry]) -> List[Entry]:
        picture = ROS1.image(IMAGES[0], "bgr8", START_NS)
        return [*entries[:3], entries[3]._replace(msg=picture), *entries[4:]]

    frames, faults = read(with_entries(tmp_path / "a.bag", changed))
    assert len(frames) == 9
    assert [(fault.number, fault.kind) for fault in faults] == [(1, "bad depth")]


def test_another_definition_of_a_type_is_refused(tmp_path: Path) -> None:
    path = bag(tmp_path / "a.bag")
    md5 = b"060021388200f6f0f447d0fcd9c64743"
    path.write_bytes(path.read_bytes().replace(md5, md5[::-1]))
    with pytest.raises(DataError, match="another definition of sensor_msgs/Image"):
        open_recordings([path], Selection(depth_topic=DEPTH))


def test_stamps_that_go_back_are_told_and_read(tmp_path: Path) -> None:
    def changed(entries: List[Entry]) -> List[Entry]:
        early = ROS1.image(IMAGES[6], "16UC1", START_NS)
        return [entry._replace(msg=early) if at == 13 else entry for at, entry in enumerate(entries)]

    frames, faults = read(with_entries(tmp_path / "a.bag", changed))
    assert len(frames) == 10
    assert [(fault.number, fault.kind) for fault in faults] == [(6, "stamp goes back")]
    assert "0.167 s" in faults[0].detail


def test_without_camera_info_a_camera_must_be_given(tmp_path: Path) -> None:
    path = write_bag(tmp_path / "a.bag", ROS1, camera_entries(ROS1, IMAGES, info=""))
    with pytest.raises(DataError, match="give --camera FX FY CX CY"):
        open_recordings([path], Selection())
    frames, faults = read(path, camera=(60.0, 61.0, 30.0, 20.0))
    assert (len(frames), faults) == (10, [])
    assert frames[0].frame.camera.fy == 61.0


def test_a_camera_info_that_says_nothing_makes_every_image_a_fault(tmp_path: Path) -> None:
    def changed(entries: List[Entry]) -> List[Entry]:
        nothing = ROS1.camera_info(START_NS, (48, 64), (0, 0, 0, 0))
        return [entry._replace(msg=nothing) if entry.topic == INFO else entry for entry in entries]

    path = with_entries(tmp_path / "a.bag", changed)
    frames, faults = read(path)
    assert (len(frames), kinds(faults)) == (0, {"no camera_info": 10})
    assert len(read(path, camera=(60.0, 60.0, 32.0, 24.0))[0]) == 10


def test_a_camera_info_of_another_size_makes_every_image_a_fault(tmp_path: Path) -> None:
    info = [Entry(INFO, CAMERA_INFO, START_NS - 1, ROS1.camera_info(START_NS, (480, 640)))]
    path = write_bag(tmp_path / "a.bag", ROS1, info + camera_entries(ROS1, IMAGES, info=""))
    assert kinds(read(path)[1]) == {"bad camera_info": 10}


def test_a_first_image_that_cannot_be_decoded_does_not_hide_the_camera(tmp_path: Path) -> None:
    def changed(entries: List[Entry]) -> List[Entry]:
        picture = Entry(DEPTH, IMAGE, START_NS, ROS1.image(IMAGES[0], "16UC1", START_NS))
        picture.msg.step = 3
        return [picture, *entries]

    path = with_entries(tmp_path / "a.bag", changed)
    (recording,) = open_recordings([path], Selection())
    assert isinstance(recording, BagRecording)
    assert len([item for item in recording if isinstance(item, RecordedFrame)]) == 10
