"""What is remembered of a scene: what each row did with it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Dict, Mapping, Optional, Tuple


@dataclass(frozen=True)
class Tried:
    """What one row did with one scene.

    Attributes:
        outcome: In words, see attempt.py.
        target: Number of the thing that the grasp means; None for none.
        held: Number of the thing in the hand at the end; None for none.
        taken: How many things were in the hand at the end.
        motion_s: Simulated time that the gripper was on its way [s].
        predict_s: Wall time that the detector took on its machine [s].
        quality: That the detector gave the grasp.
        tip_m: Where the gripper went, in the world's frame [m].
        closing: Direction in which its jaws closed.
        opening_m: With which it came down [m].
    """

    outcome: str
    target: Optional[int] = None
    held: Optional[int] = None
    taken: int = 0
    motion_s: float = 0.0
    predict_s: float = 0.0
    quality: float = 0.0
    tip_m: Tuple[float, ...] = ()
    closing: Tuple[float, ...] = ()
    opening_m: float = 0.0


@dataclass(frozen=True)
class SceneRecord:
    """What all rows did with one scene.

    Attributes:
        cell: Name of its condition.
        number: Of the scene.
        things: What lay there, by name.
        exploded: Whether the simulation failed before anything was tried.
        rows: Row -> its attempts, in order: one, or as many as it took to clear a bin.
    """

    cell: str
    number: int
    things: Tuple[str, ...]
    exploded: bool = False
    rows: Mapping[str, Tuple[Tried, ...]] = field(default_factory=dict)

    def to_tree(self) -> Dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_tree(cls, tree: Mapping[str, Any]) -> SceneRecord:
        """Return the record of plain values."""
        rows = {name: tuple(_tried(one) for one in attempts) for name, attempts in tree["rows"].items()}
        return cls(tree["cell"], tree["number"], tuple(tree["things"]), tree["exploded"], rows)


def _tried(tree: Mapping[str, Any]) -> Tried:
    return Tried(**{**tree, "tip_m": tuple(tree["tip_m"]), "closing": tuple(tree["closing"])})
