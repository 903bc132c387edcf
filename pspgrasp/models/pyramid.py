"""Context modules: what stands between the backbone and the head, by name.

To add one, write a module with `out_channels` and a line in `CONTEXTS`.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Tuple

import torch
from torch import nn
from torch.nn import functional

from pspgrasp.errors import ConfigError
from pspgrasp.models.layers import ConvNormReLU
from pspgrasp.models.resample import average_bins, interpolate


class PyramidPooling(nn.Module):
    """Pyramid pooling module, Zhao et al. 2017 (arXiv:1612.01105), section 3.2 and figure 3.

    For each n of `bins`: average (or maximum) over n x n boxes, 1x1 convolution, norm, ReLU, back to the size of the
    feature map (bilinear, align_corners). `concat` puts the branches (C // len(bins) channels each) behind the input;
    `sum` adds branches of C channels to it.
    """

    def __init__(self, channels: int, bins: Tuple[int, ...], fusion: str, pooling: str = "average") -> None:
        super().__init__()
        if fusion not in ("concat", "sum"):
            raise ConfigError(f"fusion must be 'concat' or 'sum', got {fusion!r}")
        _check_bins(bins)
        if pooling not in ("average", "max"):
            raise ConfigError(f"pooling must be 'average' or 'max', got {pooling!r}")
        self.bins, self.fusion, self.pooling = bins, fusion, pooling
        branch_channels = channels if fusion == "sum" else channels // len(bins)
        if branch_channels < 1:
            raise ConfigError(f"{len(bins)} bins leave none of {channels} channels for a branch")
        self.branches = nn.ModuleList(ConvNormReLU(channels, branch_channels) for _ in bins)
        self.out_channels = channels if fusion == "sum" else channels + len(bins) * branch_channels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, out_channels, H, W) from the features x (B, C, H, W)."""
        context = [interpolate(branch(pooled), x.shape[-1]) for branch, pooled in zip(self.branches, self.pooled(x))]
        return x + sum(context) if self.fusion == "sum" else torch.cat([x, *context], dim=1)

    def pooled(self, x: torch.Tensor) -> List[torch.Tensor]:
        """Return for each bin n the means or maxima (B, C, n, n) over its boxes."""
        if self.pooling == "max":
            return [functional.adaptive_max_pool2d(x, n) for n in self.bins]
        return [average_bins(x, n) for n in self.bins]


class AtrousPooling(nn.Module):
    """Atrous spatial pyramid pooling of DeepLabV3, Chen et al. 2017 (arXiv:1706.05587), section 3.3.

    A 1x1 convolution, three dilated 3x3 ones and the mean of the whole image, side by side, then projected.
    """

    def __init__(self, channels: int, output_stride: int, out_channels: int = 256) -> None:
        super().__init__()
        rates = [rate * 16 // output_stride for rate in (6, 12, 18)]
        dilated = [ConvNormReLU(channels, out_channels, 3, dilation=max(1, rate)) for rate in rates]
        self.local = nn.ModuleList([ConvNormReLU(channels, out_channels), *dilated])
        self.image = ConvNormReLU(channels, out_channels)
        self.project = ConvNormReLU((len(self.local) + 1) * out_channels, out_channels)
        self.out_channels = out_channels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, 256, H, W) from the features x (B, C, H, W)."""
        image = self.image(x.mean(dim=(2, 3), keepdim=True)).expand(-1, -1, *x.shape[-2:])
        return self.project(torch.cat([*(branch(x) for branch in self.local), image], dim=1))


class SimplePyramidPooling(nn.Module):
    """Simple pyramid pooling module of PP-LiteSeg, Peng et al. 2022 (arXiv:2204.02681), section 3.3.

    As pyramid pooling, but narrow: branches of few channels are added up, and a 3x3 convolution of their sum takes the
    features' place. The paper's bins are 1, 2 and 4.
    """

    def __init__(self, channels: int, bins: Tuple[int, ...], out_channels: int = 128) -> None:
        super().__init__()
        _check_bins(bins)
        self.bins = bins
        self.branches = nn.ModuleList(ConvNormReLU(channels, out_channels) for _ in bins)
        self.joined = ConvNormReLU(out_channels, out_channels, 3)
        self.out_channels = out_channels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, 128, H, W) from the features x (B, C, H, W)."""
        pooled = (branch(average_bins(x, n)) for branch, n in zip(self.branches, self.bins))
        return self.joined(sum(interpolate(p, x.shape[-1]) for p in pooled))


class DeepAggregationPooling(nn.Module):
    """Deep aggregation pyramid pooling module of DDRNet, Hong et al. 2021 (arXiv:2101.06085), section 3.3.

    Means over larger and larger windows, each refined together with the next smaller one. The paper normalises before
    a convolution; here the norm comes after it, as everywhere in this network.
    """

    WINDOWS = ((5, 2), (9, 4), (17, 8))  # kernel and stride, in cells; then the mean of everything

    def __init__(self, channels: int, branch_channels: int = 128, out_channels: int = 256) -> None:
        super().__init__()
        scales = len(self.WINDOWS) + 1
        self.pools = nn.ModuleList(nn.AvgPool2d(k, s, k // 2, count_include_pad=False) for k, s in self.WINDOWS)
        self.branches = nn.ModuleList(ConvNormReLU(channels, branch_channels) for _ in range(scales + 1))
        self.refined = nn.ModuleList(ConvNormReLU(branch_channels, branch_channels, 3) for _ in range(scales))
        self.joined = ConvNormReLU((scales + 1) * branch_channels, out_channels)
        self.shortcut = ConvNormReLU(channels, out_channels)
        self.out_channels = out_channels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, 256, H, W) from the features x (B, C, H, W)."""
        pooled = [*(pool(x) for pool in self.pools), x.mean(dim=(2, 3), keepdim=True)]
        scales = [self.branches[0](x)]
        for branch, refined, mean in zip(list(self.branches)[1:], self.refined, pooled):
            scales.append(refined(interpolate(branch(mean), x.shape[-1]) + scales[-1]))
        return self.joined(torch.cat(scales, dim=1)) + self.shortcut(x)


class NoContext(nn.Module):
    """The features as they are: the fully convolutional network beside which a pyramid is judged."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.out_channels = channels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return x."""
        return x


def _check_bins(bins: Tuple[int, ...]) -> None:
    if not bins or min(bins) < 1:
        raise ConfigError(f"bins must be positive whole numbers, got {list(bins)}")


#: name -> module from (channels, bins, fusion, pooling, output_stride)
CONTEXTS: Dict[str, Callable[[int, Tuple[int, ...], str, str, int], Any]] = {
    "ppm": lambda channels, bins, fusion, pooling, stride: PyramidPooling(channels, bins, fusion, pooling),
    "aspp": lambda channels, bins, fusion, pooling, stride: AtrousPooling(channels, stride),
    "sppm": lambda channels, bins, fusion, pooling, stride: SimplePyramidPooling(channels, bins),
    "dappm": lambda channels, bins, fusion, pooling, stride: DeepAggregationPooling(channels),
    "fcn": lambda channels, bins, fusion, pooling, stride: NoContext(channels),
}
