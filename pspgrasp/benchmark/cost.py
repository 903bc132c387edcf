"""What one forward pass comes to on paper: arithmetic, and numbers that are read or written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Optional

import torch
from torch import nn

from pspgrasp.errors import PspGraspError
from pspgrasp.network_file import NetworkFile
from pspgrasp.shipped import Network

#: Of a number, by a runtime's precision.
BYTES: Dict[str, int] = {"float32": 4, "half": 2, "int8": 1}


@dataclass(frozen=True)
class NetworkCost:
    """One image through one network.

    Attributes:
        flops: Multiplications and additions of convolutions and matrix products.
        weights: Numbers.
        activations: Numbers that its layers put out, all of them.
        ends: Numbers of its input and its maps.
    """

    flops: int
    weights: int
    activations: int
    ends: int

    def weight_bytes(self, precision: str) -> int:
        """Return the size of the weights in a precision [bytes]."""
        return self.weights * BYTES[precision]

    def activation_bytes(self, precision: str) -> int:
        """Return the size of what all layers put out in a precision [bytes]."""
        return self.activations * BYTES[precision]

    def least_bytes(self, precision: str) -> int:
        """Return what must move at least: weights, input and maps, once. Results of layers may stay in caches."""
        return (self.weights + self.ends) * BYTES[precision]


def cost_of(network: Network) -> Optional[NetworkCost]:
    """Return what a forward pass comes to; None for an exported network, which nobody can look into.

    Raises:
        PspGraspError: This torch can't count.
        NetworkError: The network can't be built.
    """
    if isinstance(network, NetworkFile):
        return None
    try:
        from torch.utils.flop_counter import FlopCounterMode
    except ImportError as error:
        raise PspGraspError(f"counting needs torch 2.1 or later, this is {torch.__version__}") from error
    module, side = network.network(), network.preprocess.input_size_px
    image, counter = torch.zeros(1, network.preprocess.channels, side, side), FlopCounterMode(display=False)
    counted: List[int] = []

    def count(_layer: nn.Module, _given: Any, result: Any) -> None:
        counted.append(result.numel())

    for layer in module.modules():
        if not list(layer.children()):
            layer.register_forward_hook(count)
    with torch.no_grad(), counter:
        maps = module(image)
    weights = sum(tensor.numel() for tensor in module.parameters())
    return NetworkCost(counter.get_total_flops(), weights, sum(counted), image.numel() + maps.numel())
