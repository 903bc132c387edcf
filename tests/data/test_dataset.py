"""Layouts are recognised, and what can't be read is told; OCID_grasp and GraspNet in their own formats."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import labelled_data
import numpy as np
import pytest

from pspgrasp.data.dataset import READERS, open_dataset
from pspgrasp.data.sample import GraspSample
from pspgrasp.errors import DataError

RECTANGLE = labelled_data.RECTANGLE


def write_ocid(folder: Path) -> None:
    sequence = folder / "ARID20" / "table" / "top" / "seq04"
    labelled_data.write_png(sequence / "depth" / "result_1.png", labelled_data.scene_m(), 0.001)
    (sequence / "Annotations").mkdir()
    (sequence / "Annotations" / "result_1.txt").write_text(labelled_data.corner_lines([RECTANGLE]))


def write_graspnet(folder: Path) -> None:
    camera = folder / "scenes" / "scene_0003" / "realsense"
    labelled_data.write_png(camera / "depth" / "0000.png", labelled_data.scene_m(), 0.001)
    r = RECTANGLE
    open_u, open_v = r.u + r.opening_px / 2 * math.cos(r.angle_rad), r.v - r.opening_px / 2 * math.sin(r.angle_rad)
    (camera / "rect").mkdir()
    labels = [[r.u, r.v, open_u, open_v, r.jaw_px, 0.9, 5], [1, 1, 1, 1, 3, 0.5, 2], [np.nan, 1, 2, 2, 3, 0.5, 2]]
    np.save(str(camera / "rect" / "0000.npy"), np.array(labels))


def write_any(layout: str, folder: Path) -> None:
    if layout == "cornell":
        labelled_data.write_cornell(folder / "01", [1])
    elif layout == "jacquard":
        labelled_data.write_jacquard(folder, 1, "x", [RECTANGLE])
    else:
        {"ocid_grasp": write_ocid, "graspnet": write_graspnet}[layout](folder)


@pytest.mark.parametrize("layout", READERS)
def test_each_layout_is_recognised_and_read(layout: str, tmp_path: Path) -> None:
    write_any(layout, tmp_path)
    dataset = open_dataset(tmp_path)
    assert dataset.layout == layout
    (sample,) = dataset
    np.testing.assert_allclose(sample.rectangles[0].corners(), RECTANGLE.corners(), atol=0.01)
    assert np.nanmax(sample.depth_m) == pytest.approx(1.5 if layout == "jacquard" else 0.8, abs=1e-4)
    assert np.isnan(sample.depth_m[0, 0])
    assert sample.object_id
    assert not sample.depth_m.flags.writeable
    assert len(sample.skipped) == (2 if layout == "graspnet" else 0)


@pytest.mark.parametrize("layout", READERS)
def test_names_are_told_apart_and_sorted(layout: str, tmp_path: Path) -> None:
    write_any(layout, tmp_path / "b")
    write_any(layout, tmp_path / "a")
    names = [entry.name for entry in open_dataset(tmp_path).entries]
    assert names == sorted(set(names))
    assert len(names) == 2


def test_an_empty_folder_says_what_would_be_right(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds no labelled images, but nothing; .*pcdNNNNcpos\.txt"):
        open_dataset(tmp_path)
    (tmp_path / "readme.md").write_text("x")
    with pytest.raises(DataError, match=r"1 \.md"):
        open_dataset(tmp_path)
    with pytest.raises(DataError, match="is not a folder"):
        open_dataset(tmp_path / "none")


def test_near_misses_of_names_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="did you mean 'cornell'"):
        open_dataset(tmp_path, "cornel")
    with pytest.raises(DataError, match="did you mean 'stereo'"):
        open_dataset(tmp_path, depth="sterio")


def test_two_layouts_at_once_need_a_choice(tmp_path: Path) -> None:
    write_any("cornell", tmp_path)
    write_any("jacquard", tmp_path)
    with pytest.raises(DataError, match="1 images of cornell, 1 images of jacquard; choose one by --layout"):
        open_dataset(tmp_path)
    assert len(open_dataset(tmp_path, "jacquard")) == 1


def test_the_unit_of_a_png_is_told_and_must_be_plausible(tmp_path: Path) -> None:
    labelled_data.write_cornell(tmp_path, [1], png=True)
    (sample,) = open_dataset(tmp_path, png_unit_m=0.0002)
    assert np.nanmax(sample.depth_m) == pytest.approx(1.6, abs=1e-3)
    with pytest.raises(DataError, match=r"the median depth is 80 m at 0.01 m a step; give the right --unit"):
        list(open_dataset(tmp_path, png_unit_m=0.01))
    for unit_m in (0.0, -1.0, math.nan):
        with pytest.raises(DataError, match="the unit of a PNG is metres a step"):
            open_dataset(tmp_path, png_unit_m=unit_m)


@pytest.mark.parametrize(
    "pixels", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3), np.uint8), np.zeros((9, 9), np.uint16)]
)
def test_a_picture_is_no_depth(tmp_path: Path, pixels: np.ndarray) -> None:
    labelled_data.write_cornell(tmp_path, [1], png=True)
    cv2.imwrite(str(tmp_path / "pcd0001d.png"), pixels)
    with pytest.raises(DataError, match=r"pcd0001d.png (holds uint8|can't be read as an image of one|holds no meas)"):
        list(open_dataset(tmp_path))


def test_graspnet_labels_of_another_shape_are_refused(tmp_path: Path) -> None:
    write_graspnet(tmp_path)
    file = next(tmp_path.rglob("*.npy"))
    np.save(str(file), np.zeros((3, 5)))
    with pytest.raises(DataError, match=r"holds \(3, 5\) of float64; rectangle labels are \(N, 7\)"):
        list(open_dataset(tmp_path))
    np.save(str(file), np.array([{"a": 1}]), allow_pickle=True)
    with pytest.raises(DataError, match="is no array of numbers"):
        list(open_dataset(tmp_path))


def test_a_sample_is_a_picture_with_labels() -> None:
    with pytest.raises(DataError, match="x: a depth image must be"):
        GraspSample(np.zeros((0, 3)), (RECTANGLE,), "x")
    depth_m = labelled_data.scene_m()
    sample = GraspSample(depth_m, (RECTANGLE,), "x")
    assert depth_m.flags.writeable, "arguments stay as they are"
    np.testing.assert_array_equal(sample.corners_px[0], RECTANGLE.corners())
