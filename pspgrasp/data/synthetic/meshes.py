"""Things from files: triangle meshes of any folder, met by rays one triangle at a time."""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import List, NamedTuple, Sequence, Tuple

import numpy as np
import torch

from pspgrasp.data.synthetic.solids import NEVER
from pspgrasp.errors import DataError, PspGraspError

SUFFIXES = (".stl", ".obj", ".ply", ".off")
MOST_TRIANGLES = 5000  # of a thing; more are thinned out by hand, not here
SMALLEST_M, LARGEST_M = 0.005, 0.4  # extent of what a gripper could take


class Triangles(NamedTuple):
    """Triangles of many things, with the interface of `Parts`.

    Attributes:
        corners_m: (T, 3, 3) [m], corner by corner.
        scene: (T,) int64, which scene a triangle belongs to.
        thing: (T,) int64, which thing of its scene, from 1.
    """

    corners_m: torch.Tensor
    scene: torch.Tensor
    thing: torch.Tensor

    def of(self, indices: torch.Tensor) -> Triangles:
        """Return the triangles of these indices."""
        return Triangles(self.corners_m[indices], self.scene[indices], self.thing[indices])

    def moved(self, rotation: torch.Tensor, translation_m: torch.Tensor) -> Triangles:
        """Return the triangles after x -> rotation x + translation; (T, 3, 3) and (T, 3) [m]."""
        return self._replace(corners_m=self.corners_m @ rotation.transpose(1, 2) + translation_m[:, None])

    def outline_m(self) -> torch.Tensor:
        """Return points (T, 3, 3) [m] whose convex hull holds each triangle: its corners."""
        return self.corners_m

    def first_hit(self, origin_m: torch.Tensor, direction: torch.Tensor) -> torch.Tensor:
        """Return the ray parameter (T,) at which each of T rays meets the triangle of its number; inf in a miss.

        Moeller and Trumbore 1997; from either side, since files don't agree on which is outside.
        """
        a, b, c = self.corners_m.unbind(1)
        one, other = b - a, c - a
        normal = torch.linalg.cross(direction, other)
        determinant = (one * normal).sum(1)
        scale = 1 / torch.where(determinant.abs() < 1e-14, torch.full_like(determinant, 1e-14), determinant)
        start = origin_m - a
        u = (start * normal).sum(1) * scale
        across = torch.linalg.cross(start, one)
        v = (direction * across).sum(1) * scale
        # A hair beyond the edge: neighbours share it, and rounding must leave no slit between them.
        within = (u >= -1e-5) & (v >= -1e-5) & (u + v <= 1 + 1e-5) & (determinant.abs() >= 1e-14)
        return torch.where(within, (other * across).sum(1) * scale, torch.full_like(u, NEVER))


def joined(meshes: Sequence[np.ndarray], owners: Sequence[Tuple[int, int]], device: torch.device) -> Triangles:
    """Return meshes (T, 3, 3) side by side on a device; `owners` tells scene and thing of each."""
    counts = torch.tensor([len(mesh) for mesh in meshes], dtype=torch.int64)
    corners = np.concatenate([np.zeros((0, 3, 3)), *meshes]).astype(np.float32)
    owned = torch.tensor(list(owners), dtype=torch.int64).view(-1, 2).repeat_interleave(counts, 0).to(device)
    return Triangles(torch.from_numpy(corners).to(device), *owned.unbind(1))


@lru_cache(maxsize=4)
def mesh_files(folder: str) -> Tuple[Path, ...]:
    """Return the meshes below a folder, sorted by name.

    Raises:
        DataError: It is not a folder, or holds none.
    """
    if not Path(folder).is_dir():
        raise DataError(f"mesh_folder {folder!r} is not a folder")
    found = tuple(path for path in sorted(Path(folder).rglob("*")) if path.suffix.lower() in SUFFIXES)
    if not found:
        raise DataError(f"mesh_folder {folder!r} holds no mesh ({', '.join(SUFFIXES)})")
    return found


@lru_cache(maxsize=2048)
def read_mesh(path: Path, scale: float) -> np.ndarray:
    """Return the triangles (T, 3, 3) float64 [m] of a file, its middle at the origin.

    Args:
        path: STL, OBJ, PLY or OFF.
        scale: Metres per unit of the file.

    Raises:
        DataError: It can't be read, is no mesh, has too many triangles or is of no graspable size.
        PspGraspError: trimesh is not installed.
    """
    trimesh = _trimesh()
    try:
        # Of its bytes alone: given a path, trimesh opens the materials and pictures that a file names.
        content = io.BytesIO(path.read_bytes())
        mesh = trimesh.load(content, file_type=path.suffix[1:].lower(), force="mesh", process=False)
        corners = np.asarray(mesh.triangles, float) * scale
    except Exception as error:
        # trimesh raises whatever a file makes it raise.
        raise DataError(
            f"{path} is no mesh that can be read ({type(error).__name__}: {' '.join(str(error).split()):.200})"
        ) from error
    if not len(corners) or corners.shape[1:] != (3, 3) or not np.isfinite(corners).all():
        raise DataError(f"{path} holds no triangles with finite corners")
    if len(corners) > MOST_TRIANGLES:
        raise DataError(f"{path} has {len(corners)} triangles, more than {MOST_TRIANGLES}; simplify it first")
    low, high = corners.min((0, 1)), corners.max((0, 1))
    if not SMALLEST_M <= (high - low).max() <= LARGEST_M:
        raise DataError(
            f"{path} is {(high - low).max():g} m large; {SMALLEST_M} to {LARGEST_M} m can be (mesh_scale is {scale:g})"
        )
    return corners - (low + high) / 2


def random_mesh(rng: np.random.Generator, folder: str, scale: float) -> np.ndarray:
    """Return one of a folder's meshes (T, 3, 3) [m]."""
    files: List[Path] = list(mesh_files(folder))
    return read_mesh(files[rng.integers(len(files))], scale)


def _trimesh() -> ModuleType:
    try:
        import trimesh
    except ImportError as error:
        raise PspGraspError("meshes need trimesh: pip install 'pspgrasp[meshes]'") from error
    return trimesh
