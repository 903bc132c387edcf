"""Which samples a step takes, and which of them a process."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pspgrasp.errors import ConfigError
from pspgrasp.training.plan import Draw, TrainingPlan, ValidationPlan, dealt, shared_out

counts = st.lists(st.integers(0, 9), min_size=1, max_size=4).filter(any)


@given(counts, st.integers(0, 20))
def test_the_steps_take_each_number_of_a_source_once_and_in_order(samples: list, steps: int) -> None:
    plan = TrainingPlan(tuple(samples))
    for share, count in enumerate(samples):
        taken = [draw.number for step in range(steps) for draw in plan.draws(step) if draw.share == share]
        assert taken == list(range(steps * count))


@given(counts, st.integers(1, 7))
def test_validation_takes_every_sample_once(sizes: list, batch_size: int) -> None:
    plan = ValidationPlan(tuple(sizes), batch_size)
    batches = [plan.draws(item) for item in range(len(plan))]
    assert all(1 <= len(batch) <= batch_size for batch in batches)
    wanted = Counter(Draw(share, number) for share, size in enumerate(sizes) for number in range(size))
    assert Counter(draw for batch in batches for draw in batch) == wanted


@given(counts, st.integers(1, 5))
def test_processes_get_as_many_and_together_all(samples: list, ranks: int) -> None:
    draws = TrainingPlan(tuple(samples)).draws(3)
    hands = [dealt(draws, rank, ranks) for rank in range(ranks)]
    assert len({len(hand) for hand in hands}) == 1
    counted = Counter(draw for hand in hands for draw in hand if draw.counted)
    assert counted == Counter(draws)


def test_one_process_takes_all() -> None:
    draws = TrainingPlan((2, 1)).draws(5)
    assert dealt(draws, 0, 1) == draws == [Draw(0, 10), Draw(0, 11), Draw(1, 5)]


@given(st.integers(1, 64), st.lists(st.floats(0, 10).filter(lambda x: x == 0 or x > 1e-3), min_size=1, max_size=5))
def test_shares_fill_the_batch(batch_size: int, shares: list) -> None:
    sources = sum(share > 0 for share in shares)
    if not sources or sources > batch_size:
        with pytest.raises(ConfigError):
            shared_out(batch_size, shares)
        return
    samples = shared_out(batch_size, shares)
    assert sum(samples) == batch_size
    assert all((count > 0) == (share > 0) for count, share in zip(samples, shares))


def test_shares_are_weights() -> None:
    assert shared_out(40, [16, 16, 8]) == (16, 16, 8)
    assert shared_out(40, [1, 1, 0.5]) == (16, 16, 8)
    assert shared_out(8, [0, 1]) == (0, 8)
    assert shared_out(8, [1000, 1]) == (7, 1)


def test_nothing_to_learn_from_is_told() -> None:
    with pytest.raises(ConfigError, match="nothing to learn from: set data/scenes_share"):
        shared_out(8, [0.0])
    with pytest.raises(ConfigError, match="batch_size 2 can't hold samples of 3 sources"):
        shared_out(2, [1, 1, 1])
