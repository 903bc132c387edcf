"""What a run tells programs: every figure, with date and machine."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, Dict

import torch

from pspgrasp import __version__
from pspgrasp.benchmark.figures import Figures
from pspgrasp.benchmark.run import Finished
from pspgrasp.data.output import write_text
from pspgrasp.parallel import cores
from pspgrasp.runtimes.machine import DISTRIBUTIONS, cpu_name, versions

LIBRARIES = ("numpy", "opencv-python-headless", "scipy", *DISTRIBUTIONS)


@dataclass(frozen=True)
class Circumstances:
    """When, where and how a run was made.

    Attributes:
        command: That makes it.
        date: ISO 8601.
        machine: Processors, for people.
        versions: Of libraries.
    """

    command: str
    date: str
    machine: str
    versions: Dict[str, str]


def circumstances(command: str) -> Circumstances:
    """Return those of here and now."""
    installed = {name: version for name, version in versions(LIBRARIES).items() if version}
    return Circumstances(command, date.today().isoformat(), _machine(), {"pspgrasp": __version__, **installed})


def tree_of(run: Finished, made: Circumstances) -> Dict[str, Any]:
    """Return everything that a program may want to know, as plain values."""
    return {
        **asdict(made),
        "frames": run.frames,
        "rows": [_row(one) for one in run.figures],
        "rooflines": [asdict(one) for one in run.rooflines],
        "told": run.told,
    }


def write_json(run: Finished, made: Circumstances, path: Path) -> None:
    """Write it.

    Raises:
        PspGraspError: It can't be written.
    """
    write_text(path, json.dumps(tree_of(run, made), indent=1) + "\n")


def _row(one: Figures) -> Dict[str, Any]:
    return {**one.key._asdict(), **{name: value for name, value in asdict(one).items() if name != "key"}}


def _machine() -> str:
    gpus = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return ", ".join([f"{cpu_name()}, {cores()} cores", *gpus, f"Python {platform.python_version()}"])
