"""A camera at a steady rate, of which each image is known by its stamp."""

from __future__ import annotations

import threading
import time
from typing import Dict, List

import numpy as np
import rospy
from rig import depth_msg
from watched import HALF, Watched


class Stream:
    """Publishes scenes in turns at half their size, from a thread of its own.

    Attributes:
        depths_m: The images (240, 320) [m].
        sent: Which of them was published, by its stamp.
        stopped: While it is set, the camera stands still.
    """

    def __init__(self, robot: Watched, scenes: List[np.ndarray], rate_hz: float) -> None:
        """Show `scenes` (480, 640) [m] to a node; begin on entering."""
        self._robot, self._rate_hz = robot, rate_hz
        self._over, self._lock = threading.Event(), threading.Lock()
        self.depths_m = [halved(scene) for scene in scenes]
        self.sent: Dict[rospy.Time, int] = {}
        self.stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Stream:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def send(self) -> None:
        """Publish the next image."""
        with self._lock:
            number = len(self.sent) % len(self.depths_m)
            msg = depth_msg(self.depths_m[number])
            self.sent[msg.header.stamp] = number
            self._robot.camera.publish(msg, HALF)

    def _run(self) -> None:
        due_s = time.monotonic()
        while not self._over.wait(max(0.0, due_s - time.monotonic())):
            due_s = max(due_s + 1 / self._rate_hz, time.monotonic())
            if not self.stopped.is_set():
                self.send()


def halved(scene: np.ndarray) -> np.ndarray:
    """Return every second pixel of every second row."""
    return scene[::2, ::2].copy()
