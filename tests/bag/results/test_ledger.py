"""Laws of what is written down: rows and lines say the same, whole entries at any moment, and memory stays flat."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, List

import numpy as np
import pytest
from made_up import GRASP, POSE, frame_of, made_of, moved, result_of, seen_frame

from pspgrasp.bag.recording import Fault
from pspgrasp.bag.results import columns as columns_module
from pspgrasp.bag.results.apart import Apart
from pspgrasp.bag.results.columns import Columns
from pspgrasp.bag.results.frame import FoundGrasp, FrameResult
from pspgrasp.bag.results.ledger import WAITING, Ledger
from pspgrasp.bag.results.rows import FAILED, REFUSALS, STAGES
from pspgrasp.bag.results.tally import KEPT, Tally
from pspgrasp.errors import DataError, PspGraspError


def some_frames(count: int) -> List[Any]:
    """Return what a model may make of frames: grasps, none, or a failure."""
    rng = np.random.default_rng(0)
    made: List[Any] = []
    for number in range(count):
        grasps = tuple(
            FoundGrasp(*rng.random(6).tolist(), position_m=tuple(rng.random(3).tolist()))
            for _ in range(rng.integers(0, 4))
        )
        refused = {REFUSALS[number % len(REFUSALS)]: 1 + number}
        stages_ms = {stage: float(rng.random()) for stage in STAGES[: 1 + number % len(STAGES)]}
        nothing = "" if grasps else f"reason {number % 3}"
        made.append(FrameResult(number, number * 10**8, grasps, nothing, refused, stages_ms, float(rng.random())))
    made[count // 2] = "put out NaN"
    return made


def test_a_frame_comes_back_from_its_line_as_it_was() -> None:
    made = some_frames(3 * WAITING + 5)
    assert made_of(result_of({"one": made}), "one") == made


def test_rows_say_what_lines_say() -> None:
    made = some_frames(60)
    result = result_of({"one": made}, faults=[Fault(99, "truncated", "cut")])
    model, seen = result.of("one"), result.seen
    for row, one in enumerate(made):
        best = model.best.row(row)
        assert seen.row(row)["number"] == row
        if isinstance(one, str):
            assert best["found"] == FAILED
            continue
        assert best["found"] == len(one.grasps)
        assert one.nothing == ("" if one.grasps else model.reasons[best["nothing"]])
        assert {name: n for name, n in zip(REFUSALS, best["refused"]) if n} == one.refused
        assert {stage: ms for stage, ms in zip(STAGES, best["stages_ms"]) if not np.isnan(ms)} == one.stages_ms
        for name in ("u", "v", "angle_rad", "width_px", "width_m", "quality"):
            assert best[name] == getattr(one.grasps[0], name) if one.grasps else np.isnan(best[name])


def test_a_place_is_told_in_the_frame_that_stands_still() -> None:
    turned = np.array([[0.0, -1.0, 0.0, 1.0], [1.0, 0.0, 0.0, 2.0], [0.0, 0.0, 1.0, 3.0]])
    best = result_of({"one": [GRASP] * 3}, poses=[tuple(turned.ravel()), POSE, None]).of("one").best
    x, y, z = GRASP.position_m
    np.testing.assert_allclose(best["fixed_m"], [(1 - y, 2 + x, 3 + z), (x, y, z), (np.nan,) * 3])


def test_it_is_told_whether_a_model_has_the_first_ones_best_grasp() -> None:
    near, far = moved(1.0), moved(90.0)
    both = FrameResult(2, 2, (far, near), "", {}, {}, 0.0)
    result = result_of({"first": [GRASP, GRASP, GRASP, None, "failed"], "other": [near, far, both, GRASP, GRASP]})
    np.testing.assert_array_equal(result.of("other").best["has_firsts"], [1.0, 0.0, 1.0, np.nan, np.nan])


@pytest.mark.parametrize("step", range(7))
def test_a_batch_that_is_broken_off_anywhere_is_written_again(
    step: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted:
        """A file that Ctrl-C meets at a certain call, after half of what is to be written."""

        calls = 0

        def __init__(self, file: Any) -> None:
            self.file = file

        def __getattr__(self, name: str) -> Callable[..., Any]:
            return getattr(self.file, name)

        def writelines(self, pieces: Any) -> None:
            some = b"".join(pieces)
            Interrupted.calls += 1
            if Interrupted.calls == step:
                self.file.write(some[: len(some) // 2])
                raise KeyboardInterrupt
            self.file.write(some)

    made = some_frames(2 * WAITING)
    with Ledger(tmp_path / "x", "made up", ["one"]) as ledger:
        monkeypatch.setattr(ledger, "_files", [Interrupted(file) for file in ledger._files])
        for number, one in enumerate(made):
            try:
                ledger.frame(seen_frame(number, True, None), [one])
            except KeyboardInterrupt:
                break
        ledger.write()
        count = ledger.frames
        assert len(ledger.seen) == len(ledger.best(0)) == count
        lines = [json.loads(line) for line in ledger.lines.read_bytes().splitlines()]
        assert [line["number"] for line in lines] == ledger.seen["number"].tolist() == list(range(count))
    assert count == (WAITING if 1 <= step <= 3 else 2 * WAITING), "no frame that was judged is lost"


def test_memory_stays_flat_however_many_frames_come(tmp_path: Path) -> None:
    def kept(frames: int) -> int:
        tracemalloc.start()
        with Ledger(tmp_path / str(frames), "made up", ["a", "b", "c"]) as ledger:
            for number in range(frames):
                made = frame_of(number, moved(float(number)))
                ledger.frame(seen_frame(number, True, POSE), [made, made, "failed"])
                ledger.fault(Fault(number, "trailing bytes", f"{number} bytes"))
            ledger.write()
            size = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        return size

    kept(10)
    few, many = kept(2 * WAITING), kept(20 * WAITING)
    assert many - few < 20_000, f"{(many - few) / (18 * WAITING):.0f} bytes a frame"


# --- columns


def test_columns_are_read_piece_by_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns_module, "PIECE", 4)
    kind = np.dtype([("a", "<i4"), ("b", "<f8", 2)])
    for count in (0, 3, 4, 11):
        rows = np.zeros(count, kind)
        rows["a"], rows["b"] = np.arange(count), np.random.default_rng(0).random((count, 2))
        rows.tofile(tmp_path / "x")
        columns = Columns(tmp_path / "x", kind, count)
        np.testing.assert_array_equal(columns["a"], rows["a"])
        np.testing.assert_array_equal(columns["b"], rows["b"])
        assert [columns.row(place)["a"] for place in range(count)] == list(range(count))


def test_columns_that_are_gone_or_cut_off_are_an_error(tmp_path: Path) -> None:
    columns = Columns(tmp_path / "x", np.dtype([("a", "<i4")]), 3)
    with pytest.raises(DataError, match="can't be read"):
        columns["a"]
    (tmp_path / "x").write_bytes(bytes(9))
    with pytest.raises(DataError, match="row 2 of 3 is missing"):
        columns["a"]


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PspGraspError, match="can't be written: "):
        Ledger(tmp_path / "file" / "x", "made up", ["one"])


# --- two grasps


def test_half_a_turn_is_the_same_grasp() -> None:
    angles_rad = np.array([-1.5, -0.3, 0.0, 1.2, 1.57])
    for turn_rad, expected_deg in ((np.pi, 0.0), (-np.pi, 0.0), (np.pi / 2, 90.0), (0.1, np.degrees(0.1))):
        apart = Apart({"angle_rad": angles_rad}, {"angle_rad": angles_rad + turn_rad})
        np.testing.assert_allclose(apart.angle_deg, expected_deg, atol=1e-6)


@pytest.mark.parametrize(("px", "turn_rad", "same"), [(2.0, 0.0, True), (4.0, 0.0, False), (0.0, 0.6, False)])
def test_the_same_grasp_is_near_and_turned_alike(px: float, turn_rad: float, same: bool) -> None:
    other = replace(moved(px), angle_rad=GRASP.angle_rad + turn_rad)
    best = result_of({"one": [GRASP], "other": [other]})
    assert bool(Apart(best.of("one").best, best.of("other").best).same[0]) is same


# --- faults


def test_faults_are_counted_and_the_first_of_each_kind_are_kept() -> None:
    tally = Tally()
    for number in range(3 * KEPT):
        tally.add(Fault(number, "bad depth" if number % 3 else "truncated", f"image {number}"))
    assert (len(tally), tally.counts) == (3 * KEPT, {"truncated": KEPT, "bad depth": 2 * KEPT})
    assert [fault.number for fault in tally.of("bad depth")] == [n for n in range(3 * KEPT) if n % 3][:KEPT]
    assert tally.lines()[1] == f"{KEPT} truncated; the first: image 0"
