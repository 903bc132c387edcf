"""Laws of sets of things: same chance, same things; as solid in physics as they look; no mesh is taken on trust."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Dict, List, Tuple

import numpy as np
import pytest

pytest.importorskip("mujoco", reason="needs the extra sim")
pytest.importorskip("trimesh", reason="needs the extra sim")
pytest.importorskip("coacd", reason="needs the extra sim")

import coacd
import trimesh
from scipy.spatial import ConvexHull

from pspgrasp.errors import ConfigError, DataError
from pspgrasp.sim.adversarial import ADVERSARIAL
from pspgrasp.sim.attempt import Outcome
from pspgrasp.sim.bench import BenchConfig, Job, tried
from pspgrasp.sim.cells import CELLS
from pspgrasp.sim.decomposition import convex_pieces
from pspgrasp.sim.mesh_sets import RGB_MESHES, folder_set, of_file, pybullet_set, rgb_set
from pspgrasp.sim.object_sets import object_set
from pspgrasp.sim.objects import SimObject
from pspgrasp.sim.world import World

PROCEDURAL = ("household", "adversarial", "random")
JAWS_M = 0.08


@pytest.fixture(autouse=True)
def _no_old_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for remembered in (of_file, object_set):
        remembered.cache_clear()


def drawn(name: str, seed: int, count: int) -> List[SimObject]:
    rng = np.random.default_rng(seed)
    return [object_set(name).draw(rng) for _ in range(count)]


def inside(pieces: List[np.ndarray], points_m: np.ndarray) -> np.ndarray:
    found = np.zeros(len(points_m), bool)
    for piece in pieces:
        sides = ConvexHull(piece, qhull_options="QJ").equations
        found |= (points_m @ sides[:, :3].T + sides[:, 3] <= 1e-9).all(axis=1)
    return found


def saved(mesh: trimesh.Trimesh, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    mesh.export(str(path))
    return path


def channel() -> trimesh.Trimesh:
    """Return a U of 6 x 5 x 2 cm, open above, with walls of 1.5 cm; in one piece."""
    outline = np.array([(0, 0), (60, 0), (60, 50), (45, 50), (45, 15), (15, 15), (15, 50), (0, 50)]) / 1000
    caps = np.array([(0, 1, 4), (0, 4, 5), (0, 5, 7), (5, 6, 7), (1, 2, 4), (2, 3, 4)])
    corners = np.concatenate([np.insert(outline, 1, 0.0, axis=1), np.insert(outline, 1, 0.02, axis=1)])
    sides = [f for a in range(8) for b in [(a + 1) % 8] for f in ((a, b, b + 8), (a, b + 8, a + 8))]
    mesh = trimesh.Trimesh(corners, np.concatenate([caps, caps[:, ::-1] + 8, sides]))
    mesh.fix_normals()
    assert mesh.is_volume
    return mesh


@pytest.mark.parametrize("name", PROCEDURAL)
def test_the_same_chance_draws_the_same_things_and_another_others(name: str) -> None:
    first, again, other = (np.concatenate(drawn(name, seed, 4)[-1].pieces) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert first.shape != other.shape or not np.allclose(first, other)


@pytest.mark.parametrize("name", PROCEDURAL)
def test_things_come_to_rest_on_the_table_and_none_flies_off(name: str) -> None:
    for first in range(0, 12, 4):
        rng = np.random.default_rng(first)
        places_m = [np.array([*rng.uniform(-0.1, 0.1, 2), 0.0]) for _ in range(4)]
        world = World([thing.moved(np.eye(3), at) for thing, at in zip(drawn(name, first, 4), places_m)])
        assert not world.exploded
        for number, thing in enumerate(world.objects):
            lowest_m = np.concatenate(thing.moved(*world.pose(number)).pieces)[:, 2].min()
            assert lowest_m > -0.005, f"{thing.name} sank into the table"


def test_a_thing_whirls_about_its_middle_wherever_it_was_laid_out() -> None:
    """A body that turned about a place far off would gain energy with each step."""
    (thing,) = drawn("adversarial", 3, 1)
    near, far = (World([thing.moved(np.eye(3), np.array([x, 0.0, 0.0]))]) for x in (0.0, 0.5))
    np.testing.assert_allclose(far.middle_m(0) - near.middle_m(0), (0.5, 0.0, 0.0), atol=2e-3)
    (shape,), middle_m = far.shapes(), far.middle_m(0)
    assert np.linalg.norm(np.mean([part.centre_m for part in shape], axis=0) - middle_m) < 0.05


def test_no_adversarial_thing_fits_between_the_jaws_as_a_whole() -> None:
    angles = np.linspace(0, np.pi, 60)
    level = np.stack([np.cos(angles), np.sin(angles), np.zeros(60)])
    names = set()
    for thing in drawn("adversarial", 4, 120):
        assert np.ptp(np.concatenate(thing.pieces) @ level, axis=0).min() > JAWS_M, thing.name
        names.add(thing.name)
    assert names == set(ADVERSARIAL)


def lifted(name: str, rows: Tuple[str, ...], scenes: int) -> Dict[str, int]:
    """Return how many things of a set each row lifts."""
    records = [tried(Job(BenchConfig(rows), CELLS[name], number)) for number in range(scenes)]
    return {row: sum(record.rows[row][0].outcome == Outcome.HELD.value for record in records) for row in rows}


def test_adversarial_things_can_be_lifted_but_hardly_by_their_middle() -> None:
    adversarial = lifted("adversarial", ("labels", "centroid"), 8)
    assert adversarial["labels"] >= adversarial["centroid"] + 4
    assert lifted("household", ("centroid",), 8)["centroid"] >= adversarial["centroid"] + 2


def test_a_concave_mesh_keeps_its_gap(tmp_path: Path) -> None:
    mesh = channel()
    thing = of_file(saved(mesh, tmp_path / "channel.stl"), 1.0)
    gap_m, wall_m, floor_m = [0.0, 0.0, 0.015], [0.022, 0.0, 0.015], [0.0, 0.0, -0.018]
    assert inside(list(thing.pieces), np.array([gap_m, wall_m, floor_m])).tolist() == [False, True, True]
    box_m = np.array([0.03, 0.01, 0.025])
    points_m = np.random.default_rng(0).uniform(-1, 1, (4000, 3)) * box_m
    assert inside(list(thing.pieces), points_m).mean() == pytest.approx(mesh.volume / (8 * box_m.prod()), rel=0.05)


def test_a_convex_mesh_is_one_piece_and_several_are_several(tmp_path: Path) -> None:
    ball, block = trimesh.creation.icosphere(2, 0.02), trimesh.creation.box((0.03, 0.03, 0.03))
    assert len(of_file(saved(ball, tmp_path / "ball.ply"), 1.0).pieces) == 1
    both = trimesh.util.concatenate([ball, block.apply_translation((0.03, 0, 0))])
    assert len(of_file(saved(both, tmp_path / "both.stl"), 1.0).pieces) == 2


def test_a_mesh_and_its_pieces_turn_together(tmp_path: Path) -> None:
    saved(trimesh.creation.box((60, 30, 20)), tmp_path / "meshes" / "block.stl")
    things = object_set(f"{tmp_path / 'meshes'}@0.001")
    thing = things.draw(np.random.default_rng(5))
    shape = np.asarray(thing.shape).reshape(-1, 3)
    assert thing.name == "block"
    assert ConvexHull(np.concatenate(thing.pieces)).volume == pytest.approx(36e-6, rel=1e-3)
    np.testing.assert_allclose(shape.max(axis=0), np.concatenate(thing.pieces).max(axis=0), atol=1e-6)
    assert not World([thing]).exploded


def broken(kind: str) -> trimesh.Trimesh:
    mesh = channel()
    if kind == "open":
        mesh.update_faces(np.arange(len(mesh.faces)) > 5)
    if kind == "flat":
        mesh.apply_scale((1, 1e-6, 1))
    if kind == "nan":
        mesh.vertices[0] = np.nan
    return mesh


@pytest.mark.parametrize(("kind", "advice"), [("open", "watertight"), ("flat", "thickness"), ("nan", "finite")])
def test_a_broken_mesh_is_refused_by_name(kind: str, advice: str, tmp_path: Path) -> None:
    mesh = broken(kind)
    lines = [f"v {x} {y} {z}" for x, y, z in mesh.vertices] + [f"f {a} {b} {c}" for a, b, c in mesh.faces + 1]
    file = tmp_path / f"{kind}.obj"
    file.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(DataError, match=rf"{kind}\.obj.*{advice}"):
        of_file(file, 1.0)


def test_pieces_are_kept_on_disk_and_a_damaged_file_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corners_m = np.asarray(channel().triangles)
    first = convex_pieces(corners_m, "channel")
    (file,) = (tmp_path / "cache" / "pspgrasp" / "convex").iterdir()
    sound, cuts = file.read_bytes(), []

    def counted(*_: object, **__: object) -> list:
        cuts.append(1)
        return [(piece, None) for piece in first]

    monkeypatch.setattr(coacd, "run_coacd", counted)
    for damaged in (sound[:100], b"", b"no numpy file"):
        file.write_bytes(damaged)
        convex_pieces(corners_m, "channel")
    assert len(cuts) == 3, "each damaged file is made anew"
    for one, other in zip(first, convex_pieces(corners_m, "channel")):
        np.testing.assert_array_equal(one, other)
    assert len(cuts) == 3, "a sound one is not"


def test_sets_of_packages_take_the_packages_own_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    block = trimesh.creation.box((0.05, 0.04, 0.03))
    for folder in ("test_triplets", "heldout", "train"):
        saved(block, tmp_path / "dm_robotics" / RGB_MESHES / folder / f"{folder}.stl")
    for number in ("000", "001", "110", "168"):
        saved(block, tmp_path / "pybullet_data" / "random_urdfs" / number / f"{number}.obj")
    package = tmp_path / "pybullet_data" / "__init__.py"
    package.write_text("raise RuntimeError('nobody should import this')", encoding="utf-8")
    for name in ("dm_robotics", "pybullet_data"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    test, train = rgb_set("rgb", ("test_triplets", "heldout")), rgb_set("rgb-train", ("train",))
    assert [file.stem for file in (*test.files, *train.files)] == ["test_triplets", "heldout", "train"]
    assert [file.stem for file in pybullet_set("pybullet", test=True).files] == ["000", "110"]
    assert [file.stem for file in pybullet_set("pybullet-train", test=False).files] == ["001"], "168 is broken"


@pytest.mark.parametrize(
    ("name", "advice"),
    [("rgb", "pip install --no-deps dm-robotics-manipulation"), ("pybullet-train", "pip install pybullet")],
)
def test_a_missing_package_is_told_with_what_to_install(
    name: str, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=f"{name}.*{advice}"):
        object_set(name)


def test_an_unknown_set_is_told_with_those_that_are_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'household'"):
        object_set("househould")
    saved(trimesh.creation.box((0.05, 0.04, 0.03)), tmp_path / "block.stl")
    assert folder_set(str(tmp_path)).scale == 1.0
    for scale in ("mm", "-1", "nan"):
        with pytest.raises(ConfigError, match="metres per unit"):
            object_set(f"{tmp_path}@{scale}")
