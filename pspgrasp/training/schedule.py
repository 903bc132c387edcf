"""The learning rate as a function of the step alone, so that there is nothing to restore when a run is resumed."""

from __future__ import annotations

import math

from pspgrasp.training.config import OptimisationConfig


def rate_factor(step: int, max_steps: int, config: OptimisationConfig) -> float:
    """Return the factor of the rate at a step, (0, 1]: a linear rise, then cosine or poly towards 0.

    Args:
        step: 0 to max_steps - 1.
        max_steps: Of the run.
        config: Schedule, power, warm-up.
    """
    if step < config.warmup_steps:
        return (step + 1) / (config.warmup_steps + 1)
    done = (step - config.warmup_steps) / max(1, max_steps - config.warmup_steps)
    factors = {
        "cosine": 0.5 * (1 + math.cos(math.pi * done)),
        "poly": (1 - done) ** config.poly_power,
        "constant": 1.0,
    }
    return factors[config.schedule]
