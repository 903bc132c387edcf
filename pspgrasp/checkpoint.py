"""A checkpoint: weights, the network they belong to, how its input is made, and how it was trained, in one file.

The file is safetensors; everything but the tensors stands as JSON under `pspgrasp` in its header. Nothing is
ever unpickled.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Mapping

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from pspgrasp.config import PreprocessConfig, to_tree
from pspgrasp.errors import CheckpointError, PspGraspError, shown
from pspgrasp.header import NetworkHeader
from pspgrasp.models import ModelConfig, build_model

HEADER = "pspgrasp"


@dataclass(frozen=True)
class Checkpoint:
    """Trained weights with all that is needed to use them.

    Attributes:
        name: What people call it; the stem of its file.
        model: The network.
        weights: Tensor by name, as the network's `state_dict`.
        preprocess: How its input is made.
        width_scale_px: Width map = output * width_scale_px [px of the input]; one value for encode and decode.
        training: What made the weights: command, data, seed, figures. Empty means untrained, and is refused.
        width: What the width map means: `opening`, clearance included, or `contact`, to which the user's clearance
            is added.
    """

    name: str
    model: ModelConfig
    weights: Mapping[str, torch.Tensor]
    preprocess: PreprocessConfig = PreprocessConfig()
    width_scale_px: float = 150.0
    training: Mapping[str, Any] = field(default_factory=dict)
    width: str = "opening"

    def network(self) -> nn.Module:
        """Return the network with these weights, float32, in evaluation mode.

        Raises:
            CheckpointError: There is no such network, or the weights don't fit it; names the first wrong tensor.
        """
        check_fit(self.weights, self._shapes(), self.name)
        network = build_model(self.model)
        network.load_state_dict(dict(self.weights))
        return network.float().eval()

    def _shapes(self) -> nn.Module:
        """Return the network without numbers: a small file may claim an enormous one."""
        try:
            with torch.device("meta"):
                return build_model(self.model)
        except PspGraspError as error:
            raise CheckpointError(f"checkpoint {self.name!r}: {error}") from error

    @property
    def header(self) -> NetworkHeader:
        """What travels with these weights, in whatever file they are."""
        return NetworkHeader(self.preprocess, self.width_scale_px, self.training, self.width)

    @property
    def fingerprint(self) -> str:
        """16 hex digits that change with any weight, the network, its input or the meaning of its output."""
        digest = hashlib.sha256()
        settings = (self.model.to_tree(), to_tree(self.preprocess), self.width_scale_px, self.width)
        digest.update(json.dumps(settings, sort_keys=True).encode())
        for name, tensor in sorted(self.weights.items()):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())  # bfloat16, too
        return digest.hexdigest()[:16]


def check_fit(weights: Mapping[str, torch.Tensor], network: nn.Module, name: str) -> None:
    """Compare weights with a network, tensor by tensor.

    Raises:
        CheckpointError: Names the first tensor that is missing, of another shape, or unknown to the network.
    """
    wanted = network.state_dict()
    for key, tensor in wanted.items():
        if key not in weights:
            raise CheckpointError(f"checkpoint {name!r} lacks tensor {key!r}, which its architecture needs")
        if weights[key].shape != tensor.shape:
            raise CheckpointError(
                f"checkpoint {name!r}: tensor {key!r} is {list(weights[key].shape)}, "
                f"its architecture needs {list(tensor.shape)}"
            )
    for key in weights:
        if key not in wanted:
            raise CheckpointError(f"checkpoint {name!r} has tensor {key!r}, which its architecture does not know")


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint; the file appears whole or not at all.

    Raises:
        CheckpointError: The file can't be written.
    """
    header = {"model": checkpoint.model.to_tree(), **checkpoint.header.to_tree()}
    part = path.with_name(path.name + ".part")
    try:
        part.touch()
        mode = part.stat().st_mode  # as the user's umask has it; safetensors lets nobody else read its files
        save_file(_apart(checkpoint.weights), part, {HEADER: json.dumps(header)})
        part.chmod(mode)
        os.replace(part, path)
    except (OSError, SafetensorError) as error:
        part.unlink(missing_ok=True)
        raise CheckpointError(f"checkpoint {path} can't be written: {error}") from error


def _apart(weights: Mapping[str, torch.Tensor]) -> Dict[str, torch.Tensor]:
    """Return copies, since safetensors refuses views and tensors that share memory."""
    return {name: tensor.detach().clone(memory_format=torch.contiguous_format) for name, tensor in weights.items()}


def load_checkpoint(path: Path) -> Checkpoint:
    """Return the trained checkpoint that a file holds.

    Raises:
        CheckpointError: The file is missing, broken, not one of ours, or holds untrained weights.
    """
    if not path.is_file():
        raise CheckpointError(f"checkpoint {path} is not a file")
    try:
        with safe_open(str(path), framework="pt") as file:
            header = _header(file.metadata(), path)
            weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"checkpoint {path} is broken: {error}") from error
    return _checkpoint(path, header, weights)


def _header(metadata: Any, path: Path) -> Dict[str, Any]:
    if not metadata or HEADER not in metadata:
        raise CheckpointError(
            f"{path} holds tensors but no description of their network; "
            "`pspgrasp import-weights` makes a checkpoint of published weights"
        )
    header = json.loads(metadata[HEADER])
    if not isinstance(header, dict):
        raise CheckpointError(f"checkpoint {path}: its header must be a mapping, got {shown(header)}")
    return header


def _checkpoint(path: Path, header: Dict[str, Any], weights: Dict[str, torch.Tensor]) -> Checkpoint:
    travels = NetworkHeader.from_tree(header, f"checkpoint {path}")
    try:
        model = ModelConfig.from_tree(header.get("model"))
    except PspGraspError as error:
        raise CheckpointError(f"checkpoint {path}: {error}") from error
    return Checkpoint(
        path.stem, model, weights, travels.preprocess, travels.width_scale_px, travels.training, travels.width
    )
