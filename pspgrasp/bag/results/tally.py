"""Faults, counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List

from pspgrasp.bag.recording import Fault

KEPT = 6  # of each kind


@dataclass
class Tally:
    """How many faults there are of each kind, and the first few of them.

    Attributes:
        counts: Kind -> how many.
        first: Of each kind at most `KEPT`, in the order in which they came.
    """

    counts: Dict[str, int] = field(default_factory=dict)
    first: List[Fault] = field(default_factory=list)

    def __len__(self) -> int:
        """How many there are."""
        return sum(self.counts.values())

    def add(self, fault: Fault) -> None:
        """Count one more."""
        before = self.counts.get(fault.kind, 0)
        if before < KEPT:
            self.first.append(fault)
        self.counts[fault.kind] = before + 1

    def lines(self) -> List[str]:
        """Return a line for each kind: how many, and the first of them."""
        return [f"{count} {kind}; the first: {self.of(kind)[0].detail}" for kind, count in sorted(self.counts.items())]

    def of(self, kind: str) -> List[Fault]:
        """Return the first ones of a kind."""
        return [fault for fault in self.first if fault.kind == kind]
