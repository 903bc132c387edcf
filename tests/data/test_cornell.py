"""Cornell's layout, written here in its own format; and the real images where they are at hand."""

from __future__ import annotations

from pathlib import Path

import labelled_data
import numpy as np
import pytest

from pspgrasp.data.cornell import read_corner_labels
from pspgrasp.data.dataset import open_dataset
from pspgrasp.errors import DataError
from pspgrasp.rectangle import GraspRectangle

RECTANGLE = labelled_data.RECTANGLE


@pytest.mark.parametrize("png", [False, True])
def test_depth_is_in_metres_and_labels_are_as_written(tmp_path: Path, png: bool) -> None:
    labelled_data.write_cornell(tmp_path / "01", [100, 101], png=png)
    dataset = open_dataset(tmp_path)
    assert [entry.name for entry in dataset.entries] == ["01/pcd0100", "01/pcd0101"]
    sample = dataset.read(dataset.entries[0])
    expected_m = labelled_data.scene_m()
    expected_m[0, 0] = np.nan
    np.testing.assert_allclose(sample.depth_m, expected_m, atol=1e-6)
    assert sample.object_id == "50"
    assert sample.skipped == ()
    np.testing.assert_allclose(sample.rectangles[0].corners(), RECTANGLE.corners(), atol=1e-5)
    np.testing.assert_allclose(sample.corners_px[0], RECTANGLE.corners(), atol=1e-5)


def test_a_point_cloud_is_read_as_range(tmp_path: Path) -> None:
    labelled_data.write_cornell(tmp_path, [7])
    (tmp_path / "pcd0007d.tiff").unlink()
    header = "# .PCD v.7 - Point Cloud Data file format\nFIELDS x y z rgb index\nSIZE 4 4 4 4 4\nDATA ascii\n"
    points = "".join(f"{300} {0} {400} 1.1e-38 {row * 640 + 5}\n" for row in range(200))
    (tmp_path / "pcd0007.txt").write_text(header + points)
    (sample,) = open_dataset(tmp_path)
    assert sample.depth_m.shape == (480, 640)
    np.testing.assert_allclose(sample.depth_m[:200, 5], 0.5)
    assert np.isnan(sample.depth_m[:, :5]).all()
    (tmp_path / "pcd0007.txt").write_text(header + "1 2 3\n4 5 6\n")
    with pytest.raises(DataError, match=r"pcd0007\.txt is no point cloud"):
        list(open_dataset(tmp_path))


def test_rectangles_with_a_missing_corner_or_no_area_are_left_out_and_counted(tmp_path: Path) -> None:
    labels = tmp_path / "labels.txt"
    good = labelled_data.corner_lines([RECTANGLE])
    labels.write_text(good + "NaN NaN\n1 2\n3 4\n5 6\n" + good + "1 1\n1 1\n1 1\n1 1\n" + "1 1\n2 2\n3 3\ninf 4\n")
    rectangles, corners_px, skipped = read_corner_labels(labels)
    assert len(rectangles) == len(corners_px) == 2
    assert [line.rpartition(".txt:")[2].partition(":")[0] for line in skipped] == ["5", "13", "17"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 2\n3 4\n5 x\n7 8\n", "labels.txt:3: expected a corner 'u v', got '5 x'"),
        ("1 2\n3 4 5\n5 6\n7 8\n", "labels.txt:2: expected a corner"),
        ("1 2\n3 4\n5 6\n", "labels.txt:3: 3 corners are no whole number of rectangles"),
    ],
)
def test_a_malformed_label_names_file_and_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "labels.txt").write_text(text)
    with pytest.raises(DataError) as caught:
        read_corner_labels(tmp_path / "labels.txt")
    assert said in str(caught.value)


def test_labels_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_bytes(b"\xff\xfe\x00 1")
    with pytest.raises(DataError, match="can't be read as text"):
        read_corner_labels(tmp_path / "labels.txt")


@pytest.mark.parametrize(
    ("rectangles", "shape", "said"),
    [
        ([], (90, 120), "no usable grasp rectangle"),
        ([GraspRectangle(200.0, 40.0, 0.0, 30.0, 10.0)], (90, 120), "centred on (200, 40), outside the 120x90 px"),
    ],
)
def test_labels_must_be_there_and_fit_the_image(tmp_path: Path, rectangles, shape, said: str) -> None:
    labelled_data.write_cornell(tmp_path, [1], rectangles, labelled_data.scene_m(shape))
    with pytest.raises(DataError) as caught:
        list(open_dataset(tmp_path))
    assert said in str(caught.value)


def test_missing_and_broken_depth_names_the_file(tmp_path: Path) -> None:
    labelled_data.write_cornell(tmp_path, [1])
    (tmp_path / "pcd0001d.tiff").write_bytes(b"II*\x00 broken")
    with pytest.raises(DataError, match=r"pcd0001d\.tiff can't be read"):
        list(open_dataset(tmp_path))
    (tmp_path / "pcd0001d.tiff").unlink()
    with pytest.raises(DataError, match=r"pcd0001d\.tiff is missing, and so are pcd0001d\.png and pcd0001\.txt"):
        list(open_dataset(tmp_path))


def test_a_table_of_objects_without_its_columns_is_refused(tmp_path: Path) -> None:
    labelled_data.write_cornell(tmp_path, [1])
    (tmp_path / "objects.csv").write_text("image,thing\n0001,2\n")
    with pytest.raises(DataError, match=r"objects.csv:2: expected columns pcd and object_id"):
        open_dataset(tmp_path)


def test_without_a_table_objects_are_not_known(tmp_path: Path) -> None:
    labelled_data.write_cornell(tmp_path / "deep" / "01", [1])
    (tmp_path / "deep" / "01" / "objects.csv").unlink()
    assert open_dataset(tmp_path / "deep").entries[0].object_id == ""


@pytest.mark.parametrize("folder", ["cornell", "cornell/01"])
def test_the_real_images(data: Path, folder: str) -> None:
    dataset = open_dataset(data / folder)
    assert (dataset.layout, len(dataset)) == ("cornell", 50)
    assert len({entry.object_id for entry in dataset.entries}) == 13
    samples = [dataset.read(entry) for entry in dataset.entries if entry.name.endswith(("0100", "0132"))]
    assert [len(sample.rectangles) for sample in samples] == [4, 3]
    assert [len(sample.skipped) for sample in samples] == [0, 2]
    assert all(0.3 < np.nanmedian(sample.depth_m) < 1.5 for sample in samples)
