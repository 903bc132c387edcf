"""What the bench judges: detectors on their own road, and two bounds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, Tuple

from pspgrasp.clearance import ANY_WAY, ClearanceConfig
from pspgrasp.config import CropConfig, DetectionConfig
from pspgrasp.evaluation.synthetic_scenes import told_opening
from pspgrasp.grasp import Grasp
from pspgrasp.predictor import GraspPredictor
from pspgrasp.shipped import find_checkpoint
from pspgrasp.sim.bounds import centroid_grasps, labels_grasps
from pspgrasp.sim.shot import WINDOW_PX, Shot
from pspgrasp.table_plane import TableConfig

LABELS, CENTROID = "labels", "centroid"
BOUNDS = (LABELS, CENTROID)
CHECKED = ":checked"  # after a checkpoint: its grasps are those that the hand has room for, as the node checks them
MOST_GRASPS = 10  # of an image, for those who have more; see decision.py


class Row(Protocol):
    """The contract of whatever is judged."""

    @property
    def name(self) -> str:
        """For reports."""

    @property
    def description(self) -> str:
        """How it comes to a grasp, for reports."""

    @property
    def timed(self) -> bool:
        """Whether the time that it takes is a detector's."""

    def __call__(self, shot: Shot) -> Tuple[Grasp, ...]:
        """Return grasps in the optical frame, best first."""


@dataclass(frozen=True)
class DetectorRow:
    """A detector, as on a robot: it is given what the camera measured, and nothing else."""

    name: str
    predictor: GraspPredictor
    timed: bool = True

    @property
    def description(self) -> str:
        """Say how it comes to a grasp."""
        checked = "" if self.predictor.clearance == ANY_WAY.config else " for which the hand has room"
        peak = f"best peak of the middle {self.predictor.crop.size_px} px{checked}, whatever its quality"
        return f"{peak}; {told_opening(self.predictor)}, at most the gripper's"

    def __call__(self, shot: Shot) -> Tuple[Grasp, ...]:
        """Return grasps in the optical frame, best first."""
        return self.predictor.predict(shot.frame).grasps


@dataclass(frozen=True)
class LabelsRow:
    """The labeller's best grasps on true geometry: what is trained on such labels can hardly do better."""

    name: str = LABELS
    description: str = "the labeller's best grasps on true geometry, opening contact + 10 mm"
    timed: bool = False

    def __call__(self, shot: Shot) -> Tuple[Grasp, ...]:
        """Return grasps in the optical frame, best first."""
        return labels_grasps(shot.truth, MOST_GRASPS)


@dataclass(frozen=True)
class CentroidRow:
    """The middle of the nearest thing, across its lesser axis: a lower bound."""

    name: str = CENTROID
    description: str = "across the middle of the nearest thing, truly segmented, fully opened"
    timed: bool = False

    def __call__(self, shot: Shot) -> Tuple[Grasp, ...]:
        """Return grasps in the optical frame, best first."""
        return centroid_grasps(shot.truth, shot.arrangement.gripper.opening_m)[:MOST_GRASPS]


def row_of(name: str, device: str = "cpu") -> Row:
    """Return what a name stands for: `labels`, `centroid`, or a checkpoint, with or without `:checked`.

    Raises:
        CheckpointError: No such checkpoint, or it is broken.
    """
    if name == LABELS:
        return LabelsRow()
    if name == CENTROID:
        return CentroidRow()
    predictor = GraspPredictor.from_checkpoint(
        find_checkpoint(checkpoint_of(name)),
        device,
        CropConfig(size_px=WINDOW_PX),
        DetectionConfig(min_quality=0.0, max_grasps=MOST_GRASPS),
    )
    if name.endswith(CHECKED):
        # The hand comes straight down, along the table's normal.
        predictor = replace(predictor, clearance=ClearanceConfig(approach="table"), table=TableConfig("fitted"))
    return DetectorRow(row_name(name), predictor)


def checkpoint_of(name: str) -> str:
    """Return the checkpoint of a row: its name, or a file."""
    return name[: -len(CHECKED)] if name.endswith(CHECKED) else name


def row_name(name: str) -> str:
    """Return what a row is called in reports: a name as it is, a file without its folder."""
    checkpoint = checkpoint_of(name)
    called = Path(checkpoint).stem if checkpoint.endswith(".safetensors") else checkpoint
    return called + name[len(checkpoint) :]
