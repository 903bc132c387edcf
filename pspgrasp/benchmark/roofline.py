"""What the device itself could do, measured in the same rounds: arithmetic, and moving bytes (Williams et al. 2009)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

import torch

from pspgrasp.bag.judging.stopwatch import Stopwatch
from pspgrasp.benchmark.cost import NetworkCost
from pspgrasp.benchmark.timing import Lap, Turn
from pspgrasp.depth import DepthFrame

#: Precision of a row -> type of the matrices whose product is its peak. torch has no fast product of int8 on a CPU.
TYPES: Dict[str, torch.dtype] = {"float32": torch.float32, "half": torch.float16}
CPU_TYPES: Dict[str, torch.dtype] = {"float32": torch.float32, "half": torch.bfloat16}
SIDE, GPU_SIDE = 1024, 8192  # of the matrices
COPIED, GPU_COPIED = 128 << 20, 1 << 30  # bytes
DONE = "done"
Place = Tuple[str, int]  # device, threads of the CPU


@dataclass(frozen=True)
class Probe:
    """Work of which it is known how much it is.

    Attributes:
        place: Where it is done.
        kind: A precision, or "copy".
        amount: Operations, or bytes that are read and written.
        turn: Does it.
    """

    place: Place
    kind: str
    amount: float
    turn: Turn


@dataclass(frozen=True)
class Roofline:
    """The most that a device did in this run.

    Attributes:
        device: Which.
        threads: Of the CPU.
        bytes_per_s: Read and written by a copy [1/s].
        flops_per_s: Precision -> of a matrix product [1/s].
    """

    device: str
    threads: int
    bytes_per_s: float
    flops_per_s: Mapping[str, float]

    def floor_ms(self, cost: NetworkCost, precision: str) -> Optional[float]:
        """Return the time below which no forward pass can be [ms]; None where the precision's peak isn't known."""
        if precision not in self.flops_per_s:
            return None
        return 1000 * max(cost.flops / self.flops_per_s[precision], cost.least_bytes(precision) / self.bytes_per_s)


def probes_of(place: Place, precisions: Sequence[str]) -> List[Probe]:
    """Return a copy, and a product in each of the precisions that torch multiplies in on this device."""
    device = torch.device(place[0])
    return [_copy(place, device), *(one for kind in precisions for one in _product(place, device, kind))]


def roofline_of(place: Place, probes: Sequence[Probe], laps: Sequence[Sequence[Lap]]) -> Roofline:
    """Return what the fastest laps of a place's probes come to: a peak is what was reached at all."""
    best = {
        probe.kind: probe.amount / (min(lap[DONE] for lap in of_it) / 1000)
        for probe, of_it in zip(probes, laps)
        if probe.place == place
    }
    bytes_per_s = best.pop("copy")
    return Roofline(*place, bytes_per_s, best)


def _copy(place: Place, device: torch.device) -> Probe:
    size = GPU_COPIED if device.type == "cuda" else COPIED
    source = torch.ones(size, dtype=torch.uint8, device=device)
    return Probe(place, "copy", 2.0 * size, _turn(place, device, partial(torch.empty_like(source).copy_, source)))


def _product(place: Place, device: torch.device, precision: str) -> Iterator[Probe]:
    on_gpu = device.type == "cuda"
    kind = (TYPES if on_gpu else CPU_TYPES).get(precision)
    if kind is not None:
        side = GPU_SIDE if on_gpu else SIDE
        one, other = (torch.ones(side, side, dtype=kind, device=device) for _ in range(2))
        work = partial(_multiply, one, other, torch.empty_like(one))
        yield Probe(place, precision, 2.0 * side**3, _turn(place, device, work))


def _multiply(one: torch.Tensor, other: torch.Tensor, product: torch.Tensor) -> None:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")  # TF32 on a GPU, as torch's convolutions have it
    torch.mm(one, other, out=product)
    torch.set_float32_matmul_precision(before)


def _turn(place: Place, device: torch.device, work: Callable[[], object]) -> Turn:
    watch = Stopwatch()

    def done(_frame: DepthFrame) -> None:
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        watch.stage_done(DONE)

    return Turn(place[1], done, watch)
