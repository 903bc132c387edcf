"""Does a network run on the CPU though a GPU was hoped for?"""

from __future__ import annotations

import os

from pspgrasp.node_config import NodeConfig
from pspgrasp.runtimes.machine import has_gpu
from pspgrasp.runtimes.table import AUTO, CPU, GPU, RUNTIMES


def fallback(config: NodeConfig, device: str) -> str:
    """Return what is wrong with `device` in words; "" if nothing is, or nothing can be known.

    Args:
        config: What was asked for.
        device: Where the network runs.
    """
    left_open = config.device == "auto" and os.environ.get("CUDA_VISIBLE_DEVICES") not in ("", "-1")
    could = config.runtime == AUTO or (config.runtime in RUNTIMES and GPU in RUNTIMES[config.runtime].devices)
    if not (left_open and could and device == CPU and has_gpu()):
        return ""
    return "the network runs on the CPU though a GPU is here; device:=cpu if that is meant, else see to its libraries"
