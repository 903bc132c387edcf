"""A clock that goes on only when somebody works, and rows whose times are known."""

from __future__ import annotations

from typing import Callable, Dict, List, Mapping, Optional, Sequence

import numpy as np

from pspgrasp.bag.judging.stopwatch import Stopwatch
from pspgrasp.benchmark.cost import NetworkCost
from pspgrasp.benchmark.figures import STAGES, figures_of
from pspgrasp.benchmark.roofline import Roofline
from pspgrasp.benchmark.rows import GGCNN, OURS, Row, RowKey
from pspgrasp.benchmark.run import Finished
from pspgrasp.benchmark.timing import Turn
from pspgrasp.camera import PinholeCamera
from pspgrasp.depth import DepthFrame

COST = NetworkCost(flops=2_000_000_000, weights=1_000_000, activations=5_000_000, ends=450_000)
ROOF = Roofline("cpu", 1, 10e9, {"float32": 50e9, "half": 80e9})


class Clock:
    """Stands in for the module `time`."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def perf_counter(self) -> float:
        return self.now_s

    def monotonic(self) -> float:
        return self.now_s


def still(number: int = 0) -> DepthFrame:
    """Return a small frame that tells its number by its stamp."""
    return DepthFrame(np.ones((4, 4), np.float32), PinholeCamera(4, 4, 4.0, 4.0, 2.0, 2.0), stamp_ns=number)


def turn(
    clock: Clock,
    stages_ms: Mapping[str, float],
    after_ms: float = 0.0,
    seen: Optional[Callable[[DepthFrame], None]] = None,
) -> Turn:
    """Return a turn whose stages take as long as they are told, with something after the last one."""
    watch = Stopwatch()

    def work(frame: DepthFrame) -> None:
        if seen:
            seen(frame)
        for stage, spent_ms in stages_ms.items():
            clock.now_s += spent_ms / 1000
            watch.stage_done(stage)
        clock.now_s += after_ms / 1000

    return Turn(1, work, watch)


def key(
    road: str = OURS, checkpoint: str = "net", runtime: str = "torch", device: str = "cpu", threads: int = 1
) -> RowKey:
    return RowKey(road, checkpoint, runtime, 300, device, threads)


def row(of: RowKey, precision: str = "float32", cost: Optional[NetworkCost] = COST) -> Row:
    return Row(of, precision, cost, turn(Clock(), {}))


def lap(*stages_ms: float) -> Dict[str, float]:
    return dict(zip(STAGES, stages_ms))


def laps(whole_ms: Sequence[float]) -> List[Dict[str, float]]:
    """Return laps of which the network takes all but 3 ms."""
    return [lap(1.0, ms - 3.0, 0.5, 1.5) for ms in whole_ms]


def finished() -> Finished:
    """Return a run of three rows."""
    rows = [
        row(key(GGCNN, "ggcnn")),
        row(key()),
        row(key(runtime="openvino-int8"), "int8"),
        row(key("ours", "file"), cost=None),
    ]
    times = [
        laps([19.77, 21.11, 20.43]),
        laps([30.31, 28.17, 29.53]),
        laps([8.91, 9.37, 7.03]),
        laps([9.11, 9.13, 9.17]),
    ]
    figures = figures_of(rows, times, {("cpu", 1): ROOF}, {rows[1].key: 1.234})
    return Finished(figures, [ROOF], ["not installed: tensorrt"], 12)
