"""Two detectors on the same images: only those count where one is right and the other is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import List, Sequence


@dataclass(frozen=True)
class Paired:
    """How a detector does against another one.

    Attributes:
        wins: Images where it alone is right.
        losses: Images where the other one alone is right.
        p: McNemar's exact p, two-sided: how likely at least such a difference is if both are equally good.
    """

    wins: int
    losses: int
    p: float


def paired(hits: Sequence[bool], other_hits: Sequence[bool]) -> Paired:
    """Return how the detector with `hits` does against the one with `other_hits`, image by image."""
    wins = sum(1 for hit, other in zip(hits, other_hits) if hit and not other)
    losses = sum(1 for hit, other in zip(hits, other_hits) if other and not hit)
    # Of equally good ones each wins a split image with chance 1/2: twice the smaller tail (McNemar 1947, exact).
    split, fewer = wins + losses, min(wins, losses)
    tail = sum(comb(split, won) for won in range(fewer + 1)) / 2**split
    return Paired(wins, losses, min(1.0, 2 * tail))


def holm(probabilities: Sequence[float]) -> List[float]:
    """Return p values corrected for how many were tested together, in the same order.

    Held against 0.05 each, at most one set of comparisons in twenty finds a difference where there is none (Holm, "A
    simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 1979).
    """
    corrected, least = [0.0] * len(probabilities), 0.0
    for rank, place in enumerate(sorted(range(len(probabilities)), key=lambda place: probabilities[place])):
        least = max(least, min(1.0, (len(probabilities) - rank) * probabilities[place]))
        corrected[place] = least
    return corrected
