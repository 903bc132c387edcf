"""The cells of the bench: one condition each, and how it differs from the usual one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Dict, Sequence, Tuple

from pspgrasp.config import setting
from pspgrasp.errors import ConfigError, unknown_name
from pspgrasp.sim.object_sets import object_set


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


def cells_of(names: Sequence[str]) -> Tuple[Cell, ...]:
    """Return the cells of these names; the name of a set of things stands for one of its things on the table.

    Raises:
        ConfigError: No such cell.
    """
    return tuple(_cell_of(name) for name in names)


def _cell_of(name: str) -> Cell:
    if name in CELLS:
        return CELLS[name]
    try:
        object_set(name)
    except ConfigError as error:
        raise ConfigError(f"{unknown_name('cell', name, CELLS)}; as a set of things: {error}") from error
    return replace(USUAL, name=name, objects=name)
