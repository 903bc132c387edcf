"""Paired counts: they add up, change sides with the sides, and chance is told from skill."""

from __future__ import annotations

import numpy as np
import pytest

from pspgrasp.evaluation.paired import holm, paired


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


def test_holms_correction_against_published_values() -> None:
    # Holm's step-down by hand: 3 * 0.01, then 2 * 0.02, then the largest so far; R's p.adjust gives the same.
    assert holm([0.04, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])
    assert holm([0.5, 0.9, 0.001, 0.01]) == pytest.approx([1.0, 1.0, 0.004, 0.03])
    assert holm([0.03]) == [0.03]
    assert holm([]) == []


def test_a_correction_keeps_the_order_and_makes_nothing_surer() -> None:
    found = np.random.default_rng(7).random(60) ** 3
    corrected = np.array(holm(found.tolist()))
    assert (corrected >= found).all()
    assert (np.diff(corrected[np.argsort(found)]) >= 0).all()
    assert (corrected <= np.minimum(1.0, len(found) * found)).all(), "Bonferroni's is no smaller"


def test_many_comparisons_of_equals_are_hardly_ever_sure() -> None:
    rng = np.random.default_rng(8)
    families = rng.random((400, 60))
    assert np.mean([min(family) < 0.05 for family in families]) > 0.9
    assert np.mean([min(holm(family.tolist())) < 0.05 for family in families]) < 0.08
