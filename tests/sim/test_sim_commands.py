"""Laws of `pspgrasp sim` as a user meets it: what will fail is said before a run, and what is done stays done."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Dict, List

import pytest
import torch

pytest.importorskip("mujoco", reason="needs the extra sim")

from pspgrasp.cli import main
from pspgrasp.sim import commands
from pspgrasp.sim.attempt import Outcome
from pspgrasp.sim.bench import BenchConfig, Job
from pspgrasp.sim.cells import CELLS
from pspgrasp.sim.object_sets import OBJECT_SETS
from pspgrasp.sim.records import SceneRecord
from pspgrasp.sim.run import attempts_of, scenes_of
from pspgrasp.sim.verified import Verified, VerifiedScene, VerifyJob, lines_of, verified, write_scene

CHECKOUT = Path(__file__).resolve().parents[2]
QUICK = ["--rows", "centroid", "--pictures", "0", "--processes", "1"]


def told_by(words: List[str], **environment: str) -> subprocess.CompletedProcess:
    """Run a fresh interpreter, in which nothing is loaded yet."""
    variables = {**os.environ, "PYTHONPATH": str(CHECKOUT), **environment}
    return subprocess.run([sys.executable, *words], env=variables, capture_output=True, text=True, check=False)


def error_of(words: List[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(words) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


def test_a_run_goes_on_by_the_command_that_it_tells(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "a run's folder"
    for attempts in ("2", "1"):
        assert main(["sim", "run", str(folder), *QUICK, "--cells", "random", "--attempts", attempts]) == 0
    (command, scenes), kept = of_run(folder), (folder / "scenes.jsonl").read_text()
    assert command[-6:-2] == ["--attempts", "2", "--seed", "0"], "of all calls together, not of the last"
    assert json.loads((folder / "run.json").read_text())["config"]["camera"] == command[-1]
    assert command[-1] in ("gl", "rays"), "which one `auto` was, on any other machine too"
    assert main([*command, "--pictures", "0", "--processes", "1"]) == 0
    assert of_run(folder) == (command, scenes)
    assert (folder / "scenes.jsonl").read_text() == kept
    assert "0 new" in capsys.readouterr().out


def of_run(folder: Path) -> tuple:
    figures = json.loads((folder / "figures.json").read_text())
    program, *words = shlex.split(figures["command"])
    assert program == "pspgrasp"
    return words, figures["cells"]


def test_a_run_has_one_thread_wherever_it_runs(tmp_path: Path) -> None:
    torch.set_num_threads(2)
    assert main(["sim", "run", str(tmp_path), *QUICK, "--cells", "random", "--attempts", "1"]) == 0
    assert torch.get_num_threads() == 1, "on another number the last digits of a network differ"


@pytest.mark.parametrize("cell", ["household", "bin-10"])
def test_attempts_are_counted_up_to_the_first_scene_that_is_missing(cell: str) -> None:
    for attempts in (1, 9, 10, 11, 25):
        numbers = range(scenes_of(CELLS[cell], attempts))
        records = [SceneRecord(cell, number, ()) for number in numbers]
        assert attempts <= attempts_of(records, [CELLS[cell]]) < attempts + CELLS[cell].things
        beyond_a_gap = [*records, SceneRecord(cell, len(records) + 1, ())]
        assert attempts_of(beyond_a_gap, [CELLS[cell]]) == attempts_of(records, [CELLS[cell]])
    assert attempts_of(records, [CELLS[cell], CELLS["random"]]) == 0


def test_what_would_be_missing_after_a_run_is_said_before_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page, folder = tmp_path / "page.md", tmp_path / "run"
    page.write_text("no marks")
    words = ["sim", "run", str(folder), *QUICK]
    assert "lacks the line" in error_of([*words, "--cells", "random", "--page", str(page)], capsys)
    assert "can't be read" in error_of([*words, "--cells", "random", "--page", str(tmp_path / "x.md")], capsys)
    monkeypatch.setitem(sys.modules, "av", None)
    assert "PyAV" in error_of([*words, "--cells", "random", "bin-10"], capsys)
    assert not folder.exists()


@pytest.mark.parametrize("action", [["run", "run", "--camera", "rays"], ["labels"]])
def test_a_choice_of_opengl_that_mujoco_does_not_know_is_told_in_one_line(action: List[str], tmp_path: Path) -> None:
    told = told_by(["-m", "pspgrasp.cli", "sim", *action], MUJOCO_GL="nonsense")
    assert (told.returncode, told.stdout, told.stderr.count("\n")) == (1, "", 1)
    assert "MUJOCO_GL is 'nonsense'" in told.stderr


def test_what_there_is_to_choose_from_is_told_without_mujoco() -> None:
    code = "import sys; sys.modules['mujoco'] = None; from pspgrasp.cli import main; sys.exit(main(['sim', 'cells']))"
    told = told_by(["-c", code])
    assert (told.returncode, told.stderr) == (0, "")
    lines: Dict[str, str] = {line.split()[0]: line for line in told.stdout.splitlines() if line.startswith("  ")}
    assert {*CELLS, *OBJECT_SETS} <= set(lines)
    for name, cell in CELLS.items():
        assert name in OBJECT_SETS or cell.factor in lines[name]


def test_sigterm_is_as_ctrl_c_while_a_command_works() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), commands._stopped_by_sigterm():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before


def test_jobs_are_named_for_people() -> None:
    assert str(Job(BenchConfig(("labels",)), CELLS["bin-10"], 12)) == "bin-10 12"
    assert str(VerifyJob(0, 7)) == "scene 7"


@pytest.fixture(scope="module")
def scene() -> VerifiedScene:
    return next(scene for scene in (verified(VerifyJob(3, number)) for number in range(5)) if len(scene.labels) > 3)


def files_of(folder: Path) -> Dict[str, int]:
    return {file.name: len(file.read_text().splitlines()) for file in folder.glob("*.txt")}


def test_labels_whose_simulation_failed_are_neither_good_nor_bad(scene: VerifiedScene, tmp_path: Path) -> None:
    first, second, *_ = (label._replace(by_palm=False) for label in scene.labels)
    outcomes = (Outcome.HELD, Outcome.EXPLODED, Outcome.MISSED)
    held, exploded, missed = (first._replace(outcome=outcome) for outcome in outcomes)
    hit = second._replace(outcome=Outcome.COLLIDED, by_palm=True)
    write_scene(scene._replace(labels=(held, exploded, missed, exploded, hit)), tmp_path)
    corners = 4
    number = f"pcd{scene.number:06d}"
    assert files_of(tmp_path) == {f"{number}cpos.txt": corners, f"{number}cneg.txt": 2 * corners}
    write_scene(scene._replace(number=99, labels=(exploded,)), tmp_path)
    assert not list(tmp_path.glob("*99*"))
    failed, bare = (scene._replace(labels=(), failed=failed) for failed in (True, False))
    told = lines_of([scene._replace(labels=(held, exploded, missed, exploded, hit)), failed, bare])
    assert told[0] == "3 scenes: 1 failed in simulation, 1 more without a label"
    assert "all labels: 1 of 3 held" in told[1]
    assert "1 collided, 2 exploded, 1 missed, 1 of the collisions with the palm" in told[1]


def test_labels_are_tried_by_the_hand_of_the_bench(scene: VerifiedScene, monkeypatch: pytest.MonkeyPatch) -> None:
    assert VerifyJob(0, 0).gripper == BenchConfig(()).gripper
    narrow = replace(VerifyJob(0, 0).gripper, opening_m=0.01)
    tried = verified(VerifyJob(3, scene.number, gripper=narrow))
    assert [label.grasp for label in tried.labels] == [label.grasp for label in scene.labels]
    assert sum(map(is_held, tried.labels)) < sum(map(is_held, scene.labels))


def is_held(label: Verified) -> bool:
    return label.held


def test_labels_are_not_mixed_into_a_folder_that_holds_something(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pcd0100r.png").write_text("somebody's own")
    assert "give another folder" in error_of(["sim", "labels", "--scenes", "1", "--output", str(tmp_path)], capsys)
    assert [file.name for file in tmp_path.iterdir()] == ["pcd0100r.png"]
