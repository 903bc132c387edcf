"""Every bad bag by the command line: what can be read is judged, the rest is counted, and nothing else is touched."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Tuple

import numpy as np
import pytest
from bag_readers import change, chunk_records, index_position
from bag_writers import CAMERA_INFO, DEPTH, INFO, ROS1, START_NS, Entry, Messages, camera_entries, write_bag
from made_up import drawn

from pspgrasp.bag.formats import ros1_records as records
from pspgrasp.bag.judging.specs import ModelSpec
from pspgrasp.bag.report.output import FILES
from pspgrasp.cli import main

pytest.importorskip("rich", reason="needs the extra bag")

FRAMES, SHAPE = 8, (120, 160)
K = (150.0, 150.0, 79.5, 59.5)


def entries(**options: Any) -> List[Entry]:
    """Return the messages of a camera above a table with noise, which packs badly."""
    noise = np.random.default_rng(0).integers(500, 520, (FRAMES, *SHAPE)).astype(np.uint16)
    return [
        entry._replace(msg=ROS1.camera_info(entry.recorded_ns - 2_000_000, SHAPE, K))
        if entry.type_name == CAMERA_INFO
        else entry
        for entry in camera_entries(ROS1, list(noise), **options)
    ]


def bag(path: Path, some: List[Entry] = (), compression: str = "none") -> Path:  # type: ignore[assignment]
    return write_bag(path, ROS1, some or entries(), compression)


def cut_off(path: Path) -> None:
    bag(path).write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


def unclosed(path: Path) -> None:
    bag(path).write_bytes(path.read_bytes()[: index_position(path)])
    change(path, path.read_bytes().index(b"index_pos=") + 10, bytes(8))


def without_index(path: Path) -> None:
    change(bag(path), index_position(path) + 20, bytes(range(200)))


def broken_chunk(compression: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        bag(path, compression=compression)
        change(path, chunk_records(path)[2].data, b"broken!!")

    return write


def broken_message(topic: str) -> Callable[[Path], None]:
    """Write a bag without compression, in which the head of one message of a topic is nonsense."""

    def write(path: Path) -> None:
        chunk = chunk_records(bag(path))[2]
        data = memoryview(path.read_bytes())[chunk.data : chunk.end]
        sizes = {at: record.size for at, record in records.messages_in(data, [])}
        change(path, chunk.data + (max if topic == DEPTH else min)(sizes, key=sizes.__getitem__), b"broken!!")

    return write


class Trailing(Messages):
    """Writes three bytes too many behind every image."""

    def serialize(self, entry: Entry) -> bytes:
        return super().serialize(entry) + (b"abc" if entry.topic == DEPTH else b"")


def changed(topic: str, change_of: Callable[[int, Any], Any]) -> Callable[[Path], None]:
    """Write a bag in which the messages of a topic are changed, by their number."""

    def write(path: Path) -> None:
        some, number = [], -1
        for entry in entries():
            number += entry.topic == topic
            some.append(entry._replace(msg=change_of(number, entry.msg)) if entry.topic == topic else entry)
        bag(path, some)

    return write


def with_text_between(path: Path) -> None:
    text = Entry(DEPTH, "std_msgs/msg/String", START_NS + 10**8, ROS1.make("std_msgs/msg/String", "hello"))
    bag(path, sorted([*entries(), text], key=lambda entry: entry.recorded_ns))


def two_cameras(path: Path) -> None:
    other = entries(depth="/other/image", info="/other/camera_info")
    bag(path, sorted([*entries(), *other], key=lambda entry: entry.recorded_ns))


def late(number: int, msg: Any) -> Any:
    if number == 5:
        msg.header.stamp.sec -= 1
    return msg


def cut(number: int, msg: Any) -> Any:
    msg.data = msg.data[: 100 if number == 3 else None]
    return msg


def uncalibrated(_number: int, _msg: Any) -> Any:
    return ROS1.camera_info(START_NS, SHAPE, (0, 0, 0, 0))


class Expected(NamedTuple):
    """What comes of a bag: exit code, frames that are judged, words that are said."""

    code: int
    frames: int
    said: Tuple[str, ...]


NOTHING = -1  # no run at all: a user's error, in one line
BAGS: Dict[str, Tuple[Callable[[Path], Any], Expected]] = {
    "whole": (bag, Expected(0, FRAMES, ("8 of 8 images judged",))),
    "empty": (lambda path: path.write_bytes(b""), Expected(1, NOTHING, ("is empty",))),
    "text": (lambda path: path.write_text("hello\n" * 900), Expected(1, NOTHING, ("is no ROS 1 bag",))),
    "without messages": (lambda path: write_bag(path, ROS1, []), Expected(1, NOTHING, ("holds no message",))),
    "truncated": (cut_off, Expected(3, 5, ("1 truncated",))),
    "never closed": (unclosed, Expected(3, FRAMES, ("1 not closed",))),
    "index damaged": (without_index, Expected(3, FRAMES, ("1 index damaged",))),
    "lz4 damaged": (broken_chunk("lz4"), Expected(3, FRAMES - 1, ("1 damaged", "1 camera_info damaged"))),
    "bz2 damaged": (broken_chunk("bz2"), Expected(3, FRAMES - 1, ("1 damaged", "can't be decompressed"))),
    "raw image damaged": (broken_message(DEPTH), Expected(3, FRAMES - 1, ("1 damaged",))),
    "raw camera_info damaged": (broken_message(INFO), Expected(3, FRAMES, ("1 camera_info damaged",))),
    "wrong type": (with_text_between, Expected(3, FRAMES, ("1 wrong type", "std_msgs/String"))),
    "without camera_info": (lambda path: bag(path, entries(info="")), Expected(1, NOTHING, ("give --camera",))),
    "trailing bytes": (
        lambda path: write_bag(path, Trailing(), entries()),
        Expected(3, FRAMES, ("8 trailing bytes; the first: 3 bytes behind the message",)),
    ),
    "stamps go back": (changed(DEPTH, late), Expected(3, FRAMES - 1, ("1 stamp goes back",))),
    "image cut off": (changed(DEPTH, cut), Expected(3, FRAMES - 1, ("1 bad depth",))),
    "uncalibrated": (changed(INFO, uncalibrated), Expected(3, 0, ("8 no camera_info", "no image could be judged"))),
    "two cameras": (two_cameras, Expected(1, NOTHING, ("choose one with --depth-topic", "/other/image"))),
}


@pytest.fixture(autouse=True)
def drawings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every checkpoint be a drawing."""
    monkeypatch.setattr(ModelSpec, "build", lambda spec: drawn(spec.name))


def fingerprints(folder: Path) -> Dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


@pytest.mark.parametrize("name", BAGS)
def test_a_bad_bag_is_judged_as_far_as_it_can_be_read(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write, expected = BAGS[name]
    folder, output = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    write(folder / "drive.bag")
    before = fingerprints(folder)
    assert main(["bag", "eval", str(folder / "drive.bag"), "--output", str(output)]) == expected.code
    told = capsys.readouterr()
    for words in expected.said:
        assert words in (told.err if expected.frames == NOTHING else told.out)
    assert fingerprints(folder) == before
    if expected.frames == NOTHING:
        assert told.err.count("\n") == 1
        assert not output.exists()
        return
    assert {path.name for path in output.iterdir()} == set(FILES)
    (recording,) = json.loads((output / "results.json").read_text())["recordings"]
    assert recording["read"] == expected.frames
    lines = [json.loads(line) for line in (output / "frames.jsonl").read_text().splitlines()]
    assert sum("models" in line for line in lines) == expected.frames
    assert sum("fault" in line for line in lines) == sum(recording["fault_counts"].values())


@pytest.mark.parametrize("name", BAGS)
def test_a_bad_bag_is_exported_as_far_as_it_can_be_read(name: str, tmp_path: Path) -> None:
    write, expected = BAGS[name]
    folder, output = tmp_path / "in", tmp_path / "out.bag"
    folder.mkdir()
    write(folder / "drive.bag")
    before = fingerprints(folder)
    code = main(["bag", "export", str(folder / "drive.bag"), "--to", "bag", "--output", str(output)])
    assert code == (expected.code if expected.frames > 0 else 1)
    assert fingerprints(folder) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == (["in", "out.bag"] if expected.frames > 0 else ["in"])


@pytest.mark.parametrize("name", BAGS)
def test_info_tells_of_a_bad_bag_and_exits_as_eval_does(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write, expected = BAGS[name]
    write(tmp_path / "drive.bag")
    seen_at_once = expected.code == 1 or name in ("truncated", "never closed", "index damaged")
    assert main(["bag", "info", str(tmp_path / "drive.bag")]) == (expected.code if seen_at_once else 0)
    told = capsys.readouterr().out
    assert ("\n  can't be read: " in told) == (expected.frames == NOTHING)


def test_bad_bags_beside_good_ones_are_told_and_the_good_ones_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, (write, _) in BAGS.items():
        write(tmp_path / f"{name}.bag")
    assert main(["bag", "eval", str(tmp_path)]) == 3
    told = capsys.readouterr().out
    for name, (_, expected) in BAGS.items():
        assert f"{name}.bag: {max(0, expected.frames)} of" in told
