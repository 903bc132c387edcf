"""Laws of a run's folder: it goes on where it was, and holds one run."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("mujoco", reason="needs the extra sim")

from pspgrasp.errors import DataError
from pspgrasp.sim.records import LINES, RunFolder, SceneRecord, Tried

HEADER = {"rows": {"labels": ""}, "config": {"seed": 0}}
TRIED = Tried("held", 0, 0, 1, 1.5, 0.1, 0.9, (0.0, 0.1, 0.2))
RECORD = SceneRecord("household", 3, ("mug",), rows={"labels": (TRIED,)})


def test_what_is_written_is_read(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run", HEADER)
    others = (RECORD, SceneRecord("bin-10", 0, ("can", "egg"), exploded=True))
    for record in others:
        folder.append(record)
    assert tuple(RunFolder(tmp_path / "run", HEADER).records()) == others


def test_a_line_that_was_cut_off_is_forgotten_and_the_next_is_whole(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, HEADER)
    folder.append(RECORD)
    with (tmp_path / LINES).open("a") as file:
        file.write('{"cell": "house')
    assert folder.records() == [RECORD]
    folder.append(RECORD)
    assert folder.records() == [RECORD, RECORD]


def test_another_run_in_the_folder_is_refused(tmp_path: Path) -> None:
    RunFolder(tmp_path, HEADER)
    with pytest.raises(DataError, match="another folder"):
        RunFolder(tmp_path, {**HEADER, "config": {"seed": 1}})


@pytest.mark.parametrize("line", ["{}", "nonsense", '{"cell": "a", "number": 1, "things": [], "exploded": false}'])
def test_a_line_that_is_no_record_is_named(tmp_path: Path, line: str) -> None:
    folder = RunFolder(tmp_path, HEADER)
    folder.append(RECORD)
    with (tmp_path / LINES).open("a") as file:
        file.write(line + "\n")
    with pytest.raises(DataError, match=rf"{LINES}:2"):
        folder.records()
