"""Tables: rows from results, the same from their files, and results that don't belong together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Sequence

import pytest

from pspgrasp.errors import DataError
from pspgrasp.evaluation.table import HEADINGS, Score, lines_of, read_score, rows_of, table_tree


def result(checkpoint: str, hits: Sequence[bool], data: str = "boxes", first: int = 0) -> Dict[str, Any]:
    outcomes = [{"name": f"i{first + n}", "hit": hit} for n, hit in enumerate(hits)]
    return {"checkpoint": checkpoint, "data": data, "protocol": "whole", "without_grasp": 1, "outcomes": outcomes}


A, B = result("a", [True, True, False, True]), result("b", [True, False, False, False])


def test_each_row_is_paired_with_the_first() -> None:
    first, second, third = rows_of([Score.of(A, 62_000), Score.of(B), Score.of(A)])
    assert (first.success, first.hits, first.images, first.against_first) == (0.75, 3, 4, None)
    assert (second.against_first.wins, second.against_first.losses) == (0, 2)
    assert (third.against_first.wins, third.against_first.losses, third.against_first.p) == (0, 0, 1.0)
    assert (first.parameters, second.parameters) == (62_000, None)


def test_the_lines_are_columns_under_what_they_were_judged_on() -> None:
    head, titles, first, second = lines_of(rows_of([Score.of(A, 62_000), Score.of(B)]))
    assert head == "boxes; whole, 4 images"
    assert tuple(titles.split("  ")[0:1]) == HEADINGS[:1]
    assert first.split()[:2] == ["a", "0.750"]
    assert "0.06 M" in first
    assert second.split()[-3:] == ["0", "2", "0.500"]
    assert second.index("0.500") == titles.index("p", titles.index("losses"))


def test_rows_judged_under_other_conditions_are_told_apart() -> None:
    lines = lines_of(rows_of([Score.of(A), Score.of(B), Score.of({**A, "protocol": "centre"})]))
    assert lines[:2] == ["row 1, 2: boxes; whole, 4 images", "row 3: boxes; centre, 4 images"]


def test_a_file_says_what_the_result_said(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(A))
    assert read_score(path) == Score.of(A)


def test_a_table_is_json_with_every_row_and_result() -> None:
    rows = rows_of([Score.of(A), Score.of(B)])
    tree = json.loads(json.dumps(table_tree(rows, [A, B]), allow_nan=False))
    assert [row["success"] for row in tree["rows"]] == [0.75, 0.25]
    assert tree["rows"][1]["against_first"] == {"wins": 0, "losses": 2, "p": 0.5}
    assert tree["results"] == [A, B]


@pytest.mark.parametrize("other", [result("b", [True] * 3), result("b", [True] * 4, "cups", first=7)])
def test_other_images_are_refused(other: Dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"b was judged on . images of .*, a on 4 images of boxes.*the same images"):
        rows_of([Score.of(A), Score.of(other)])


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"rows": []}', '{"checkpoint": "a", "outcomes": 3}'])
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"other\.json is not what `pspgrasp evaluate CHECKPOINT --json` writes"):
        read_score(path)
    with pytest.raises(DataError, match="can't be read"):
        read_score(tmp_path / "none.json")
