"""Things from files: of packages that bring meshes along, found without importing them, or of any folder."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Tuple

import numpy as np

from pspgrasp.data.synthetic.meshes import mesh_files, read_mesh
from pspgrasp.data.synthetic.things import random_turn
from pspgrasp.errors import ConfigError
from pspgrasp.sim.decomposition import convex_pieces
from pspgrasp.sim.objects import SimObject

RGB_MESHES = Path("manipulation", "props", "rgb_objects", "assets", "rgb_v1.3", "meshes")
PYBULLET_SCALE = 0.015  # metres per unit, as each of the 1000 URDF files says
PYBULLET_BROKEN = "168"  # its corners are no numbers
TILTED_SHARE = 0.5


@dataclass(frozen=True)
class MeshSet:
    """Things from files.

    Attributes:
        name: Of the set.
        description: For a report.
        files: All are equally likely.
        scale: Metres per unit of the files.
    """

    name: str
    description: str
    files: Tuple[Path, ...]
    scale: float = 1.0

    def draw(self, rng: np.random.Generator) -> SimObject:
        """Return a thing about its own origin, turned about z at random; half of them are turned any way."""
        thing = of_file(self.files[rng.integers(len(self.files))], self.scale)
        return thing.moved(random_turn(rng, TILTED_SHARE), np.zeros(3))


@lru_cache(maxsize=2048)
def of_file(path: Path, scale: float) -> SimObject:
    """Return the thing of a mesh file, its middle at the origin.

    Args:
        path: STL, OBJ, PLY or OFF.
        scale: Metres per unit of the file.

    Raises:
        DataError: The file is no mesh, or none that physics can take; see `read_mesh` and `convex_pieces`.
        PspGraspError: A library is missing.
    """
    corners_m = read_mesh(path, scale)
    return SimObject(path.stem, corners_m, convex_pieces(corners_m, str(path)))


def folder_set(name: str) -> MeshSet:
    """Return the meshes below a folder.

    Args:
        name: The folder, or FOLDER@SCALE with metres per unit of the files: "parts@0.001" for millimetres.

    Raises:
        ConfigError: The scale is no number above 0.
        DataError: The folder holds no mesh, or one that can't be used.
    """
    folder, _, scale = name.partition("@")
    files = mesh_files(folder)
    metres = _scale(name, scale or "1")
    for file in files:
        read_mesh(file, metres)  # so that a broken one is told of at the start, and not after hours
    return MeshSet(name, f"{len(files)} meshes of the folder {Path(folder).name}", files, metres)


def rgb_set(name: str, folders: Tuple[str, ...]) -> MeshSet:
    """Return RGB-objects (Lee et al. 2021), by the split of their package: test_triplets, heldout, train.

    Raises:
        ConfigError: The package dm-robotics-manipulation is not there.
    """
    # Not all of what it needs to be imported: that would bring a MuJoCo of its own choice.
    root = _package("dm_robotics", RGB_MESHES, name, "pip install --no-deps dm-robotics-manipulation")
    files = tuple(file for folder in folders for file in mesh_files(str(root / folder)))
    return MeshSet(name, f"{len(files)} RGB-objects of {' and '.join(folders)}", files)


def pybullet_set(name: str, test: bool) -> MeshSet:
    """Return things of pybullet_data's random_urdfs.

    The split is that of PyBullet's own `KukaDiverseObjectEnv`: numbers that end in 0 are for tests.

    Raises:
        ConfigError: The package pybullet is not there.
    """
    root = _package("pybullet_data", Path("random_urdfs"), name, "pip install pybullet")
    whole = [file for file in mesh_files(str(root)) if file.stem != PYBULLET_BROKEN]
    files = tuple(file for file in whole if file.stem.endswith("0") == test)
    return MeshSet(name, f"{len(files)} things of PyBullet's random_urdfs", files, PYBULLET_SCALE)


def _package(package: str, folder: Path, name: str, install: str) -> Path:
    """Return a folder of a package that is not imported."""
    found = importlib.util.find_spec(package)
    places = (found.submodule_search_locations if found else None) or []
    for place in places:
        if (Path(place) / folder).is_dir():
            return Path(place) / folder
    raise ConfigError(f"the object set {name!r} needs the meshes of a package that is not installed: {install}")


def _scale(name: str, text: str) -> float:
    try:
        scale = float(text)
    except ValueError:
        scale = -1.0
    if not 0 < scale < float("inf"):
        raise ConfigError(f"object set {name!r}: {text!r} is no scale; say metres per unit of the files, as in @0.001")
    return scale
