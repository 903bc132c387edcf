"""How sure a share or a mean is."""

from __future__ import annotations

import math
import statistics
from typing import Sequence, Tuple

from scipy.stats import t as student

Z_95 = 1.959964  # standard normal, two-sided 95 %


def wilson_interval(hits: int, trials: int) -> Tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927), which stays in [0, 1] and has a width at 0 and at 1."""
    if trials == 0:
        return 0.0, 1.0
    share, z2 = hits / trials, Z_95**2
    middle = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = Z_95 / (1 + z2 / trials) * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2))
    return (middle - half if hits else 0.0), (middle + half if hits < trials else 1.0)


def student_interval(values: Sequence[float]) -> Tuple[float, float]:
    """Return the 95 % interval of the mean of a few values (Student 1908); infinite for one."""
    if len(values) < 2:
        return -math.inf, math.inf
    mean = statistics.fmean(values)
    half = float(student.ppf(0.975, len(values) - 1)) * statistics.stdev(values) / math.sqrt(len(values))
    return mean - half, mean + half
