"""Wilson's interval against published values."""

from __future__ import annotations

import pytest

from pspgrasp.evaluation.interval import wilson_interval


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (27, 50, 0.4040, 0.6703), (0, 0, 0.0, 1.0)],
)
def test_wilsons_interval(hits: int, trials: int, low: float, high: float) -> None:
    assert wilson_interval(hits, trials) == pytest.approx((low, high), abs=1e-4)
