"""Things from files: of packages that bring meshes along, found without importing them, or of any folder."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Tuple

import numpy as np

from pspgrasp.data.synthetic.meshes import mesh_files, read_mesh
from pspgrasp.data.synthetic.things import random_turn
from pspgrasp.errors import ConfigError, DataError
from pspgrasp.sim.decomposition import check_solid, convex_pieces
from pspgrasp.sim.objects import SimObject
from pspgrasp.whole_file import sha256_of

RGB_MESHES = Path("manipulation", "props", "rgb_objects", "assets", "rgb_v1.3", "meshes")
PYBULLET_SCALE = 0.015  # metres per unit, as each of the 1000 URDF files says
PYBULLET_BROKEN = "168"  # its corners are no numbers
TILTED_SHARE = 0.5
MILLIMETRE_M = 0.001


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

    @cached_property
    def fingerprint(self) -> str:
        """Return 16 hex digits of the files' names, below the folder that holds all, and of what is in them.

        Raises:
            DataError: A file can't be read.
        """
        found, root = hashlib.sha256(), os.path.commonpath([file.parent for file in self.files])
        for file in self.files:
            found.update(f"{file.relative_to(root).as_posix()}\n{_digest(file)}\n".encode())
        return found.hexdigest()[:16]

    def check(self) -> None:
        """Say of all files whether physics can take them, and of none only after hours.

        Raises:
            DataError: One that can't be used; names it.
            PspGraspError: A library is missing.
        """
        for file in self.files:
            check_solid(_read(file, self.scale), str(file))

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
        DataError: The folder holds no mesh.
    """
    folder, scale = folder_and_scale(name)
    files = mesh_files(folder)
    return MeshSet(name, f"{len(files)} meshes of the folder {Path(folder).name}", files, _scale(name, scale))


def folder_and_scale(name: str) -> Tuple[str, str]:
    """Return both parts of FOLDER@SCALE; a name that is a folder as it stands has a scale of 1, in spite of an @."""
    folder, at, scale = name.rpartition("@")
    return (name, "1") if not at or Path(name).is_dir() else (folder, scale)


def _read(file: Path, scale: float) -> np.ndarray:
    """Read a mesh (T, 3, 3) [m]; of one that may be in millimetres say how to tell."""
    try:
        return read_mesh(file, scale)
    except DataError as error:
        raise DataError(f"{error}{_advice(file)}") from error


def _advice(file: Path) -> str:
    try:
        read_mesh(file, MILLIMETRE_M)
    except DataError:
        return ""
    return f"; if it is in millimetres, name its folder with @{MILLIMETRE_M:g} behind it"


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


def _digest(file: Path) -> str:
    try:
        return sha256_of(file)
    except OSError as error:
        raise DataError(f"{file} can't be read: {error.strerror or error}") from error


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
