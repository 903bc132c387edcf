"""Laws of things: each family makes sound parts, of a size that a hand could hold, from a seed."""

from __future__ import annotations

from typing import Sequence

import numpy as np
import pytest
from exact_parts import corners_m, example, outside_m, points_in

from pspgrasp.data.synthetic.solids import Part
from pspgrasp.data.synthetic.things import FAMILIES, random_thing

SEEDS = range(3)


@pytest.mark.parametrize("family", FAMILIES)
def test_parts_are_finite_and_rightly_turned(family: str) -> None:
    for seed in SEEDS:
        for part in example(family, seed):
            for some in [part] if part.hole is None else [part, part.hole]:
                assert all(np.isfinite(np.asarray(field, float)).all() for field in some[:6])
                assert (some.half_m > 0).all()
                np.testing.assert_allclose(some.rotation @ some.rotation.T, np.eye(3), atol=1e-9)
                assert np.linalg.det(some.rotation) > 0


@pytest.mark.parametrize("family", FAMILIES)
def test_every_part_holds_matter_and_a_hole_leaves_some(family: str) -> None:
    for seed in SEEDS:
        for part in example(family, seed):
            left, whole = (len(points_in(some, 600, seed)) for some in (part, part._replace(hole=None)))
            assert left > 0
            assert part.hole is None or left < whole, "a hole that takes nothing"


@pytest.mark.parametrize("family", FAMILIES)
def test_things_are_of_a_size_that_a_hand_could_hold(family: str) -> None:
    for seed in SEEDS:
        parts = example(family, seed)
        assert np.ptp(corners_m(parts), axis=0).max() < 0.4
        assert min(2 * part.half_m.min() for part in parts) >= 0.001


@pytest.mark.parametrize("family", ["mug", "bowl", "plate", "tray"])
def test_hollow_things_are_open_above_and_closed_below(family: str) -> None:
    for seed in SEEDS:
        body = example(family, seed)[0]
        (low, high), middle = (np.sort(corners_m([body])[:, 2])[[0, -1]], body.centre_m[:2])
        axis = np.column_stack([np.tile(middle, (200, 1)), np.linspace(low, high, 200)])
        matter = outside_m(body, axis) < 0
        assert matter[1]
        assert not matter[-1]
        thick_m = matter.sum() * (high - low) / 200
        assert 0.001 < thick_m < 0.01
        assert (np.diff(matter.astype(int)) != 0).sum() <= 2, "one bottom"


@pytest.mark.parametrize("family", sorted(set(FAMILIES) - {"heap"}))
def test_the_parts_of_a_thing_hang_together(family: str) -> None:
    for seed in range(2):
        assert _pieces(example(family, seed)) == 1


def test_the_same_seed_gives_the_same_thing_and_another_another() -> None:
    one, again, other = (random_thing(np.random.default_rng(seed), 0.5) for seed in (7, 7, 8))
    assert repr(one) == repr(again)
    assert repr(one) != repr(other)


def test_only_as_many_things_are_tilted_as_asked() -> None:
    def upright(share: float) -> int:
        things = (random_thing(np.random.default_rng(seed), share) for seed in range(40))
        # Made upright: some axis of every part points up, or (bottles) all lie level.
        return sum(all(abs(part.rotation[2]).max() > 0.999 for part in thing) for thing in things)

    assert upright(0.0) - upright(1.0) > 20
    assert upright(0.0) > upright(0.5) > upright(1.0)


def _pieces(parts: Sequence[Part]) -> int:
    """Return into how many pieces a thing falls: parts hang together where one holds a point of the other."""
    samples = [np.concatenate([points_in(part, 300, 0), part.centre_m[None]]) for part in parts]
    group = list(range(len(parts)))
    for i, part in enumerate(parts):
        for j, points_m in enumerate(samples):
            if i != j and (outside_m(part, points_m) < 5e-4).any():
                old, new = group[j], group[i]
                group = [new if g == old else g for g in group]
    return len(set(group))
