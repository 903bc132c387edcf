"""How the node fares, for /diagnostics."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any, Deque, Dict

import diagnostic_updater
from diagnostic_msgs.msg import DiagnosticStatus

from pspgrasp.predictor import GraspPredictor

WINDOW_S = 5.0  # over which the rate is taken


class Health:
    """Counts frames and keeps the last figures; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._figures: Dict[str, Any] = {"last error": "none"}
        self._judged_s: Deque[float] = deque(maxlen=1000)
        self._failed, self._failing = 0, ""

    def judged(self, latency_ms: float, age_ms: float, grasps: int, note: str) -> None:
        """Record a frame that was judged: time from arrival to grasps, age of the image then."""
        with self._lock:
            self._judged_s.append(time.monotonic())
            self._failing = ""
            self._figures.update(
                {
                    "latency [ms]": f"{latency_ms:.1f}",
                    "age [ms]": f"{age_ms:.1f}",
                    "grasps": grasps,
                    "last note": note or "none",
                }
            )

    def failed(self, why: str) -> None:
        """Record a frame that gave nothing because of an error."""
        with self._lock:
            self._failed += 1
            self._failing = why
            self._figures["last error"] = why

    def runs(self, predictor: GraspPredictor) -> None:
        """Record which network runs, and how."""
        runtime = predictor.runtime
        with self._lock:
            self._figures.update({"device": runtime.device, "runtime": runtime.name, "checkpoint": predictor.name})

    def report(self, stat: Any, missing: str, received: int, dropped: int) -> Any:
        """Fill a DiagnosticStatusWrapper: WARN while nothing comes, ERROR while frames fail."""
        with self._lock:
            rate_hz = sum(time.monotonic() - t < WINDOW_S for t in self._judged_s) / WINDOW_S
            level, text = DiagnosticStatus.OK, f"{rate_hz:.1f} frames/s"
            if missing:
                level, text = DiagnosticStatus.WARN, f"waiting for {missing}"
            elif self._failing:
                level, text = DiagnosticStatus.ERROR, self._failing
            elif rate_hz == 0:
                level, text = DiagnosticStatus.WARN, f"no frame was judged in {WINDOW_S:.0f} s"
            stat.summary(level, text)
            for key, value in self._figures.items():
                stat.add(key, str(value))
            stat.add("fps", f"{rate_hz:.1f}")
            stat.add("received", str(received))
            stat.add("dropped", str(dropped))
            stat.add("failed", str(self._failed))
        return stat


def updater(hardware: str, task: Any) -> diagnostic_updater.Updater:
    """Return an updater that publishes `task(stat)` on /diagnostics at each `force_update`."""
    made = diagnostic_updater.Updater()
    made.setHardwareID(hardware)
    made.add("grasp detection", task)
    return made
