"""How good maps are beside the loss: does the best pixel hold a good grasp?"""

from __future__ import annotations

import math
from typing import Tuple

import torch

HIT_QUALITY = 0.5  # of the best quality of the target
HIT_ANGLE_RAD = math.radians(30)
HIT_WIDTH = 0.25  # relative


def map_hit(output: torch.Tensor, target: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
    """Return which samples hit, and which can: (B,) bool both.

    A sample hits if at the pixel where the output's quality is highest the target's quality is at least half of its
    best, and angle and width are within 30 degrees and 25 % of the target's there. One without a grasp can't hit.

    Args:
        output: (B, 4, M, M), what the network put out.
        target: (B, 4, M, M), what it should put out.
    """
    best = output[:, 0].flatten(1).argmax(1)
    there = best[:, None, None].expand(-1, 4, 1)
    quality, cos_2phi, sin_2phi, width = output.flatten(2).gather(2, there)[..., 0].unbind(1)
    wanted_quality, wanted_cos, wanted_sin, wanted_width = target.flatten(2).gather(2, there)[..., 0].unbind(1)
    most = target[:, 0].flatten(1).amax(1)
    off_rad = (torch.atan2(sin_2phi, cos_2phi) - torch.atan2(wanted_sin, wanted_cos)) / 2
    turned_rad = torch.atan(torch.tan(off_rad)).abs()  # an angle of grasps has period pi
    good = (wanted_quality >= HIT_QUALITY * most) & (turned_rad <= HIT_ANGLE_RAD) & quality.isfinite()
    return good & ((width - wanted_width).abs() <= HIT_WIDTH * wanted_width) & (most > 0), most > 0
