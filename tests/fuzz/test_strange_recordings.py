"""Recordings of nobody knows whom: bytes of bags, and records that are whole and lie."""

from __future__ import annotations

import sqlite3
import struct
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

import pytest

pytest.importorskip("rosbags", reason="needs the extra bag")

import lz4.frame
import zstandard
from bag_writers import ROS1, ROS2, camera_entries, depth_images, write_bag, write_mcap, write_rosbag2
from damage import NUMBERS, WORDS, changed, damaged, retold
from hypothesis import given
from hypothesis import strategies as st
from strange_files import MOST_MEMORY, Strange, contents, fuzzed
from yaml import safe_dump, safe_load

IMAGES = depth_images(3, (12, 16))
LENGTH = struct.Struct("<I")
BOMB = MOST_MEMORY * 2  # bytes that a chunk unpacks to


@pytest.fixture(scope="module")
def bags(tmp_path_factory: pytest.TempPathFactory) -> Dict[str, Dict[str, bytes]]:
    """Return bags of every format: name -> their files."""
    folder = tmp_path_factory.mktemp("bags")
    one, two = camera_entries(ROS1, IMAGES), camera_entries(ROS2, IMAGES)
    for compression in ("none", "bz2", "lz4"):
        write_bag(folder / f"{compression}.bag", ROS1, one, compression)
    write_mcap(folder / "one.mcap", ROS1, one)
    write_mcap(folder / "two.mcap", ROS2, two)
    files = {name: {name: content} for name, content in contents(folder).items()}
    for compression in ("", "message", "file"):
        write_rosbag2(folder / f"sqlite3{compression}", ROS2, two, compression=compression)
        files[f"sqlite3{compression}"] = contents(folder / f"sqlite3{compression}")
    return files


BAGS = ["none.bag", "bz2.bag", "lz4.bag", "one.mcap", "two.mcap", "sqlite3", "sqlite3message", "sqlite3file"]


def opened(name: str) -> str:
    return "." if name.startswith("sqlite3") else name


@pytest.mark.parametrize("name", BAGS)
def test_a_whole_bag_is_read(strange: Strange, bags: Dict[str, Dict[str, bytes]], name: str) -> None:
    strange.whole("recording", bags[name], opened(name))


@pytest.mark.parametrize("name", BAGS)
@fuzzed(25)
@given(data=st.data())
def test_a_damaged_bag(strange: Strange, bags: Dict[str, Dict[str, bytes]], name: str, data: st.DataObject) -> None:
    files = bags[name]
    file = data.draw(st.sampled_from(sorted(files)))
    strange.read("recording", {**files, file: data.draw(damaged(files[file]))}, opened(name))


@fuzzed(30)
@given(data=st.data())
def test_a_rosbag2_whose_metadata_lie(strange: Strange, bags: Dict[str, Dict[str, bytes]], data: st.DataObject) -> None:
    files = bags[data.draw(st.sampled_from(["sqlite3", "sqlite3message", "sqlite3file"]))]
    text = files["metadata.yaml"].decode()
    told = data.draw(changed(safe_load(text)).map(lambda tree: safe_dump(tree).encode()) | retold(text))
    strange.read("recording", {**files, "metadata.yaml": told}, ".")


def test_what_longer_runs_found(strange: Strange) -> None:
    assert strange.read("recording", {"cut.bag": b"#ROSBAG V"}).kind == "refused"
    assert strange.read("recording", {"cut.bag": b"#ROSBAG V  "}).kind == "refused"
    body = struct.pack("<QQQII", 0, 0, 4, 0, 0) + struct.pack("<Q", 2**64 - 1) + bytes(8)
    file = b"\x89MCAP0\r\n" + struct.pack("<BQ", 6, len(body)) + body
    assert strange.read("recording", {"long.mcap": file}).kind == "refused"


@pytest.mark.parametrize("path", ["../../../../etc/passwd", "/etc/passwd", "/dev/zero", "."])
def test_a_rosbag2_that_names_files_elsewhere_reads_none_of_them(
    strange: Strange, bags: Dict[str, Dict[str, bytes]], path: str
) -> None:
    tree = safe_load(bags["sqlite3"]["metadata.yaml"])
    tree["rosbag2_bagfile_information"]["relative_file_paths"] = [path]
    strange.read("recording", {**bags["sqlite3"], "metadata.yaml": safe_dump(tree).encode()}, ".")


# --- records that are whole, of which one says something else


def records(data: bytes, at: int) -> Iterator[Tuple[Dict[bytes, bytes], bytes]]:
    """Yield header and data of the records of a ROS 1 bag."""
    while at < len(data):
        parts = []
        for _ in range(2):
            (size,) = LENGTH.unpack_from(data, at)
            parts.append(data[at + 4 : at + 4 + size])
            at += 4 + size
        yield dict(fields(parts[0])), parts[1]


def fields(header: bytes) -> Iterator[Tuple[bytes, bytes]]:
    at = 0
    while at < len(header):
        (size,) = LENGTH.unpack_from(header, at)
        name, _, value = header[at + 4 : at + 4 + size].partition(b"=")
        yield name, value
        at += 4 + size


def record(header: Dict[bytes, bytes], data: bytes) -> bytes:
    pairs = b"".join(LENGTH.pack(len(name) + 1 + len(value)) + name + b"=" + value for name, value in header.items())
    return LENGTH.pack(len(pairs)) + pairs + LENGTH.pack(len(data)) + data


def bag_of(found: List[Tuple[Dict[bytes, bytes], bytes]]) -> Dict[str, bytes]:
    return {"lie.bag": b"#ROSBAG V2.0\n" + b"".join(record(*one) for one in found)}


values = (
    st.binary(max_size=20)
    | st.sampled_from(NUMBERS).map(lambda number: struct.pack("<Q", number))
    | st.sampled_from([b"\xff" * 20, b"none", b"bz2", b"lz4", *(word.encode("utf-8", "replace") for word in WORDS)])
)


@fuzzed(60)
@given(data=st.data())
def test_a_record_that_lies(strange: Strange, bags: Dict[str, Dict[str, bytes]], data: st.DataObject) -> None:
    found = list(records(bags["none.bag"]["none.bag"], len(b"#ROSBAG V2.0\n")))
    inside = data.draw(st.booleans())
    number = data.draw(st.integers(0, len(found) - 1))
    if inside:  # of a chunk
        number = next(place for place, (header, _) in enumerate(found) if header[b"op"] == b"\x05")
        held = list(records(found[number][1], 0))
        lie(held, data.draw(st.integers(0, len(held) - 1)), data)
        found[number] = found[number][0], b"".join(record(*one) for one in held)
    else:
        lie(found, number, data)
    strange.read("recording", bag_of(found))


def lie(found: List[Tuple[Dict[bytes, bytes], bytes]], number: int, data: st.DataObject) -> None:
    """Change a field of a record, or its data."""
    header, content = found[number]
    name = data.draw(st.sampled_from([*sorted(header), b"", b"new"]))
    if name:
        found[number] = {**header, name: data.draw(values)}, content
    else:
        found[number] = header, data.draw(damaged(content))


@pytest.mark.parametrize("name", [b"conn", b"time", b"count", b"index_pos", b"size", b"ver", b"op"])
@pytest.mark.parametrize("value", [b"", b"\xff" * 20], ids=len)
def test_a_number_of_any_length_in_any_record(
    strange: Strange, bags: Dict[str, Dict[str, bytes]], name: bytes, value: bytes
) -> None:
    found = list(records(bags["none.bag"]["none.bag"], len(b"#ROSBAG V2.0\n")))
    inside = [({**header, name: value} if name in header else header, data) for header, data in found]
    strange.read("recording", bag_of(inside))
    for place, (header, data) in enumerate(found):
        if header[b"op"] == b"\x05":
            held = [({**one, name: value} if name in one else one, content) for one, content in records(data, 0)]
            found[place] = header, b"".join(record(*one) for one in held)
    strange.read("recording", bag_of(found))
    bare = [one for one in found if one[0][b"op"] in (b"\x03", b"\x05")]
    strange.read("recording", bag_of(bare))


@pytest.mark.parametrize("log_ns", [2**63, 2**64 - 1])
def test_a_time_beyond_all_clocks_in_an_mcap(strange: Strange, bags: Dict[str, Dict[str, bytes]], log_ns: int) -> None:
    from io import BytesIO

    from mcap.writer import CompressionType, IndexType, Writer

    for use_chunking in (True, False):
        file = BytesIO()
        writer = Writer(file, compression=CompressionType.NONE, index_types=IndexType.NONE, use_chunking=use_chunking)
        writer.start()
        schema = writer.register_schema("sensor_msgs/msg/Image", "ros2msg", b"")
        channel = writer.register_channel("/camera/depth/image", "cdr", schema)
        writer.add_message(channel, log_ns, bytes(100), log_ns)
        writer.finish()
        strange.read("recording", {"late.mcap": file.getvalue()})


def test_a_chunk_that_unpacks_to_more_than_any_recording_has_costs_no_memory(strange: Strange) -> None:
    header = {b"op": b"\x05", b"compression": b"lz4", b"size": LENGTH.pack(4)}
    begin = {b"op": b"\x03", b"index_pos": bytes(8), b"conn_count": bytes(4), b"chunk_count": bytes(4)}
    strange.read("recording", bag_of([(begin, bytes(10)), (header, lz4.frame.compress(bytes(BOMB)))]))


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
@pytest.mark.parametrize("claimed", [4, BOMB])
def test_an_mcap_chunk_that_unpacks_to_more_than_it_says_costs_no_memory(
    strange: Strange, compression: str, claimed: int
) -> None:
    zeros = bytes(BOMB)
    packed = zstandard.compress(zeros) if compression == "zstd" else lz4.frame.compress(zeros)
    name = compression.encode()
    body = struct.pack("<QQQII", 0, 0, claimed, 0, len(name)) + name + struct.pack("<Q", len(packed)) + packed
    file = b"\x89MCAP0\r\n" + struct.pack("<BQ", 6, len(body)) + body
    assert strange.read("recording", {"bomb.mcap": file}).kind == "refused"


def test_an_index_of_a_thousand_connections_that_nobody_describes_opens_each_chunk_once(
    strange: Strange, bags: Dict[str, Dict[str, bytes]]
) -> None:
    found = list(records(bags["none.bag"]["none.bag"], len(b"#ROSBAG V2.0\n")))
    entry = struct.pack("<III", 1, 0, 0)
    indices = [
        ({b"op": b"\x04", b"ver": LENGTH.pack(1), b"conn": LENGTH.pack(number), b"count": LENGTH.pack(1)}, entry)
        for number in range(100, 5_100)
    ]
    place = next(place for place, (header, _) in enumerate(found) if header[b"op"] == b"\x05")
    strange.read("recording", bag_of([*found[: place + 1], *indices, *found[place + 1 :]]))


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE message_definitions RENAME TO other; CREATE VIEW message_definitions AS WITH RECURSIVE "
        "c(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM c) SELECT id, 'a' AS topic_type, 'ros2msg' AS encoding, "
        "'' AS encoded_message_definition, '' AS type_description_hash FROM c",
        "UPDATE messages SET data = 'text'",
        "UPDATE messages SET timestamp = 'text'",
        "UPDATE messages SET timestamp = 1e300",
        "UPDATE messages SET timestamp = -9223372036854775808",
        "UPDATE messages SET data = NULL",
        "UPDATE topics SET name = NULL, type = 3",
        "UPDATE topics SET offered_qos_profiles = '- [[['",
        "UPDATE topics SET id = 'x'",
        "DELETE FROM topics",
        "DROP TABLE schema",
    ],
    ids=lambda statement: statement[:40],
)
def test_a_database_that_is_whole_and_holds_other_things(
    strange: Strange, bags: Dict[str, Dict[str, bytes]], statement: str, tmp_path: Path
) -> None:
    files = dict(bags["sqlite3"])
    (name,) = (name for name in files if name.endswith(".db3"))
    (tmp_path / name).write_bytes(files[name])
    with sqlite3.connect(tmp_path / name) as base:
        base.execute("PRAGMA ignore_check_constraints = 1")
        for one in statement.replace("NOT NULL", "").split("; "):
            try:
                base.execute(one)
            except sqlite3.IntegrityError:
                return  # such a database can't be made
    base.close()
    strange.read("recording", {**files, name: (tmp_path / name).read_bytes()}, ".")
    strange.read("recording", {name: (tmp_path / name).read_bytes()})
