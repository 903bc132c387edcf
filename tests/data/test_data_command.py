"""`pspgrasp data check`: what it says, what it draws, and that broken images don't stop it."""

from __future__ import annotations

from pathlib import Path

import cv2
import labelled_data
import numpy as np
import pytest

from pspgrasp.cli import main
from pspgrasp.data.check import check
from pspgrasp.data.dataset import open_dataset
from pspgrasp.data.progress import with_progress
from pspgrasp.data.sample import GraspSample
from pspgrasp.data.sheet import TILE_PX, contact_sheet, evenly, labelled_tile, levelled
from pspgrasp.rectangle import GraspRectangle

RECTANGLE = labelled_data.RECTANGLE


@pytest.fixture
def partly_broken(tmp_path: Path) -> Path:
    labelled_data.write_cornell(tmp_path, range(6))
    (tmp_path / "pcd0001cpos.txt").write_text("1 2\n3 4\nx y\n7 8\n")
    (tmp_path / "pcd0002d.tiff").unlink()
    with (tmp_path / "pcd0003cpos.txt").open("a") as file:
        file.write("NaN NaN\n1 1\n2 2\n3 3\n")
    return tmp_path


def test_what_is_there_is_counted_and_what_is_broken_named(partly_broken: Path) -> None:
    dataset = open_dataset(partly_broken)
    found = check(dataset, dataset.entries)
    assert (found.images, found.rectangles, found.objects, found.sizes) == (4, 4, 3, {"120x90": 4})
    assert found.missing_share == pytest.approx(1 / (90 * 120))
    assert found.median_depth_m == pytest.approx((0.8, 0.8, 0.8))
    assert found.opening_px == pytest.approx((30, 30, 30), abs=1e-4)
    assert len(found.skipped) == 1
    assert [Path(line.split(" ")[0]).name for line in found.broken] == ["pcd0001cpos.txt:3:", "pcd0002d.tiff"]


def test_the_command_lists_and_draws_and_fails_when_something_is_broken(
    partly_broken: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    sheet = tmp_path / "sheet.png"
    assert main(["data", "check", str(partly_broken), "--sheet", str(sheet)]) == 1
    told = capsys.readouterr()
    assert "pcd0001cpos.txt:3: expected a corner 'u v', got 'x y'" in told.out
    assert "pcd0003cpos.txt:5: a corner is not a number" in told.out
    assert told.err == f"pspgrasp: 2 of 6 images of {partly_broken} are broken, see above\n"
    assert cv2.imread(str(sheet)).shape[1] > 2 * TILE_PX


def test_the_command_is_content_with_a_whole_set(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    labelled_data.write_cornell(tmp_path, range(2), png=True)
    assert main(["data", "check", str(tmp_path)]) == 0
    assert "PNG depth at 0.0001 m a step" in capsys.readouterr().out
    assert main(["data", "check", str(tmp_path), "--unit", "1"]) == 1
    assert "give the right --unit" in capsys.readouterr().out


@pytest.mark.parametrize("more", [["--sheet", "none/x.png"], ["--sheet", "x.gif2"], ["--layout", "cornel"]])
def test_a_mistake_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture, more) -> None:
    labelled_data.write_cornell(tmp_path, [0])
    assert main(["data", "check", str(tmp_path), *more]) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("[ WARN:")]
    assert len(lines) == 1
    assert lines[0].startswith("pspgrasp: ")


# --- pictures


def test_labels_are_drawn_where_they_lie() -> None:
    depth_m = np.full((480, 640), 1.0, np.float32)
    label = GraspRectangle(320.0, 240.0, 0.0, 80.0, 40.0)
    tile = labelled_tile(GraspSample(depth_m, (label,), "folder/x"))
    assert tile.caption.startswith("x ")
    bright = np.argwhere(tile.picture.min(axis=2) > tile.picture.min() + 20)
    places = bright[:, ::-1] / tile.scale + (tile.left_px, tile.top_px)
    np.testing.assert_allclose(places.min(axis=0), (280, 220), atol=2)
    np.testing.assert_allclose(places.max(axis=0), (360, 260), atol=2)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_a_sheet_holds_every_tile(count: int) -> None:
    tile = labelled_tile(GraspSample(labelled_data.scene_m(), (RECTANGLE,), "x"))
    sheet = contact_sheet([tile] * count, "title")
    columns, rows = sheet.shape[1] // TILE_PX, sheet.shape[0] // TILE_PX
    assert columns * rows >= count


def test_a_levelled_table_is_flat_and_things_on_it_stay() -> None:
    rows, columns = np.indices((200, 200))
    depth_m = (1.0 + 0.002 * rows - 0.001 * columns).astype(np.float32)
    depth_m[80:110, 80:110] -= 0.03
    depth_m[:5] = np.nan
    level_m = levelled(depth_m)
    assert np.isnan(level_m[:5]).all()
    assert np.nanstd(level_m[120:]) < 1e-4
    assert np.nanmedian(level_m) - level_m[95, 95] == pytest.approx(0.03, abs=1e-3)


def test_tiles_are_picked_evenly() -> None:
    assert evenly(range(5), 9) == [0, 1, 2, 3, 4]
    assert evenly(range(101), 3) == [0, 50, 100]


def test_progress_is_told_on_stderr(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr("pspgrasp.data.progress.EVERY_S_IN_A_LOG", 0.0)
    assert list(with_progress("abc", 3, "read")) == ["a", "b", "c"]
    told = capsys.readouterr()
    assert told.out == ""
    assert [line.split(",")[0] for line in told.err.splitlines()] == ["read 1/3", "read 2/3"]


def test_a_sheet_of_nothing_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    labelled_data.write_cornell(tmp_path, [0])
    (tmp_path / "pcd0000d.tiff").unlink()
    assert main(["data", "check", str(tmp_path), "--sheet", str(tmp_path / "x.png")]) == 1
    assert "no image of" in capsys.readouterr().err
