"""`pspgrasp evaluate`: report, JSON, pictures, folds, SGT, scenes, tables, and mistakes in one line."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import labelled_data
import pytest

from pspgrasp.checkpoint import save_checkpoint
from pspgrasp.cli import main
from pspgrasp.evaluation.rectangle_metric import SWEEP
from pspgrasp.rectangle import GraspRectangle
from pspgrasp.shipped import find_checkpoint, shipped_checkpoints

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
    assert cv2.imread(str(pictures / "reliability.png")).shape[2] == 3
    guesses = [guess for outcome in tree["outcomes"] for guess in outcome["guesses"]]
    assert tree["calibration"]["grasps"] == len(guesses)
    assert f"of {len(guesses)} grasps" in out


def test_contact_widths_make_no_trials_without_a_clearance(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    contact, trials = tmp_path / "contact.safetensors", ["--sgt", str(tmp_path / "trials.txt")]
    save_checkpoint(replace(find_checkpoint("ggcnn"), width="contact"), contact)
    assert evaluate(folder, *trials, checkpoint=str(contact)) == 1
    assert "contact puts out contact widths, and a trial needs openings" in capsys.readouterr().err
    assert evaluate(folder, checkpoint=str(contact)) == 0
    assert "contact widths as put out" in capsys.readouterr().out


def test_a_fold_alone_is_judged(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    judged = []
    for fold in ("0/2", "1/2"):
        result = tmp_path / "result.json"
        assert evaluate(folder, "--split", "object", "--only", fold, "--json", str(result)) == 0
        assert f"fold {fold} by object" in capsys.readouterr().out
        judged += [outcome["name"] for outcome in json.loads(result.read_text())["outcomes"]]
    assert sorted(judged) == [f"pcd000{n}" for n in range(4)]


def test_labels_in_place_of_a_checkpoint_say_what_is_out_of_reach(folder: Path, capsys: pytest.CaptureFixture) -> None:
    assert evaluate(folder, checkpoint="labels") == 0
    assert "labels      4 of 4 hit" in capsys.readouterr().out
    assert evaluate(folder, "--jaw", "5", checkpoint="labels") == 0
    out = capsys.readouterr().out
    assert "labels      0 of 4 hit" in out
    assert "out of reach: pcd0000, label 0, overlap 0.17" in out


def test_ggcnns_own_protocol(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    opening = tmp_path / "opening.safetensors"
    save_checkpoint(replace(find_checkpoint("ggcnn"), width="opening"), opening)
    assert evaluate(folder, "--protocol", "ggcnn", checkpoint=str(opening)) == 0
    assert "GG-CNN's own: 300 px at the labels" in capsys.readouterr().out


def test_grasps_for_jacquards_trials_are_in_its_pixels(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    label = GraspRectangle(430.0, 430.0, 0.5, 200.0, 90.0)
    labelled_data.write_jacquard(tmp_path, 2, "abc", [label])
    told = tmp_path / "sgt.txt"
    assert evaluate(tmp_path, "--sgt", str(told), checkpoint="labels") == 0
    lines = told.read_text().splitlines()
    assert lines == ["0_abc", "430.00;430.00;-28.65;200.00;100.00", "1_abc", "430.00;430.00;-28.65;200.00;100.00"]
    opened = ["--clearance", "16", "--depth", "stereo"]
    assert evaluate(tmp_path, "--sgt", str(told), *opened, "--json", str(tmp_path / "r.json")) == 0
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
        (["--sgt", "x.txt", "--clearance", "8"], "simulated grasp trials are Jacquard's"),
        (["--layout", "jacquard"], "holds no labelled images"),
        (["--scenes", "9"], "--scenes is for --data synthetic"),
        (["--table", "--folds", "2"], "--folds is for one checkpoint, not for a table"),
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


# --- several


def test_several_checkpoints_make_a_table_each_paired_with_the_first(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    both = tmp_path / "both.json"
    assert main(["evaluate", "ggcnn", "labels", "--data", str(folder), "--device", "cpu", "--json", str(both)]) == 0
    out = capsys.readouterr().out
    tree = json.loads(both.read_text())
    assert [row["checkpoint"] for row in tree["rows"]] == ["ggcnn", "labels"]
    assert tree["rows"][1]["success"] == 1.0
    assert tree["rows"][1]["against_first"]["wins"] == 4 - tree["rows"][0]["hits"]
    assert (tree["rows"][0]["parameters"], tree["rows"][1]["parameters"]) == (62420, None)
    assert "0.06 M" in out
    assert "row 1" in out


def test_results_of_earlier_runs_make_the_same_table(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    paths = [tmp_path / "one.json", tmp_path / "two.json"]
    assert evaluate(folder, "--json", str(paths[0])) == 0
    assert evaluate(folder, "--json", str(paths[1]), checkpoint="labels") == 0
    assert main(["evaluate", *map(str, paths), "--json", str(tmp_path / "table.json")]) == 0
    capsys.readouterr()
    table = json.loads((tmp_path / "table.json").read_text())
    hits = [json.loads(path.read_text())["hits"] for path in paths]
    assert [row["hits"] for row in table["rows"]] == hits
    assert main(["evaluate", str(paths[0]), "ggcnn", "--data", str(folder), "--device", "cpu"]) == 0
    last = capsys.readouterr().out.splitlines()[-1].split()
    assert last[-3:] == ["0", "0", "1.000"], "the same network against itself"


def test_two_runs_whose_checkpoints_have_one_name_are_told_apart(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    files = []
    for run in ("a", "b"):
        (tmp_path / run).mkdir()
        files.append(str(shutil.copy(shipped_checkpoints()["ggcnn"], tmp_path / run / "best.safetensors")))
    assert main(["evaluate", *files, "--data", str(folder), "--device", "cpu"]) == 0
    out = capsys.readouterr().out
    assert all(file in out for file in files)


# --- generated scenes


def test_generated_scenes_are_judged_into_a_report_json_and_pictures(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    result, pictures = tmp_path / "result.json", tmp_path / "pictures"
    asked = ["--data", "synthetic", "--scenes", "4", "--seed", "3", "--clearance-m", "0.01", "--max-width", "0.085"]
    more = ["--json", str(result), "--overlay", str(pictures), "--device", "cpu"]
    assert main(["evaluate", "ggcnn", *asked, *more]) == 0
    out = capsys.readouterr().out
    tree = json.loads(result.read_text())
    assert f"success     {tree['success']:.3f} ({tree['hits']} of 4" in out
    assert "generated scenes 0 to 3 of seed 3" in out
    assert "none above 85 mm" in out
    assert f"labels      {tree['labels']['success']:.3f} of the scenes' own labels hold" in out
    assert [outcome["name"] for outcome in tree["outcomes"]] == [f"3/{n}" for n in range(4)]
    assert all(len(outcome["guesses"]) <= 5 for outcome in tree["outcomes"])
    assert tree["hits"] == sum(o["guesses"][:1] and o["guesses"][0]["verdict"] == "held" for o in tree["outcomes"])
    assert len(list(pictures.glob("*_3_?.png"))) == 4
    assert {"sheet.png", "reliability.png"} <= {path.name for path in pictures.iterdir()}


def test_a_table_of_scenes_judges_all_on_the_same(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    more = ["--data", "synthetic", "--scenes", "3", "--device", "cpu", "--json", str(tmp_path / "table.json")]
    assert main(["evaluate", "ggcnn", "ggcnn", "labels", *more]) == 0
    out = capsys.readouterr().out
    first, second, labels = json.loads((tmp_path / "table.json").read_text())["rows"]
    assert (second["hits"], second["against_first"]) == (first["hits"], {"wins": 0, "losses": 0, "p": 1.0})
    assert labels["images"] == 3
    assert "of the scenes' own labels hold" in out.splitlines()[-1]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["ggcnn"], "say on what: --data FOLDER or --data synthetic"),
        (["ggcnn", "--data", "synthetic", "--window", "centre"], "--window is for labelled images"),
        (["ggcnn", "--data", "synthetic", "--sgt", "x.txt"], "--sgt is for labelled images"),
        (["ggcnn", "--data", "synthetic", "--scenes", "0"], "--scenes must lie in [1, 1000000], got 0"),
        (["ggcnn", "--data", "synthetic", "--seed", "-1"], "--seed must lie in"),
        (["ggcnn", "labels", "--data", "synthetic", "--overlay", "x"], "--overlay is for one checkpoint"),
        (["ggcn", "--data", "synthetic"], "did you mean 'ggcnn'"),
        (["nowhere.json"], "nowhere.json can't be read"),
    ],
)
def test_a_mistake_about_scenes_and_tables_is_one_line(capsys: pytest.CaptureFixture, more, said: str) -> None:
    assert main(["evaluate", *more]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
