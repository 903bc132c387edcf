"""How the node fares, for /diagnostics and ~state."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import Any, Dict, Iterator, Optional, Tuple

import diagnostic_updater
from diagnostic_msgs.msg import DiagnosticStatus

from pspgrasp.node_config import HealthConfig
from pspgrasp.predictor import GraspPredictor
from pspgrasp.ros.depth_topic import DepthTopic
from pspgrasp.ros.states import NodeStates, Standing, State

LEVELS = {State.RUNNING: DiagnosticStatus.OK, State.FAILED: DiagnosticStatus.ERROR}  # the others: WARN
AT_WORK = (State.RUNNING, State.DEGRADED)  # where each failed frame is an ERROR


class Health:
    """Counts frames and keeps the last figures; safe to use from several threads."""

    def __init__(self, config: HealthConfig) -> None:
        """Start as a node that starts."""
        self._lock = threading.Lock()
        self._states = NodeStates(config)
        self._figures: Dict[str, Any] = {"last error": "none"}
        self._judged = self._failed = 0

    @contextmanager
    def states(self) -> Iterator[NodeStates]:
        """Hold the state machine, to tell it of an event."""
        with self._lock:
            yield self._states

    def judged(self, latency_ms: float, age_ms: float, grasps: int, note: str) -> None:
        """Record a frame that was judged: time from arrival to grasps, age of the image then."""
        with self._lock:
            self._judged += 1
            self._states.good(time.monotonic())
            self._figures.update(
                {
                    "latency [ms]": f"{latency_ms:.1f}",
                    "age [ms]": f"{age_ms:.1f}",
                    "grasps": grasps,
                    "last note": note or "none",
                }
            )

    def failed(self, why: str, ours: bool) -> None:
        """Record a frame that gave nothing because of an error; `ours`: one that no camera can make."""
        with self._lock:
            self._failed += 1
            self._states.failed(why, time.monotonic(), ours)
            self._figures["last error"] = why

    def runs(self, predictor: GraspPredictor, fallback: str) -> None:
        """Record which network runs, and how; `fallback` as in `NodeStates.runs`."""
        runtime = predictor.runtime
        with self._lock:
            self._states.runs(fallback)
            self._figures.update({"device": runtime.device, "runtime": runtime.name, "checkpoint": predictor.name})

    def standing(self, depth: Optional[DepthTopic] = None) -> Standing:
        """Return the state that the node is in; `depth` is the camera, once there is one."""
        with self._lock:
            camera = (depth.missing(), depth.heard_s) if depth else ()
            return self._states.standing(time.monotonic(), *camera)

    def report(self, stat: Any, depth: DepthTopic) -> Any:
        """Fill a DiagnosticStatusWrapper: ERROR while frames fail, WARN while something else is wrong."""
        standing = self.standing(depth)
        with self._lock:
            rate_hz = self._states.rate_hz(time.monotonic())
            stat.summary(*_summary(standing, self._states.failing, rate_hz))
            figures = {
                **self._figures,
                "state": standing.state.value,
                "fps": f"{rate_hz:.1f}",
                "received": depth.mailbox.received,
                "dropped": depth.mailbox.dropped,
                "judged": self._judged,
                "failed": self._failed,
            }
        for key, value in figures.items():
            stat.add(key, str(value))
        return stat


def _summary(standing: Standing, failing: str, rate_hz: float) -> Tuple[int, str]:
    """Return level and text."""
    if failing and standing.state in AT_WORK:
        return DiagnosticStatus.ERROR, failing
    text = f"{rate_hz:.1f} frames/s" if standing.state is State.RUNNING else standing.reason
    return LEVELS.get(standing.state, DiagnosticStatus.WARN), text


def updater(hardware: str, task: Any) -> diagnostic_updater.Updater:
    """Return an updater that publishes `task(stat)` on /diagnostics at each `force_update`."""
    made = diagnostic_updater.Updater()
    made.setHardwareID(hardware)
    made.add("grasp detection", task)
    return made
