"""A node under load for minutes, with swaps of its network and faults at random, and what that came to."""

from __future__ import annotations

import os
import random
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Tuple

import numpy as np
import rospy
from rig import Listener, depth_msg
from std_srvs.srv import Trigger
from stream import Stream
from watched import HALF, Watched, never_reads

from pspgrasp.ros.interfaces import GraspArray, SetModel

FAULT_EVERY_S = 2.0
SAMPLE_S = 0.5
WARM_UP = 1 / 3  # of the run, in which memory may grow


class Vitals(NamedTuple):
    """What a process holds: resident memory [MB], file descriptors, threads."""

    memory_mb: float
    descriptors: int
    threads: int

    @classmethod
    def of(cls, pid: int) -> Vitals:
        """Return those of a process."""
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        status = dict(line.split(":", 1) for line in lines if ":" in line)
        memory_mb = int(status["VmRSS"].split()[0]) / 1024
        return cls(memory_mb, len(os.listdir(f"/proc/{pid}/fd")), int(status["Threads"]))


class Grasps(Listener):
    """Keeps all grasps, and how old each image was when they came."""

    def __init__(self, topic: str) -> None:
        self.ages_ms: Dict[rospy.Time, float] = {}
        super().__init__(topic, GraspArray)

    def _store(self, msg: Any) -> None:
        self.ages_ms[msg.header.stamp] = 1000 * (rospy.Time.now() - msg.header.stamp).to_sec()
        super()._store(msg)


@dataclass
class Load:
    """What one rate came to.

    Attributes:
        rate_hz: At which images came.
        sent: Which image bears which stamp.
        ages_ms: Of the images when their grasps came to a listener [ms].
        done: How often each fault was done.
    """

    rate_hz: float
    sent: Dict[rospy.Time, int]
    ages_ms: List[float]
    done: Dict[str, int] = field(default_factory=dict)

    def told(self) -> str:
        """Return it in words."""
        p50, p95, p99 = np.percentile(self.ages_ms, (50, 95, 99))
        return (
            f"at {self.rate_hz:g} Hz: {len(self.sent)} good images in, {len(self.ages_ms)} times grasps out; age when "
            f"they came, ms: p50 {p50:.0f}, p95 {p95:.0f}, p99 {p99:.0f}, max {max(self.ages_ms):.0f}\n"
            f"  done to it: {', '.join(f'{name} {count}' for name, count in sorted(self.done.items()))}"
        )


class Faults:
    """What may go wrong, as functions of a node and a camera."""

    def __init__(self, robot: Watched, networks: Tuple[str, str], seed: int) -> None:
        """Swap between `networks`; `seed` fixes the order of what goes wrong."""
        self._robot, self._networks, self._draw = robot, networks, random.Random(seed)
        name = robot.process.name
        self._set_model = rospy.ServiceProxy(f"{name}/set_model", SetModel)
        self._gate = [rospy.ServiceProxy(f"{name}/{service}", Trigger) for service in ("pause", "resume")]
        self._kinds: List[Callable[[Stream], None]] = [
            *(self.swap, self.broken_swap, self.wrong_encoding, self.short_image, self.old_stamp),
            *(self.no_depth, self.burst, self.camera_stops, self.pause, self.deaf_subscriber),
        ]

    def one(self, stream: Stream) -> str:
        """Do one of them, and return its name."""
        kind = self._draw.choice(self._kinds)
        kind(stream)
        return kind.__name__.replace("_", " ")

    def swap(self, _: Stream) -> None:
        """Set a network."""
        assert self._set_model(self._draw.choice(self._networks)).success

    def broken_swap(self, _: Stream) -> None:
        """Ask for a network that isn't there."""
        assert not self._set_model("/nowhere.safetensors").success

    def wrong_encoding(self, stream: Stream) -> None:
        """Publish depth that says that it is a colour image."""
        msg = depth_msg(stream.depths_m[0])
        msg.encoding = "bgr8"
        self._robot.camera.publish(msg, HALF)

    def short_image(self, stream: Stream) -> None:
        """Publish half an image."""
        msg = depth_msg(stream.depths_m[0])
        msg.data = msg.data[: len(msg.data) // 2]
        self._robot.camera.publish(msg, HALF)

    def old_stamp(self, stream: Stream) -> None:
        """Publish an image of a minute ago."""
        stamp = rospy.Time.now() - rospy.Duration(60)
        self._robot.camera.publish(depth_msg(stream.depths_m[0], stamp=stamp), HALF)

    def no_depth(self, stream: Stream) -> None:
        """Publish an image of which nothing was measured."""
        self._robot.camera.publish(depth_msg(np.full_like(stream.depths_m[0], np.nan)), HALF)

    def burst(self, stream: Stream) -> None:
        """Publish twenty images at once."""
        for _ in range(20):
            stream.send()

    def camera_stops(self, stream: Stream) -> None:
        """Let the camera stand still for a second."""
        stream.stopped.set()
        time.sleep(1.0)
        stream.stopped.clear()

    def pause(self, _: Stream) -> None:
        """Pause the node for half a second."""
        pause, resume = self._gate
        assert pause().success
        time.sleep(0.5)
        assert resume().success

    def deaf_subscriber(self, _: Stream) -> None:
        """Subscribe to the largest output for a second without reading it."""
        name = self._robot.process.name
        with closing(never_reads(name, f"{name}/overlay")):
            time.sleep(1.0)


def loaded(
    robot: Watched, grasps: Grasps, faults: Faults, scenes: List[np.ndarray], rate_hz: float, lasts_s: float
) -> Load:
    """Show a node images at a rate for some time, with faults every few seconds."""
    load = Load(rate_hz, {}, [])
    until_s = time.monotonic() + lasts_s
    with Stream(robot, scenes, rate_hz) as stream:
        while time.monotonic() < until_s:
            name = faults.one(stream)
            load.done[name] = load.done.get(name, 0) + 1
            time.sleep(FAULT_EVERY_S)
    robot.becomes_good(scenes[0])  # so all that is of this load has come
    load.sent = stream.sent
    load.ages_ms = [age_ms for stamp, age_ms in grasps.ages_ms.items() if stamp in stream.sent]
    return load


@contextmanager
def vitals_of(pid: int) -> Iterator[List[Vitals]]:
    """Yield a list that grows by what a process holds, taken every SAMPLE_S."""
    taken, over = [Vitals.of(pid)], threading.Event()

    def take() -> None:
        while not over.wait(SAMPLE_S):
            taken.append(Vitals.of(pid))

    thread = threading.Thread(target=take)
    thread.start()
    try:
        yield taken
    finally:
        over.set()
        thread.join()


def growth(taken: List[Vitals]) -> float:
    """Return by which part memory grew: median of the last sixth of a run against that of the sixth after warm-up."""
    memory_mb = [vitals.memory_mb for vitals in taken]
    begin, sixth = int(WARM_UP * len(memory_mb)), max(1, len(memory_mb) // 6)
    return float(np.median(memory_mb[-sixth:]) / np.median(memory_mb[begin : begin + sixth]) - 1)
