"""Paired counts: they add up, change sides with the sides, and chance is told from skill."""

from __future__ import annotations

import numpy as np
import pytest

from pspgrasp.evaluation.paired import paired


def test_wins_and_losses_make_the_difference_of_the_hits_and_change_sides() -> None:
    rng = np.random.default_rng(3)
    one, other = (list(rng.random(200) < share) for share in (0.7, 0.5))
    there, back = paired(one, other), paired(other, one)
    assert there.wins - there.losses == sum(one) - sum(other)
    assert (there.wins, there.losses, there.p) == (back.losses, back.wins, back.p)
    assert 0 < there.p < 1


@pytest.mark.parametrize(
    ("wins", "losses", "p"),
    [(0, 0, 1.0), (1, 0, 1.0), (3, 3, 1.0), (5, 0, 2 / 2**5), (6, 1, 2 * 8 / 2**7), (10, 2, 2 * 79 / 2**12)],
)
def test_p_is_twice_the_smaller_tail_of_a_fair_coin(wins: int, losses: int, p: float) -> None:
    hits = [True] * wins + [False] * losses + [True, False] * 4
    others = [False] * wins + [True] * losses + [True, False] * 4
    found = paired(hits, others)
    assert (found.wins, found.losses) == (wins, losses)
    assert found.p == pytest.approx(p)


def test_thousands_of_split_images_are_no_trouble() -> None:
    even, uneven = (paired([True] * wins + [False] * 2000, [False] * wins + [True] * 2000) for wins in (2000, 2200))
    assert even.p == 1.0
    assert uneven.p == pytest.approx(0.002, abs=0.001), "3.1 standard deviations"
