"""The learning rate as a function of the step."""

from __future__ import annotations

import pytest

from pspgrasp.training.config import SCHEDULES, OptimisationConfig
from pspgrasp.training.schedule import rate_factor


def factors(schedule: str, steps: int = 100, warmup: int = 10, **more: float) -> list:
    config = OptimisationConfig(schedule=schedule, warmup_steps=warmup, **more)
    return [rate_factor(step, steps, config) for step in range(steps)]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_it_rises_in_the_warm_up_and_never_after(schedule: str) -> None:
    rates = factors(schedule)
    assert all(0 < low < high for low, high in zip(rates[:10], rates[1:11]))
    assert rates[10] == 1
    assert all(high >= low > 0 for high, low in zip(rates[10:], rates[11:]))


@pytest.mark.parametrize(
    ("schedule", "middle", "end"), [("cosine", 0.5, 0.0), ("poly", 0.5**0.9, 0.0), ("constant", 1, 1)]
)
def test_it_falls_as_its_name_says(schedule: str, middle: float, end: float) -> None:
    rates = factors(schedule, steps=1000, warmup=0)
    assert rates[500] == pytest.approx(middle)
    assert rates[-1] == pytest.approx(end, abs=2e-3)


def test_a_run_that_is_all_warm_up_rises() -> None:
    rates = factors("cosine", steps=5, warmup=50)
    assert rates == sorted(rates)
    assert rates[-1] < 0.2
