"""Shares of scenes and ratios over scenes, and how sure they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional, Sequence, Tuple

import numpy as np
from scipy.stats import bootstrap

from pspgrasp.evaluation.interval import wilson_interval

FEWEST = 5  # scenes from which an interval is told
RESAMPLES, AT_ONCE = 2000, 100


@dataclass(frozen=True)
class Estimate:
    """A figure, and how sure it is.

    Attributes:
        value: What was measured.
        interval_95: None where so few scenes, or scenes that are all alike, say nothing of it.
    """

    value: float
    interval_95: Optional[Tuple[float, float]]


def share(hits: int, trials: int) -> Optional[Estimate]:
    """Return the share of independent trials that hit, with Wilson's interval; None without a trial."""
    return Estimate(hits / trials, wilson_interval(hits, trials)) if trials else None


def ratio(parts: Sequence[float], wholes: Sequence[float]) -> Optional[Estimate]:
    """Return sum(parts) / sum(wholes), one of each a scene; None without a scene.

    What belongs to one scene is not independent, so whole scenes are drawn: BCa bootstrap (Efron, "Better bootstrap
    confidence intervals", JASA 1987), always with the same draws.

    Args:
        parts: What is counted in each scene.
        wholes: Of what, or in what time; above 0.
    """
    if not wholes:
        return None
    part, whole = np.asarray(parts, float), np.asarray(wholes, float)
    value = part.sum() / whole.sum()
    alike = np.allclose(part, value * whole)
    return Estimate(float(value), None if len(part) < FEWEST or alike else _drawn_interval(part, whole))


def _drawn_interval(part: np.ndarray, whole: np.ndarray) -> Optional[Tuple[float, float]]:
    def of(some: np.ndarray, of_them: np.ndarray, axis: int = -1) -> Any:
        return some.sum(axis) / of_them.sum(axis)

    found = bootstrap(
        (part, whole), of, paired=True, vectorized=True, n_resamples=RESAMPLES, batch=AT_ONCE, random_state=0
    )
    low, high = found.confidence_interval
    return (float(low), float(high)) if np.isfinite([low, high]).all() else None
