"""Laws of `pspgrasp bench` as a user meets it: the table, JSON, the page, and mistakes in one line."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Iterator, List

import cv2
import numpy as np
import pytest
from bench_fakes import Clock, finished, key, row, still, turn

from pspgrasp.benchmark import energy
from pspgrasp.benchmark.commands import _command, _config
from pspgrasp.benchmark.docs_page import MARKS, put_into
from pspgrasp.benchmark.frames import generated_frames, recorded_frames
from pspgrasp.benchmark.markdown import markdown
from pspgrasp.benchmark.report import circumstances, tree_of
from pspgrasp.benchmark.rows import Refusal
from pspgrasp.benchmark.run import _refused
from pspgrasp.benchmark.threads import VARIABLE
from pspgrasp.cli import _parser, main
from pspgrasp.errors import DataError, PspGraspError

QUICK = ["bench", "--quick", "--rounds", "2", "--checkpoints", "ggcnn", "--runtimes", "torch", "--threads", "1"]


def numbers(tree: Any) -> Iterator[float]:
    """Yield every number of plain values."""
    if isinstance(tree, dict):
        for value in tree.values():
            yield from numbers(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from numbers(value)
    elif isinstance(tree, (int, float)):
        yield float(tree)


def test_json_holds_every_number_that_the_table_shows() -> None:
    run = finished()
    tree = json.loads(json.dumps(tree_of(run, circumstances("pspgrasp bench"))))
    known = {f"{number * scale:.2f}" for number in numbers(tree) for scale in (1.0, 1e-6, 1e-9)}
    shown = re.findall(r"\d+\.\d\d\b", markdown(run))
    assert len(shown) > 50
    assert [number for number in shown if number not in known] == []


def test_the_table_says_a_dash_where_nothing_is_known() -> None:
    lines = [line for line in markdown(finished()).splitlines() if "| file |" in line]
    assert [line.count(" - |") for line in lines] == [2, 4]


def test_what_is_refused_for_one_reason_is_one_line() -> None:
    keys = [key(checkpoint=name, threads=threads) for threads in (1, 2) for name in ("one", "two")]
    refusals = [Refusal(of, "no such unit") for of in keys] + [Refusal(key(runtime="openvino"), "off")]
    assert _refused(refusals) == [
        "refused: torch (one of 300 px on cpu; two of 300 px on cpu): no such unit",
        "refused: openvino (net of 300 px on cpu): off",
    ]


def test_energy_has_a_column_only_where_some_gpu_tells_it() -> None:
    run = finished()
    assert "| J |" in markdown(run)
    silent = run._replace(figures=run.figures[2:])
    assert "| J |" not in markdown(silent)


def test_a_page_gets_command_machine_plot_and_tables_between_its_marks(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra training")
    page, made = tmp_path / "performance.md", circumstances("pspgrasp bench --quick")
    page.write_text(f"before\n\n{MARKS.begin}\nof last year\n{MARKS.end}\n\nbehind\n", encoding="utf-8")
    put_into(page, finished(), made)
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"before\n\n{MARKS.begin}\n\n```sh\npspgrasp bench --quick\n```")
    assert text.endswith(f"\n\n{MARKS.end}\n\nbehind\n")
    assert made.date in text
    assert made.machine in text
    assert "of last year" not in text
    assert markdown(finished()) in text
    assert "](pictures/performance_roads.png)" in text
    assert (tmp_path / "pictures" / "performance_roads.png").stat().st_size > 1000


def test_the_bars_of_the_plot_are_the_medians_of_stages() -> None:
    pytest.importorskip("matplotlib", reason="needs the extra training")
    from pspgrasp.benchmark.plot import roads_figure

    figures = finished().figures
    (axes,) = roads_figure(figures).axes
    drawn = sorted(bar.get_width() for bar in axes.patches)
    assert drawn == pytest.approx(sorted(stage.median_ms for one in figures for stage in one.stages.values()))


def test_a_run_prints_its_table_and_writes_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert main([*QUICK, "--devices", "cpu", "--json", str(tmp_path / "bench.json")]) == 0
    said = capsys.readouterr().out
    tree = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))
    assert [(one["road"], one["laps"]) for one in tree["rows"]] == [("GG-CNN's", 2), ("ours", 2)]
    assert tree["rows"][1]["to_ggcnn"] > 0
    assert tree["rows"][0]["floor_ms"] > 0
    assert f"| ggcnn | torch | 300 px | cpu, 1 thread | {tree['rows'][1]['whole']['median_ms']:.2f} |" in said
    assert VARIABLE not in os.environ, "as it was before"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--threads", "0"], "--threads must lie in [1, 1024], got 0"),
        (["--sizes", "300", "5"], "--sizes must lie in [32, 4096], got 5"),
        (["--rounds", "0"], "--rounds must lie in [1, 1000000], got 0"),
        (["--runtimes", "openvimo"], "did you mean 'openvino'"),
        (["--checkpoints", "resnet19"], "'resnet18'"),
        (["--devices", "gpu"], "unknown device 'gpu'"),
        (["--page", "absent.md"], "absent.md can't be read"),
    ],
)
def test_a_mistake_is_one_line(words: List[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--quick", *words]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_the_command_that_a_page_tells_makes_the_same_run() -> None:
    words = [*QUICK, "--sizes", "224", "300", "--ggcnn", "my file.safetensors", "--page", "docs/page.md"]
    parsed = _parser().parse_args(words)
    told = _command(parsed)
    assert "page" not in told
    assert "'my file.safetensors'" in told
    again = _parser().parse_args(shlex.split(told)[1:])
    assert _config(again) == _config(parsed)


def test_recorded_images_are_taken_and_those_that_show_nothing_are_left_out(tmp_path: Path) -> None:
    pytest.importorskip("rosbags", reason="needs the extra bag")
    whole = np.full((480, 640), 600, np.uint16)
    for number, image in enumerate((whole, 0 * whole, whole + 1)):
        cv2.imwrite(str(tmp_path / f"depth_{number}.png"), image)
    frames = recorded_frames([tmp_path])
    assert [float(frame.depth_m[0, 0]) for frame in frames] == pytest.approx([0.6, 0.601])
    cv2.imwrite(str(tmp_path / "depth_0.png"), 0 * whole)
    cv2.imwrite(str(tmp_path / "depth_2.png"), 0 * whole)
    with pytest.raises(DataError, match="no image has depth in the window"):
        recorded_frames([tmp_path])


def test_energy_is_what_a_meter_went_up_by_over_the_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(energy, "time", clock)
    working = turn(clock, {"network": 250.0})
    assert energy.joules_per_frame(working, [still()], lambda: 40 * clock.now_s) == pytest.approx(10)


def test_a_gpu_that_does_not_tell_is_told_once_and_a_cpu_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    class SilentError(Exception):
        pass

    def refuse() -> None:
        raise SilentError("no counter")

    monkeypatch.setitem(sys.modules, "pynvml", SimpleNamespace(NVMLError=SilentError, nvmlInit=refuse))
    monkeypatch.setattr(energy, "installed", lambda _: True)
    rows = [row(key()), row(key(device="cuda")), row(key(runtime="cuda-graph", device="cuda"))]
    assert energy.energy_of(rows, generated_frames(1)) == ({}, ["energy: cuda does not tell (no counter)"])
    with pytest.raises(PspGraspError):
        energy.gpu_meter("cuda")
