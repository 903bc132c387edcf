"""The rectangle metric (Jiang et al. 2011): a grasp is right if it overlaps a label and points the same way."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Sequence, Tuple

import numpy as np

from pspgrasp.rectangle import GraspRectangle, angle_distance_rad, overlaps

IOU_THRESHOLD = 0.25  # a hit overlaps by more than this
ANGLE_THRESHOLD_RAD = math.pi / 6  # and is turned by no more than this
#: Overlaps at which the metric is swept: 0.25 says little about how well a gripper fits.
SWEEP: Tuple[float, ...] = (0.25, 0.30, 0.35, 0.40, 0.45, 0.50, 0.55, 0.60, 0.65, 0.70, 0.75)
ROUNDING_RAD = 1e-9  # 30 degrees exactly is a hit, whatever the last bit of pi says


@dataclass(frozen=True)
class Match:
    """How well a rectangle fits the labels of an image.

    Attributes:
        iou: Largest overlap with a label that points the same way (within 30 degrees), 0 where none does.
        iou_any_angle: Largest overlap with any label.
        angle_off_rad: Angle to the label of `iou_any_angle`, [0, pi/2].
    """

    iou: float
    iou_any_angle: float
    angle_off_rad: float

    def hit(self, iou_threshold: float = IOU_THRESHOLD) -> bool:
        """Tell whether the metric counts it."""
        return self.iou > iou_threshold


def match(guesses: Sequence[GraspRectangle], labels: Sequence[GraspRectangle]) -> Tuple[Match, ...]:
    """Return how well each rectangle fits the labels of its image; `labels` isn't empty."""
    iou = overlaps(guesses, labels)
    angles_rad = (np.array([rectangle.angle_rad for rectangle in some]) for some in (guesses, labels))
    off_rad = angle_distance_rad(next(angles_rad)[:, None], next(angles_rad)[None])
    aligned_iou = np.where(off_rad <= ANGLE_THRESHOLD_RAD + ROUNDING_RAD, iou, 0.0)
    best = iou.argmax(axis=1)
    return tuple(
        Match(float(aligned_iou[row].max()), float(iou[row, label]), float(off_rad[row, label]))
        for row, label in enumerate(best)
    )
