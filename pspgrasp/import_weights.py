"""Turn published weights (a PyTorch state dict) into a checkpoint of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Mapping

import torch

from pspgrasp.checkpoint import Checkpoint, check_fit
from pspgrasp.config import PreprocessConfig
from pspgrasp.errors import CheckpointError, PspGraspError, unknown_name
from pspgrasp.models import ModelConfig, build_model

#: architecture -> input size of the published weights; all subtract the mean, clip to +-1 m and scale widths by 150.
PUBLISHED_INPUT_PX: Dict[str, int] = {"ggcnn": 300, "ggcnn2": 300, "grconvnet": 224}


def import_weights(path: Path, architecture: str) -> Checkpoint:
    """Return a checkpoint of the published state dict in `path`, read with `weights_only=True`.

    Raises:
        CheckpointError: Not a state dict of plain tensors, or not of this architecture (names the first wrong one).
    """
    if architecture not in PUBLISHED_INPUT_PX:
        raise CheckpointError(unknown_name("published architecture", architecture, PUBLISHED_INPUT_PX))
    weights = _state_dict(path)
    try:
        model = ModelConfig.from_tree({"architecture": architecture, "network": _settings(weights, architecture)})
    except PspGraspError as error:
        raise CheckpointError(f"{path}: {error}") from error
    check_fit(weights, build_model(model), path.name)
    record = {"source": path.name, "note": "published weights, imported; trained by others"}
    preprocess = PreprocessConfig(PUBLISHED_INPUT_PX[architecture], fill="navier_stokes")
    return Checkpoint(path.stem, model, weights, preprocess, training=record)


def _state_dict(path: Path) -> Dict[str, torch.Tensor]:
    try:
        weights = torch.load(str(path), map_location="cpu", weights_only=True)
    except OSError as error:
        raise CheckpointError(f"{path} can't be read: {error.strerror or error}") from error
    except Exception as error:
        # torch raises whatever the bytes make it raise, and its text advises to load the file all the same.
        raise CheckpointError(
            f"{path} is not a PyTorch state dict of plain tensors ({type(error).__name__}); a whole pickled module "
            "is refused, since loading it would run code from the file (save `module.state_dict()` instead)"
        ) from error
    if not isinstance(weights, Mapping) or not all(isinstance(t, torch.Tensor) for t in weights.values()):
        raise CheckpointError(f"{path} holds a {type(weights).__name__}, not a state dict of tensors")
    # A tensor may say that one stored number stands for billions.
    if sum(tensor.numel() for tensor in weights.values()) > path.stat().st_size:
        raise CheckpointError(f"{path} claims more numbers than it holds bytes; a network's weights are stored whole")
    for name, tensor in weights.items():
        if not _is_plain(tensor):
            raise CheckpointError(f"{path}: tensor {name!r} is not dense, real and finite; no network can have it")
    return {str(k): v for k, v in weights.items()}


def _is_plain(tensor: torch.Tensor) -> bool:
    if tensor.layout != torch.strided or tensor.is_meta or tensor.is_complex() or tensor.is_quantized:
        return False
    return bool(torch.isfinite(tensor).all())


def _settings(weights: Mapping[str, torch.Tensor], architecture: str) -> Dict[str, Any]:
    """Return the settings that the first layer's shape tells."""
    first = "features.0.weight" if architecture == "ggcnn2" else "conv1.weight"
    if first not in weights or weights[first].dim() != 4:
        raise CheckpointError(f"the weights lack {first!r}, so they are not of {architecture!r}")
    channels, in_channels = weights[first].shape[:2]
    settings: Dict[str, Any] = {"in_channels": int(in_channels)}
    return {**settings, "channels": int(channels)} if architecture == "grconvnet" else settings
