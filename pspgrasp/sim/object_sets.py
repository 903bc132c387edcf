"""Sets of things for the bench, by name. The procedural ones need nothing; the others need a package or a folder.

Procedural things come from the families that training draws from, too (all but the adversarial): what is new about a
test's things is their sizes and turns, not their kind. They are unlike any of training's as long as the generator
is seeded from `FIRST_TEST_SEED` up. Things from files are never trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Callable, Dict, List, Mapping, Protocol

import numpy as np

from pspgrasp.data.synthetic.solids import Part
from pspgrasp.data.synthetic.things import FAMILIES, SIMPLE, Family, random_turn
from pspgrasp.errors import ConfigError, unknown_name
from pspgrasp.sim.adversarial import ADVERSARIAL
from pspgrasp.sim.mesh_sets import folder_and_scale, folder_set, pybullet_set, rgb_set
from pspgrasp.sim.objects import SimObject, of_parts

HOUSEHOLD = (
    "banana",
    "block",
    "bottle",
    "bowl",
    "can",
    "egg",
    "flat block",
    "hammer",
    "mug",
    "plate",
    "roll",
    "scissors",
    "spoon",
    "tray",
)


class ObjectSet(Protocol):
    """The contract of whatever things are drawn from."""

    @property
    def name(self) -> str:
        """By which the user asked for it."""

    @property
    def description(self) -> str:
        """Say what is in it, for a report."""

    @property
    def fingerprint(self) -> str:
        """Return what changes with its files; empty for things that are generated."""

    def check(self) -> None:
        """Say whether all of its things can be used.

        Raises:
            DataError: One can't; names it.
        """

    def draw(self, rng: np.random.Generator) -> SimObject:
        """Return one of its things about its own origin, turned at random."""


@dataclass(frozen=True)
class FamilySet:
    """Things built of parts.

    Attributes:
        name: Of the set.
        description: For a report.
        families: name -> what builds one; all are equally likely.
        tilted_share: Of things that don't stand or lie as made, but any way.
    """

    name: str
    description: str
    families: Mapping[str, Family]
    tilted_share: float = 0.2

    @property
    def fingerprint(self) -> str:
        """Return nothing: what is generated belongs to the program's version."""
        return ""

    def check(self) -> None:
        """Find nothing wrong: what is generated can be used."""

    def draw(self, rng: np.random.Generator) -> SimObject:
        """Return a thing about its own origin, turned about z at random; some are tilted, too."""
        family = sorted(self.families)[rng.integers(len(self.families))]
        parts, turn = self.families[family](rng), random_turn(rng, self.tilted_share)
        return of_parts([part.turned(turn, np.zeros(3)) for part in parts], family)


@lru_cache(maxsize=64)
def object_set(name: str) -> ObjectSet:
    """Return a set of things by its name.

    Args:
        name: One of `OBJECT_SETS`, a folder of meshes in metres, or FOLDER@SCALE with metres per unit of its files.

    Raises:
        ConfigError: There is no such set, or its package is not installed.
        DataError: The folder holds no mesh, or one that can't be used.
    """
    if name in OBJECT_SETS:
        return OBJECT_SETS[name]()
    if Path(folder_and_scale(name)[0]).is_dir():
        return folder_set(name)
    raise ConfigError(f"{unknown_name('object set', name, OBJECT_SETS)} Or name a folder of meshes that is there")


def _household() -> ObjectSet:
    families = {family: FAMILIES[family] for family in HOUSEHOLD}
    return FamilySet("household", "generated mugs, bottles, spoons and the like", families)


def _adversarial() -> ObjectSet:
    return FamilySet("adversarial", "generated things that are hard to grasp", ADVERSARIAL, tilted_share=0.0)


def _random() -> ObjectSet:
    families = {"heap": FAMILIES["heap"], "cluster": _cluster}
    return FamilySet("random", "generated unions of primitives, lying any way", families, tilted_share=1.0)


def _cluster(rng: np.random.Generator) -> List[Part]:
    """Two to four primitives, shrunk so that jaws go round most, turned any way."""
    parts: List[Part] = []
    for _ in range(rng.integers(2, 5)):
        turn, shift_m = random_turn(rng, 1.0), rng.normal(0, 0.012, 3)
        parts += [part.turned(turn, shift_m) for part in SIMPLE[rng.integers(len(SIMPLE))](rng)]
    return parts


#: name -> what makes the set; a new one is a function and a line here.
OBJECT_SETS: Dict[str, Callable[[], ObjectSet]] = {
    "household": _household,
    "adversarial": _adversarial,
    "random": _random,
    "rgb": lambda: rgb_set("rgb", ("test_triplets", "heldout")),
    "rgb-train": lambda: rgb_set("rgb-train", ("train",)),
    "pybullet": lambda: pybullet_set("pybullet", test=True),
    "pybullet-train": lambda: pybullet_set("pybullet-train", test=False),
}
