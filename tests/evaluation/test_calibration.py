"""Calibration: honest qualities have none to speak of, boastful ones do, and the picture shows it."""

from __future__ import annotations

from typing import Tuple

import numpy as np
import pytest

from pspgrasp.evaluation.calibration import BINS, calibration
from pspgrasp.evaluation.reliability_picture import CURVE, FINER, _place, reliability_picture


def drawn(count: int = 20_000) -> Tuple[np.ndarray, np.ndarray]:
    """Return chances and whether what has them came true."""
    rng = np.random.default_rng(5)
    chance = rng.uniform(0, 1, count)
    return chance, rng.uniform(0, 1, count) < chance


def test_honest_qualities_have_next_to_no_error() -> None:
    found = calibration(*drawn())
    assert found.ece < 0.015
    assert found.brier == pytest.approx(1 / 6, abs=0.01), "the mean of p (1 - p)"
    for one in found.bins:
        assert one.interval_95[0] - 0.02 < one.quality < one.interval_95[1] + 0.02


@pytest.mark.parametrize("told", [np.sqrt, np.square], ids=["boastful", "modest"])
def test_others_have_the_error_that_they_make(told) -> None:
    chance, right = drawn()
    found = calibration(told(chance), right)
    assert found.ece == pytest.approx(1 / 6, abs=0.015), "the mean distance of p from its root, and from its square"
    assert found.brier > calibration(chance, right).brier


def test_one_quality_for_all_is_honest_if_it_is_their_share() -> None:
    right = np.arange(10) < 7
    found = calibration([0.7] * 10, right)
    assert (found.ece, found.brier) == pytest.approx((0.0, 0.21))
    assert calibration([0.9] * 10, right).ece == pytest.approx(0.2)
    assert calibration([0.5] * 10, right).ece == pytest.approx(0.2)


def test_bins_hold_every_grasp_once_and_in_any_order() -> None:
    chance, right = drawn(500)
    found = calibration(chance, right)
    assert sum(one.grasps for one in found.bins) == found.grasps == 500
    assert all(one.low <= one.quality < one.high for one in found.bins)
    order = np.random.default_rng(1).permutation(500)
    again = calibration(chance[order], right[order])
    assert again.ece == pytest.approx(found.ece)
    assert [one.success for one in again.bins] == [one.success for one in found.bins]


def test_the_ends_belong_to_the_outer_bins_and_empty_ones_are_left_out() -> None:
    found = calibration([0.0, 1.0, 1.0], [False, True, True])
    assert [(one.low, one.high, one.grasps) for one in found.bins] == [(0.0, 1 / BINS, 1), (1 - 1 / BINS, 1.0, 2)]
    assert (found.ece, found.brier) == (0.0, 0.0)


def test_without_grasps_there_is_nothing_to_say() -> None:
    assert calibration([], []) is None


def test_the_picture_has_a_dot_where_a_bin_is_and_bars_by_their_number() -> None:
    found = calibration([0.25] * 4 + [0.75] * 8, [True] + [False] * 3 + [True] * 6 + [False] * 2)
    picture = reliability_picture(found, "made up")
    for quality, success in ((0.25, 0.25), (0.75, 0.75)):
        u, v = (n // FINER for n in _place(quality, success))
        assert tuple(picture[v, u]) == CURVE
    assert tuple(picture[_place(0, 0.75)[1] // FINER, _place(0.25, 0)[0] // FINER]) != CURVE
    left, right = ((picture[_place(0, 0)[1] // FINER + 5 :, _place(q, 0)[0] // FINER] == CURVE).all(1).sum()
                   for q in (0.25, 0.75))  # fmt: skip
    assert right == pytest.approx(2 * left, abs=2)
