"""Which calibration goes with an image: the one with its stamp; knows no ROS.

Drivers such as RealSense's send a camera_info with each image, with one stamp and by two connections: either may come
first. Other cameras send it once, or now and then: there it holds until another one comes.
"""

from __future__ import annotations

import threading
from typing import Dict, Generic, Optional, TypeVar

Info = TypeVar("Info")

WAIT_S = 0.3  # for that of an image which came first
HABIT = 5  # images in a row with one of their own, after which the next is expected to have one, too
KEPT = 200  # more than come while a frame is judged


class Calibrations(Generic[Info]):
    """Calibrations by their stamps [ns], the last few; safe to use from several threads."""

    def __init__(self) -> None:
        """Start with none."""
        self._changed = threading.Condition()
        self._infos: Dict[int, Info] = {}  # by rising stamps
        self._paired = 0  # images in a row that had one of their own

    @property
    def newest(self) -> Optional[Info]:
        """The one that came last; None if none has."""
        with self._changed:
            return next(reversed(self._infos.values()), None)

    def put(self, stamp_ns: int, info: Info) -> None:
        """Store the one that holds from `stamp_ns` on; those of later stamps are of a time that was left."""
        with self._changed:
            earlier = [pair for pair in self._infos.items() if pair[0] < stamp_ns]
            self._infos = dict([*earlier[1 - KEPT :], (stamp_ns, info)])
            self._changed.notify_all()

    def at(self, stamp_ns: int) -> Optional[Info]:
        """Return the one with this stamp, or else the last one before it, or else the first one after it.

        Where each image had one of its own, that is waited for, and there is no other: None.
        """
        with self._changed:
            expected = self._paired >= HABIT
            own = self._changed.wait_for(lambda: stamp_ns in self._infos, WAIT_S if expected else 0.0)
            self._paired = self._paired + 1 if own else 0
            return None if expected and not own else self._holding(stamp_ns)

    def _holding(self, stamp_ns: int) -> Optional[Info]:
        earlier = [info for stamp, info in self._infos.items() if stamp <= stamp_ns]
        return earlier[-1] if earlier else next(iter(self._infos.values()), None)
