"""What an exported network says of itself: JSON inside its file."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Tuple

from pspgrasp import __version__
from pspgrasp.config import DetectionConfig, from_tree, setting, to_tree
from pspgrasp.errors import CheckpointError, ConfigError, shown, unknown_name
from pspgrasp.header import NetworkHeader
from pspgrasp.maps import MOST_PLACES

KEY = "pspgrasp"  # under which it stands in a file
INPUT, OUTPUT = "depth", "maps"  # of the graph
FOCAL, CLEARANCE, PLACES, LEVEL = "focal", "clearance", "places", "level"  # of one of the whole road, beside them
PLACE = ("row", "column", "quality", "cos_2phi", "sin_2phi", "width")  # columns of PLACES
MAPS = ("quality", "cos_2phi", "sin_2phi", "width")  # channels of the output
PRECISIONS = ("float32", "int8")

Shapes = List[Tuple[str, List[int]]]  # of inputs or outputs, by name, in their order


@dataclass(frozen=True)
class RoadConfig:
    """What is built into a graph of the whole road, from depth to the places of grasps."""

    sigma_quality_px: float = setting(DetectionConfig.sigma_quality_px, "as in detection", 0.0, 50.0)
    sigma_angle_px: float = setting(DetectionConfig.sigma_angle_px, "as in detection", 0.0, 50.0)
    sigma_width_px: float = setting(DetectionConfig.sigma_width_px, "as in detection", 0.0, 50.0)

    @classmethod
    def of(cls, detection: DetectionConfig) -> RoadConfig:
        """Return what is to be built in for these settings."""
        return cls(detection.sigma_quality_px, detection.sigma_angle_px, detection.sigma_width_px)

    def __str__(self) -> str:
        return (
            f"{self.sigma_quality_px:g} (quality), {self.sigma_angle_px:g} (angle), {self.sigma_width_px:g} px (width)"
        )


@dataclass(frozen=True)
class Metadata:
    """What an exported network says of itself.

    Attributes:
        name: Of the checkpoint that it was made of.
        fingerprint: Of that checkpoint.
        precision: A value of PRECISIONS.
        header: As the checkpoint has it.
        notes: How it was made and checked; for people.
        road: What is built in, if the graph is of the whole road; None if it is of the network alone.
    """

    name: str
    fingerprint: str
    precision: str
    header: NetworkHeader
    notes: Dict[str, Any]
    road: Optional[RoadConfig] = None

    @property
    def inputs(self) -> Shapes:
        """Names and shapes of the graph's inputs."""
        if self.road is not None:
            return road_inputs(self.header)
        side = self.header.preprocess.input_size_px
        return [(INPUT, [1, self.header.preprocess.channels, side, side])]

    @property
    def outputs(self) -> Shapes:
        """Names and shapes of the graph's outputs."""
        side = self.header.preprocess.input_size_px
        maps = (OUTPUT, [1, len(MAPS), side, side])
        return [maps] if self.road is None else [(PLACES, [1, MOST_PLACES, len(PLACE)]), maps, (LEVEL, [1])]

    def to_text(self) -> str:
        """Return it as JSON."""
        tree = {
            "name": self.name,
            "fingerprint": self.fingerprint,
            "precision": self.precision,
            "channels": list(MAPS),
            "made_by": f"pspgrasp {__version__}",
            "notes": self.notes,
            "road": None if self.road is None else to_tree(self.road),
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
        return cls(name, fingerprint, precision, header, notes if isinstance(notes, dict) else {}, _road(tree, place))


def road_inputs(header: NetworkHeader) -> Shapes:
    """Return names and shapes of the inputs of a graph of the whole road: depth, and what its network makes it need."""
    side = header.preprocess.input_size_px
    focal = [(FOCAL, [1])] if header.preprocess.pixel_size_channel else []
    clearance = [(CLEARANCE, [1])] if header.width == "contact" else []
    return [(INPUT, [1, 1, side, side]), *focal, *clearance]


def spoken(shapes: Shapes) -> str:
    """Return names and shapes in words."""
    return ", ".join(f"{name} {shape}" for name, shape in shapes)


def _road(tree: Dict[str, Any], place: str) -> Optional[RoadConfig]:
    """Return what a tree of unknown origin says is built in."""
    if tree.get("road") is None:
        return None
    try:
        return from_tree(RoadConfig, tree["road"], "road")
    except ConfigError as error:
        raise CheckpointError(f"{place}: {error}") from error
