"""Jacquard's layout, written here in its own format; and the real images where they are at hand."""

from __future__ import annotations

import math
from pathlib import Path

import labelled_data
import numpy as np
import pytest

from pspgrasp.data.dataset import open_dataset
from pspgrasp.data.jacquard import jacquard_line, read_jacquard_labels
from pspgrasp.errors import DataError
from pspgrasp.rectangle import GraspRectangle

LABELS = [GraspRectangle(500.0, 400.0, math.radians(30), 80.0, 25.0), GraspRectangle(510.0, 420.0, -1.2, 60.0, 30.0)]


@pytest.mark.parametrize("png", [False, True])
def test_both_depths_are_in_metres(tmp_path: Path, png: bool) -> None:
    labelled_data.write_jacquard(tmp_path, 1, "a1b2", LABELS, png)
    for kind, far_m in (("perfect", 1.5), ("stereo", 1.51)):
        (sample,) = open_dataset(tmp_path, depth=kind)
        assert sample.depth_m.shape == (1024, 1024)
        assert sample.depth_m[5, 5] == pytest.approx(far_m, abs=1e-6)
        assert np.isnan(sample.depth_m[0, 0])
        assert (sample.name, sample.object_id) == ("a1b2/0_a1b2", "a1b2")


def test_a_grasp_comes_back_from_its_line(tmp_path: Path) -> None:
    path = tmp_path / "0_x_grasps.txt"
    path.write_text("".join(jacquard_line(label) + "\n" for label in LABELS))
    assert path.read_text().splitlines()[0] == "500.00;400.00;-30.00;80.00;25.00", "theta has the opposite sign"
    for label, back in zip(LABELS, read_jacquard_labels(path)[0]):
        assert (back.u, back.v, back.opening_px, back.jaw_px) == (label.u, label.v, label.opening_px, label.jaw_px)
        assert back.angle_rad == pytest.approx(label.angle_rad, abs=1e-4)


def test_version_2_lies_deeper(tmp_path: Path) -> None:
    labelled_data.write_jacquard(tmp_path / "Jacquard_V2" / "Jacquard_Dataset_0", 2, "c3", LABELS)
    dataset = open_dataset(tmp_path)
    assert dataset.layout == "jacquard"
    assert [entry.object_id for entry in dataset.entries] == ["c3", "c3"]


@pytest.mark.parametrize("line", ["1;2;3;4", "1;2;3;4;5;6", "a;2;3;4;5", "1 2 3 4 5"])
def test_a_malformed_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "0_x_grasps.txt"
    path.write_text(f"1;2;3;4;5\n\n{line}\n")
    with pytest.raises(DataError, match=r"0_x_grasps.txt:3: expected 'x;y;theta;opening;jaw'"):
        read_jacquard_labels(path)


def test_labels_without_area_are_left_out_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "0_x_grasps.txt"
    path.write_text("1;2;3;4;5\nnan;2;3;4;5\n1;2;3;0;5\n1;2;3;4;-5\n")
    rectangles, skipped = read_jacquard_labels(path)
    assert (len(rectangles), len(skipped)) == (1, 3)
    assert f"{path}:2: " in skipped[0]


def test_depth_of_another_size_is_refused(tmp_path: Path) -> None:
    labelled_data.write_jacquard(tmp_path, 1, "x", LABELS)
    labelled_data.write_tiff(tmp_path / "x" / "0_x_perfect_depth.tiff", labelled_data.scene_m((512, 512)))
    with pytest.raises(DataError, match=r"is 512x512 px; Jacquard's labels are pixels of 1024x1024"):
        list(open_dataset(tmp_path))


def test_the_real_images(data: Path) -> None:
    dataset = open_dataset(data / "jacquard")
    assert (dataset.layout, len(dataset)) == ("jacquard", 25)
    assert len({entry.object_id for entry in dataset.entries}) == 5
    sample = dataset.read(dataset.entries[0])
    assert len(sample.rectangles) == 127
    assert 1.3 < np.nanmedian(sample.depth_m) < 1.6
    places = np.array([(r.v, r.u) for r in sample.rectangles]).round().astype(int)
    on_object = sample.depth_m[tuple(places.T)] < np.nanmax(sample.depth_m) - 0.005
    assert on_object.mean() > 0.6, "labels lie on what stands above the table"
