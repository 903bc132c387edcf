"""Every container gives the same frames, and topics are found where they can be."""

from __future__ import annotations

import hashlib
import pickle
import shutil
import tracemalloc
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence, Tuple

import numpy as np
import pytest

pytest.importorskip("rosbags", reason="needs the bag extra")

from bag_readers import faults_of, frames_of, millimetres, read
from bag_writers import (
    CAMERA_INFO,
    DEPTH,
    FRAME,
    IMAGE,
    INFO,
    PERIOD_NS,
    ROS1,
    ROS2,
    START_NS,
    Entry,
    K,
    Messages,
    camera_entries,
    depth_images,
    write_bag,
    write_mcap,
    write_rosbag2,
)

from pspgrasp.bag.reading.info import info_of, shown
from pspgrasp.bag.reading.open import distinct_names, open_bag, open_recordings
from pspgrasp.bag.recording import Selection
from pspgrasp.camera import PinholeCamera
from pspgrasp.errors import DataError


def lone_mcap(path: Path, messages: Messages, entries: Sequence[Entry]) -> Path:
    folder = write_rosbag2(path.with_suffix(".folder"), messages, entries, "mcap")
    (inside,) = folder.glob("*.mcap")
    return Path(shutil.move(str(inside), str(path)))


def unindexed_rosbag2(path: Path, messages: Messages, entries: Sequence[Entry]) -> Path:
    write_rosbag2(path, messages, entries)
    (path / "metadata.yaml").unlink()
    return path


CONTAINERS: Dict[str, Callable[[Path], Path]] = {
    "raw.bag": lambda path: write_bag(path, ROS1, entries_of(ROS1)),
    "bz2.bag": lambda path: write_bag(path, ROS1, entries_of(ROS1), "bz2"),
    "lz4.bag": lambda path: write_bag(path, ROS1, entries_of(ROS1), "lz4"),
    "one_chunk.bag": lambda path: write_bag(path, ROS1, entries_of(ROS1), chunk_bytes=10**9),
    "sqlite3": lambda path: write_rosbag2(path, ROS2, entries_of(ROS2)),
    "sqlite3_message": lambda path: write_rosbag2(path, ROS2, entries_of(ROS2), compression="message"),
    "sqlite3_file": lambda path: write_rosbag2(path, ROS2, entries_of(ROS2), compression="file"),
    "mcap": lambda path: write_rosbag2(path, ROS2, entries_of(ROS2), "mcap"),
    "mcap_message": lambda path: write_rosbag2(path, ROS2, entries_of(ROS2), "mcap", "message"),
    "mcap_storage": lambda path: write_rosbag2(path, ROS2, entries_of(ROS2), "mcap", "storage"),
    "lone.mcap": lambda path: lone_mcap(path, ROS2, entries_of(ROS2)),
    "ros1.mcap": lambda path: write_mcap(path, ROS1, entries_of(ROS1)),
    "unindexed": lambda path: unindexed_rosbag2(path, ROS2, entries_of(ROS2)),
}


def entries_of(messages: Messages) -> List[Entry]:
    return camera_entries(messages, depth_images(10))


@pytest.mark.parametrize("name", CONTAINERS)
def test_every_container_gives_the_frames_that_were_written(name: str, tmp_path: Path) -> None:
    path = CONTAINERS[name](tmp_path / name)
    (recording,) = open_recordings([path], Selection())
    items = list(recording)
    assert len(recording) == 10
    assert faults_of(items) == []
    assert [item.number for item in items] == list(range(10))
    for number, (item, image) in enumerate(zip(items, depth_images(10))):
        assert np.array_equal(millimetres(item), image)
        assert item.frame.stamp_ns == START_NS + number * PERIOD_NS
        assert item.frame.frame_id == FRAME
        assert item.frame.camera == PinholeCamera(64, 48, *K)


@pytest.mark.parametrize("name", CONTAINERS)
def test_nothing_is_written_into_what_is_read(name: str, tmp_path: Path) -> None:
    path = CONTAINERS[name](tmp_path / name)
    before = fingerprint(tmp_path)
    read(path)
    shown(info_of(path, Selection()))
    assert fingerprint(tmp_path) == before


def fingerprint(folder: Path) -> Dict[str, str]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() + str(file.stat().st_mtime_ns) for file in files}


def test_a_recording_is_read_again_and_in_another_process_alike(tmp_path: Path) -> None:
    (recording,) = open_recordings([CONTAINERS["raw.bag"](tmp_path / "raw.bag")], Selection())
    first = [millimetres(item) for item in recording]
    again = [millimetres(item) for item in pickle.loads(pickle.dumps(recording))]
    assert np.array_equal(first, again)


def test_a_folder_gives_all_that_is_in_it_under_names_that_differ(tmp_path: Path) -> None:
    for day in ("monday", "tuesday"):
        (tmp_path / day).mkdir()
        CONTAINERS["raw.bag"](tmp_path / day / "run.bag")
    CONTAINERS["sqlite3"](tmp_path / "humble")
    recordings = open_recordings([tmp_path], Selection())
    assert [len(frames_of(list(recording))) for recording in recordings] == [10, 10, 10]
    assert len({recording.name for recording in recordings}) == 3


def test_names_are_as_short_as_tells_them_apart() -> None:
    assert distinct_names([Path("/a/x/run.bag"), Path("/a/y/run.bag")]) == ["x/run.bag", "y/run.bag"]
    assert len(set(distinct_names([Path("/a/run.bag")] * 2))) == 2


# --- which part is read


def numbers(path: Path, **selection: Any) -> List[int]:
    (recording,) = open_recordings([path], Selection(**selection))
    found = [item.number for item in recording]
    assert len(recording) == len(found), "it says how many it will give"
    return found


@pytest.mark.parametrize("name", ["raw.bag", "bz2.bag", "lone.mcap"])
def test_a_selection_keeps_the_numbers_of_the_whole(name: str, tmp_path: Path) -> None:
    path = CONTAINERS[name](tmp_path / name)
    assert numbers(path, every=3) == [0, 3, 6, 9]
    assert numbers(path, most=2) == [0, 1]
    assert numbers(path, every=4, most=2) == [0, 4]
    assert numbers(path, start_s=0.05) == [2, 3, 4, 5, 6, 7, 8, 9]
    assert numbers(path, start_s=0.05, seconds=0.1) == [2, 3, 4]
    assert numbers(path, start_s=0.05, seconds=0.1, every=2) == [2, 4]
    assert numbers(path, start_s=100.0) == []


# --- which topics


def test_the_camera_info_beside_the_image_is_taken_not_another(tmp_path: Path) -> None:
    other = [Entry("/arm/camera_info", CAMERA_INFO, START_NS, ROS1.camera_info(START_NS, (48, 64), (1, 1, 1, 1)))]
    path = write_bag(tmp_path / "a.bag", ROS1, other + entries_of(ROS1))
    assert frames_of(read(path))[0].frame.camera == PinholeCamera(64, 48, *K)


def lone_info(folder: Path, topic: str, shape: Tuple[int, int] = (48, 64), frame: str = FRAME) -> Path:
    """Write a bag whose only camera_info is of that topic, size and frame."""
    entry = Entry(topic, CAMERA_INFO, START_NS, ROS1.camera_info(START_NS, shape))
    entry.msg.header.frame_id = frame
    return write_bag(folder / "a.bag", ROS1, [entry, *camera_entries(ROS1, depth_images(2), info="")])


def test_a_camera_info_elsewhere_is_taken_if_size_and_frame_are_the_images(tmp_path: Path) -> None:
    assert len(frames_of(read(lone_info(tmp_path, "/calibration")))) == 2


def test_a_camera_info_in_the_images_namespace_is_taken(tmp_path: Path) -> None:
    assert len(frames_of(read(lone_info(tmp_path, "/camera/depth/info", frame="")))) == 2


@pytest.mark.parametrize(
    ("shape", "frame"), [((96, 128), FRAME), ((48, 64), "camera_color_optical_frame"), ((48, 64), "")]
)
def test_the_camera_info_of_another_camera_is_not_taken_though_it_is_the_only_one(
    shape: Tuple[int, int], frame: str, tmp_path: Path
) -> None:
    path = lone_info(tmp_path, "/camera/color/camera_info", shape, frame)
    with pytest.raises(DataError, match=r"no camera_info that fits .*--info-topic: /camera/color/camera_info \("):
        open_recordings([path], Selection())
    assert len(open_recordings([path], Selection(camera=K))) == 1


def test_several_camera_infos_elsewhere_are_listed(tmp_path: Path) -> None:
    second = [Entry("/left/camera_info", CAMERA_INFO, START_NS, ROS1.camera_info(START_NS, (48, 64)))]
    path = write_bag(tmp_path / "a.bag", ROS1, second + camera_entries(ROS1, depth_images(2), info="/calibration"))
    with pytest.raises(DataError, match=r"2 camera_infos that fit .*: /calibration \(64x48.*\), /left/camera_info"):
        open_recordings([path], Selection())
    assert len(frames_of(read(path, info_topic="/calibration"))) == 2


def test_the_recorder_of_realsense_has_names_of_its_own(tmp_path: Path) -> None:
    depth, info = "/device_0/sensor_0/Depth_0/image/data", "/device_0/sensor_0/Depth_0/info/camera_info"
    colour = [Entry("/device_0/sensor_1/Color_0/info/camera_info", CAMERA_INFO, 5, ROS1.camera_info(5, (480, 640)))]
    entries = camera_entries(ROS1, depth_images(2), depth, info, "mono16")
    assert len(frames_of(read(write_bag(tmp_path / "a.bag", ROS1, colour + entries)))) == 2


def test_two_cameras_are_listed_and_one_can_be_chosen(tmp_path: Path) -> None:
    left = camera_entries(ROS1, depth_images(3, seed=1), "/left/image", "/left/camera_info")
    right = camera_entries(ROS1, depth_images(2, seed=2), "/right/image", "/right/camera_info")
    path = write_bag(tmp_path / "a.bag", ROS1, sorted(left + right, key=lambda entry: entry.recorded_ns))
    with pytest.raises(DataError, match=r"2 depth images; choose one with --depth-topic: /left/image, /right/image"):
        open_recordings([path], Selection())
    assert np.array_equal(millimetres(frames_of(read(path, depth_topic="/right/image"))[0]), depth_images(2, seed=2)[0])
    with pytest.raises(DataError, match="did you mean '/right/image'"):
        open_recordings([path], Selection(depth_topic="/right/imag"))
    with pytest.raises(DataError, match=r"/left/camera_info is sensor_msgs/CameraInfo; --depth-topic takes"):
        open_recordings([path], Selection(depth_topic="/left/camera_info"))


def test_pictures_are_no_depth(tmp_path: Path) -> None:
    colour = ROS1.image(np.zeros((48, 192), np.uint8), "rgb8", START_NS)
    colour.width = 64
    first = [Entry("/camera/color/image_raw", IMAGE, START_NS, colour)]
    assert len(frames_of(read(write_bag(tmp_path / "both.bag", ROS1, first + entries_of(ROS1))))) == 10
    with pytest.raises(DataError, match=r"no depth images .* its images are /camera/color/image_raw"):
        open_recordings([write_bag(tmp_path / "colour.bag", ROS1, first)], Selection())


def test_compressed_depth_is_read_and_a_copy_of_a_topic_is_no_second_camera(tmp_path: Path) -> None:
    images = depth_images(3)
    compressed = [
        Entry(DEPTH + "/compressedDepth", "sensor_msgs/msg/CompressedImage", START_NS + number, message)
        for number, image in enumerate(images)
        for message in [ROS1.compressed(image, "16UC1; compressedDepth", START_NS + number)]
    ]
    info = [Entry(INFO, CAMERA_INFO, START_NS - 1, ROS1.camera_info(START_NS, (48, 64)))]
    alone = frames_of(read(write_bag(tmp_path / "alone.bag", ROS1, info + compressed)))
    assert np.array_equal([millimetres(item) for item in alone], images)
    both = write_bag(tmp_path / "both.bag", ROS1, entries_of(ROS1) + compressed)
    assert len(frames_of(read(both))) == 10
    assert len(frames_of(read(both, depth_topic=DEPTH + "/compressedDepth"))) == 3


@pytest.mark.parametrize("ros2", [False, True])
def test_padding_byte_order_and_what_is_no_measurement_are_understood(ros2: bool, tmp_path: Path) -> None:
    messages = ROS2 if ros2 else ROS1
    metres = np.array([[0.5, np.nan, np.inf], [0.0, -1.0, 0.75]], np.float32)
    made = [
        messages.image(metres, "32FC1", START_NS, big=big, padding=padding)
        for big, padding in [(False, 0), (True, 0), (False, 5), (True, 3)]
    ]
    entries = [Entry(INFO, CAMERA_INFO, START_NS, messages.camera_info(START_NS, (2, 3)))]
    entries += [Entry(DEPTH, IMAGE, START_NS + number, msg) for number, msg in enumerate(made, 1)]
    path = (
        write_rosbag2(tmp_path / "a", messages, entries) if ros2 else write_bag(tmp_path / "a.bag", messages, entries)
    )
    wanted = np.array([[0.5, np.nan, np.nan], [np.nan, np.nan, 0.75]], np.float32)
    for item in read(path):
        assert np.array_equal(item.frame.depth_m, wanted, equal_nan=True)


def test_a_new_camera_info_counts_from_when_it_comes(tmp_path: Path) -> None:
    entries = entries_of(ROS1)
    entries[10] = entries[10]._replace(msg=ROS1.camera_info(START_NS, (48, 64), (70, 70, 32, 24)))
    focal = [item.frame.camera.fx for item in read(write_bag(tmp_path / "a.bag", ROS1, entries))]
    assert focal == [62.0] * 5 + [70.0] + [62.0] * 4


def test_a_bag_that_was_written_topic_by_topic_is_read_by_time(tmp_path: Path) -> None:
    entries = sorted(entries_of(ROS1), key=lambda entry: entry.topic, reverse=True)
    items = read(write_bag(tmp_path / "a.bag", ROS1, entries, chunk_bytes=7000))
    assert np.array_equal([millimetres(item) for item in items], depth_images(10))


def test_images_before_the_first_camera_info_get_it_too(tmp_path: Path) -> None:
    late = [Entry(INFO, CAMERA_INFO, START_NS + 10**10, ROS1.camera_info(START_NS, (48, 64)))]
    path = write_bag(tmp_path / "a.bag", ROS1, camera_entries(ROS1, depth_images(3), info="") + late)
    assert len(frames_of(read(path))) == 3


# --- what is in it


def test_info_says_what_would_be_read_or_why_not(tmp_path: Path) -> None:
    path = CONTAINERS["lz4.bag"](tmp_path / "lz4.bag")
    (info,) = info_of(path, Selection())
    assert (info.kind, info.compression, info.messages, info.why_not) == ("ROS 1 bag", "lz4", 20, "")
    assert (info.depth, info.camera) == (DEPTH, INFO)
    assert info.duration_s == pytest.approx(9 * PERIOD_NS / 1e9, abs=1e-6)
    assert info.rate_hz(info.connections[0]) == pytest.approx(30.0, rel=0.01)
    (info,) = info_of(path, Selection(depth_topic="/nothing"))
    assert "unknown depth topic" in info.why_not
    assert DEPTH in shown([info]).plain


def test_what_cannot_be_read_is_named_with_what_can(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello", encoding="utf-8")
    for path in (tmp_path, tmp_path / "notes.txt", tmp_path / "missing.bag"):
        with pytest.raises(DataError, match=r"what can be read: a ROS 1 \.bag"):
            open_recordings([path], Selection())


@pytest.mark.parametrize("name", ["a.bag", "a.mcap"])
def test_memory_stays_flat_however_long_a_bag_is(name: str, tmp_path: Path) -> None:
    messages = ROS1 if name == "a.bag" else ROS2
    write = write_bag if name == "a.bag" else write_mcap
    path = write(tmp_path / name, messages, camera_entries(messages, depth_images(150)))
    (recording,) = open_recordings([path], Selection())
    next(iter(recording))
    tracemalloc.start()
    try:
        assert sum(1 for _ in recording) == 150
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < path.stat().st_size / 4


@pytest.mark.parametrize("name", ["a.bag", "a.mcap"])
def test_what_is_kept_of_a_long_bag_is_little(name: str, tmp_path: Path) -> None:
    def kept(frames: int) -> int:
        messages, write = (ROS1, write_bag) if name == "a.bag" else (ROS2, write_mcap)
        entries = camera_entries(messages, depth_images(frames, (6, 8)))
        path = write(tmp_path / f"{frames}_{name}", messages, entries, chunk_bytes=1)  # each message has its chunk
        tracemalloc.start()
        bag = open_bag(path)
        size = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert bag.connections[0].messages == frames
        return size

    kept(5)
    few, many = kept(50), kept(650)
    assert (many - few) / 600 < 200, "bytes for an image and its camera_info, each in a chunk"
