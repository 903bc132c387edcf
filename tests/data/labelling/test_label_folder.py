"""Labels of one's own frames: written in Cornell's layout, whole or not at all, and never over another's work."""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import labelled_data
import numpy as np
import pytest

from pspgrasp.data.dataset import open_dataset
from pspgrasp.data.labelling.commands import add_label
from pspgrasp.data.labelling.label_folder import is_depth_image, open_label_folder
from pspgrasp.errors import DataError
from pspgrasp.rectangle import GraspRectangle

RECTANGLE = labelled_data.RECTANGLE
OTHER = GraspRectangle(30.0, 25.0, -1.5, 12.5, 40.0)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Return a folder as a camera's driver writes it, with colour beside depth."""
    folder = tmp_path / "recording"
    for number in range(3):
        labelled_data.write_png(folder / f"{number:03d}.png", labelled_data.scene_m(far_m=0.7 + number / 10), 0.001)
    cv2.imwrite(str(folder / "colour.png"), np.zeros((90, 120, 3), np.uint8))
    cv2.imwrite(str(folder / "mask.png"), np.zeros((90, 120), np.uint8))
    (folder / "notes.txt").write_text("none")
    return folder


def test_only_depth_is_offered(recording: Path) -> None:
    labelled_data.write_tiff(recording / "more.tiff", labelled_data.scene_m())
    (recording / "cut.png").write_bytes((recording / "000.png").read_bytes()[:20])
    folder = open_label_folder(recording, recording.parent / "labels")
    assert list(folder.images) == ["000.png", "001.png", "002.png", "more.tiff"]
    assert not is_depth_image(recording / "nowhere.png")


def test_what_was_saved_is_read_as_a_data_set_in_metres(recording: Path, tmp_path: Path) -> None:
    folder = open_label_folder(recording, tmp_path / "my_frames")
    folder.save("001.png", [RECTANGLE, OTHER])
    folder.save("002.png", [OTHER])
    dataset = open_dataset(tmp_path / "my_frames")
    assert (dataset.layout, [entry.name for entry in dataset.entries]) == ("cornell", ["pcd001", "pcd002"])
    sample = dataset.read(dataset.entries[0])
    np.testing.assert_array_equal(sample.depth_m, folder.depth_m("001.png"))
    assert np.isnan(sample.depth_m[0, 0])
    assert np.nanmedian(sample.depth_m) == pytest.approx(0.8)
    for found, wanted in zip(sample.rectangles, (RECTANGLE, OTHER)):
        np.testing.assert_allclose(found.corners(), wanted.corners(), atol=1e-3)
    again = open_label_folder(recording, tmp_path / "my_frames")
    assert again.labels("001.png") == sample.rectangles
    assert again.labels("000.png") == ()
    assert sorted(path.name for path in (tmp_path / "my_frames").iterdir()) == [
        "pcd001cpos.txt", "pcd001d.tiff", "pcd002cpos.txt", "pcd002d.tiff",
    ]  # fmt: skip


@pytest.mark.parametrize("png", [True, False])
def test_images_in_cornell_s_names_are_labelled_where_they_are(tmp_path: Path, png: bool) -> None:
    labelled_data.write_cornell(tmp_path, [1, 2], png=png)
    (tmp_path / "pcd0002cpos.txt").unlink()
    before = sorted(path.name for path in tmp_path.iterdir())
    folder = open_label_folder(tmp_path)
    names = list(folder.images)
    np.testing.assert_allclose(folder.labels(names[0])[0].corners(), RECTANGLE.corners(), atol=1e-5)
    folder.save(names[1], [OTHER])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*before, "pcd0002cpos.txt"])
    assert len(open_dataset(tmp_path)) == 2
    assert np.nanmedian(next(iter(open_dataset(tmp_path))).depth_m) == pytest.approx(0.8)


def test_images_in_cornell_s_names_keep_their_name_elsewhere(tmp_path: Path) -> None:
    labelled_data.write_png(tmp_path / "from" / "pcd0007d.png", labelled_data.scene_m(), 0.001)
    open_label_folder(tmp_path / "from", tmp_path / "to").save("pcd0007d.png", [RECTANGLE])
    (sample,) = open_dataset(tmp_path / "to")
    assert (sample.name, float(np.nanmedian(sample.depth_m))) == ("pcd0007", pytest.approx(0.8))


def test_an_image_without_labels_has_no_file_of_labels(recording: Path, tmp_path: Path) -> None:
    folder = open_label_folder(recording, tmp_path / "out")
    folder.save("001.png", [])
    assert not (tmp_path / "out").exists()
    folder.save("001.png", [RECTANGLE])
    folder.save("001.png", [])
    assert not folder.label_path("001.png").exists()


def test_what_can_t_be_saved_changes_nothing(recording: Path, tmp_path: Path) -> None:
    folder = open_label_folder(recording, tmp_path / "out")
    folder.save("001.png", [RECTANGLE])
    outside = GraspRectangle(130.0, 40.0, 0.0, 30.0, 12.0)
    with pytest.raises(DataError, match=r"centred on \(130, 40\), outside the 120x90 px"):
        folder.save("001.png", [outside])
    assert len(folder.labels("001.png")) == 1
    path = folder.label_path("001.png")
    path.write_text("1 2\n3 4\nsomebody's work\n")
    with pytest.raises(DataError, match=r"pcd001cpos\.txt:3: expected a corner"):
        folder.save("001.png", [RECTANGLE])
    assert path.read_text().endswith("work\n")
    (tmp_path / "out" / "pcd000cpos.txt.part").mkdir()
    with pytest.raises(DataError, match=r"pcd000cpos\.txt can't be written"):
        folder.save("000.png", [RECTANGLE])
    assert not folder.label_path("000.png").exists()


def test_the_labels_of_another_image_are_not_taken_for_its_own(recording: Path, tmp_path: Path) -> None:
    open_label_folder(recording, tmp_path / "out").save("001.png", [RECTANGLE])
    labelled_data.write_png(tmp_path / "second" / "001.png", labelled_data.scene_m(far_m=1.3), 0.001)
    second = open_label_folder(tmp_path / "second", tmp_path / "out")
    with pytest.raises(DataError, match=r"pcd001d\.tiff is a copy of another image than .*second"):
        second.save("001.png", [OTHER])


def test_a_file_of_labels_is_replaced_as_a_whole(recording: Path, tmp_path: Path) -> None:
    folder = open_label_folder(recording, tmp_path / "out")
    folder.save("001.png", [RECTANGLE, OTHER])
    with folder.label_path("001.png").open() as reader:
        folder.save("001.png", [OTHER])
        assert len(reader.readlines()) == 8, "who reads it meanwhile sees all of the old"
    assert len(folder.labels("001.png")) == 1


@pytest.mark.parametrize("name", ["../recording/000.png", "colour.png", "", "notes.txt", "000.png/.", "/etc/passwd"])
def test_nothing_but_the_images_is_known(recording: Path, tmp_path: Path, name: str) -> None:
    folder = open_label_folder(recording, tmp_path / "out")
    for use in (folder.depth_m, folder.picture_png, folder.labels, folder.label_path, lambda n: folder.save(n, [])):
        with pytest.raises(DataError, match="is none of the 3 images"):
            use(name)


def test_the_picture_has_the_size_of_the_image(recording: Path, tmp_path: Path) -> None:
    png = open_label_folder(recording, tmp_path / "out").picture_png("000.png")
    assert cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED).shape == (90, 120, 3)


def test_folders_that_can_t_be_labelled_are_told(recording: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"the 3 depth images of .* give --output"):
        open_label_folder(recording)
    with pytest.raises(DataError, match="is not a folder"):
        open_label_folder(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no depth image"):
        open_label_folder(tmp_path / "empty")
    labelled_data.write_tiff(recording / "000.tiff", labelled_data.scene_m())
    with pytest.raises(DataError, match=r"labels of 000\.png and of 000\.tiff would both be"):
        open_label_folder(recording, tmp_path / "out")


def run(*words: str) -> None:
    """Run the command as the command line does."""
    parser = argparse.ArgumentParser()
    add_label(parser.add_subparsers())
    parsed = parser.parse_args(["label", *words])
    parsed.run(parsed)


def test_the_command_ends_in_a_line_for_the_user(recording: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="give --output"):
        run(str(recording))
    with pytest.raises(DataError, match=r"port 70000 can't be used .* --port 0"):
        run(str(recording), "--output", str(tmp_path / "out"), "--port", "70000", "--no-browser")
    with pytest.raises(DataError, match=r"boxes\.csv is neither"):
        run(str(recording), "--output", str(tmp_path / "out"), "--import", "boxes.csv")
