"""The machine that a runtime runs on: what an engine or a decision that is kept depends on. Imports no runtime."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

from pspgrasp import __version__
from pspgrasp.errors import ConfigError, unknown_name
from pspgrasp.parallel import cores

#: Distributions whose version changes what runs; ONNX Runtime with CUDA is another distribution of the same module.
DISTRIBUTIONS = ("torch", "onnxruntime", "onnxruntime-gpu", "openvino", "tensorrt")
BOARD = Path("/proc/device-tree/model")  # a Jetson's GPU stands under no driver
CPU_FACTS = ("model name", "flags", "Features")  # of /proc/cpuinfo; Arm says Features


def installed(package: str) -> bool:
    """Tell whether a package can be imported, without importing it."""
    return find_spec(package) is not None


def check_device(device: str) -> None:
    """See that this is a name of a device; whether there is such a one is another question.

    Raises:
        ConfigError: It isn't.
    """
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", device):
        raise ConfigError(unknown_name("device", device, ("auto", "cpu", "cuda")))


def has_gpu() -> bool:
    """Tell whether a GPU for CUDA may be here: by its driver, as a Jetson, or behind Windows."""
    return bool(_gpus()) or "NVIDIA" in _text(BOARD) or Path("/dev/dxg").exists()


def thread_count() -> int:
    """Return how many threads a runtime on the CPU gets: OMP_NUM_THREADS, as torch takes it, or one a CPU.

    Raises:
        ConfigError: OMP_NUM_THREADS is no positive number.
    """
    told = os.environ.get("OMP_NUM_THREADS")
    if told is None:
        return cores()
    if not told.isdecimal() or int(told) < 1:
        raise ConfigError(f"OMP_NUM_THREADS must be a positive whole number, got {told!r}")
    return int(told)


def machine() -> Dict[str, Any]:
    """Return what tells this machine and its libraries from others, as plain values."""
    return {
        "cpu": _cpu(),
        "threads": thread_count(),
        "gpus": _gpus(),
        "gpu_driver": _text(Path("/proc/driver/nvidia/version")),
        "board": _text(BOARD),
        "visible": os.environ.get("CUDA_VISIBLE_DEVICES"),
        "versions": {"pspgrasp": __version__, **versions(DISTRIBUTIONS)},
    }


def cpu_name() -> str:
    """Return the CPU's model, for people; where the system doesn't say, its kind."""
    models = {line.partition(":")[2].strip() for line in _cpu() if line.startswith("model name")}
    return ", ".join(sorted(models)) or platform.machine()


def versions(distributions: Sequence[str]) -> Dict[str, str]:
    """Return distribution -> installed version, "" where there is none."""
    return {name: _version(name) for name in distributions}


def key_of(*facts: Any) -> str:
    """Return 16 hex digits that change with any of these plain values."""
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _gpus() -> List[str]:
    return [_text(path) for path in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))]


def _cpu() -> Tuple[str, ...]:
    lines = _text(Path("/proc/cpuinfo")).partition("\n\n")[0].splitlines()
    facts = tuple(line for line in lines if line.startswith(CPU_FACTS))
    return facts or (platform.machine(), platform.processor())


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""  # no such hardware
