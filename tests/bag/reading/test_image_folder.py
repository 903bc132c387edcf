"""Folders of depth PNGs: their order, their unit, their camera, and what is no image."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List

import cv2
import numpy as np
import pytest

pytest.importorskip("rosbags", reason="needs the bag extra")

from bag_writers import depth_images

from pspgrasp.bag.reading.image_folder import ImageFolder
from pspgrasp.bag.reading.open import open_recordings
from pspgrasp.bag.recording import Fault, RecordedFrame, Recording, Selection
from pspgrasp.camera import PinholeCamera
from pspgrasp.errors import DataError

IMAGES = depth_images(11)


def folder_of(path: Path, names: str = "depth_{}.png") -> Path:
    path.mkdir(parents=True)
    for number, image in enumerate(IMAGES):
        cv2.imwrite(str(path / names.format(number)), image)
        cv2.imwrite(str(path / f"color_{number}.png"), np.zeros((48, 64, 3), np.uint8))
    return path


def opened(path: Path, **selection: Any) -> Recording:
    (recording,) = open_recordings([path], Selection(**selection))
    return recording


def frames_of(recording: Recording) -> List[RecordedFrame]:
    return [item for item in recording if isinstance(item, RecordedFrame)]


@pytest.mark.parametrize("names", ["depth_{}.png", "{:03d}_depth.png"])
def test_images_come_in_the_order_of_their_numbers(names: str, tmp_path: Path) -> None:
    recording = opened(folder_of(tmp_path / "run", names))
    assert len(recording) == 11
    for item, image in zip(frames_of(recording), IMAGES):
        assert np.array_equal(np.rint(1000 * np.nan_to_num(item.frame.depth_m)), image)


@pytest.mark.parametrize("name", ["camera.json", "camera.yaml"])
def test_a_file_beside_the_images_says_what_they_were_taken_with(name: str, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "run")
    says: Dict[str, Any] = {"K": [60, 0, 31, 0, 61, 23, 0, 0, 1], "depth_unit_m": 0.0001, "frame_id": "eye", "fps": 10}
    (folder / name).write_text(json.dumps(says), encoding="utf-8")
    second = frames_of(opened(folder))[1]
    assert second.frame.camera == PinholeCamera(64, 48, 60.0, 61.0, 31.0, 23.0)
    assert (second.frame.frame_id, second.frame.stamp_ns) == ("eye", 100_000_000)
    assert np.array_equal(np.rint(10_000 * np.nan_to_num(second.frame.depth_m)), IMAGES[1])


def test_a_meta_file_one_level_above_serves_all_folders_and_what_it_does_not_know_is_said(tmp_path: Path) -> None:
    meta = {"a": {"K": [60, 61, 31, 23], "depth_unit_m": 0.0001, "note": "x"}, "b": {"K": None, "depth_unit_m": 0.001}}
    (tmp_path / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
    first, second = open_recordings([folder_of(tmp_path / "a").parent, folder_of(tmp_path / "b")], Selection())[:2]
    assert frames_of(first)[0].frame.camera.fx == 60.0
    assert "camera recorded" in first.description
    assert [one.has_guessed_camera for one in (first, second)] == [False, True]
    assert not opened(tmp_path / "b", camera=(60.0, 61.0, 31.0, 23.0)).has_guessed_camera
    assert frames_of(second)[0].frame.camera == PinholeCamera(64, 48, 61.5, 61.5, 32.0, 24.0)  # 615 px at 640
    assert "camera not known" in second.description


def test_a_camera_that_is_given_counts_before_all_others(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "run")
    (folder / "camera.json").write_text('{"K": [60, 61, 31, 23]}', encoding="utf-8")
    assert frames_of(opened(folder, camera=(50.0, 50.0, 30.0, 20.0)))[0].frame.camera.fx == 50.0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"k": [1, 2, 3, 4]}', "unknown parameter 'k'"),
        ('{"K": [1, 2]}', "K must hold fx, fy, cx, cy"),
        ('{"depth_unit_m": 0}', "depth_unit_m must lie in"),
        ("[1, 2]", "must be a mapping"),
        ("{", "is no JSON"),
    ],
)
def test_a_camera_file_that_is_wrong_is_one_line(text: str, told: str, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "run")
    (folder / "camera.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=told) as error:
        opened(folder)
    assert "\n" not in str(error.value)


def test_files_that_are_no_depth_are_faults_and_the_others_are_read(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "run")
    whole = (folder / "depth_3.png").read_bytes()
    (folder / "depth_3.png").write_bytes(whole[: len(whole) // 2])
    (folder / "depth_4.png").write_bytes(b"")
    (folder / "depth_5.png").write_bytes(whole[:200] + b"\xff\xff\xff\xff" + whole[204:])
    cv2.imwrite(str(folder / "depth_6.png"), np.zeros((48, 64, 3), np.uint8))
    items = list(opened(folder))
    assert [item.number for item in items] == list(range(11))
    assert [item.number for item in items if isinstance(item, Fault)] == [3, 4, 5, 6]
    assert {item.kind for item in items if isinstance(item, Fault)} == {"bad image"}


def test_a_selection_keeps_the_numbers_of_the_whole(tmp_path: Path) -> None:
    recording = opened(folder_of(tmp_path / "run"), start_s=0.1, every=3, most=2)
    assert [item.number for item in frames_of(recording)] == [3, 6]
    assert len(recording) == 2


def test_the_real_recordings_are_read_with_their_units_and_cameras(data: Path) -> None:
    found = {recording.name: recording for recording in open_recordings([data / "recordings"], Selection(most=1))}
    assert all(isinstance(recording, ImageFolder) for recording in found.values())
    medians = {name: float(np.nanmedian(frames_of(one)[0].frame.depth_m)) for name, one in found.items()}
    assert all(0.2 < median_m < 2.0 for median_m in medians.values()), medians
    assert frames_of(found["arc_bins"])[0].frame.camera.fx == pytest.approx(619.87, abs=0.01)
