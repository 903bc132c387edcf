"""Laws of the report of recordings: a page that has every figure and fault, needs nothing else, and stays small."""

from __future__ import annotations

import html
import io
import math
import re
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any, List, Sequence, Tuple

import cv2
import numpy as np
import pytest
from html_page import Page

pytest.importorskip("rich", reason="needs the extra bag")
pytest.importorskip("rosbags", reason="needs the extra bag")

from made_up import GRASP, MadeUp, drawn, flat_frames, judge, moved, result_of
from rich.console import Console

from pspgrasp.bag.figures.figure import table_of
from pspgrasp.bag.figures.measures import Gripper
from pspgrasp.bag.judging.specs import ModelSpec
from pspgrasp.bag.recording import Fault, RecordedGrasp, Selection
from pspgrasp.bag.report.charts import broken
from pspgrasp.bag.report.page import page, write_report
from pspgrasp.bag.report.strip import Pick, Seen, picks, strip
from pspgrasp.bag.report.tables import signed, spoken
from pspgrasp.bag.report.terminal import shown
from pspgrasp.bag.results.frame import FrameResult
from pspgrasp.bag.results.result import RecordingResult
from pspgrasp.bag.run import Run, run_of
from pspgrasp.evaluation.html.axes import Field, ticks
from pspgrasp.evaluation.html.histogram import Values, histogram
from pspgrasp.evaluation.html.parts import Shown
from pspgrasp.evaluation.html.time_chart import HEIGHT, Line, thinned, time_chart
from pspgrasp.node_config import NodeConfig
from pspgrasp.runtimes.machine import cpu_name

MODELS = ("ours", "ggcnn@kinova", "third")
FAULTS = (Fault(3, "bad depth", "frame 3 has 12 bytes"), Fault(-1, "truncated", "it ends at byte 77"))


def run_with(*results: RecordingResult) -> Run:
    """Return a run of results."""
    specs = [ModelSpec(model.model, "paper", "", NodeConfig()) for model in results[0].models]
    inputs, command = [Path("drive.bag")], "pspgrasp bag compare drive.bag"
    return run_of(results, specs, Gripper(0.0, 0.08), inputs, Selection(), len(results), command)


def three_models(frames: int = 40, failing: int = -1, **options: Any) -> RecordingResult:
    """Return the result of three models, of which the third one misses every other frame, and fails on one."""
    best = [replace(GRASP, quality=0.2 + 0.6 * n / frames) for n in range(frames)]
    misses = ["put out NaN" if n == failing else grasp if n % 2 else None for n, grasp in enumerate(best)]
    return result_of({MODELS[0]: best, MODELS[1]: [moved(12.0)] * frames, MODELS[2]: misses}, **options)


def test_a_page_has_every_model_figure_and_fault_and_is_well_formed() -> None:
    run = run_with(three_models(failing=4, faults=FAULTS))
    parsed = Page(page(run))
    assert not parsed.open
    said = "\n".join(parsed.texts)
    for words in (*MODELS, run.command, "bad depth", "frame 3 has 12 bytes", "it ends at byte 77", "put out NaN"):
        assert words in said, words
    for figure in run.figures[MODELS[0]]:
        assert math.isnan(figure.value) or figure.label in parsed.texts, figure.label
    assert "no peak of quality reaches the threshold: 19 (48 %)" in parsed.texts, "of 40, of which one failed"
    assert "both find a grasp: 40 (100 %)" in parsed.texts
    assert "both find a grasp: 20 (51 %)" in parsed.texts


def test_a_page_needs_neither_network_nor_script() -> None:
    picture = cv2.imencode(".jpg", np.zeros((20, 30, 3), np.uint8))[1].tobytes()
    seen = [Seen(Pick((0, 1), "surest", "", MODELS[:1]), (Shown(picture, "surest", "quality 0.9"),))]
    text = page(run_with(three_models()), seen)
    parsed = Page(text)
    assert "script" not in parsed.tags
    assert len(parsed.fetched) == 2, "icon and picture"
    assert all(source.startswith("data:") for source in parsed.fetched)
    assert not re.search(r"https?://|@import|url\(", text)


def test_what_has_to_be_known_of_figures_is_on_the_page_and_in_the_terminal() -> None:
    few, many = (run_with(three_models(frames)) for frames in (12, 120))
    assert all("too few frames" in text for text in (page(few), told_in_terminal(few)))
    label = "latency, p95"
    assert [table_of(run.figures["ours"])[label].is_of_too_few for run in (few, many)] == [True, False]
    assert not table_of(few.figures["ours"])["latency, max"].is_of_too_few
    command = RecordedGrasp("/ggcnn/out/command", 0, False, np.array(GRASP.position_m), 0.3, 15.0, "px")
    run = run_with(replace(three_models(12, recorded=[command]), has_guessed_camera=True))
    for words in ("/ggcnn/out/command have no stamp", "the map of GG-CNN's node kinova", "it is guessed"):
        assert words in html.unescape(page(run)), words
        assert words in told_in_terminal(run), words


def told_in_terminal(run: Run) -> str:
    console = Console(width=400, file=io.StringIO())
    console.print(shown(run))
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_the_page_names_the_processor() -> None:
    assert escape(cpu_name()) in page(run_with(three_models()))


def test_names_are_text_and_never_markup() -> None:
    evil = '<script>alert("&")</script>'
    silent = FrameResult(3, 3, (), evil, {}, {}, 0.0)
    best = {evil: [GRASP] * 11 + [evil], "b": [silent] * 12}
    result = result_of(best, faults=[Fault(0, evil, evil)], name=evil)
    models = tuple(replace(model, protocol=evil) for model in result.models)
    result = replace(result, description=evil, models=models)
    seen = [Seen(Pick((0, 1), evil, evil, names), (Shown(b"", evil, evil),)) for names in ((evil,), (evil, "b"))]
    parsed = Page(page(replace(run_with(result, result), command=evil), seen))
    assert "script" not in parsed.tags
    assert not parsed.open
    assert any(evil in text for text in parsed.texts)


def test_what_was_not_measured_has_no_section() -> None:
    text = page(run_with(result_of({"alone": [GRASP] * 12})))
    for heading in ("Do models agree?", "Faults</h2>", "Where models differ most", "stands still (TF)</th>"):
        assert heading not in text
    recorded = tuple(
        RecordedGrasp("/ggcnn/out/command", n * 10**8, True, np.array(GRASP.position_m), 0.3, 15.0, "px")
        for n in range(12)
    )
    pose = tuple(np.eye(4)[:3].ravel())
    text = page(run_with(result_of({"alone": [GRASP] * 12}, recorded=recorded, poses=[pose])))
    assert "Against what the robot published: /ggcnn/out/command" in text
    assert "stands still (TF)</th>" in text


def test_of_several_recordings_it_is_told_what_each_comes_to() -> None:
    half = result_of({"a": [GRASP, None], "b": [GRASP, GRASP]}, name="half.bag")
    none = result_of({"a": [None, None], "b": ["put out NaN", None]}, name="none.bag")
    lost = result_of({"a": [GRASP], "b": ["put out NaN"]}, name="lost.bag")
    text = page(run_with(half, none, lost))
    told = text[text.index("By recording</h2>") : text.index("Recordings</h2>")]
    shares = re.findall(r"<b>(\d+)</b> %<small>([^<]*)|(soft\">-)", told)
    sure, none_of_two = ("0", "quality 0.80", ""), ("100", "", "")
    assert shares == [("50", "quality 0.80", ""), sure, none_of_two, none_of_two, sure, ("", "", 'soft">-')]
    assert "By recording" not in page(run_with(half))


def test_a_gripper_of_which_nothing_is_known_limits_nothing() -> None:
    result = result_of({"a": [GRASP] * 12})
    for gripper, told in ((Gripper(), False), (Gripper(0.0, 0.08), True)):
        run = run_of([result], run_with(result).specs, gripper, [], Selection(), 1, "")
        text = page(run)
        assert ("opening above the gripper" in text) == told
        assert ("any opening" in text) != told


def test_a_line_over_time_is_broken_where_no_frames_came() -> None:
    times_s, values = np.array([0.0, 0.1, 0.2, 2.0, 2.1, 2.4]), np.arange(6.0)
    x, y = broken(times_s, values)
    np.testing.assert_array_equal(x, [0.0, 0.1, 0.2, 2.0, 2.0, 2.1, 2.4])
    np.testing.assert_array_equal(y, [0.0, 1.0, 2.0, np.nan, 3.0, 4.0, 5.0])


def test_a_run_without_a_single_frame_still_has_a_page() -> None:
    empty = result_of({"ours": []}, faults=FAULTS, expected=2)
    parsed = Page(page(run_with(empty)))
    assert not parsed.open
    assert any("No image could be judged" in text for text in parsed.texts)
    assert "it ends at byte 77" in parsed.texts


def test_a_page_of_2000_frames_and_three_models_is_below_five_megabytes() -> None:
    picture = np.random.default_rng(0).integers(0, 255, 70_000, np.uint8).tobytes()
    shown = Shown(picture, "surest", "")
    many = [Seen(Pick((0, 1), "surest", "", MODELS[:1]), (shown,))] * 9
    many += [Seen(Pick((0, 1), "differ", "", MODELS[:2]), (shown, shown))] * 8
    run = replace(run_with(three_models()), results=(three_models(2000),))  # what it adds up to is as long
    assert len(page(run, many).encode()) < 5_000_000


def test_a_difference_is_marked_only_where_it_is_sure() -> None:
    alike = page(run_with(result_of({"a": [GRASP] * 30, "b": [GRASP] * 30})))
    assert "±0" in alike
    assert not re.search(r'<span class="(better|worse)"', alike)
    misses = page(run_with(result_of({"a": [GRASP] * 30, "b": [None] * 30})))
    assert "▼ +100" in misses


@pytest.mark.parametrize(("value", "said"), [(0.0, "0"), (0.12345, "0.123"), (12.345, "12.3"), (1234.5, "1234")])
def test_numbers_have_the_digits_that_count(value: float, said: str) -> None:
    assert spoken(value) == said
    assert signed(value) == (f"+{said}" if value else "±0")


# --- charts


def field(columns: int, seconds: float) -> Field:
    return Field(columns, 100, 0, 0, 0, 0, (0.0, seconds), (0.0, 1.0))


def test_a_thinned_line_keeps_the_lowest_and_the_highest_of_every_column_and_all_gaps() -> None:
    times_s, values = np.arange(10_000.0), np.random.default_rng(0).random(10_000)
    values[7777], values[1234], values[5000:5100] = 5.0, -5.0, np.nan
    x, y = thinned(times_s, values, field(100, 10_000.0))
    assert len(x) == len(y) == 200
    assert (np.nanmax(y), np.nanmin(y)) == (5.0, -5.0)
    assert np.isnan(y).sum() == 2
    np.testing.assert_array_equal(thinned(times_s[:50], values[:50], field(100, 50.0))[1], values[:50])


def test_a_chart_of_many_values_is_no_larger_than_one_of_as_many_as_it_has_columns() -> None:
    values = np.random.default_rng(0).random(100_000)
    sizes = [len(time_chart("x", "ms", [Line("a", 0, np.arange(float(n)), values[:n])])) for n in (3_000, 100_000)]
    assert sizes[1] < 1.1 * sizes[0]


def test_single_values_far_above_the_others_do_not_flatten_a_chart() -> None:
    values = np.append(np.full(999, 10.0), 1e4)
    text = time_chart("x", "ms", [Line("a", 0, np.arange(1000.0), values)])
    assert 'class="beyond"' in text
    heights = [float(y) for y in re.findall(r"[ML ]\d+\.\d (\d+\.\d)", text)]
    assert max(heights) < HEIGHT / 2, "most values lie in the upper half"


@pytest.mark.parametrize("values", [[], [math.nan], [3.0], [3.0, 3.0]])
def test_charts_can_be_drawn_of_next_to_nothing(values: List[float]) -> None:
    numbers = np.array(values, float)
    drawn_over_time = time_chart("x", "ms", [Line("a", 0, np.arange(float(len(values))), numbers)])
    drawn_often = histogram("x", "ms", [Values("a", 0, numbers)])
    assert bool(drawn_over_time) == bool(drawn_often) == bool(np.isfinite(numbers).any())
    assert "nan" not in drawn_over_time + drawn_often


@pytest.mark.parametrize("span", [(0.0, 1.0), (-3.0, 1234.0), (0.0, 1e-4), (5.0, 5.0)])
def test_ticks_are_round_numbers_within_the_span(span: Sequence[float]) -> None:
    numbers, decimals = ticks(span[0], span[1], 4)
    assert 1 <= len(numbers) <= 6
    assert all(span[0] - 1e-9 <= number <= span[1] + 1e-9 for number in numbers)
    assert all(float(f"{number:.{decimals}f}") == pytest.approx(number, abs=1e-12) for number in numbers)


# --- pictures


def test_frames_that_are_worth_a_look_are_the_surest_the_least_sure_an_empty_one_and_where_models_differ() -> None:
    chosen = picks(run_with(three_models()))
    assert [(pick.place[1], pick.title) for pick in chosen if pick.models == MODELS[:1]] == [
        (39, "ours: surest"),
        (0, "ours: least sure"),
    ]
    assert [pick.place[1] % 2 for pick in chosen if pick.title == "third: no grasp"] == [0]
    assert {pick.models for pick in chosen if len(pick.models) > 1} == {MODELS[:2], (MODELS[0], MODELS[2])}


class FakeSpec:
    """Builds a model of a test."""

    def __init__(self, name: str, column: int) -> None:
        self.name, self.column = name, column

    def build(self) -> Any:
        return drawn(self.name, self.column)


@pytest.fixture
def judged() -> Run:
    """Return a run of two models on a recording that can be read again."""
    recording = MadeUp([*flat_frames(6), Fault(6, "bad depth", "cut")])
    specs = [FakeSpec("ours", 32), FakeSpec("other", 40)]
    result = judge(recording, [spec.build() for spec in specs])
    gripper, command = Gripper(0.0, 0.08), "pspgrasp bag compare"
    return run_of([result], specs, gripper, [recording], Selection(), 1, command)  # type: ignore[list-item]


def test_pictures_show_the_grasps_of_the_run_with_the_quality_beside_them(judged: Run) -> None:
    seen = strip(judged)
    assert all(len(one.pictures) == len(one.pick.models) for one in seen)
    picture = cv2.imdecode(np.frombuffer(seen[0].pictures[0].jpeg, np.uint8), cv2.IMREAD_COLOR)
    quality = picture[:, -picture.shape[0] :].sum(axis=2)
    row, column = np.unravel_index(np.argmax(cv2.blur(quality.astype(np.float32), (31, 31))), quality.shape)
    scale = picture.shape[0] / 64
    assert (column / scale, row / scale) == pytest.approx((32, 20), abs=3)


def test_a_recording_that_is_gone_costs_its_pictures_and_nothing_else(judged: Run, tmp_path: Path) -> None:
    gone = replace(judged, recordings=(MadeUp([OSError("the disk is gone")]),))
    seen = strip(gone)
    assert seen
    assert not any(one.pictures for one in seen)
    write_report(tmp_path / "report.html", gone, seen)
    assert "frames more couldn't be read a second time" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_models_are_built_once_for_all_pictures_and_progress_is_told(
    judged: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: List[str] = []
    build = FakeSpec.build
    monkeypatch.setattr(FakeSpec, "build", lambda spec: (built.append(spec.name), build(spec))[1])
    told: List[Tuple[str, str, int]] = []
    twice = replace(judged, results=judged.results * 2, recordings=judged.recordings * 2)

    def tells_of(recording: str, what: str) -> Any:
        return lambda done, _: told.append((recording, what, done))

    assert strip(twice, tells_of)
    assert sorted(built) == sorted(set(built))
    assert {(name, what) for name, what, _ in told} == {("made up", "frames for pictures")}
