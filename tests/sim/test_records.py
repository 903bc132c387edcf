"""Laws of a run's folder: it goes on where it was, and holds one run."""

from __future__ import annotations

import json
import resource
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Iterator

import pytest

pytest.importorskip("mujoco", reason="needs the extra sim")

from pspgrasp.data.synthetic.meshes import mesh_files
from pspgrasp.errors import DataError, PspGraspError
from pspgrasp.sim.bench import BenchConfig
from pspgrasp.sim.cells import cells_of
from pspgrasp.sim.object_sets import object_set
from pspgrasp.sim.records import SceneRecord, Tried
from pspgrasp.sim.run import header_of
from pspgrasp.sim.run_folder import LINES, LOCK, RunFolder

HEADER = {"rows": {"labels": ""}, "config": {"seed": 0, "camera": "gl"}, "cells": {"household": {"things": 1}}}
TRIED = Tried("held", 0, 0, 1, 1.5, 0.1, 0.9, (0.0, 0.1, 0.2))
RECORD = SceneRecord("household", 3, ("mug",), rows={"labels": (TRIED,)})
NEXT = replace(RECORD, number=4)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[RunFolder]:
    with RunFolder(tmp_path, HEADER) as folder:
        yield folder


def test_what_is_written_is_read(tmp_path: Path) -> None:
    others = (RECORD, SceneRecord("bin-10", 0, ("can", "egg"), exploded=True))
    with RunFolder(tmp_path / "run", HEADER) as folder:
        for record in others:
            folder.append(record)
    with RunFolder(tmp_path / "run", HEADER) as folder:
        assert tuple(folder.records()) == others


def test_a_line_that_was_cut_off_is_forgotten_and_the_next_is_whole(folder: RunFolder) -> None:
    folder.append(RECORD)
    with (folder.folder / LINES).open("a") as file:
        file.write('{"cell": "house')
    assert folder.records() == [RECORD]
    folder.append(NEXT)
    assert folder.records() == [RECORD, NEXT]


def test_a_scene_that_is_told_of_twice_is_refused_and_named(folder: RunFolder) -> None:
    for record in (RECORD, NEXT, replace(RECORD, exploded=True)):
        folder.append(record)
    with pytest.raises(DataError, match=rf"{LINES}:3 tells of scene household 3, as a line before does"):
        folder.records()


def test_two_runs_are_not_at_work_in_one_folder(tmp_path: Path) -> None:
    with RunFolder(tmp_path, HEADER), pytest.raises(PspGraspError, match="another run is at work"):
        RunFolder(tmp_path, HEADER)
    with pytest.raises(DataError):
        RunFolder(tmp_path, {**HEADER, "rows": {}})
    RunFolder(tmp_path, HEADER).close()


@contextmanager
def full_disk(free_bytes: int, file: Path) -> Iterator[None]:
    """Let no file grow beyond what this one will have after some more bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + free_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_told_and_takes_no_record_away(folder: RunFolder) -> None:
    folder.append(RECORD)
    with full_disk(40, folder.folder / LINES):
        with pytest.raises(PspGraspError, match=f"{LINES} can't be written: File too large"):
            folder.append(NEXT)
        assert folder.records() == [RECORD], "what is left of a line is removed, though the disk is full"
    folder.append(NEXT)
    assert folder.records() == [RECORD, NEXT]


def test_a_folder_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file" / "run", Path("/proc/run")):
        with pytest.raises(PspGraspError, match=f"{folder} can't be made"):
            RunFolder(folder, HEADER)
    (tmp_path / LOCK).mkdir()
    with pytest.raises(PspGraspError, match="can't be locked"):
        RunFolder(tmp_path, HEADER)


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"config": {"seed": 1, "camera": "gl"}}, "another config seed: 0 there, 1 here"),
        ({"config": {"seed": 0, "camera": "rays"}}, 'another config camera: "gl" there, "rays" here'),
        ({"rows": {"labels": "", "ggcnn": "d74e95c3"}}, 'another rows ggcnn: none there, "d74e95c3" here'),
        ({"cells": {"household": {"things": 2}}}, "another cells household things: 1 there, 2 here"),
    ],
)
def test_another_run_in_the_folder_is_refused_and_what_differs_is_named(
    tmp_path: Path, other: Dict[str, Any], told: str
) -> None:
    RunFolder(tmp_path, HEADER).close()
    before = (tmp_path / "run.json").read_text()
    with pytest.raises(DataError, match=told):
        RunFolder(tmp_path, {**HEADER, **other})
    assert (tmp_path / "run.json").read_text() == before


def test_a_run_may_get_more_cells_and_keeps_those_it_has(tmp_path: Path) -> None:
    for header in (HEADER, {**HEADER, "cells": {"random": {"things": 1}}}, HEADER):
        RunFolder(tmp_path, header).close()
    for name in ("household", "random"):
        with pytest.raises(DataError, match=f"another cells {name}"):
            RunFolder(tmp_path, {**HEADER, "cells": {name: {"things": 2}}})


@pytest.mark.parametrize("text", ["[]", "{}", "nonsense"])
def test_a_folder_of_something_else_is_left_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(DataError, match="another folder"):
        RunFolder(tmp_path, HEADER)
    assert (tmp_path / "run.json").read_text() == text


def saved(folder: Path, name: str, side_m: float) -> None:
    trimesh = pytest.importorskip("trimesh", reason="needs the extra meshes")
    folder.mkdir(exist_ok=True)
    trimesh.creation.box((side_m, 0.03, 0.03)).export(folder / name)


def test_a_run_is_another_one_with_another_mesh_or_another_name_of_one(tmp_path: Path) -> None:
    meshes = tmp_path / "meshes"
    saved(meshes, "one.stl", 0.04)
    saved(meshes, "other.stl", 0.05)
    cells, config = cells_of([str(meshes)]), BenchConfig(("labels",))

    def header() -> Dict[str, Any]:
        for remembered in (object_set, mesh_files):
            remembered.cache_clear()
        return header_of(config, cells)

    first = header()
    assert header() == first
    saved(meshes, "one.stl", 0.041)
    changed = header()
    (meshes / "one.stl").rename(meshes / "an.stl")
    renamed = header()
    saved(meshes, "third.stl", 0.04)
    assert len({json.dumps(one) for one in (first, changed, renamed, header())}) == 4
    RunFolder(tmp_path / "run", first).close()
    with pytest.raises(DataError, match=r"another cells .*meshes files"):
        RunFolder(tmp_path / "run", changed)


@pytest.mark.parametrize("line", ["{}", "nonsense", '{"cell": "a", "number": 1, "things": [], "exploded": false}'])
def test_a_line_that_is_no_record_is_named(folder: RunFolder, line: str) -> None:
    folder.append(RECORD)
    with (folder.folder / LINES).open("a") as file:
        file.write(line + "\n")
    with pytest.raises(DataError, match=rf"{LINES}:2"):
        folder.records()
