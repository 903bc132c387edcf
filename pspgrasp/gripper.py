"""A parallel-jaw gripper: its sizes, and where it goes for a grasp. The defaults are near a Franka hand.

Labels, physics and what is checked on a robot share them: one rule of how deep fingers go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from pspgrasp.config import setting
from pspgrasp.grasp import Grasp

if TYPE_CHECKING:
    import torch

Heights = TypeVar("Heights", np.ndarray, "torch.Tensor")


@dataclass(frozen=True)
class FingersConfig:
    """The fingers, and how far they go in."""

    jaw_m: float = setting(0.02, "width of a jaw, across the closing direction [m]", 0.002, 0.1)
    finger_m: float = setting(0.009, "thickness of a finger, along the closing direction [m]", 0.001, 0.05)
    insertion_m: float = setting(0.025, "farthest that fingertips reach beyond the surface [m]", 0.002, 0.1)
    insertion_share: float = setting(0.6, "of the height over the support, if that is less", 0.1, 1.0)

    def insertion_at(self, height_m: Heights) -> Heights:
        """Return how far fingertips go below a surface [m] of a height over its support [m]: less on what is flat."""
        return (self.insertion_share * height_m).clip(0.0, self.insertion_m)


@dataclass(frozen=True)
class HandConfig(FingersConfig):
    """The whole hand.

    The defaults are of franka_description (hand.xacro, hand.stl): in the hand's frame the body ends at z = 65.9 mm,
    fingers begin at 58.4 mm and are 54.5 mm long.
    """

    finger_length_m: float = setting(0.047, "from the palm to the fingertips [m]", 0.001, 0.5)
    palm_along_m: float = setting(0.205, "size of the palm along the closing direction [m]", 0.001, 1.0)
    palm_across_m: float = setting(0.0632, "size of the palm across the closing direction [m]", 0.001, 1.0)


class HandPose(NamedTuple):
    """Where a hand is.

    Attributes:
        tip_m: (3,), the middle between the fingertips [m].
        rotation: (3, 3), the hand's frame in that of the place: columns are closing direction, its normal, approach.
    """

    tip_m: np.ndarray
    rotation: np.ndarray


def hand_pose(grasp: Grasp, insertion_m: float) -> HandPose:
    """Return where in the optical frame a hand closes whose fingertips go so far [m] beyond the grasp's place."""
    return HandPose(grasp.position_m + insertion_m * grasp.approach, grasp.rotation())


def fingertips_m(pose: HandPose, opening_m: float, fingers: FingersConfig) -> np.ndarray:
    """Return the corners (8, 3) [m] of the ends of both fingers."""
    inner_m, outer_m, half_m = opening_m / 2, opening_m / 2 + fingers.finger_m, fingers.jaw_m / 2
    corners_m = [[x_m, y_m, 0.0] for x_m in (-outer_m, -inner_m, inner_m, outer_m) for y_m in (-half_m, half_m)]
    return pose.tip_m + np.array(corners_m) @ pose.rotation.T
