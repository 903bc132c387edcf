"""Say on stderr how far a long work has got, and how long it will take."""

from __future__ import annotations

import sys
import time
from typing import Iterable, Iterator, TypeVar

Item = TypeVar("Item")

EVERY_S = 0.5  # on a terminal, where a line replaces the one before
EVERY_S_IN_A_LOG = 15.0


def with_progress(items: Iterable[Item], total: int, what: str) -> Iterator[Item]:
    """Yield the items, and tell about every half second "what 12/50, 2.4/s, 16 s left" (in a log, every 15 s)."""
    on_terminal = sys.stderr.isatty()
    every_s = EVERY_S if on_terminal else EVERY_S_IN_A_LOG
    start_s = told_s = time.monotonic()
    for done, item in enumerate(items):
        now_s = time.monotonic()
        if done and now_s - told_s >= every_s:
            line = f"{what} {done}/{total}, {_pace(done, total, now_s - start_s)}"
            print(f"{line:<60}" if on_terminal else line, end="\r" if on_terminal else "\n", file=sys.stderr)
            told_s = now_s
        yield item
    if on_terminal:
        print(" " * 60, end="\r", file=sys.stderr)


def _pace(done: int, total: int, spent_s: float) -> str:
    per_s = done / max(spent_s, 1e-9)
    return f"{per_s:.{0 if per_s >= 10 else 2}f}/s, {spoken_time((total - done) / per_s)} left"


def spoken_time(seconds: float) -> str:
    """Return a duration as people say it: "40 s", "12 min", "3 h 05 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
