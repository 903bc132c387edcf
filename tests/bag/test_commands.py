"""Laws of `pspgrasp bag`: exit codes say what was read, files are whole, and what was done is never lost."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Sequence

import pytest
from made_up import GRASP, MadeUp, drawn, flat_frames, judge, made_of, moved, result_of

from pspgrasp.bag import libraries
from pspgrasp.bag.figures.measures import Gripper
from pspgrasp.bag.judging.predictor_model import PredictorModel
from pspgrasp.bag.judging.specs import ModelSpec, specs_of
from pspgrasp.bag.recording import Fault, RecordedFrame, RecordedGrasp, Recording, Selection
from pspgrasp.bag.report.frames_csv import COLUMNS, write_frames
from pspgrasp.bag.report.output import FILES
from pspgrasp.bag.report.results_json import write_results
from pspgrasp.bag.results.frame import FrameResult
from pspgrasp.bag.results.result import RecordingResult
from pspgrasp.bag.run import Job, Run, judge_apart, run_of
from pspgrasp.cli import main
from pspgrasp.errors import ConfigError, PspGraspError
from pspgrasp.node_config import NodeConfig
from pspgrasp.parallel import LostJob, LostJobsError
from pspgrasp.whole_file import whole_file

pytest.importorskip("rich", reason="needs the extra bag")
pytest.importorskip("rosbags", reason="needs the extra bag")


@pytest.fixture
def recordings(monkeypatch: pytest.MonkeyPatch) -> List[Recording]:
    """Return the list of what every input stands for, and let every checkpoint be a drawing."""
    found: List[Recording] = []

    def open_recordings(_inputs: Sequence[Path], _selection: Selection) -> List[Recording]:
        return found

    monkeypatch.setattr("pspgrasp.bag.reading.open.open_recordings", open_recordings)
    monkeypatch.setattr("pspgrasp.bag.report.output.strip", lambda *_: ())
    monkeypatch.setattr("pspgrasp.bag.report.output.write_report", lambda path, run, _: path.write_text(run.command))
    monkeypatch.setattr(ModelSpec, "build", lambda spec: drawn(spec.name, 30 + len(spec.name)))
    return found


def made_run(*results: Any, asked: int = 1) -> Run:
    specs = [ModelSpec("one", "resnet18", "", NodeConfig())]
    return run_of(results, specs, Gripper(), [], Selection(), asked, "pspgrasp bag eval x.bag")


def recordings_of(folder: Path) -> List[Dict[str, Any]]:
    return json.loads((folder / "results.json").read_text())["recordings"]


def lines_of(folder: Path) -> List[Dict[str, Any]]:
    return [json.loads(line) for line in (folder / "frames.jsonl").read_text().splitlines()]


# --- exit codes


def test_a_whole_recording_is_judged_and_written(
    recordings: List[Recording], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recordings.append(MadeUp(flat_frames(12)))
    assert main(["bag", "eval", "x.bag", "--output", str(tmp_path / "out")]) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(FILES)
    assert "made up: 12 of 12 images judged" in capsys.readouterr().out


def test_faults_are_counted_told_and_in_the_exit_code(
    recordings: List[Recording], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faults = [Fault(number, "truncated", f"image {number} is cut off") for number in (1, 4)]
    frames = flat_frames(6)
    recordings.append(MadeUp([faults[0] if n == 1 else faults[1] if n == 4 else frames[n] for n in range(6)]))
    assert main(["bag", "eval", "x.bag", "--output", str(tmp_path)]) == 3
    told = capsys.readouterr().out
    assert "4 of 6 images judged" in told
    assert "2 truncated; the first: image 1 is cut off" in told
    tree = json.loads((tmp_path / "results.json").read_text())
    assert tree["recordings"][0]["fault_counts"] == {"truncated": 2}


def test_a_recording_that_ends_early_is_read_in_part() -> None:
    assert made_run(result_of({"one": [GRASP] * 3})).exit_code == 0
    assert made_run(result_of({"one": [GRASP] * 3}, expected=5)).exit_code == 3


def test_frames_on_which_a_model_fails_are_in_the_exit_code() -> None:
    assert made_run(result_of({"one": [GRASP, "put out NaN", GRASP]})).exit_code == 3


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_sigterm_ends_a_run_as_ctrl_c_does(
    recordings: List[Recording], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: signal.Signals
) -> None:
    class Stopped(PredictorModel):
        def judged(self, recorded: RecordedFrame) -> FrameResult:
            if recorded.number == 2:
                os.kill(os.getpid(), stop)
                time.sleep(0.01)
            return super().judged(recorded)

    signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts in the background is deaf to it
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(ModelSpec, "build", lambda spec: Stopped(spec.name, drawn("x").predictor))
    recordings.append(MadeUp(flat_frames(8)))
    assert main(["bag", "eval", "x", "--output", str(tmp_path)]) == 130
    assert {path.name for path in tmp_path.iterdir()} == set(FILES)
    assert recordings_of(tmp_path)[0]["read"] == 2
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "stopped by the user"),
        (PspGraspError("no memory"), 3, "no memory"),
        (ZeroDivisionError("x"), 3, "unexpected ZeroDivisionError: x"),
    ],
)
def test_without_pictures_all_files_are_there_and_a_line_says_why(
    error: BaseException,
    code: int,
    said: str,
    recordings: List[Recording],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fails(*_: Any) -> None:
        assert {"frames.csv", "frames.jsonl", "results.json"} <= {path.name for path in tmp_path.iterdir()}
        raise error

    monkeypatch.setattr("pspgrasp.bag.report.output.strip", fails)
    recordings.append(MadeUp(flat_frames(3)))
    assert main(["bag", "eval", "x", "--output", str(tmp_path)]) == code
    told = capsys.readouterr().out
    assert f"the report has no pictures: {said}" in told
    assert "3 of 3 images judged" in told
    assert {path.name for path in tmp_path.iterdir()} == set(FILES)


def test_ctrl_c_while_figures_are_worked_out_leaves_all_frames(
    recordings: List[Recording], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: Any) -> Run:
        raise KeyboardInterrupt

    (tmp_path / "report.html").write_text("of an earlier run")
    monkeypatch.setattr("pspgrasp.bag.run.run_of", interrupted)
    recordings.append(MadeUp(flat_frames(3)))
    assert main(["bag", "eval", "x", "--output", str(tmp_path)]) == 130
    assert {path.name for path in tmp_path.iterdir()} == {"frames.csv", "frames.jsonl"}
    assert "stopped; " in capsys.readouterr().out


def test_what_was_done_before_an_error_is_told_and_written(
    recordings: List[Recording], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recordings += [MadeUp(flat_frames(3)), MadeUp([ZeroDivisionError("a fault of ours")])]
    with pytest.raises(ZeroDivisionError):
        main(["bag", "eval", "x", "--output", str(tmp_path)])
    assert "3 of 3 images judged" in capsys.readouterr().out
    assert recordings_of(tmp_path)[0]["read"] == 3


def test_a_recording_whose_process_died_is_a_fault_and_the_others_are_kept(
    recordings: List[Recording], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def second_dies(work: Any, some: Iterable[Job], *_: Any) -> Iterator[Any]:
        first, second, *others = some
        yield from (work(job) for job in (first, *others))
        raise LostJobsError([LostJob(second, "the process that worked on it died (killed by SIGKILL)")])

    monkeypatch.setattr("pspgrasp.bag.run.results", second_dies)
    recordings += [MadeUp(flat_frames(count)) for count in (2, 4, 3)]
    assert main(["bag", "eval", "x", "--processes", "2", "--output", str(tmp_path)]) == 3
    assert "killed by SIGKILL" in capsys.readouterr().out
    found = recordings_of(tmp_path)
    assert [(result["read"], result["expected"]) for result in found] == [(2, 2), (0, 4), (3, 3)]
    assert found[1]["fault_counts"] == {"lost": 1}


#: Prints more than a pipe holds, of which one line is read.
LONG = "from pspgrasp.bag.ending import say; say(*['x' * 79] * 5000); raise SystemExit(3)"


def test_a_pipe_that_is_closed_is_no_error() -> None:
    started = subprocess.Popen([sys.executable, "-c", LONG], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert started.stdout is not None
    assert started.stderr is not None
    started.stdout.readline()
    started.stdout.close()
    assert (started.stderr.read(), started.wait(60)) == ("", 3)


def test_ctrl_c_tells_and_writes_what_was_done(
    recordings: List[Recording], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    judged = PredictorModel.judged

    def interrupted(model: PredictorModel, recorded: RecordedFrame) -> FrameResult:
        if recorded.number == 3:
            raise KeyboardInterrupt
        return judged(model, recorded)

    monkeypatch.setattr(PredictorModel, "judged", interrupted)
    recordings += [MadeUp(flat_frames(8)), MadeUp(flat_frames(8))]
    assert main(["bag", "compare", "x", "--checkpoint", "resnet18", "ggcnn", "--output", str(tmp_path)]) == 130
    assert "3 of 8 images judged, stopped by the user" in capsys.readouterr().out
    (result,) = recordings_of(tmp_path)
    assert (result["read"], result["interrupted"]) == (3, True)
    assert len(list(csv.reader((tmp_path / "frames.csv").open()))) == 1 + 2 * 3
    assert [line["number"] for line in lines_of(tmp_path)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["eval", "x", "--every", "0"], "--every must lie in"),
        (["eval", "x", "--processes", "0"], "--processes must lie in"),
        (["eval", "x", "--gripper", "0.08", "0.01"], "--gripper needs 0 <= MIN < MAX"),
        (["eval", "x", "--params", "nowhere.yaml"], "nowhere.yaml can't be read"),
        (["compare", "x"], "compare needs at least two models"),
        (["compare", "x", "--checkpoint", "ggcnn@kinova", "ggcnn@kinvoa"], "did you mean 'kinova'"),
    ],
)
def test_a_users_error_is_one_line(
    words: List[str], said: str, recordings: List[Recording], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bag", *words]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_device_that_is_not_there_is_a_users_error(
    recordings: List[Recording], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr("pspgrasp.bag.reading.open.open_recordings", lambda *_: [MadeUp(flat_frames(1))])
    assert main(["bag", "eval", "x", "--device", "gpu"]) == 1
    assert "unknown device 'gpu'; did you mean 'cpu'?" in capsys.readouterr().err


def test_where_nothing_could_be_read_that_is_told_and_written(
    recordings: List[Recording], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recordings.append(MadeUp([Fault(0, "no camera_info", "nothing says how wide it sees")]))
    assert main(["bag", "compare", "x", "--checkpoint", "resnet18", "ggcnn", "--output", str(tmp_path)]) == 3
    assert "0 of 1 images judged" in capsys.readouterr().out
    assert len((tmp_path / "frames.csv").read_text().splitlines()) == 1


def test_nothing_is_written_into_an_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for output in (tmp_path, tmp_path / "deep" / "er"):
        assert main(["bag", "eval", str(tmp_path), "--output", str(output)]) == 1
        assert "never written to" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_an_output_is_replaced_as_a_whole_or_not_at_all(
    recordings: List[Recording], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: Any) -> None:
        raise PspGraspError("the disk is full")

    recordings.append(MadeUp(flat_frames(3)))
    output, words = tmp_path / "out", ["bag", "eval", "x.bag", "--output", str(tmp_path / "out")]
    with monkeypatch.context() as patch:
        patch.setattr("pspgrasp.bag.report.output.write_frames", full)
        assert main(words) == 1
        assert not output.exists(), "a folder that was made is gone again"
    assert main(words) == 0
    before = {path.name: path.read_bytes() for path in output.iterdir()}
    monkeypatch.setattr("pspgrasp.bag.report.output.write_frames", full)
    assert main(words) == 1
    assert "the disk is full" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in output.iterdir()} == before


def test_what_is_not_installed_is_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(libraries, "find_spec", lambda name: None if name in ("mcap", "yaml") else name)
    for words in (["info", "x"], ["eval", "x"], ["bench"], ["export", "x", "--to", "bag", "--output", "y.bag"]):
        assert main(["bag", *words]) == 1
        said = "pspgrasp: `pspgrasp bag` needs mcap, PyYAML: pip install 'pspgrasp[bag]'\n"
        assert capsys.readouterr().err == said


def test_the_nodes_parameters_are_those_of_the_robot(tmp_path: Path, recordings: List[Recording]) -> None:
    params = tmp_path / "robot.yaml"
    params.write_text("crop: {size_px: 64}\nlimits: {max_width_m: 0.08}\nggcnn: off\n")
    recordings.append(MadeUp(flat_frames(3)))
    assert main(["bag", "eval", "x", "--params", str(params), "--output", str(tmp_path / "out")]) == 0
    tree = json.loads((tmp_path / "out" / "results.json").read_text())
    assert tree["models"][0]["config"]["crop"]["size_px"] == 64
    assert tree["gripper"] == {"min_width_m": 0.0, "max_width_m": 0.08}
    params.write_text("crop: {sise_px: 64}\n")
    assert main(["bag", "eval", "x", "--params", str(params)]) == 1


# --- files


def full_run() -> Run:
    recorded = RecordedGrasp("g", 5, False, moved().position_m, 0.1, 40.0, "px")
    faults = [Fault(7, "truncated", 'cut, "off"')]
    best = {"one": [GRASP, None, "not finite"]}
    return made_run(result_of(best, recorded=[recorded], poses=[tuple(range(12))], faults=faults))


def test_json_knows_no_nan_and_has_the_figures(tmp_path: Path) -> None:
    write_results(full_run(), tmp_path / "results.json")

    def refuse(name: str) -> None:
        raise AssertionError(name)

    tree = json.loads((tmp_path / "results.json").read_text(), parse_constant=refuse)
    figure: Dict[str, Any] = next(one for one in tree["figures"]["one"] if one["name"] == "no grasp")
    assert (figure["value"], figure["unit"], figure["count"]) == (50.0, "%", 2)


def test_the_table_has_a_line_for_every_frame_and_model(tmp_path: Path) -> None:
    write_frames(full_run().results, tmp_path / "frames.csv")
    with (tmp_path / "frames.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert tuple(lines[0]) == COLUMNS
    assert [line["number"] for line in lines] == ["0", "1", "2"]
    assert (float(lines[0]["u_px"]), float(lines[0]["x_m"])) == (GRASP.u, GRASP.position_m[0])
    assert (lines[1]["u_px"], lines[1]["nothing"]) == ("", "no peak of quality reaches the threshold")
    assert (lines[2]["error"], lines[2]["total_ms"]) == ("not finite", "")


def test_a_file_is_whole_or_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("before")

    def cut_off() -> None:
        with whole_file(path) as part:
            part.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        cut_off()
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("x", "before")]
    with whole_file(path) as part:
        part.write_text("after")
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("x", "after")]
    with pytest.raises(PspGraspError, match="can't be written"), whole_file(tmp_path / "no" / "x") as part:
        part.write_text("nowhere")


# --- many recordings


def test_many_recordings_come_in_order_and_add_up(recordings: List[Recording], tmp_path: Path) -> None:
    recordings += [MadeUp(flat_frames(count)) for count in (3, 1, 2)]
    assert main(["bag", "eval", "x", "--output", str(tmp_path)]) == 0
    assert [result["read"] for result in recordings_of(tmp_path)] == [3, 1, 2]
    assert [line["number"] for line in lines_of(tmp_path)] == [0, 1, 2, 0, 0, 1]
    tree = json.loads((tmp_path / "results.json").read_text())
    assert next(one for one in tree["figures"]["efficientnet_lite0"] if one["name"] == "no grasp")["count"] == 6


def test_jobs_are_judged_as_here(recordings: List[Recording], tmp_path: Path) -> None:
    recordings += [MadeUp(flat_frames(2)), MadeUp(flat_frames(3))]
    found = dict(judge_apart(jobs(recordings, tmp_path), processes=1, ray=""))
    assert {place: result.read for place, result in found.items()} == {0: 2, 1: 3}
    here = judge(recordings[1], [drawn("ggcnn", 35)])
    assert grasps_of(found[1]) == grasps_of(here)
    assert len(grasps_of(here)) == 3


def jobs(recordings: Sequence[Recording], folder: Path) -> List[Job]:
    specs = tuple(specs_of(["ggcnn"], NodeConfig()))
    return [Job(recording, place, specs, folder) for place, recording in enumerate(recordings)]


def grasps_of(result: RecordingResult) -> List[Any]:
    return [made.grasps for made in made_of(result, "ggcnn") if isinstance(made, FrameResult)]


def test_a_machine_that_does_not_see_the_output_says_so(recordings: List[Recording], tmp_path: Path) -> None:
    recordings.append(MadeUp(flat_frames(2)))
    with pytest.raises(ConfigError, match="--output must lie on a disk that all machines"):
        list(judge_apart(jobs(recordings, tmp_path / "elsewhere"), processes=1, ray=""))


class Slow(PredictorModel):
    """Sends Ctrl-C to this process at its third frame, as a terminal does."""

    def judged(self, recorded: RecordedFrame) -> FrameResult:
        if recorded.number == 2:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)
        return super().judged(recorded)


def test_ctrl_c_ends_jobs_between_two_frames_and_no_other_is_begun(
    recordings: List[Recording], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert threading.current_thread() is threading.main_thread()
    recordings += [MadeUp(flat_frames(40)), MadeUp(flat_frames(40))]
    monkeypatch.setattr(ModelSpec, "build", lambda spec: Slow(spec.name, drawn("x").predictor))
    before = signal.getsignal(signal.SIGINT)
    found = dict(judge_apart(jobs(recordings, tmp_path), processes=1, ray=""))
    assert {place: (result.read, result.interrupted) for place, result in found.items()} == {0: (3, True)}
    assert signal.getsignal(signal.SIGINT) is before
