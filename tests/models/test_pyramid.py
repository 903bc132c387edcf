"""Laws of the context modules: the pyramid is the paper's, and a context sees the whole scene."""

from __future__ import annotations

from typing import List, Tuple

import pytest
import torch
from torch import nn
from torch.nn import functional

from pspgrasp.errors import ConfigError
from pspgrasp.models.layers import BatchNorm2d
from pspgrasp.models.pyramid import CONTEXTS, DeepAggregationPooling, PyramidPooling, SimplePyramidPooling

CHANNELS = 24
BINS = [(1,), (1, 2, 3, 6), (2, 4), (1, 2, 3, 6, 9), (1, 2, 3, 4, 5, 6), (1, 20)]
each_context = pytest.mark.parametrize("context", CONTEXTS)


def settled(module: nn.Module, seed: int = 0) -> nn.Module:
    """Return the module in evaluation mode, its norms with statistics as after training."""
    torch.manual_seed(seed)
    for norm in (m for m in module.modules() if isinstance(m, nn.BatchNorm2d)):
        for statistic, low, high in (("running_mean", -0.2, 0.2), ("running_var", 0.5, 1.5)):
            getattr(norm, statistic).uniform_(low, high)
    return module.eval()


def features(size: int = 13, batch: int = 2) -> torch.Tensor:
    return torch.randn(batch, CHANNELS, size, size, generator=torch.Generator().manual_seed(1))


def papers(pyramid: PyramidPooling, x: torch.Tensor) -> torch.Tensor:
    """Return what figure 3 of the paper describes, in torch's own words."""
    joined: List[torch.Tensor] = []
    for bins, branch in zip(pyramid.bins, pyramid.branches):
        pooled = functional.conv2d(functional.adaptive_avg_pool2d(x, bins), branch.conv.weight)
        normed = functional.relu(branch.norm(pooled))
        joined.append(functional.interpolate(normed, size=x.shape[-2:], mode="bilinear", align_corners=True))
    return x + torch.stack(joined).sum(dim=0) if pyramid.fusion == "sum" else torch.cat([x, *joined], dim=1)


@pytest.mark.parametrize("fusion", ["concat", "sum"])
@pytest.mark.parametrize("bins", BINS)
@pytest.mark.parametrize("size", [6, 13, 19, 36])
def test_the_pyramid_is_the_papers(bins: Tuple[int, ...], fusion: str, size: int) -> None:
    pyramid, x = settled(PyramidPooling(CHANNELS, bins, fusion)), features(size)
    torch.testing.assert_close(pyramid(x), papers(pyramid, x), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("bins", BINS)
def test_concatenation_adds_one_share_of_the_channels_a_bin(bins: Tuple[int, ...]) -> None:
    pyramid = PyramidPooling(CHANNELS, bins, "concat")
    assert pyramid.out_channels == CHANNELS + len(bins) * (CHANNELS // len(bins))
    assert pyramid(features()).shape == (2, pyramid.out_channels, 13, 13)


@pytest.mark.parametrize(("bins", "out_channels"), [((1, 2, 3, 6, 9), 44), ((1, 2, 3, 4, 5, 6), 48), ((1, 2, 3), 48)])
def test_five_bins_give_less_than_twice_the_channels(bins: Tuple[int, ...], out_channels: int) -> None:
    assert PyramidPooling(CHANNELS, bins, "concat").out_channels == out_channels


@pytest.mark.parametrize("bins", BINS)
def test_a_sum_keeps_the_channels(bins: Tuple[int, ...]) -> None:
    pyramid = PyramidPooling(CHANNELS, bins, "sum")
    assert pyramid.out_channels == CHANNELS
    assert pyramid(features()).shape == (2, CHANNELS, 13, 13)


def test_concatenation_puts_the_input_first_as_it_is() -> None:
    x = features()
    before = x.clone()
    assert torch.equal(PyramidPooling(CHANNELS, (1, 2), "concat")(x)[:, :CHANNELS], before)
    assert torch.equal(x, before)


@pytest.mark.parametrize(
    ("bins", "fusion", "said"),
    [
        ((1, 2), "concatenate", "'concat' or 'sum'"),
        ((), "concat", "positive whole numbers"),
        ((0, 1), "sum", "positive whole numbers"),
        ((1,) * 25, "concat", "25 bins leave none of 24 channels"),
    ],
)
def test_settings_that_make_no_pyramid_are_refused(bins: Tuple[int, ...], fusion: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        PyramidPooling(CHANNELS, bins, fusion)


@pytest.mark.parametrize("size", [6, 13, 19])
def test_maxima_are_torchs(size: int) -> None:
    pyramid, x = settled(PyramidPooling(CHANNELS, (1, 2, 3, 6), "concat", "max")), features(size)
    for bins, pooled in zip(pyramid.bins, pyramid.pooled(x)):
        assert torch.equal(pooled, functional.adaptive_max_pool2d(x, bins))
    assert not torch.equal(pyramid(x), settled(PyramidPooling(CHANNELS, (1, 2, 3, 6), "concat"))(x))


def test_an_unknown_pooling_is_refused() -> None:
    with pytest.raises(ConfigError, match="'average' or 'max'"):
        PyramidPooling(CHANNELS, (1, 2), "concat", "mean")


def test_a_simple_pyramid_adds_its_branches_up() -> None:
    simple, x = settled(SimplePyramidPooling(CHANNELS, (1, 2, 4))), features()
    joined = []
    for bins, branch in zip(simple.bins, simple.branches):
        pooled = branch(functional.adaptive_avg_pool2d(x, bins))
        joined.append(functional.interpolate(pooled, size=x.shape[-2:], mode="bilinear", align_corners=True))
    torch.testing.assert_close(simple(x), simple.joined(torch.stack(joined).sum(0)), atol=1e-5, rtol=1e-5)
    with pytest.raises(ConfigError, match="positive whole numbers"):
        SimplePyramidPooling(CHANNELS, ())


def test_deep_aggregation_refines_each_mean_with_the_next_smaller_one() -> None:
    deep, x = settled(DeepAggregationPooling(CHANNELS)), features(20)
    scales = [deep.branches[0](x)]
    windows = [functional.avg_pool2d(x, k, s, k // 2, count_include_pad=False) for k, s in deep.WINDOWS]
    for branch, refined, mean in zip(deep.branches[1:], deep.refined, [*windows, functional.adaptive_avg_pool2d(x, 1)]):
        large = functional.interpolate(branch(mean), size=x.shape[-2:], mode="bilinear", align_corners=True)
        scales.append(refined(large + scales[-1]))
    papers_own = deep.joined(torch.cat(scales, dim=1)) + deep.shortcut(x)
    torch.testing.assert_close(deep(x), papers_own, atol=1e-5, rtol=1e-5)


@each_context
@pytest.mark.parametrize("fusion", ["concat", "sum"])
@pytest.mark.parametrize("stride", [8, 16, 32])
def test_every_context_keeps_the_size_and_tells_its_channels(context: str, fusion: str, stride: int) -> None:
    module = CONTEXTS[context](CHANNELS, (1, 2, 3, 6), fusion, "average", stride)
    for size in (1, 2, 10, 19):
        assert module.eval()(features(size)).shape == (2, module.out_channels, size, size)


@each_context
@pytest.mark.parametrize("batch", [1, 2, 3])
def test_every_context_trains_at_any_batch_size(context: str, batch: int) -> None:
    module = CONTEXTS[context](CHANNELS, (1, 2, 3, 6), "concat", "average", 16).train()
    x = features(batch=batch).requires_grad_()
    module(x).square().sum().backward()
    for name, parameter in module.named_parameters():
        assert torch.isfinite(parameter.grad).all(), name
    assert x.grad.abs().sum() > 0
    assert torch.isfinite(module.eval()(features(batch=batch))).all()


@each_context
def test_a_context_sees_the_far_corner_and_without_one_nothing_does(context: str) -> None:
    module = settled(CONTEXTS[context](CHANNELS, (1, 2, 3, 6), "concat", "average", 16))
    x = features(40, batch=1).requires_grad_()
    module(x)[0, :, 0, 0].sum().backward()
    seen = bool((x.grad[0, :, -1, -1] != 0).any())
    assert seen == (context != "fcn")


def test_one_value_a_channel_is_normed_with_what_was_learned_and_teaches_nothing() -> None:
    norm = settled(BatchNorm2d(CHANNELS)).train()
    before = {name: tensor.clone() for name, tensor in norm.state_dict().items()}
    x = torch.randn(1, CHANNELS, 1, 1)
    torch.testing.assert_close(norm(x), norm.eval()(x))
    for name, tensor in before.items():
        assert torch.equal(norm.state_dict()[name], tensor), name


@pytest.mark.parametrize("shape", [(2, CHANNELS, 1, 1), (1, CHANNELS, 2, 2), (4, CHANNELS, 3, 3)])
def test_otherwise_the_norm_is_torchs(shape: Tuple[int, ...]) -> None:
    ours, torchs, x = BatchNorm2d(CHANNELS), nn.BatchNorm2d(CHANNELS), torch.randn(*shape)
    assert torch.equal(ours(x), torchs(x))
    assert torch.equal(ours.running_var, torchs.running_var)
    assert torch.equal(ours.eval()(x), torchs.eval()(x))
