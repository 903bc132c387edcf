"""Laws of meshes that a user brings: what can't be used is told before a run, by file and with what would be right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh

from pspgrasp.errors import ConfigError, DataError
from pspgrasp.sim.cells import CELLS, cells_of, told
from pspgrasp.sim.mesh_sets import folder_and_scale
from pspgrasp.sim.object_sets import OBJECT_SETS


def saved(mesh: trimesh.Trimesh, file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    mesh.export(file)
    return file


def block(scale: float = 1.0) -> trimesh.Trimesh:
    return trimesh.creation.box(np.array([0.06, 0.04, 0.03]) * scale)


def open_bowl() -> trimesh.Trimesh:
    ball = trimesh.creation.icosphere(subdivisions=2, radius=0.03)
    ball.update_faces(ball.triangles_center[:, 2] < 0.01)
    return ball


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_one_broken_mesh_among_sound_ones_is_named_before_the_run(tmp_path: Path) -> None:
    for folder in ("sound", "broken"):
        saved(block(), tmp_path / folder / "a.stl")
    saved(open_bowl(), tmp_path / "broken" / "more" / "z.stl")
    assert [cell.objects for cell in cells_of([str(tmp_path / "sound")])] == [str(tmp_path / "sound")]
    with pytest.raises(DataError, match=r"more/z\.stl is not closed.*watertight"):
        cells_of(["household", str(tmp_path / "broken")])


def test_a_mesh_in_millimetres_is_told_what_to_say(tmp_path: Path) -> None:
    folder = saved(block(1000.0), tmp_path / "parts" / "a.stl").parent
    with pytest.raises(DataError, match=r"a\.stl is 60 m large.*millimetres.*@0\.001"):
        cells_of([str(folder)])
    assert cells_of([f"{folder}@0.001"])[0].name == f"{folder}@0.001"
    huge = saved(block(1e6), tmp_path / "huge" / "a.stl").parent
    with pytest.raises(DataError, match=r"a\.stl is 60000 m large") as error:
        cells_of([str(huge)])
    assert "@0.001" not in str(error.value), "it would not do in millimetres, either"


@pytest.mark.parametrize("name", ["parts", "pa@rts", "parts@2"])
def test_an_at_may_be_part_of_a_folders_name(tmp_path: Path, name: str) -> None:
    folder = str(saved(block(), tmp_path / name / "a.stl").parent)
    assert folder_and_scale(folder) == (folder, "1")
    assert folder_and_scale(f"{folder}@0.001") == (folder, "0.001")


def test_a_cell_that_is_named_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="cell 'household' is named 2 times"):
        cells_of(["household", "random", "household"])


def test_an_unknown_cell_is_told_with_cells_and_sets_like_it() -> None:
    with pytest.raises(ConfigError, match="unknown cell 'pybulet'; did you mean 'pybullet'"):
        cells_of(["pybulet"])


def test_no_two_cells_are_told_alike() -> None:
    assert len({told(cell) for cell in CELLS.values()}) == len(CELLS)
    assert not set(CELLS) & set(OBJECT_SETS) - {"household", "adversarial", "random"}
