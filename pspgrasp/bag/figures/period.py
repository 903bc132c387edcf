"""How often frames come, and how many neighbours are therefore alike."""

from __future__ import annotations

import math
from typing import Sequence

import numpy as np

from pspgrasp.bag.figures.bootstrap import block_length
from pspgrasp.bag.results.columns import Columns
from pspgrasp.bag.results.result import RecordingResult


def block_of(results: Sequence[RecordingResult]) -> int:
    """Return how many neighbouring frames are drawn together."""
    periods_s = [frame_period_s(result.seen) for result in results]
    known = [period_s for period_s in periods_s if period_s > 0]
    rate_hz = 1 / float(np.median(known)) if known else 0.0
    return block_length(sum(len(result.seen) for result in results), rate_hz)


def frame_period_s(seen: Columns) -> float:
    """Return the median time between frames [s]; NaN for fewer than two."""
    return float(np.median(np.abs(np.diff(seen["stamp_ns"]))) / 1e9) if len(seen) > 1 else math.nan


def image_period_s(seen: Columns, times: str = "stamp_ns") -> float:
    """Return the median time between images, of which just some may have been judged [s]; NaN for fewer than two."""
    if len(seen) < 2:
        return math.nan
    return float(np.median(np.abs(np.diff(seen[times]) / np.maximum(1, np.diff(seen["number"]))))) / 1e9
