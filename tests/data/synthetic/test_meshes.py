"""Laws of things from files: a mesh is met where the same thing made of parts is, and files are read with care."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from small_scenes import seen

from pspgrasp.config import PreprocessConfig
from pspgrasp.data.synthetic.meshes import NEVER, joined, mesh_files, read_mesh
from pspgrasp.data.synthetic.render import render
from pspgrasp.data.synthetic.scenes import SceneConfig, build_scenes, random_layout
from pspgrasp.data.synthetic.solids import stacked
from pspgrasp.data.synthetic.source import SyntheticConfig, SyntheticSource
from pspgrasp.data.synthetic.things import box
from pspgrasp.errors import DataError

CPU = torch.device("cpu")
SIDES_M = (0.06, 0.03, 0.05)
FACES = [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1], [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4],
         [1, 5, 7], [1, 7, 3]]  # fmt: skip


def block() -> np.ndarray:
    """Return a box (12, 3, 3) [m] as triangles."""
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * np.array(SIDES_M) / 2
    return corners[np.array(FACES)]


def write_obj(path: Path, triangles: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"v {x} {y} {z}" for x, y, z in triangles.reshape(-1, 3)]
    lines += [f"f {3 * n + 1} {3 * n + 2} {3 * n + 3}" for n in range(len(triangles))]
    path.write_text("\n".join(lines))
    return path


def test_rays_meet_a_mesh_where_they_meet_the_same_box() -> None:
    rng = np.random.default_rng(0)
    start = torch.from_numpy(rng.normal(0, 0.2, (400, 3))).float()
    ray = torch.from_numpy(rng.normal(0, 0.02, (400, 3))).float() - start
    part = stacked([box(SIDES_M)] * 400, [(0, 1)] * 400, CPU).first_hit(start, ray)
    mesh = joined([block()] * 400, [(0, 1)] * 400, CPU)
    each = mesh.first_hit(start.repeat_interleave(12, 0), ray.repeat_interleave(12, 0)).view(400, 12)
    outside = (start.abs() > torch.tensor(SIDES_M) / 2).any(1) & (part > 0)
    hit = torch.where(each > 0, each, torch.full_like(each, NEVER)).amin(1)
    assert outside.sum() > 100
    torch.testing.assert_close(hit[outside & part.isfinite()], part[outside & part.isfinite()], atol=1e-4, rtol=1e-4)


def test_a_mesh_is_dropped_seen_and_labelled_as_the_same_box() -> None:
    part, mesh = seen([box(SIDES_M)]), seen()
    part_view = render(build_scenes([part], CPU), 90)
    mesh_view = render(build_scenes([replace(mesh, things=(block() + np.array([0, 0, 0.4]),))], CPU), 90)
    torch.testing.assert_close(mesh_view.depth_m, part_view.depth_m, atol=1e-5, rtol=0)
    torch.testing.assert_close(mesh_view.heights_m, part_view.heights_m, atol=1e-5, rtol=0)
    assert torch.equal(mesh_view.thing, part_view.thing)


def test_meshes_and_parts_share_a_scene() -> None:
    both = seen([box(SIDES_M)])
    view = render(build_scenes([replace(both, things=(block(), [box((0.03, 0.03, 0.03))]))], CPU), 90)
    assert view.thing.unique().tolist() == [0, 1, 2]
    assert float(view.heights_m.max()) == pytest.approx(SIDES_M[2] + 0.03, abs=1e-4)


def test_scenes_take_things_from_a_folder_and_the_same_ones_again(tmp_path: Path) -> None:
    pytest.importorskip("trimesh")
    for n, size in enumerate((1.0, 1.5)):
        write_obj(tmp_path / "deep" / f"{n}.obj", block() * size)
    config = SceneConfig(mesh_folder=str(tmp_path), mesh_share=1.0)
    layout = random_layout(np.random.default_rng(3), config, 90)
    assert all(isinstance(thing, np.ndarray) and thing.shape == (12, 3, 3) for thing in layout.things)
    source = SyntheticSource(SyntheticConfig(scene=config), PreprocessConfig(input_size_px=90), 45.0, 0)
    one, again = (source.batch([0, 1, 2, 3], CPU) for _ in range(2))
    assert torch.equal(one.target, again.target)
    assert float(one.target[:, 0].max()) > 0.3


def test_a_scale_makes_metres_of_a_files_unit(tmp_path: Path) -> None:
    pytest.importorskip("trimesh")
    path = write_obj(tmp_path / "block.obj", 1000 * block() + 70.0)
    read_m = read_mesh(path, 0.001)
    np.testing.assert_allclose(np.sort(np.ptp(read_m.reshape(-1, 3), axis=0)), np.sort(SIDES_M), atol=1e-6)
    np.testing.assert_allclose(read_m.min((0, 1)) + read_m.max((0, 1)), 0, atol=1e-9)


@pytest.mark.parametrize(
    ("content", "said"),
    [("", "holds no triangles|is no mesh"), ("v 0 0 nan\nv 1 0 0\nv 0 1 0\nf 1 2 3", "finite corners|is no mesh")],
)
def test_a_broken_mesh_is_named(content: str, said: str, tmp_path: Path) -> None:
    pytest.importorskip("trimesh")
    (tmp_path / "broken.obj").write_text(content)
    with pytest.raises(DataError, match=rf"broken\.obj.*({said})"):
        read_mesh(tmp_path / "broken.obj", 1.0)


def test_what_no_gripper_could_take_is_refused_with_its_size(tmp_path: Path) -> None:
    pytest.importorskip("trimesh")
    path = write_obj(tmp_path / "house.obj", 1000 * block())
    with pytest.raises(DataError, match=r"is 60 m large.*mesh_scale is 1"):
        read_mesh(path, 1.0)


def test_a_folder_without_meshes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no mesh"):
        mesh_files(str(tmp_path))
    with pytest.raises(DataError, match="is not a folder"):
        mesh_files(str(tmp_path / "nowhere"))
