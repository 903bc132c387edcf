"""The moving average of the weights, which is judged and kept in place of the last weights."""

from __future__ import annotations

import copy
from typing import List, Optional, Tuple

import torch
from torch import nn


class MovingAverage(nn.Module):
    """An exponential moving average of a network's parameters and norm statistics (EMA).

    In its first steps it averages over fewer: the decay is min(decay, (1 + step) / (10 + step)), so that random initial
    weights are soon forgotten.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).requires_grad_(False).eval()
        self.decay = decay
        self._pairs: Optional[Tuple[int, Pairs]] = None

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take in the weights after a step, 0 the first."""
        if self._pairs is None or self._pairs[0] != id(network):  # to find them takes longer than to average them
            self._pairs = id(network), _pairs(self.network, network)
        decay = min(self.decay, (1 + step) / (10 + step))
        averaged, current, counters, counted = self._pairs[1]
        # One launch for all tensors; torch's own swa_utils does it so, but asks the device for the count each time.
        torch._foreach_lerp_(averaged, current, 1 - decay)
        for mine, other in zip(counters, counted):
            mine.copy_(other)


Pairs = Tuple[List[torch.Tensor], List[torch.Tensor], List[torch.Tensor], List[torch.Tensor]]


def _pairs(first: nn.Module, second: nn.Module) -> Pairs:
    """Return the parameters and float buffers of two equal networks, and their other buffers, in one order."""
    both = list(zip([*first.parameters(), *first.buffers()], [*second.parameters(), *second.buffers()]))
    floats = [(mine.detach(), other.detach()) for mine, other in both if mine.is_floating_point()]
    others = [(mine, other) for mine, other in both if not mine.is_floating_point()]
    return [a for a, _ in floats], [b for _, b in floats], [a for a, _ in others], [b for _, b in others]
