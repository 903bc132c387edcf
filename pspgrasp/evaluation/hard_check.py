"""The hard check: does a grasp hold in the scene as it truly is, and if not, what is the first thing wrong with it?

The labeller's own check, on exact depth. A grasp of the image is laid into the scene: the gripper comes down from above
where its pixel truly sees a surface, turned so that it looks like the grasp in the image, and opened by the width in
pixels times depth / focal length. So an error of measured depth at one pixel isn't counted against a detector.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import List, Sequence, Tuple

import torch

from pspgrasp.data.synthetic.antipodal import Attempts, Closing, GripperConfig, close_jaws, holds, insertion_at
from pspgrasp.evaluation.synthetic_scenes import JudgedScene
from pspgrasp.grasp import ImageGrasp


class Verdict(str, Enum):
    """What becomes of a grasp, in words: it holds, or the first reason why not, in this order."""

    HELD = "held"
    NO_GRASP = "no grasp"
    ON_NO_THING = "on no thing"
    TOO_WIDE = "opens too wide"  # for the gripper
    TOO_LITTLE = "opens too little"  # to take in what lies between the jaws
    COLLIDES = "collides"  # a finger that comes down beside it
    SLIPS = "slips"


@dataclass(frozen=True)
class SceneGuess:
    """One grasp as it was judged.

    Attributes:
        grasp: In pixels of the image.
        opening_m: What its width comes to at the depth that its pixel truly sees [m].
        verdict: What becomes of it.
    """

    grasp: ImageGrasp
    opening_m: float
    verdict: Verdict

    @property
    def held(self) -> bool:
        """Whether it is antipodal and free of collision."""
        return self.verdict is Verdict.HELD


def tried(scene: JudgedScene, grasps: Sequence[ImageGrasp], gripper: GripperConfig) -> Tuple[SceneGuess, ...]:
    """Return what becomes of each grasp in a scene."""
    if not grasps:
        return ()
    attempts = _attempts(scene, grasps, gripper)
    closing = close_jaws(scene.view, scene.cameras, attempts, gripper)
    seen_m = scene.view.depth_m[0, attempts.v, attempts.u]
    # As a robot works it out, which knows depth and focal length: see `detect.lift`.
    opening_m = torch.tensor([grasp.width_px for grasp in grasps]) * seen_m / scene.cameras.focal_px
    on_thing = scene.view.thing[0, attempts.v, attempts.u] > 0
    held = on_thing & holds(closing, opening_m, gripper)
    wrong = _wrong(closing, on_thing, opening_m, gripper)
    verdicts = [
        Verdict.HELD if good else next((verdict for verdict, bad in wrong if bad[n]), Verdict.SLIPS)
        for n, good in enumerate(held.tolist())
    ]
    return tuple(map(SceneGuess, grasps, opening_m.tolist(), verdicts))


def _attempts(scene: JudgedScene, grasps: Sequence[ImageGrasp], gripper: GripperConfig) -> Attempts:
    u, v = (torch.tensor([round(place) for place in some]) for some in zip(*((g.u, g.v) for g in grasps)))
    angle_rad = torch.tensor([grasp.angle_rad for grasp in grasps])
    first = torch.zeros_like(u)
    insertion_m = insertion_at(scene.view, scene.cameras, first, u, v, gripper)
    return Attempts(first, u, v, insertion_m, angle_rad)


def _wrong(
    closing: Closing, on_thing: torch.Tensor, opening_m: torch.Tensor, gripper: GripperConfig
) -> List[Tuple[Verdict, torch.Tensor]]:
    """Return what may be wrong, and of which grasps (N,) bool; the order is that of the verdicts."""
    half_m = opening_m / 2
    outside_m = torch.minimum(closing.left_m + closing.left_room_m, closing.right_m + closing.right_room_m)
    return [
        (Verdict.ON_NO_THING, ~on_thing | (closing.held == 0)),
        (Verdict.TOO_WIDE, opening_m > gripper.opening_m),
        (Verdict.TOO_LITTLE, torch.maximum(closing.left_m, closing.right_m) > half_m),
        (Verdict.COLLIDES, outside_m < half_m + gripper.finger_m),
    ]
