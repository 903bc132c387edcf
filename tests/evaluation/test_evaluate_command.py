"""`pspgrasp evaluate`: report, JSON, pictures, folds, SGT, and mistakes in one line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import labelled_data
import pytest

from pspgrasp.cli import main
from pspgrasp.evaluation.rectangle_metric import SWEEP
from pspgrasp.rectangle import GraspRectangle

BOX = GraspRectangle(270.0, 200.0, 1.2, 70.0, 30.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cornell")
    labelled_data.write_cornell(path, range(4), [BOX], labelled_data.scene_m((480, 640)))
    return path


def evaluate(folder: Path, *more: str, checkpoint: str = "ggcnn") -> int:
    return main(["evaluate", checkpoint, "--data", str(folder), "--device", "cpu", *more])


def test_a_checkpoint_is_judged_into_a_report_json_and_pictures(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    result, pictures = tmp_path / "result.json", tmp_path / "deep" / "pictures"
    more = ["--split", "object", "--folds", "2", "--top", "3", "--json", str(result), "--overlay", str(pictures)]
    assert evaluate(folder, *more) == 0
    out = capsys.readouterr().out
    tree = json.loads(result.read_text())
    assert f"success     {tree['success']:.3f} ({tree['hits']} of 4" in out
    assert re.search(r"folds       .* by object; mean", out)
    assert [outcome["name"] for outcome in tree["outcomes"]] == [f"pcd000{n}" for n in range(4)]
    assert tree["success"] == sum(outcome["hit"] for outcome in tree["outcomes"]) / 4
    assert list(tree["sweep"]) == [f"{threshold:.2f}" for threshold in SWEEP]
    folds = [outcome["fold"] for outcome in tree["outcomes"]]
    assert folds[0] == folds[1] != folds[2] == folds[3], "an object is in one fold"
    assert len(list(pictures.glob("*_pcd000?.png"))) == 4
    assert cv2.imread(str(pictures / "sheet.png")).shape[2] == 3


def test_labels_in_place_of_a_checkpoint_say_what_is_out_of_reach(folder: Path, capsys: pytest.CaptureFixture) -> None:
    assert evaluate(folder, checkpoint="labels") == 0
    assert "labels      4 of 4 hit" in capsys.readouterr().out
    assert evaluate(folder, "--jaw", "5", checkpoint="labels") == 0
    out = capsys.readouterr().out
    assert "labels      0 of 4 hit" in out
    assert "out of reach: pcd0000, label 0, overlap 0.17" in out


def test_ggcnns_own_protocol(folder: Path, capsys: pytest.CaptureFixture) -> None:
    assert evaluate(folder, "--protocol", "ggcnn") == 0
    assert "GG-CNN's own: 300 px at the labels" in capsys.readouterr().out


def test_grasps_for_jacquards_trials_are_in_its_pixels(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    label = GraspRectangle(430.0, 430.0, 0.5, 200.0, 90.0)
    labelled_data.write_jacquard(tmp_path, 2, "abc", [label])
    told = tmp_path / "sgt.txt"
    assert evaluate(tmp_path, "--sgt", str(told), checkpoint="labels") == 0
    lines = told.read_text().splitlines()
    assert lines == ["0_abc", "430.00;430.00;-28.65;200.00;100.00", "1_abc", "430.00;430.00;-28.65;200.00;100.00"]
    assert evaluate(tmp_path, "--sgt", str(told), "--depth", "stereo", "--json", str(tmp_path / "r.json")) == 0
    box_px = 1024 / 3, 1024 / 2
    first = json.loads((tmp_path / "r.json").read_text())["outcomes"][0]["guesses"][0]["rectangle"]
    u, v, theta_deg, opening_px, jaw_px = (float(n) for n in told.read_text().splitlines()[1].split(";"))
    assert (u, v, opening_px) == pytest.approx((first["u"], first["v"], first["opening_px"]), abs=0.01)
    assert all(box_px[0] - 80 < place < box_px[1] + 80 for place in (u, v)), "the box of the scene, in 1024 px"
    assert theta_deg == pytest.approx(-57.29578 * first["angle_rad"], abs=0.01)
    assert jaw_px == pytest.approx(opening_px / 2, abs=0.01)
    capsys.readouterr()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--split", "objects"], "did you mean 'object'"),
        (["--protocol", "gcnn"], "did you mean 'ggcnn'"),
        (["--window", "center"], "did you mean 'centre'"),
        (["--folds", "9"], "9 folds of 4 images are not possible"),
        (["--top", "0"], "--top must lie in [1, 100], got 0"),
        (["--window-size", "5"], "--window-size must lie in [16, 4096]"),
        (["--jaw-share", "nan"], "jaw_share must be a number of at least 0"),
        (["--json", "/nowhere/at/all.json"], "can't be written"),
        (["--sgt", "x.txt"], "simulated grasp trials are Jacquard's"),
        (["--layout", "jacquard"], "holds no labelled images"),
    ],
)
def test_a_mistake_is_one_line(folder: Path, capsys: pytest.CaptureFixture, more, said: str) -> None:
    assert evaluate(folder, *more) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("[ WARN:")]
    assert len(lines) == 1
    assert lines[0].startswith("pspgrasp: ")
    assert said in lines[0]


def test_an_unknown_checkpoint_and_a_broken_label_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    labelled_data.write_cornell(tmp_path, range(2), [BOX], labelled_data.scene_m((480, 640)))
    assert evaluate(tmp_path, checkpoint="ggcn") == 1
    assert "did you mean 'ggcnn'" in capsys.readouterr().err
    (tmp_path / "pcd0001cpos.txt").write_text("1 2 3\n")
    assert evaluate(tmp_path, checkpoint="labels") == 1
    assert re.fullmatch(r"pspgrasp: \S+pcd0001cpos.txt:1: expected a corner.*\n", capsys.readouterr().err)
