"""Two looks inside a trained network: how far it sees, and what each bin of its pyramid is worth."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Dict, Iterator, Sequence, Tuple

import numpy as np
import torch
from torch import nn

from pspgrasp.data.batch import GraspBatch
from pspgrasp.models.pyramid import PyramidPooling
from pspgrasp.study.training import MapFigures, map_figures
from pspgrasp.training.config import TrainConfig

PROFILE_POINTS = 50


@dataclass(frozen=True)
class ReceptiveField:
    """How far a pixel of the quality map sees.

    Attributes:
        profile: Share of the gradient within k / PROFILE_POINTS of half the image's side, for k = 1, 2, ...
        half_px: Radius that holds half of it [px].
        most_px: Radius that holds nine tenths [px].
    """

    profile: Tuple[float, ...]
    half_px: float
    most_px: float


def receptive_field(network: nn.Module, images: torch.Tensor) -> ReceptiveField:
    """Return the effective receptive field of the middle pixel (Luo et al. 2016, arXiv:1701.04128).

    The mean over images of the absolute gradient of its quality by the depth of each pixel.

    Args:
        network: (B, C, N, N) -> (B, 4, N, N).
        images: (B, C, N, N).
    """
    images = images.detach().clone().requires_grad_()
    side = images.shape[-1]
    network(images)[:, 0, side // 2, side // 2].sum().backward()
    assert images.grad is not None
    strength = images.grad[:, 0].abs().mean(0).cpu().numpy().astype(float)
    rows, columns = np.indices(strength.shape)
    off_px = np.hypot(rows - side // 2, columns - side // 2).ravel()
    order = np.argsort(off_px)
    share = np.cumsum(strength.ravel()[order]) / max(strength.sum(), 1e-30)
    radii = np.arange(1, PROFILE_POINTS + 1) / PROFILE_POINTS * (side / 2)
    profile = np.interp(radii, off_px[order], share)
    # Without any gradient the share stays at 0, and the radius is the farthest.
    places = np.minimum(np.searchsorted(share, (0.5, 0.9)), len(share) - 1)
    half_px, most_px = (float(off_px[order][place]) for place in places)
    return ReceptiveField(tuple(round(float(p), 4) for p in profile), half_px, most_px)


@contextmanager
def without_branch(pyramid: PyramidPooling, branch: int, how: str) -> Iterator[None]:
    """Within, what a branch of the pyramid says is `zeroed`, or `shuffled`: each image gets another one's."""

    def replaced(_module: nn.Module, _inputs: Any, output: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(output) if how == "zeroed" else output.roll(1, 0)

    handle = pyramid.branches[branch].register_forward_hook(replaced)
    try:
        yield
    finally:
        handle.remove()


def knock_outs(network: nn.Module, batches: Sequence[GraspBatch], config: TrainConfig) -> Dict[str, MapFigures]:
    """Return the figures of a network without each branch of its pyramid: "bin 6 zeroed", "bin 6 shuffled".

    Empty for a network without one. A batch must hold several images, or there is nobody to shuffle with.
    """
    pyramids = [module for module in network.modules() if isinstance(module, PyramidPooling)]
    found: Dict[str, MapFigures] = {}
    for pyramid in pyramids:
        for branch, bins in enumerate(pyramid.bins):
            for how in ("zeroed", "shuffled"):
                with without_branch(pyramid, branch, how):
                    found[f"bin {bins} {how}"] = map_figures(network, batches, config)
    return found
