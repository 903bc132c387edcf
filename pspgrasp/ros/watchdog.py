"""A frame that doesn't end, or a process in which none succeeds, is noticed, and it ends itself; knows no ROS.

A thread that is stuck in a driver can't be stopped, and may hold what the others need. Only a new process helps.
"""

from __future__ import annotations

import faulthandler
import math
import os
import statistics
import sys
import threading
import time
from collections import deque
from contextlib import contextmanager
from typing import Callable, Deque, Iterator

EXIT_CODE = os.EX_SOFTWARE
STDERR = 2
TICK_S = 0.1  # between two looks
FRAMES = 50  # whose median time is the usual one
FIRST_S = 10.0  # more for the first frame: what is usual isn't known yet, and much is set up lazily
FROZEN_S = 30.0  # after which a process of which no thread gets on is ended without a word of its own
FAREWELL_S = 3.0  # that the last words may take
SENDING_S = 0.3  # in which ROS's threads send them


class FrameWatch:
    """Knows the frame under way, and how long frames take; one thread works, another looks."""

    def __init__(self, patience_s: float) -> None:
        """Let a frame take `patience_s` beyond the usual; inf is for ever."""
        self._patience_s = patience_s
        self._took_s: Deque[float] = deque(maxlen=FRAMES)
        self._number, self._under_way = 0, False
        self._seen, self._seen_s, self._looked_s = 0, 0.0, 0.0

    @contextmanager
    def frame(self) -> Iterator[None]:
        """Be at work on a frame."""
        began_s = time.monotonic()
        self._number += 1
        self._under_way = True
        try:
            yield
        finally:
            self._under_way = False
            self._took_s.append(time.monotonic() - began_s)

    @property
    def limit_s(self) -> float:
        """How long a frame may take [s]."""
        usual_s = statistics.median(self._took_s) if self._took_s else FIRST_S
        return self._patience_s + usual_s

    def overdue(self, now_s: float) -> bool:
        """Tell whether the frame under way takes too long; to be asked every TICK_S or so.

        Time in which nobody asked counts as one tick: then the whole process stood still (stopped, starved, or
        importing something big), and the frame couldn't get on either.
        """
        since_s, self._looked_s = min(now_s - self._looked_s, 2 * TICK_S), now_s
        number = self._number
        if not self._under_way or number != self._seen:
            self._seen, self._seen_s = number, 0.0
            return False
        self._seen_s += since_s
        return self._seen_s > self.limit_s


def guard(watch: FrameWatch, hopeless: Callable[[], str], last_words: Callable[[str], None]) -> None:
    """Start to watch, for as long as the process lives.

    Args:
        watch: Of the worker.
        hopeless: Called every TICK_S; returns why the process should end, "" if it needn't.
        last_words: Gets the reason before the process ends with EXIT_CODE.
    """

    def look() -> None:
        while True:
            time.sleep(TICK_S)
            if math.isfinite(watch.limit_s):
                _end_if_frozen(FROZEN_S)
            overdue = watch.overdue(time.monotonic())
            why = f"one frame is under way for more than {watch.limit_s:.1f} s" if overdue else hopeless()
            if why:
                _end(f"{why}; the process ends itself", last_words)

    threading.Thread(target=look, name="watchdog", daemon=True).start()


def _end_if_frozen(after_s: float) -> None:
    # A thread of C, which needs no interpreter lock: a driver may hold that for ever.
    faulthandler.dump_traceback_later(after_s, exit=True, file=STDERR)


def _end(why: str, last_words: Callable[[str], None]) -> None:
    _end_if_frozen(FAREWELL_S)
    try:
        faulthandler.dump_traceback(file=STDERR)
        last_words(why)
        time.sleep(SENDING_S)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        # Nothing is joined or closed: it might wait for the thread that is stuck.
        os._exit(EXIT_CODE)
