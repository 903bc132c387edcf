"""Wilson's and Student's intervals against published values."""

from __future__ import annotations

import pytest

from pspgrasp.evaluation.interval import student_interval, wilson_interval


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (27, 50, 0.4040, 0.6703), (0, 0, 0.0, 1.0)],
)
def test_wilsons_interval(hits: int, trials: int, low: float, high: float) -> None:
    assert wilson_interval(hits, trials) == pytest.approx((low, high), abs=1e-4)


def test_students_interval() -> None:
    low, high = student_interval([0.1, 0.2, 0.3])
    assert (low, high) == pytest.approx((0.2 - 4.3027 * 0.1 / 3**0.5, 0.2 + 4.3027 * 0.1 / 3**0.5), abs=1e-4)
    assert student_interval([0.7]) == (float("-inf"), float("inf"))
