"""Laws of the figures: what explodes counts nowhere, and rows are compared on the same scenes."""

from __future__ import annotations

import pytest

pytest.importorskip("mujoco", reason="needs the extra sim")

from pspgrasp.sim.cells import CELLS
from pspgrasp.sim.records import SceneRecord, Tried
from pspgrasp.sim.table import CARRY_S, markdown, outcomes_markdown, tables_of

HOUSEHOLD, BIN = CELLS["household"], CELLS["bin-10"]


def record(number: int, **outcomes: str) -> SceneRecord:
    rows = {row: (Tried(word, motion_s=2.0, predict_s=0.5),) for row, word in outcomes.items()}
    return SceneRecord("household", number, ("mug",), rows=rows)


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
    assert (b.attempts, b.held, b.share) == (4, 2, 0.5)
    assert b.outcomes == {"dropped": 1, "held": 2, "no grasp": 1}
    assert a.against_first is None
    assert b.against_first is not None
    # Scene 1 is no win of b: nobody knows what a would have done.
    assert (b.against_first.wins, b.against_first.losses) == (0, 1)


def test_picks_an_hour_count_motion_detector_and_carrying() -> None:
    (table,) = tables_of([record(0, a="held"), record(1, a="missed")], [HOUSEHOLD])
    assert table.of("a").picks_per_hour == pytest.approx(3600 / (2 * 2.5 + CARRY_S))


def test_a_bin_is_cleared_by_the_share_of_its_things() -> None:
    attempts = (Tried("held", taken=2), Tried("held", taken=1), Tried("dropped"))
    records = [SceneRecord("bin-10", 0, ("can",) * 4, rows={"a": attempts, "b": attempts[:1]})]
    (table,) = tables_of(records, [BIN])
    assert (table.of("a").cleared, table.of("b").cleared) == (0.75, 0.5)
    assert table.of("a").share == pytest.approx(2 / 3)


def test_a_bin_that_exploded_is_no_bin() -> None:
    sound, bad = (Tried("held", taken=1),), (Tried("held", taken=1), Tried("exploded"))
    records = [SceneRecord("bin-10", n, ("can",) * 2, rows={"a": tried}) for n, tried in enumerate((sound, bad))]
    (table,) = tables_of(records, [BIN])
    assert table.of("a").cleared == 0.5
    assert table.of("a").exploded == 1


def test_no_scene_is_no_table() -> None:
    assert "no scene was tried" in markdown(
        tables_of([SceneRecord("household", 0, ("can",), exploded=True)], [HOUSEHOLD])
    )


def test_the_table_has_a_line_a_cell_and_a_column_a_row() -> None:
    tables = tables_of([record(number, a="held", b="collided") for number in range(10)], [HOUSEHOLD, BIN])
    assert markdown(tables).splitlines()[0].count("|") == 5
    assert "| household | 10 | 1.00 (0.72 to 1.00) | 0.00 (0.00 to 0.28) |" in markdown(tables)
    assert "| b | 0 | 10 |" in outcomes_markdown(tables)
