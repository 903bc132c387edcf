"""The moving average of the weights, which is judged and kept in place of the last weights."""

from __future__ import annotations

import copy
from typing import Iterator, Tuple

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

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take in the weights after a step, 0 the first."""
        decay = min(self.decay, (1 + step) / (10 + step))
        averaged, current = zip(*_floats(self.network, network))
        # One launch for all tensors; torch's own swa_utils does it so, but asks the device for the count each time.
        torch._foreach_lerp_(list(averaged), list(current), 1 - decay)
        for mine, other in zip(self.network.buffers(), network.buffers()):
            if not mine.is_floating_point():
                mine.copy_(other)


def _floats(first: nn.Module, second: nn.Module) -> Iterator[Tuple[torch.Tensor, torch.Tensor]]:
    """Yield the parameters and float buffers of two equal networks, pairwise."""
    for mine, other in zip([*first.parameters(), *first.buffers()], [*second.parameters(), *second.buffers()]):
        if mine.is_floating_point():
            yield mine, other.detach()
