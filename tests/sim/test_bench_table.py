"""Laws of the figures: what explodes counts nowhere, rows meet on the same scenes, and one rule counts picks."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("mujoco", reason="needs the extra sim")

from pspgrasp.sim.cells import CELLS
from pspgrasp.sim.clearing import ClearingConfig
from pspgrasp.sim.markdown import markdown
from pspgrasp.sim.pace import CONFIG, rule, spent_s
from pspgrasp.sim.records import SceneRecord, Tried
from pspgrasp.sim.table import comparisons, tables_of, to_tree

HOUSEHOLD, CLUTTER, BIN = (CELLS[name] for name in ("household", "clutter-5", "bin-10"))
HELD, DROPPED, EXPLODED = Tried("held", taken=1), Tried("dropped"), Tried("exploded")


def record(number: int, cell: str = "household", **outcomes: str) -> SceneRecord:
    rows = {row: (Tried(word, motion_s=2.0, predict_s=0.5, taken=word == "held"),) for row, word in outcomes.items()}
    return SceneRecord(cell, number, ("mug",), rows=rows)


def bin_record(number: int, *attempts: Tried, things: int = 4) -> SceneRecord:
    return SceneRecord("bin-10", number, ("can",) * things, rows={"a": attempts})


def test_shares_count_what_did_not_explode() -> None:
    records = [
        record(0, a="held", b="dropped"),
        record(1, a="exploded", b="held"),
        record(2, a="held", b="held"),
        record(3, a="missed", b="no grasp"),
        SceneRecord("household", 4, ("mug",), exploded=True),
    ]
    (table,) = tables_of(records, [HOUSEHOLD])
    a, b = table.of("a"), table.of("b")
    assert (table.scenes, table.exploded) == (4, 1)
    assert (a.attempts, a.held, a.exploded) == (3, 2, 1)
    assert b.success is not None
    assert (b.attempts, b.held, b.success.value) == (4, 2, 0.5)
    assert b.outcomes == {"dropped": 1, "held": 2, "no grasp": 1}
    assert a.against_first is None
    assert b.against_first is not None
    # Scene 1 is no win of b: nobody knows what a would have done.
    assert (b.against_first.wins, b.against_first.losses) == (0, 1)


def test_a_row_that_does_the_same_as_the_first_is_compared_all_the_same() -> None:
    (table,) = tables_of([record(0, a="held", b="held")], [HOUSEHOLD])
    assert table.of("b").corrected_p == 1.0
    assert table.of("a").corrected_p is None


def test_a_difference_among_many_comparisons_must_be_the_surer() -> None:
    # Six scenes on which only a holds: p = 2 / 2**6 = 0.031.
    clear = [record(number, a="held", b="missed") for number in range(6)]
    even = [record(number, "clutter-5", a="held", b="held") for number in range(6)]
    alone, together = tables_of(clear, [HOUSEHOLD]), tables_of([*clear, *even], [HOUSEHOLD, CLUTTER])
    assert (comparisons(alone), comparisons(together)) == (1, 2)
    assert alone[0].of("b").corrected_p == pytest.approx(2 / 2**6)
    assert together[0].of("b").corrected_p == pytest.approx(2 * 2 / 2**6)
    assert (alone[0].of("b").mark, together[0].of("b").mark) == ("▼", "")
    assert "0.00 (0.00 to 0.39) ▼" in markdown(alone)
    assert "for all comparisons (2)" in markdown(together)


def test_an_attempt_takes_its_motion_its_detector_a_look_and_what_is_in_the_hand_is_carried_away() -> None:
    config = ClearingConfig(looking_s=1.0, carrying_s=10.0)
    attempts = [Tried(word, motion_s=2.0, predict_s=0.5, taken=taken) for word, taken in (("held", 2), ("missed", 0))]
    assert spent_s(attempts, config) == pytest.approx(2 * (2.0 + 0.5 + 1.0) + 10.0)
    assert spent_s([Tried("wrong object", taken=1)], config) == pytest.approx(1.0 + 10.0)
    assert spent_s([Tried("no grasp")], config) == pytest.approx(1.0)
    assert f"{CONFIG.looking_s:g} s" in rule()
    assert f"{CONFIG.carrying_s:g} s" in rule()


def test_picks_are_attempts_that_held() -> None:
    (table,) = tables_of([record(0, a="held"), record(1, a="missed")], [HOUSEHOLD])
    picks = table.of("a").picks_per_hour
    assert picks is not None
    assert picks.value == pytest.approx(3600 / (2 * 2.5 + 2 * CONFIG.looking_s + CONFIG.carrying_s))
    (bins,) = tables_of([bin_record(0, HELD, Tried("wrong object", taken=1), DROPPED)], [BIN])
    picks = bins.of("a").picks_per_hour
    assert picks is not None
    assert picks.value == pytest.approx(3600 / (3 * CONFIG.looking_s + 2 * CONFIG.carrying_s))


def test_a_bin_is_cleared_by_the_share_of_its_things() -> None:
    (table,) = tables_of([bin_record(0, Tried("held", taken=2), HELD, DROPPED)], [BIN])
    cleared, success = table.of("a").cleared, table.of("a").success
    assert cleared is not None
    assert success is not None
    assert (cleared.value, success.value) == (0.75, pytest.approx(2 / 3))


def test_what_belongs_to_one_bin_makes_nobody_surer() -> None:
    some = [(HELD, HELD), (HELD, DROPPED), (DROPPED,), (HELD,), (HELD, DROPPED, DROPPED), (DROPPED, HELD)]
    (once,) = tables_of([bin_record(number, *tried) for number, tried in enumerate(some)], [BIN])
    (thrice,) = tables_of([bin_record(number, *tried * 3) for number, tried in enumerate(some)], [BIN])
    figure, larger = once.of("a").success, thrice.of("a").success
    assert figure is not None
    assert larger is not None
    assert figure.interval_95 == pytest.approx(larger.interval_95)
    for other in (once.of("a").cleared, once.of("a").picks_per_hour):
        assert other is not None
        assert other.interval_95 is not None
        assert other.interval_95[0] < other.value < other.interval_95[1]


def test_a_bin_that_exploded_is_no_bin() -> None:
    (table,) = tables_of([bin_record(0, HELD, things=2), bin_record(1, HELD, EXPLODED, things=2)], [BIN])
    figure = table.of("a")
    assert figure.cleared is not None
    assert (figure.cleared.value, figure.attempts, figure.exploded) == (0.5, 1, 1)


def test_no_scene_is_no_table() -> None:
    assert "no scene was tried" in markdown(
        tables_of([SceneRecord("household", 0, ("can",), exploded=True)], [HOUSEHOLD])
    )


def test_the_table_has_a_line_a_cell_and_a_column_a_row() -> None:
    tables = tables_of([record(number, a="held", b="collided") for number in range(10)], [HOUSEHOLD, BIN])
    assert markdown(tables).splitlines()[0].count("|") == 5
    assert "| household * | 10 | 1.00 (0.72 to 1.00) | 0.00 (0.00 to 0.28) ▼ |" in markdown(tables)
    assert "| b | 0 | 10 |" in markdown(tables)


def test_a_figure_that_there_is_not_is_a_dash_and_never_a_zero() -> None:
    (table,) = tables_of([bin_record(0, EXPLODED), SceneRecord("bin-10", 1, (), exploded=True)], [BIN])
    assert "| a | 0 | - | - of 0 | - | - |" in markdown([table])
    (single,) = tables_of([record(0, a="exploded", b="held")], [HOUSEHOLD])
    assert "| household * | 1 | - | 1.00 (0.21 to 1.00) |" in markdown([single])
    json.dumps(to_tree([table, single]), allow_nan=False)


def test_a_row_that_never_takes_time_has_no_detector() -> None:
    tried = {"a": (Tried("held", predict_s=0.04, taken=1),), "labels": (HELD,)}
    records = [SceneRecord("bin-10", number, ("can",), rows=tried) for number in range(3)]
    (table,) = tables_of(records, [BIN])
    assert (table.of("a").predict_ms, table.of("labels").predict_ms) == (40.0, None)
    assert "| 40 ms |" in markdown([table])


@pytest.mark.parametrize(("scenes", "exploded", "few"), [(299, 0, True), (300, 0, False), (299, 1, False)])
def test_fewer_than_300_attempts_have_a_star(scenes: int, exploded: int, few: bool) -> None:
    records = [record(number, a="held") for number in range(scenes)]
    records += [SceneRecord("household", scenes, ("mug",), exploded=True)] * exploded
    assert ("household *" in markdown(tables_of(records, [HOUSEHOLD]))) == few
    assert ("*: fewer than 300 attempts" in markdown(tables_of(records, [HOUSEHOLD]))) == few


@pytest.mark.parametrize(("bins", "few"), [(29, True), (30, False)])
def test_bins_have_a_star_by_their_things(bins: int, few: bool) -> None:
    records = [bin_record(number, HELD, DROPPED, things=10) for number in range(bins)]
    assert ("| bin-10 * |" in markdown(tables_of(records, [BIN]))) == few
