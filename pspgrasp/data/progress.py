"""Say on stderr how far a long work has got, and how long it will take."""

from __future__ import annotations

import sys
import time
from typing import Iterable, Iterator, TypeVar

Item = TypeVar("Item")

EVERY_S = 0.5  # on a terminal, where a line replaces the one before
EVERY_S_IN_A_LOG = 15.0


def with_progress(items: Iterable[Item], total: int, what: str) -> Iterator[Item]:
    """Yield the items, and tell about every half second "what 12/50, 3 s left" (in a log, every 15 s)."""
    on_terminal = sys.stderr.isatty()
    every_s = EVERY_S if on_terminal else EVERY_S_IN_A_LOG
    start_s = told_s = time.monotonic()
    for done, item in enumerate(items):
        now_s = time.monotonic()
        if done and now_s - told_s >= every_s:
            left_s = (now_s - start_s) / done * (total - done)
            print(f"{what} {done}/{total}, {left_s:.0f} s left   ", end="\r" if on_terminal else "\n", file=sys.stderr)
            told_s = now_s
        yield item
    if on_terminal:
        print(" " * 60, end="\r", file=sys.stderr)
