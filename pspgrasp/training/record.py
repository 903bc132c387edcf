"""The training record of a checkpoint: what made the weights, and how good they were."""

from __future__ import annotations

import datetime
import os
import subprocess
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Sequence

import lightning
import torch

import pspgrasp
from pspgrasp.checkpoint import Checkpoint
from pspgrasp.config import to_tree
from pspgrasp.errors import CheckpointError
from pspgrasp.training.batches import Share
from pspgrasp.training.config import TrainConfig
from pspgrasp.training.module import GraspModule

COMMIT = "PSPGRASP_COMMIT"  # tells the commit, and overrules the repository


def training_record(
    config: TrainConfig, training: Sequence[Share], validation: Sequence[Share], start: Mapping[str, str]
) -> Dict[str, Any]:
    """Return the part of the record that is known before the first step.

    Args:
        config: The run.
        training: Its sources.
        validation: Likewise.
        start: `command`, the command line ("" from Python), and `origin`, where the first weights came from.
    """
    return {
        **start,
        "data": _listed(training, "a batch"),
        "validation_data": _listed(validation, "in all"),
        "batch": config.batch_size,
        "seed": config.seed,
        "commit": commit(),
        "versions": {"pspgrasp": pspgrasp.__version__, "torch": torch.__version__, "lightning": lightning.__version__},
        "config": to_tree(config),
    }


def _listed(shares: Sequence[Share], unit: str) -> str:
    return "; ".join(f"{share.name}, {share.samples} {unit}" for share in shares if share.samples)


def commit() -> Optional[str]:
    """Return the commit of this package's checkout, with + if files differ; None if nobody knows.

    Where the code travelled without its repository, or with an old one, the environment tells.
    """
    if COMMIT in os.environ:
        return os.environ[COMMIT]
    here = Path(__file__).parent
    # Weights that were just replaced decide nothing.
    changed = _git("status", "--porcelain", "--", "..", ":(exclude,top)pspgrasp/weights", folder=here)
    head = _git("rev-parse", "HEAD", folder=here)
    return None if head is None else head + ("+" if changed else "")


def _git(*words: str, folder: Path) -> Optional[str]:
    try:
        done = subprocess.run(["git", *words], cwd=str(folder), capture_output=True, text=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):  # no git, or no repository
        return None
    return done.stdout.strip()


def checkpoint_of(module: GraspModule, record: Dict[str, Any]) -> Checkpoint:
    """Return the network as it is judged, with its record and the figures of the last validation.

    Raises:
        CheckpointError: A weight is too large for 16 bits.
    """
    config = module.config
    grown = {
        "date": datetime.date.today().isoformat(),
        **record,
        "steps": module.step,
        "samples": module.step * config.batch_size,
        "precision": str(module.trainer.precision),
        "device": _device_name(module.device),
        "figures": {f"validation_{name}": round(value, 6) for name, value in module.figures.items()},
    }
    weights = {name: _stored(name, tensor, config.stored_bits) for name, tensor in module.judged.state_dict().items()}
    return Checkpoint("best", config.model, weights, config.preprocess, config.width_scale_px, grown, config.width)


def _stored(name: str, tensor: torch.Tensor, bits: int) -> torch.Tensor:
    tensor = tensor.detach().cpu()
    if bits == 32 or not tensor.is_floating_point():
        return tensor
    half = tensor.half()
    if not torch.isfinite(half).all():
        raise CheckpointError(f"tensor {name!r} doesn't fit 16 bits (up to {tensor.abs().max():g}); stored_bits: 32")
    return half


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
