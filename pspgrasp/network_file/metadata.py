"""What an exported network says of itself: JSON inside its file."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Dict, List, Tuple

from pspgrasp import __version__
from pspgrasp.errors import CheckpointError, shown, unknown_name
from pspgrasp.header import NetworkHeader

KEY = "pspgrasp"  # under which it stands in a file
INPUT, OUTPUT = "depth", "maps"  # of the graph
MAPS = ("quality", "cos_2phi", "sin_2phi", "width")  # channels of the output
PRECISIONS = ("float32", "int8")


@dataclass(frozen=True)
class Metadata:
    """What an exported network says of itself.

    Attributes:
        name: Of the checkpoint that it was made of.
        fingerprint: Of that checkpoint.
        precision: A value of PRECISIONS.
        header: As the checkpoint has it.
        notes: How it was made and checked; for people.
    """

    name: str
    fingerprint: str
    precision: str
    header: NetworkHeader
    notes: Dict[str, Any]

    @property
    def input(self) -> Tuple[str, List[int]]:
        """Name and shape of the graph's input."""
        preprocess = self.header.preprocess
        return INPUT, [1, preprocess.channels, preprocess.input_size_px, preprocess.input_size_px]

    @property
    def output(self) -> Tuple[str, List[int]]:
        """Name and shape of the graph's output."""
        return OUTPUT, [1, len(MAPS), *self.input[1][2:]]

    def to_text(self) -> str:
        """Return it as JSON."""
        tree = {
            "name": self.name,
            "fingerprint": self.fingerprint,
            "precision": self.precision,
            "channels": list(MAPS),
            "made_by": f"pspgrasp {__version__}",
            "notes": self.notes,
            **self.header.to_tree(),
        }
        return json.dumps(tree, sort_keys=True)

    @classmethod
    def from_text(cls, text: str, place: str) -> Metadata:
        """Return what a text of unknown origin says.

        Raises:
            CheckpointError: It is not what `to_text` writes.
        """
        try:
            tree = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise CheckpointError(f"{place} is broken: its metadata is no JSON ({error})") from error
        if not isinstance(tree, dict):
            raise CheckpointError(f"{place} is broken: its metadata must be a mapping, got {shown(tree)}")
        fingerprint, precision, name = tree.get("fingerprint"), tree.get("precision"), tree.get("name")
        if not isinstance(fingerprint, str) or not re.fullmatch("[0-9a-f]{16}", fingerprint):
            raise CheckpointError(f"{place}: fingerprint must be 16 hex digits, got {shown(fingerprint)}")
        if precision not in PRECISIONS:
            raise CheckpointError(f"{place}: {unknown_name('precision', precision, PRECISIONS)}")
        if not isinstance(name, str) or tree.get("channels") != list(MAPS):
            raise CheckpointError(f"{place}: it must have a name, and the channels {', '.join(MAPS)}")
        notes = tree.get("notes")
        header = NetworkHeader.from_tree(tree, place)
        return cls(name, fingerprint, precision, header, notes if isinstance(notes, dict) else {})
