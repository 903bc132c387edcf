"""Recordings to export, and models that say what they are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any, List, Tuple

import numpy as np
from bag_writers import INFO, Entry, Messages, camera_entries
from made_up import Drawing, drawn

from pspgrasp.bag.export.job import Job
from pspgrasp.bag.reading.open import open_recordings
from pspgrasp.bag.recording import RecordedFrame, Selection
from pspgrasp.bag.results.frame import FrameResult
from pspgrasp.depth import DepthFrame
from pspgrasp.errors import NetworkError
from pspgrasp.node_config import NodeConfig

FRAMES, SHAPE = 6, (120, 160)
K = (150.0, 150.0, 79.5, 59.5)


class FakeSpec:
    """Builds a model of a test."""

    preset, config = "", NodeConfig()

    def __init__(self, name: str, column: int = 32, runtime: Any = None) -> None:
        self.name, self._column, self._runtime = name, column, runtime

    def build(self) -> Any:
        return drawn(self.name, self._column, self._runtime)


class FailingOnce(Drawing):
    """Fails on one image."""

    calls = 0

    def __call__(self, image: np.ndarray) -> np.ndarray:
        self.calls += 1
        if self.calls == 3:
            raise NetworkError("put out NaN")
        return super().__call__(image)


def images(count: int = FRAMES, shape: Tuple[int, int] = SHAPE) -> List[np.ndarray]:
    """Return depth [mm] of a table that comes nearer."""
    return [np.full(shape, 500 - number, np.uint16) for number in range(count)]


def entries(messages: Messages, count: int = FRAMES, shape: Tuple[int, int] = SHAPE) -> List[Entry]:
    """Return the messages of a camera, and others between them."""
    every = []
    for entry in camera_entries(messages, images(count, shape)):
        if entry.topic == INFO:
            stamp_ns = entry.recorded_ns - 2_000_000
            entry = entry._replace(msg=messages.camera_info(stamp_ns, shape, K))
        every += [
            entry,
            Entry("/arm/state", "std_msgs/msg/Float32MultiArray", entry.recorded_ns + 5, messages.command([1.0])),
        ]
    return every


def job(source: Path, output: Path, *specs: Any, compression: str = "none") -> Job:
    recording = open_recordings([source], Selection())[0]
    return Job(recording, source, specs or (FakeSpec("ours"),), output, compression)


def frames_of(path: Path) -> List[DepthFrame]:
    return [item.frame for item in open_recordings([path], Selection())[0] if isinstance(item, RecordedFrame)]


def judged(source: Path, spec: Any) -> List[FrameResult]:
    """Return what a model makes of each frame."""
    model = spec.build()
    recording = open_recordings([source], Selection())[0]
    return [model.judged(item) for item in recording if isinstance(item, RecordedFrame)]
