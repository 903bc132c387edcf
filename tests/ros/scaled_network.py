"""Checkpoints made of the shipped GG-CNN: faster, with other grasps, or with what is no number."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file

from pspgrasp.node_config import NodeConfig
from pspgrasp.predictor import GraspPredictor
from pspgrasp.shipped import checkpoint_path, find_checkpoint

SIDE_PX = 180  # of an input that is judged in a third of the time


def scaled(path: Path, factor: float, *layers: str, side_px: int = SIDE_PX) -> str:
    """Write the shipped GG-CNN with the weights of some layers, "conv1", times `factor`; return the path."""
    with safe_open(str(checkpoint_path("ggcnn")), "pt") as file:
        weights, header = {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118
    for layer in layers:
        weights[f"{layer}.weight"] = weights[f"{layer}.weight"].float() * factor
    described = json.loads(header["pspgrasp"])
    described["preprocess"]["input_size_px"] = side_px
    save_file(weights, str(path), {"pspgrasp": json.dumps(described)})
    return str(path)


def judging(name_or_path: str) -> GraspPredictor:
    """Return a checkpoint as the node has it."""
    return NodeConfig().of_robot(GraspPredictor.from_checkpoint(find_checkpoint(name_or_path), device="cpu"))
