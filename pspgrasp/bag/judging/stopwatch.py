"""How long each stage of a frame's road took."""

from __future__ import annotations

import time
from typing import Dict

from pspgrasp.bag.results.frame import TOTAL


class Stopwatch:
    """Takes the time from stage to stage; what follows the last one is in the total alone."""

    def __init__(self) -> None:
        """Start at once."""
        self.start()

    def start(self) -> None:
        """Start anew: a frame begins."""
        self._stages_ms: Dict[str, float] = {}
        self._start_s = self._last_s = time.perf_counter()

    def stage_done(self, stage: str) -> None:
        """End a stage; as `GraspPredictor.stage_done` wants it."""
        now_s = time.perf_counter()
        self._stages_ms[stage] = self._stages_ms.get(stage, 0.0) + 1000 * (now_s - self._last_s)
        self._last_s = now_s

    def stop(self) -> Dict[str, float]:
        """Return stage -> its time [ms], and `total`."""
        return {**self._stages_ms, TOTAL: 1000 * (time.perf_counter() - self._start_s)}

    def until_last(self) -> Dict[str, float]:
        """Return the same without what followed the last stage; where there was none, all of it counts."""
        return {**self._stages_ms, TOTAL: sum(self._stages_ms.values())} if self._stages_ms else self.stop()
