"""Clearing a bin: grasp after grasp, until nothing is left or nothing succeeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, List, NamedTuple, Optional, Tuple

from pspgrasp.config import setting
from pspgrasp.sim.attempt import NOT_TRIED, Attempt, Choice, attempt_here
from pspgrasp.sim.world import World


@dataclass(frozen=True)
class ClearingConfig:
    """When a bin is given up, and what a robot does beside grasping."""

    # As in GG-CNN's trials in clutter (Morrison et al. 2018, section VI); VGN gives up after two (Breyer et al. 2020).
    most_failures: int = setting(3, "failures in a row after which a bin is given up", 1, 100)
    most_attempts: int = setting(100, "attempts after which a bin is given up", 1, 10000)
    # 0.2 m up to where the camera sees all and down again at 0.4 m/s on average, 0.5 s to rest and take an image.
    looking_s: float = setting(1.5, "time of each attempt to see anew: go up, look, come near [s]", 0.0, 60.0)
    # 0.5 m to the side and back at 0.4 m/s on average, 0.8 s to open the hand by 80 mm at a Franka's 0.1 m/s, and rest.
    carrying_s: float = setting(4.0, "time to carry a thing away, let it go and come back [s]", 0.0, 120.0)


class Clearing(NamedTuple):
    """How a bin was cleared.

    Attributes:
        attempts: What became of each, in order.
        picked: Numbers of the things that were taken away, in order.
        exploded: Whether the simulation failed; clearing ended then, and tells nothing about a detector.
    """

    attempts: Tuple[Attempt, ...]
    picked: Tuple[int, ...]
    exploded: bool


def clear(
    world: World, choose: Callable[[World], Optional[Choice]], config: ClearingConfig = ClearingConfig()
) -> Clearing:
    """Grasp until nothing is left, or until the bin is given up. The world stays as the last attempt leaves it.

    What is in the hand is taken away, all of it, be it meant or not; what isn't lies as it fell.

    Args:
        world: With things at rest.
        choose: Looks at the world and says what to try; None, if it finds no grasp, is a failure.
        config: When the bin is given up.
    """
    failures = 0
    attempts: List[Attempt] = []
    picked: List[int] = []
    while world.left and failures < config.most_failures and len(attempts) < config.most_attempts:
        choice = choose(world)
        done = NOT_TRIED if choice is None else attempt_here(world, *choice)
        attempts.append(done)
        failures = 0 if done.in_hand else failures + 1
        if choice is None:
            continue
        for thing in done.in_hand:
            world.take_away(thing)
        picked.extend(done.in_hand)
        if not world.exploded:
            world.settle()
        if world.exploded:
            break
    return Clearing(tuple(attempts), tuple(picked), world.exploded)
