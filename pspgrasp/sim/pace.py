"""How long a robot takes: the one rule by which all rows' picks an hour are counted."""

from __future__ import annotations

from typing import Sequence

from pspgrasp.sim.clearing import ClearingConfig
from pspgrasp.sim.records import Tried

CONFIG = ClearingConfig()


def spent_s(attempts: Sequence[Tried], config: ClearingConfig = CONFIG) -> float:
    """Return how long a robot takes for attempts [s]: what was simulated and measured, and what was not.

    Args:
        attempts: Whose motion was simulated, and whose detector was timed on the machine of the run; rows that are no
            detectors have no such time.
        config: Each attempt takes `looking_s`, and `carrying_s` if it ends with anything in the hand.
    """
    carried = sum(one.taken > 0 for one in attempts)
    measured_s = sum(one.motion_s + one.predict_s for one in attempts)
    return measured_s + config.looking_s * len(attempts) + config.carrying_s * carried


def rule(config: ClearingConfig = CONFIG) -> str:
    """Say in a sentence what picks an hour are."""
    return (
        "Picks an hour: attempts that held, by simulated motion, the detector's time on the run's machine (labels and "
        f"centroid have none), {config.looking_s:g} s of each attempt to look again, and {config.carrying_s:g} s to "
        "carry away what is in the hand."
    )
