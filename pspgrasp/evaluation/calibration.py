"""Whether quality can be taken at its word: of grasps with quality 0.8, do 80 % succeed?

Reliability curve and expected calibration error with bins of equal width (Naeini et al. 2015, Guo et al. 2017), and
the mean squared error of quality as a forecast (Brier 1950).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Sequence, Tuple

import numpy as np

from pspgrasp.evaluation.interval import wilson_interval

BINS = 10


@dataclass(frozen=True)
class ReliabilityBin:
    """Grasps of about the same quality.

    Attributes:
        low: Least quality of the bin.
        high: Greatest.
        grasps: How many, at least one.
        quality: Their mean quality.
        success: Share of them that are right.
        interval_95: Wilson's, of `success`.
    """

    low: float
    high: float
    grasps: int
    quality: float
    success: float
    interval_95: Tuple[float, float]


@dataclass(frozen=True)
class Calibration:
    """How well quality foretells success.

    Attributes:
        grasps: How many were judged.
        ece: Expected calibration error: mean distance of success from quality, bins weighted by their grasps.
        brier: Mean squared difference of quality and outcome.
        bins: Those that hold a grasp.
    """

    grasps: int
    ece: float
    brier: float
    bins: Tuple[ReliabilityBin, ...]


def calibration(quality: Sequence[float], right: Sequence[bool], bins: int = BINS) -> Optional[Calibration]:
    """Return how well the qualities (N,), each in [0, 1], foretell the outcomes (N,); None where there are none."""
    if not len(quality):
        return None
    forecast, outcome = np.asarray(quality, float), np.asarray(right, float)
    place = np.minimum((forecast * bins).astype(int), bins - 1)  # a quality of 1 belongs to the last
    filled = tuple(_bin(n, bins, forecast[place == n], outcome[place == n]) for n in np.unique(place).tolist())
    ece = sum(b.grasps * abs(b.success - b.quality) for b in filled) / len(forecast)
    return Calibration(len(forecast), ece, float(((forecast - outcome) ** 2).mean()), filled)


def _bin(number: int, bins: int, forecast: np.ndarray, outcome: np.ndarray) -> ReliabilityBin:
    right = int(outcome.sum())
    return ReliabilityBin(
        number / bins,
        (number + 1) / bins,
        len(outcome),
        float(forecast.mean()),
        right / len(outcome),
        wilson_interval(right, len(outcome)),
    )
