"""The cells of the bench: one condition each, and how it differs from the usual one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Dict, Sequence, Tuple

from pspgrasp.config import setting
from pspgrasp.errors import ConfigError, unknown_name
from pspgrasp.sim.mesh_sets import folder_and_scale
from pspgrasp.sim.object_sets import OBJECT_SETS, object_set


class Task(str, Enum):
    """What is tried in a scene."""

    ATTEMPT = "attempt"  # one grasp
    CLEARING = "clearing"  # all things of a bin, one after the other
    MOVING = "moving"  # one grasp of things that are moved meanwhile, with a camera in the hand


@dataclass(frozen=True)
class Cell:
    """One condition. A scene's things follow from seed and number alone, so cells share them where they can."""

    name: str
    factor: str = setting("", "what is varied: cells of one factor belong together")
    task: str = setting(Task.ATTEMPT.value, "attempt, clearing or moving")
    objects: str = setting("household", "set of things, see object_sets.py")
    things: int = setting(1, "how many lie there", 1, 50)
    bin: bool = setting(False, "whether they lie in a bin")
    noise: str = setting("realsense", "how the camera errs, see camera.py")
    height_m: Tuple[float, float] = field(
        default=(0.55, 0.65), metadata={"doc": "distance from camera to table, at least and at most [m]"}
    )
    tilt_deg: Tuple[float, float] = field(
        default=(0.0, 5.0), metadata={"doc": "angle of the optical axis off straight down [deg]"}
    )
    closed_loop: bool = setting(True, "whether new images steer the hand while things are moved")
    calibration_mm: float = setting(0.0, "by which the camera's believed place is wrong [mm]", 0.0, 500.0)
    calibration_deg: float = setting(0.0, "by which its believed direction is wrong [deg]", 0.0, 180.0)


#: Everything else is measured beside this one.
USUAL = Cell("household", "objects")


def _cells() -> Tuple[Cell, ...]:
    return (
        USUAL,
        *(replace(USUAL, name=name, objects=name) for name in ("adversarial", "random")),
        *(replace(USUAL, name=f"clutter-{n}", factor="clutter", things=n) for n in (5, 10, 20)),
        *(replace(USUAL, name=f"noise-{level}", factor="noise", noise=level) for level in ("none", "poor")),
        *(_at_height(height_m) for height_m in (0.4, 1.0)),
        *(_tilted(tilt_deg) for tilt_deg in (20, 40)),
        replace(USUAL, name="calibration", factor="calibration", calibration_mm=10.0, calibration_deg=1.0),
        replace(USUAL, name="bin-10", factor="bin", task=Task.CLEARING.value, things=10, bin=True),
        *(_moved(name, closed) for name, closed in (("moved-closed-loop", True), ("moved-open-loop", False))),
    )


def _at_height(height_m: float) -> Cell:
    return replace(USUAL, name=f"height-{height_m:g}", factor="height", height_m=(height_m - 0.05, height_m + 0.05))


def _tilted(tilt_deg: float) -> Cell:
    return replace(USUAL, name=f"tilt-{tilt_deg:g}", factor="tilt", tilt_deg=(tilt_deg - 2.5, tilt_deg + 2.5))


def _moved(name: str, closed_loop: bool) -> Cell:
    return replace(USUAL, name=name, factor="motion", task=Task.MOVING.value, closed_loop=closed_loop)


#: name -> cell, in the order of the table.
CELLS: Dict[str, Cell] = {cell.name: cell for cell in _cells()}


def told(cell: Cell) -> str:
    """Say in a few words what a cell's scenes are, and how they differ from the usual ones."""
    (near_m, far_m), (least_deg, most_deg) = cell.height_m, cell.tilt_deg
    off = f"{cell.calibration_mm:g} mm and {cell.calibration_deg:g} deg"
    differences = (
        (cell.task == Task.CLEARING.value, "taken out one after the other"),
        (cell.task == Task.MOVING.value, "moved while the hand comes"),
        (not cell.closed_loop, "which goes by the first image"),
        (cell.noise != USUAL.noise, f"noise {cell.noise}"),
        (cell.height_m != USUAL.height_m, f"camera {near_m:g} to {far_m:g} m off"),
        (cell.tilt_deg != USUAL.tilt_deg, f"camera tilted by {least_deg:g} to {most_deg:g} deg"),
        (bool(cell.calibration_mm or cell.calibration_deg), f"camera believed {off} beside its true place"),
    )
    things = "one thing" if cell.things == 1 else f"{cell.things} things"
    what = f"{things} of {cell.objects} {'in a bin' if cell.bin else 'on the table'}"
    return ", ".join([what, *(text for holds, text in differences if holds)])


def cells_of(names: Sequence[str]) -> Tuple[Cell, ...]:
    """Return the cells of these names; the name of a set of things stands for one of its things on the table.

    Raises:
        ConfigError: No such cell, or one is named twice.
        DataError: A set of things has one that can't be used.
    """
    for name in {name for name in names if names.count(name) > 1}:
        raise ConfigError(f"cell {name!r} is named {names.count(name)} times; name it once")
    cells = tuple(_cell_of(name) for name in names)
    for cell in cells:
        object_set(cell.objects).check()
    return cells


def _cell_of(name: str) -> Cell:
    if name in CELLS:
        return CELLS[name]
    if name not in OBJECT_SETS and not Path(folder_and_scale(name)[0]).is_dir():
        known = unknown_name("cell", name, {**CELLS, **OBJECT_SETS})
        raise ConfigError(f"{known} (a folder of meshes would do, too; there is none of this name)")
    return replace(USUAL, name=name, objects=name)
