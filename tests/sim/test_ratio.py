"""Laws of ratios over scenes: their intervals hold the truth as often as they say, be attempts of one alike or not."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("mujoco", reason="needs the extra sim")

from pspgrasp.sim.ratio import FEWEST, Estimate, ratio, share


def test_a_ratio_is_of_sums_and_no_mean_of_ratios() -> None:
    found = ratio([1.0, 0.0], [1.0, 9.0])
    assert found == Estimate(0.1, None)
    assert ratio([], []) is None
    assert share(0, 0) is None


def test_its_interval_is_told_of_enough_scenes_that_differ_and_is_always_the_same() -> None:
    parts, wholes = [1.0, 2.0, 0.0, 3.0, 1.0, 2.0], [3.0, 3.0, 2.0, 4.0, 3.0, 5.0]
    found = ratio(parts, wholes)
    assert found is not None
    assert found.interval_95 is not None
    low, high = found.interval_95
    assert 0.0 < low < found.value < high < 1.0
    assert ratio(parts, wholes) == found
    for few in (
        ratio(parts[: FEWEST - 1], wholes[: FEWEST - 1]),
        ratio([0.0] * 9, [1.0] * 9),
        ratio([2.0] * 9, [4.0] * 9),
    ):
        assert few is not None
        assert few.interval_95 is None


def test_an_interval_over_bins_holds_the_truth_where_one_over_attempts_does_not() -> None:
    rng, runs = np.random.default_rng(5), 80
    held_by = {"bins": 0, "attempts": 0}
    for _ in range(runs):
        chances = rng.beta(2.0, 2.0, 30)  # each bin has its own; 1/2 on average
        counts = rng.binomial(10, chances)
        for name, found in (("bins", ratio(counts, [10.0] * 30)), ("attempts", share(int(counts.sum()), 300))):
            assert found is not None
            assert found.interval_95 is not None
            held_by[name] += found.interval_95[0] <= 0.5 <= found.interval_95[1]
    assert held_by["bins"] >= 0.88 * runs
    assert held_by["attempts"] < 0.8 * runs
