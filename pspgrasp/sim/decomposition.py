"""Meshes as convex bodies, which is what a physics engine takes; what takes seconds is kept on disk.

A closed part that is convex stays as it is. Others are cut by CoACD (Wei et al. 2022), which looks for cuts along
which least is lost, so that a hole stays a hole.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
import zipfile
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, List, Optional, Tuple

import numpy as np

from pspgrasp.errors import DataError, PspGraspError

if TYPE_CHECKING:
    import trimesh

CONVEX_SHARE = 0.98  # of its hull's volume, which a convex part fills, but for rounding and slivers
FLAT_SHARE = 1e-4  # of its box's diagonal cubed, which a part fills that is no sheet
SLIVER_SHARE = 0.5  # of the mesh's diagonal: a flat part that is smaller is a left-over of modelling
CONCAVITY = 0.05  # that a piece may have left, as CoACD measures it
MOST_CORNERS = 64  # of a piece: contacts cost more with each
SEED = 0
RECIPE = (
    f"1 {CONVEX_SHARE} {FLAT_SHARE} {SLIVER_SHARE} {CONCAVITY} {MOST_CORNERS} {SEED}"  # another recipe, other pieces
)

Pieces = Tuple[np.ndarray, ...]


def convex_pieces(corners_m: np.ndarray, source: str) -> Pieces:
    """Return points (K, 3) [m] whose convex hulls together are a mesh, about; the same ones each time.

    Args:
        corners_m: Triangles (T, 3, 3) [m], in one or more closed parts.
        source: What to call the mesh in a message: its file.

    Raises:
        DataError: It encloses no volume: it is flat, open, or its triangles look different ways.
        PspGraspError: It is concave, and CoACD is not installed.
    """
    path = _cache_folder() / f"{_fingerprint(corners_m)}.npz"
    kept = _load(path)
    if kept is not None:
        return kept
    pieces = tuple(piece for part in _solid(corners_m, source) for piece in _cut(part))
    _save(path, pieces)
    return pieces


def check_solid(corners_m: np.ndarray, source: str) -> None:
    """Say quickly, without cutting, whether a mesh has convex pieces; see `convex_pieces` for arguments and errors."""
    if _load(_cache_folder() / f"{_fingerprint(corners_m)}.npz") is None:
        concave = [part for part in _solid(corners_m, source) if not _convex(part)]
        if concave:
            _library()


def _solid(corners_m: np.ndarray, source: str) -> List[trimesh.Trimesh]:
    """Return the parts of a mesh, without slivers.

    Raises:
        DataError: One encloses no volume.
    """
    large_m = SLIVER_SHARE * _diagonal_m(corners_m)
    parts = [part for part in _parts(corners_m) if not (_flat(part) and _diagonal_m(part.vertices) < large_m)]
    if not parts or any(map(_flat, parts)):
        raise DataError(f"{source} has a part that is flat: give it some thickness, so that physics can hold it")
    if not all(_convex(part) or (part.is_watertight and part.is_winding_consistent) for part in parts):
        raise DataError(
            f"{source} is not closed, or its triangles don't all look outwards: make it watertight, "
            "so that physics can tell inside from outside"
        )
    return parts


def _parts(corners_m: np.ndarray) -> Tuple[trimesh.Trimesh, ...]:
    """Return the connected parts of a mesh."""
    import trimesh

    # STL has each corner once for each of its triangles: those in one place are one.
    whole = trimesh.Trimesh(corners_m.reshape(-1, 3), np.arange(3 * len(corners_m)).reshape(-1, 3))
    return tuple(whole.split(only_watertight=False))


def _cut(part: trimesh.Trimesh) -> Pieces:
    return (np.asarray(part.convex_hull.vertices),) if _convex(part) else _coacd(part)


def _convex(part: trimesh.Trimesh) -> bool:
    return bool(abs(part.volume) >= CONVEX_SHARE * _hull_m3(part))


def _flat(part: trimesh.Trimesh) -> bool:
    return bool(_hull_m3(part) < FLAT_SHARE * _diagonal_m(part.vertices) ** 3)


def _diagonal_m(points_m: np.ndarray) -> float:
    return float(np.linalg.norm(np.ptp(points_m.reshape(-1, 3), axis=0)))


def _hull_m3(part: trimesh.Trimesh) -> float:
    """Return the volume of a part's hull [m^3]; 0 where it has none."""
    from scipy.spatial import ConvexHull, QhullError

    try:
        return float(ConvexHull(part.vertices).volume)
    except (QhullError, ValueError):  # of points in a plane, of too few points
        return 0.0


def _coacd(part: trimesh.Trimesh) -> Pieces:
    coacd = _library()
    coacd.set_log_level("error")
    part.fix_normals()
    mesh = coacd.Mesh(np.asarray(part.vertices), np.asarray(part.faces))
    pieces = coacd.run_coacd(mesh, threshold=CONCAVITY, decimate=True, max_ch_vertex=MOST_CORNERS, seed=SEED)
    return tuple(np.asarray(corners, np.float64) for corners, _ in pieces)


def _library() -> ModuleType:
    try:
        import coacd
    except ImportError as error:
        raise PspGraspError("concave meshes need coacd: pip install 'pspgrasp[sim]'") from error
    return coacd


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "pspgrasp" / "convex"


def _fingerprint(corners_m: np.ndarray) -> str:
    corners = np.ascontiguousarray(corners_m, np.float64)
    return hashlib.sha256(RECIPE.encode() + corners.tobytes()).hexdigest()


def _load(path: Path) -> Optional[Pieces]:
    """Return pieces that were kept; None where there are none, or where the file is damaged: it is made anew."""
    try:
        with np.load(path, allow_pickle=False) as file:
            pieces = tuple(np.asarray(file[name], np.float64) for name in file.files)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return None
    sound = all(piece.ndim == 2 and piece.shape[1] == 3 and np.isfinite(piece).all() for piece in pieces)
    return pieces if pieces and sound else None


def _save(path: Path, pieces: Pieces) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Another process may want the same file at the same time: it sees all of it, or none.
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as part:
            np.savez(part, *pieces)
        os.replace(part.name, path)
    except OSError as error:
        logging.getLogger(__name__).warning("convex pieces are not kept, and so made anew each time: %s", error)
