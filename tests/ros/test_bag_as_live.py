"""One recording through the live node and through `pspgrasp bag eval`: the same grasps, frame by frame."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Iterator, List

import numpy as np
import pytest

pytest.importorskip("rosbags", reason="needs the extra bag")
pytest.importorskip("rich", reason="needs the extra bag")

import rosbag
import rospy
import yaml
from rig import CAMERA, Running, camera_info_msg, depth_msg

from pspgrasp.cli import main
from pspgrasp.ros.interfaces import GraspArray
from pspgrasp.ros.messages import from_grasp_msg

pytestmark = pytest.mark.ros
DEPTH, INFO = "/camera/depth/image_rect_raw", "/camera/depth/camera_info"
PERIOD_S = 0.1


@pytest.fixture(scope="module")
def recording(running: Running, scenes: List[np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a bag of scenes in both encodings that depth has, one of them without any depth."""
    path, begin = tmp_path_factory.mktemp("bag") / "drive.bag", rospy.Time.now()
    images = [(scene, encoding) for encoding in ("16UC1", "32FC1") for scene in scenes]
    images.insert(3, (np.full_like(scenes[0], np.nan), "16UC1"))
    with rosbag.Bag(str(path), "w") as bag:
        for number, (scene, encoding) in enumerate(images):
            stamp = begin + rospy.Duration.from_sec(PERIOD_S * number)
            msg = depth_msg(scene, encoding, stamp=stamp)
            bag.write(INFO, camera_info_msg(CAMERA, msg.header), stamp)
            bag.write(DEPTH, msg, stamp)
    return path


def played(running: Running, path: Path) -> Iterator[GraspArray]:
    """Yield what the node answers to each image; it serves the newest one only, so each waits for its answer."""
    with rosbag.Bag(str(path)) as bag:
        for topic, msg, _ in bag.read_messages([DEPTH, INFO]):
            if topic == INFO:
                running.camera.info.publish(msg)
            else:
                running.camera.depth.publish(msg)
                yield running.grasps.at(msg.header.stamp)


def evaluated(running: Running, path: Path, output: Path) -> List[Dict[str, Any]]:
    """Return the frames as `bag eval` judges them with the node's own parameters."""
    params = path.with_name("params.yaml")
    params.write_text(yaml.safe_dump(rospy.get_param(running.process.name)))
    assert main(["bag", "eval", str(path), "--params", str(params), "--output", str(output)]) == 0
    return [json.loads(line) for line in (output / "frames.jsonl").read_text().splitlines()]


def test_a_recording_gives_the_grasps_that_the_live_node_gives(
    running: Running, recording: Path, tmp_path: Path
) -> None:
    arrays = list(played(running, recording))
    frames = evaluated(running, recording, tmp_path / "judged")
    assert [array.header.stamp.to_nsec() for array in arrays] == [frame["stamp_ns"] for frame in frames]
    for array, frame in zip(arrays, frames):
        (judged,) = frame["models"].values()
        assert len(array.grasps) == len(judged["grasps"])
        for live, here in zip(array.grasps, judged["grasps"]):
            for ours, theirs in (
                ("u", "u"),
                ("v", "v"),
                ("width_px", "width_px"),
                ("width_m", "width"),
                ("quality", "quality"),
            ):
                assert np.float32(here[ours]) == np.float32(getattr(live, theirs)), ours
            grasp = from_grasp_msg(live)
            np.testing.assert_array_equal(here["position_m"], grasp.position_m)
            assert here["angle_rad"] == pytest.approx(grasp.angle_rad, abs=1e-12)
    counts = [len(array.grasps) for array in arrays]
    assert counts[3] == 0
    assert sum(count > 0 for count in counts) == len(counts) - 1
