"""How sure a share is."""

from __future__ import annotations

import math
from typing import Tuple

Z_95 = 1.959964  # standard normal, two-sided 95 %


def wilson_interval(hits: int, trials: int) -> Tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927), which stays in [0, 1] and has a width at 0 and at 1."""
    if trials == 0:
        return 0.0, 1.0
    share, z2 = hits / trials, Z_95**2
    middle = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = Z_95 / (1 + z2 / trials) * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2))
    return (middle - half if hits else 0.0), (middle + half if hits < trials else 1.0)
