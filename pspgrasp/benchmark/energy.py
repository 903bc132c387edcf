"""What a frame costs the GPU in energy, where the GPU tells it: NVIDIA's from Volta on, by pynvml."""

from __future__ import annotations

import time
from itertools import cycle
from typing import Callable, Dict, List, Sequence, Tuple

import torch

from pspgrasp.benchmark.rows import Row, RowKey
from pspgrasp.benchmark.timing import Turn
from pspgrasp.depth import DepthFrame
from pspgrasp.errors import PspGraspError
from pspgrasp.runtimes.machine import installed

PACKAGE = "pynvml"
SECONDS = 3.0  # of each row: the counter moves every tenth of a second or so
Meter = Callable[[], float]


def energy_of(rows: Sequence[Row], frames: Sequence[DepthFrame]) -> Tuple[Dict[RowKey, float], List[str]]:
    """Return the energy of a frame [J] of each row on a GPU, and what is to be said of those without.

    A row runs by itself for `SECONDS`, one frame after the other; what the GPU takes when it idles is part of it.
    """
    found: Dict[RowKey, float] = {}
    if not installed(PACKAGE):
        return found, []
    said: Dict[str, str] = {}
    for row in rows:
        if row.key.device.startswith("cuda"):
            try:
                found[row.key] = joules_per_frame(row.turn, frames, gpu_meter(row.key.device))
            except PspGraspError as error:
                said[row.key.device] = str(error)
    return found, list(said.values())


def joules_per_frame(turn: Turn, frames: Sequence[DepthFrame], meter: Meter) -> float:
    """Return the energy of a frame [J]."""
    began_s, began_j, endless, done = time.monotonic(), meter(), cycle(frames), 0
    while done == 0 or time.monotonic() - began_s < SECONDS:
        turn.lap(next(endless))
        done += 1
    return (meter() - began_j) / done


def gpu_meter(device: str) -> Meter:
    """Return what reads the energy that a GPU has taken so far [J].

    Raises:
        PspGraspError: It doesn't tell.
    """
    import pynvml

    try:
        pynvml.nvmlInit()
        # Its numbers are the driver's, torch's those of CUDA_VISIBLE_DEVICES.
        uuid = torch.cuda.get_device_properties(torch.device(device)).uuid
        handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}".encode())
        pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)
    except (pynvml.NVMLError, AttributeError) as error:
        raise PspGraspError(f"energy: {device} does not tell ({error})") from error
    return lambda: pynvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1000  # millijoules
