"""The loss by parts: quality everywhere, angle and width where a grasp is good."""

from __future__ import annotations

from typing import Any, Dict

import torch
from torch import nn
from torch.nn import functional

from pspgrasp.training.config import LossConfig

#: Added to a sample's mean quality: a sample that has next to no grasp weighs its few pixels little.
QUALITY_FLOOR = 1e-3
#: From where on an error of the width counts by its size, not by its square: 3 px of 150. The square alone is content
#: with widths that are 10 px off, at which jaws don't open far enough.
WIDTH_BETA = 0.02


def grasp_loss(output: torch.Tensor, target: torch.Tensor, config: LossConfig) -> Dict[str, torch.Tensor]:
    """Return the weighted parts of the loss of each sample, (B,) each; their sum is the loss.

    Quality is judged at every pixel, by the squared error times 1 + focus * q. cos 2phi, sin 2phi and width mean
    something only where there is a grasp: their smooth L1 errors (Girshick 2015) are averaged with quality as weight.
    Each sample is normalised by itself, so the loss of a batch is the mean over its samples however it is split.

    Args:
        output: (B, 4, M, M), what the network put out.
        target: (B, 4, M, M), what it should put out.
        config: The weights.
    """
    output, target = output.float(), target.float()
    quality = target[:, 0]
    error = (1 + config.quality_focus * quality) * (output[:, 0] - quality).square()
    parts = {"quality": config.quality * error.mean((1, 2))}
    share = quality / (quality.mean((1, 2), keepdim=True) + QUALITY_FLOOR)
    weights = {"cos": config.angle, "sin": config.angle, "width": config.width}
    for channel, (name, weight) in enumerate(weights.items(), 1):
        beta = WIDTH_BETA if name == "width" else 1.0
        off = functional.smooth_l1_loss(output[:, channel], target[:, channel], reduction="none", beta=beta)
        parts[name] = weight * (share * off).mean((1, 2))
    return parts


def on_grid_of(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return the target (B, 4, M, M) at the pixels of an output that a zoom factor made smaller.

    An output of (N - 1) / 8 * zoom + 1 pixels has its corners on the target's: pixel k is pixel 8 / zoom * k.
    """
    step = (target.shape[-1] - 1) // max(1, output.shape[-1] - 1)
    return target[..., ::step, ::step] if step > 1 else target


def loss_parts(
    network: nn.Module, image: torch.Tensor, target: torch.Tensor, config: LossConfig
) -> Dict[str, torch.Tensor]:
    """Return the parts of the loss of a batch, its auxiliary head's too where the network has one; their sum is it.

    Args:
        network: In training.
        image: (B, C, N, N), its input.
        target: (B, 4, N, N), what it should put out.
        config: The weights.
    """
    with_auxiliary: Any = getattr(network, "forward_with_auxiliary", None)
    output, auxiliary = with_auxiliary(image) if with_auxiliary else (network(image), None)
    found = grasp_loss(output, on_grid_of(output, target), config)
    parts = {name: part.mean() for name, part in found.items()}
    if auxiliary is not None:
        side = grasp_loss(auxiliary, on_grid_of(auxiliary, target), config)
        parts["auxiliary"] = config.auxiliary * torch.stack(list(side.values())).sum(0).mean()
    return parts
