"""Convolution and norm as one convolution: in evaluation mode a norm is a scale and a shift."""

from __future__ import annotations

import copy
from typing import Any, Dict, List, Tuple

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


def folded(network: nn.Module, image: torch.Tensor) -> nn.Module:
    """Return a copy of a network in evaluation mode whose norms are folded into the convolutions before them.

    Which convolution stands before a norm is seen by running it: the norm takes the very tensor that the convolution
    gave, and no network here uses that tensor twice.

    Args:
        network: In evaluation mode.
        image: (B, C, N, N), anything of the right size.
    """
    network = copy.deepcopy(network)
    for convolution, norm_name in _pairs(network, image):
        norm = network.get_submodule(norm_name)
        _fold(convolution, norm)
        parent, _, name = norm_name.rpartition(".")
        setattr(network.get_submodule(parent), name, _what_follows(norm))
    return network


def _pairs(network: nn.Module, image: torch.Tensor) -> List[Tuple[nn.Module, str]]:
    """Return each convolution that feeds a norm, with the norm's name."""
    made_by: Dict[int, Tuple[nn.Module, torch.Tensor]] = {}  # holds the tensors, or their ids would be used again
    names = {id(module): name for name, module in network.named_modules()}
    pairs: List[Tuple[nn.Module, str]] = []

    def watch(module: nn.Module, given: Tuple[Any, ...], result: torch.Tensor) -> None:
        if isinstance(module, CONVOLUTIONS):
            made_by[id(result)] = (module, result)
        elif isinstance(module, nn.BatchNorm2d) and id(given[0]) in made_by:
            pairs.append((made_by[id(given[0])][0], names[id(module)]))

    hooks = [module.register_forward_hook(watch) for module in network.modules()]
    with torch.no_grad():
        network(image)
    for hook in hooks:
        hook.remove()
    return pairs


def _fold(convolution: Any, norm: Any) -> None:
    convolution.weight, convolution.bias = fuse_conv_bn_weights(
        convolution.weight,
        convolution.bias,
        norm.running_mean,
        norm.running_var,
        norm.eps,
        norm.weight,
        norm.bias,
        transpose=isinstance(convolution, nn.ConvTranspose2d),
    )


def _what_follows(norm: Any) -> nn.Module:
    """Return what a norm does beside its own work: timm's norms activate, too."""
    return nn.Sequential(norm.drop, norm.act) if hasattr(norm, "act") else nn.Identity()
