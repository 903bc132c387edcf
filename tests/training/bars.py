"""Bars on a table, by number: a small source of samples, and small runs on it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Dict, Sequence, Tuple

import torch

from pspgrasp.data.batch import GraspBatch
from pspgrasp.training.batches import Share
from pspgrasp.training.config import TrainConfig, train_config
from pspgrasp.training.fit import Run
from pspgrasp.training.run_folder import RunFolder

SIDE, WIDTH_SCALE_PX = 36, 20.0


class Bars:
    """A `BatchSource`: sample n is a bar, its place, angle and width drawn from n."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def batch(self, indices: Sequence[int], device: torch.device) -> GraspBatch:
        images, targets = zip(*(bar(self.seed * 100_003 + index) for index in indices))
        return GraspBatch(torch.stack(images).to(device), torch.stack(targets).to(device))


def bar(number: int) -> Tuple[torch.Tensor, torch.Tensor]:
    """Return the input (1, SIDE, SIDE) and the target (4, SIDE, SIDE) of a sample."""
    u, v, turn, wide = torch.rand(4, generator=torch.Generator().manual_seed(number)).tolist()
    angle_rad, width_px = math.pi * (turn - 0.5), 6 + 8 * wide
    rows, columns = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    right, up = columns - SIDE * (0.25 + 0.5 * u), SIDE * (0.25 + 0.5 * v) - rows
    along = right * math.cos(angle_rad) + up * math.sin(angle_rad)
    across = up * math.cos(angle_rad) - right * math.sin(angle_rad)
    depth_m = torch.where((along.abs() < width_px / 2) & (across.abs() < 10), 0.55, 0.6)
    quality = torch.exp(-(along.square() + across.square()) / 20)
    here = (quality > 0.1).float()
    maps = [quality, here * math.cos(2 * angle_rad), here * math.sin(2 * angle_rad), here * width_px / WIDTH_SCALE_PX]
    return (depth_m - depth_m.mean())[None], torch.stack(maps)


def bars_config(**changes: Any) -> TrainConfig:
    """Return the config of a small run of a few seconds; a change is a group or a value."""
    tree: Dict[str, Any] = {
        "model": {"architecture": "ggcnn"},
        "preprocess": {"input_size_px": SIDE},
        "width_scale_px": WIDTH_SCALE_PX,
        "batch_size": 4,
        "max_steps": 6,
        "validate_every": 3,
        "optimisation": {"warmup_steps": 2, "average_decay": 0.9},
        "machine": {"device": "cpu", "workers": 0},
    }
    for name, value in changes.items():
        tree[name] = {**tree.get(name, {}), **value} if isinstance(value, dict) and name != "model" else value
    return train_config(tree)


def bars_run(folder: Path, config: TrainConfig, **more: Any) -> Run:
    """Return a run on bars, validated on others; five of them, so that the last batch is ragged."""
    shares = {
        "training": (Share("bars", Bars(), config.batch_size),),
        "validation": (Share("other bars", Bars(seed=1), 5),),
    }
    return Run(config, RunFolder(folder), **{**shares, **more})
