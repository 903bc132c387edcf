"""What a run of the bench leaves behind: one line for each scene, so that a stopped run goes on where it was."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple

from pspgrasp.data.output import make_folder, write_text
from pspgrasp.errors import DataError, PspGraspError

HEADER, LINES = "run.json", "scenes.jsonl"


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


class RunFolder:
    """The folder of a run.

    Attributes:
        folder: Which.
        appended: Records that were written since it was opened.
    """

    def __init__(self, folder: Path, header: Mapping[str, Any]) -> None:
        """Make the folder, or open it if its run is the one that the header tells of.

        Raises:
            PspGraspError: It can't be made or read.
            DataError: It holds another run.
        """
        self.folder = folder
        self.appended: List[SceneRecord] = []
        make_folder(folder)
        place = folder / HEADER
        if not place.exists():
            write_text(place, json.dumps(header, indent=1) + "\n")
        elif _read_json(place) != json.loads(json.dumps(header)):
            raise DataError(f"{folder} holds a run of other rows, seed or settings (see {place}); give another folder")

    def records(self) -> List[SceneRecord]:
        """Return what is there, as it was written; a line that was cut off is removed from the file.

        Raises:
            DataError: A line is no record; names it.
        """
        place = self.folder / LINES
        if not place.exists():
            return []
        text = _read(place)
        whole, cut, _ = text.rpartition("\n")
        if text != whole + cut:  # a run that was killed in the middle of a line
            write_text(place, whole + cut)
        found = []
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                found.append(SceneRecord.from_tree(json.loads(line)))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise DataError(f"{place}:{number} is no record of a scene ({error!r}); remove the line") from error
        return found

    def append(self, record: SceneRecord) -> None:
        """Write a record at the end.

        Raises:
            PspGraspError: The disk says no; what was there before stays.
        """
        place = self.folder / LINES
        try:
            with place.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record.to_tree()) + "\n")
        except OSError as error:
            raise PspGraspError(f"{place} can't be written: {error.strerror or error}") from error
        self.appended.append(record)


def _read(place: Path) -> str:
    try:
        return place.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{place} can't be read: {error}") from error


def _read_json(place: Path) -> Any:
    try:
        return json.loads(_read(place))
    except ValueError as error:
        raise DataError(f"{place} is no JSON: {error}; give another folder") from error
