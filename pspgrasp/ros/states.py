"""How the node fares, as a state machine; knows no ROS and no clock. docs/reliability.md draws it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import Deque, Optional, Tuple

from pspgrasp.node_config import HealthConfig

WINDOW_S = 5.0  # over which frames are counted
MOST_FRAMES = 5000  # that are remembered: 1000 a second


class State(Enum):
    """In words. Its numbers stand in DetectorState.msg, by the same names."""

    STARTING = "starting"
    WAITING = "waiting for camera"
    RUNNING = "running"
    DEGRADED = "degraded"
    FAILED = "failed"
    PAUSED = "paused"


class Trouble(Enum):
    """What degrades a node that runs."""

    NO_GOOD_FRAME = "no frame was judged for long"
    FAILURES = "many frames fail"
    LOW_RATE = "few frames are judged"
    CPU = "it runs on the CPU beside a GPU"


@dataclass(frozen=True)
class Standing:
    """A state, and why the node is in it.

    Attributes:
        state: Of the node.
        reason: In words.
        troubles: All that degrades it.
    """

    state: State
    reason: str
    troubles: Tuple[Trouble, ...] = ()


class Frames:
    """What became of the frames since the start, or since a pause."""

    def __init__(self) -> None:
        """Start with none."""
        self.first_s: Optional[float] = None
        self.good_s: Deque[float] = deque(maxlen=MOST_FRAMES)
        self.failed_s: Deque[float] = deque(maxlen=MOST_FRAMES)
        self.row, self.row_since_s = 0, 0.0  # of failures with no good frame among them
        self.row_ours = False  # whether no camera can make any of them
        self.failing = ""  # why the last one failed

    def add_good(self, now_s: float) -> None:
        """Count a frame that was judged."""
        self._add(now_s, self.good_s)
        self.row, self.failing = 0, ""

    def add_failed(self, now_s: float, why: str, ours: bool) -> None:
        """Count a frame that failed."""
        self._add(now_s, self.failed_s)
        self.row_ours = ours and (self.row == 0 or self.row_ours)
        self.row_since_s = now_s if self.row == 0 else self.row_since_s
        self.row, self.failing = self.row + 1, why

    def _add(self, now_s: float, times_s: Deque[float]) -> None:
        self.first_s = now_s if self.first_s is None else self.first_s
        times_s.append(now_s)


class NodeStates:
    """Events in, the state out. Times are of one clock that never goes back [s]."""

    def __init__(self, config: HealthConfig) -> None:
        """Start with the state STARTING."""
        self._config = config
        self._ready = self._paused = False
        self._stuck = self._fallback = ""
        self._frames = Frames()

    # --- events

    def ready(self) -> None:
        """The network is loaded."""
        self._ready = True

    def runs(self, fallback: str) -> None:
        """Another network runs; `fallback` says why it runs where it should not, "" if it doesn't."""
        self._fallback = fallback

    def good(self, now_s: float) -> None:
        """A frame was judged, whether it holds a grasp or not."""
        self._frames.add_good(now_s)

    def failed(self, why: str, now_s: float, ours: bool = False) -> None:
        """A frame failed; `ours`: by an error that no camera can make."""
        self._frames.add_failed(now_s, why, ours)

    def pause(self) -> None:
        """No frame is judged any more."""
        self._paused = True

    def resume(self) -> None:
        """Frames are judged again. What was before the pause says nothing of what comes."""
        if self._paused:
            self._frames = Frames()
        self._paused = False

    def stuck(self, why: str) -> None:
        """A frame doesn't end, or none can succeed: nothing follows but the end of the process."""
        self._stuck = why

    # --- questions

    @property
    def failing(self) -> str:
        """Why the last frame failed; "" if it didn't."""
        return self._frames.failing

    @property
    def hopeless(self) -> str:
        """Why only a new process can help, as after an error that a GPU keeps for ever; "" if nothing says so."""
        if self._paused or not self._frames.row_ours or not self._fails_for_long():
            return ""
        return f"every frame fails for long, by what no camera can do: {self._frames.failing}"

    def rate_hz(self, now_s: float) -> float:
        """Return how many frames a second were judged lately."""
        return _lately(self._frames.good_s, now_s) / WINDOW_S

    def standing(self, now_s: float, missing: str = "", heard_s: Optional[float] = None) -> Standing:
        """Return the state.

        Args:
            now_s: The time.
            missing: What of the camera has never come, in words; "" if all has.
            heard_s: When the last image came; None if none has.
        """
        if not self._ready:
            return Standing(State.STARTING, "the network is loaded")
        if self._stuck:
            return Standing(State.FAILED, self._stuck)
        if self._paused:
            return Standing(State.PAUSED, "~pause was called; ~resume lets it go on")
        if missing or self._frames.first_s is None:
            return Standing(State.WAITING, f"waiting for {missing or 'a frame'}")
        if self._fails_for_long():
            return Standing(State.FAILED, f"every frame fails for long: {self._frames.failing}")
        return self._well_or_degraded(now_s, heard_s)

    def _well_or_degraded(self, now_s: float, heard_s: Optional[float]) -> Standing:
        found = {
            Trouble.NO_GOOD_FRAME: self._silence(now_s, heard_s),
            Trouble.FAILURES: self._failures(now_s),
            Trouble.LOW_RATE: self._slowness(now_s),
            Trouble.CPU: self._fallback,
        }
        troubles = tuple(trouble for trouble, why in found.items() if why)
        if not troubles:
            return Standing(State.RUNNING, "frames are judged")
        return Standing(State.DEGRADED, "; ".join(found[trouble] for trouble in troubles), troubles)

    def _fails_for_long(self) -> bool:
        many = self._frames.row >= self._config.most_failed
        return many and self._frames.failed_s[-1] - self._frames.row_since_s >= self._config.failed_after_s

    def _silence(self, now_s: float, heard_s: Optional[float]) -> str:
        longest_s = self._config.stall_s
        if self._frames.good_s and now_s - self._frames.good_s[-1] <= longest_s:
            return ""
        if not self._frames.good_s and self._frames.row and now_s - self._frames.failed_s[-1] <= longest_s:
            return f"no frame was judged yet: {self._frames.failing}"
        came = heard_s is not None and now_s - heard_s <= longest_s
        return f"no frame was judged in {longest_s:g} s, " + ("though images come" if came else "and no image came")

    def _failures(self, now_s: float) -> str:
        count = _lately(self._frames.failed_s, now_s)
        if count < self._config.most_failed:
            return ""
        last = f": {self._frames.failing}" if self._frames.failing else ""
        return f"{self._config.most_failed} or more frames of the last {WINDOW_S:g} s failed{last}"

    def _slowness(self, now_s: float) -> str:
        least_hz = self._config.min_rate_hz
        counted = self._frames.first_s is not None and now_s - self._frames.first_s >= WINDOW_S
        if not counted or self.rate_hz(now_s) >= least_hz:
            return ""
        return f"fewer than {least_hz:g} frames a second are judged"


def _lately(times_s: Deque[float], now_s: float) -> int:
    return sum(now_s - time_s < WINDOW_S for time_s in times_s)
