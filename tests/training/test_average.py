"""The moving average of weights."""

from __future__ import annotations

import torch
from torch import nn

from pspgrasp.models.layers import ConvNormReLU
from pspgrasp.training.average import MovingAverage


def network(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return ConvNormReLU(1, 3)


def test_weights_that_stand_still_are_their_own_average() -> None:
    still = network(0)
    average = MovingAverage(network(1), 0.9)
    for step in range(300):
        average.update(still, step)
    for mine, other in zip(average.network.state_dict().values(), still.state_dict().values()):
        assert torch.allclose(mine.float(), other.float(), atol=1e-6)


def test_it_is_the_exponential_average_with_a_short_start() -> None:
    first, second = network(0), network(1)
    average = MovingAverage(first, 0.9)
    average.update(second, 0)
    wanted = 0.1 * first.conv.weight + 0.9 * second.conv.weight  # decay (1 + 0) / (10 + 0)
    assert torch.allclose(average.network.conv.weight, wanted)
    average.update(first, 10_000)
    assert torch.allclose(average.network.conv.weight, 0.9 * wanted + 0.1 * first.conv.weight)


def test_norm_statistics_are_averaged_and_counters_copied() -> None:
    network_ = network(0)
    average = MovingAverage(network_, 0.9)
    network_.norm.running_mean += 1
    network_.norm.num_batches_tracked += 7
    average.update(network_, 10_000)
    assert torch.allclose(average.network.norm.running_mean, torch.full((3,), 0.1))
    assert average.network.norm.num_batches_tracked == 7


def test_it_learns_nothing_by_itself_and_leaves_the_network_alone() -> None:
    network_ = network(0)
    before = [tensor.clone() for tensor in network_.state_dict().values()]
    average = MovingAverage(network_, 0.5)
    average.update(network_, 0)
    assert not any(parameter.requires_grad for parameter in average.network.parameters())
    assert all(parameter.requires_grad for parameter in network_.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, network_.state_dict().values()))
