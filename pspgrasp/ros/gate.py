"""Frames pass, or they don't; knows no ROS."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import Iterator


class Gate:
    """Between the camera and the network: open, or closed by whoever wants no frame judged."""

    def __init__(self) -> None:
        """Start open."""
        self._open, self._inside = threading.Event(), threading.Lock()
        self._open.set()
        self._since_s = 0.0  # when it was opened

    @property
    def closed(self) -> bool:
        """Whether no frame passes."""
        return not self._open.is_set()

    def close(self) -> None:
        """Let no frame pass any more; returns when the one inside is done with."""
        self._open.clear()
        with self._inside:
            pass

    def open(self) -> None:
        """Let frames pass that come from now on."""
        if self.closed:
            self._since_s = time.monotonic()
            self._open.set()

    def wait(self, timeout_s: float) -> bool:
        """Wait until it is open; tell whether it is."""
        return self._open.wait(timeout_s)

    @contextmanager
    def passing(self, came_s: float) -> Iterator[bool]:
        """Hold the gate for one frame that came at `came_s` [s], of `time.monotonic`; yield whether it may pass."""
        with self._inside:
            yield not self.closed and came_s >= self._since_s
