"""What the bench judges: detectors on their own road, and two bounds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Tuple

from pspgrasp.config import CropConfig, DetectionConfig, LimitsConfig
from pspgrasp.data.synthetic.antipodal import GripperConfig
from pspgrasp.evaluation.synthetic_scenes import told_opening
from pspgrasp.grasp import Grasp
from pspgrasp.predictor import GraspPredictor
from pspgrasp.shipped import find_checkpoint
from pspgrasp.sim.bounds import centroid_grasp, labels_grasps
from pspgrasp.sim.shot import WINDOW_PX, Shot

LABELS, CENTROID = "labels", "centroid"
BOUNDS = (LABELS, CENTROID)
MOST_GRASPS = 3  # of an image; the best is tried, and while things move the nearest (Morrison et al. 2018)


class Row(Protocol):
    """The contract of whatever is judged."""

    @property
    def name(self) -> str:
        """For reports."""

    @property
    def description(self) -> str:
        """How it comes to a grasp, for reports."""

    def __call__(self, shot: Shot) -> Tuple[Grasp, ...]:
        """Return grasps in the optical frame, best first."""


@dataclass(frozen=True)
class DetectorRow:
    """A detector, as on a robot: it is given what the camera measured, and nothing else."""

    name: str
    predictor: GraspPredictor

    @property
    def description(self) -> str:
        """Say how it comes to a grasp."""
        return (
            f"best peak of the middle {self.predictor.crop.size_px} px, whatever its quality; "
            f"{told_opening(self.predictor)}, at most {1000 * self.predictor.limits.max_width_m:g} mm"
        )

    def __call__(self, shot: Shot) -> Tuple[Grasp, ...]:
        """Return grasps in the optical frame, best first."""
        return self.predictor.predict(shot.frame).grasps


@dataclass(frozen=True)
class LabelsRow:
    """The labeller's best grasps on true geometry: what is trained on such labels can hardly do better."""

    name: str = LABELS
    description: str = "the labeller's best grasps on true geometry, opening contact + 10 mm"

    def __call__(self, shot: Shot) -> Tuple[Grasp, ...]:
        """Return grasps in the optical frame, best first."""
        return labels_grasps(shot.truth)


@dataclass(frozen=True)
class CentroidRow:
    """The middle of the nearest thing, across its lesser axis: a lower bound."""

    name: str = CENTROID
    description: str = "across the middle of the nearest thing, truly segmented, fully opened"

    def __call__(self, shot: Shot) -> Tuple[Grasp, ...]:
        """Return grasps in the optical frame, best first."""
        grasp = centroid_grasp(shot.truth, shot.world.gripper.opening_m)
        return () if grasp is None else (grasp,)


def row_of(name: str, gripper: GripperConfig, device: str = "cpu") -> Row:
    """Return what a name stands for: `labels`, `centroid`, a checkpoint that ships, or a file.

    Raises:
        CheckpointError: No such checkpoint, or it is broken.
    """
    if name == LABELS:
        return LabelsRow()
    if name == CENTROID:
        return CentroidRow()
    predictor = GraspPredictor.from_checkpoint(
        find_checkpoint(name),
        device,
        CropConfig(size_px=WINDOW_PX),
        DetectionConfig(min_quality=0.0, max_grasps=MOST_GRASPS),
        LimitsConfig(max_width_m=gripper.opening_m),
    )
    return DetectorRow(row_name(name), predictor)


def row_name(name: str) -> str:
    """Return what a row is called in reports: a name as it is, a file without its folder."""
    return Path(name).stem if name.endswith(".safetensors") else name
