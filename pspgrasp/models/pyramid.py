"""Context modules: what stands between the backbone and the head, by name.

To add one, write a module with `out_channels` and a line in `CONTEXTS`.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Tuple

import torch
from torch import nn

from pspgrasp.errors import ConfigError
from pspgrasp.models.layers import ConvNormReLU
from pspgrasp.models.resample import average_bins, interpolate


class PyramidPooling(nn.Module):
    """Pyramid pooling module, Zhao et al. 2017 (arXiv:1612.01105), section 3.2 and figure 3.

    For each n of `bins`: average over n x n boxes, 1x1 convolution, norm, ReLU, back to the size of the feature
    map (bilinear, align_corners). `concat` puts the branches (C // len(bins) channels each) behind the input;
    `sum` adds branches of C channels to it.
    """

    def __init__(self, channels: int, bins: Tuple[int, ...], fusion: str) -> None:
        super().__init__()
        if fusion not in ("concat", "sum"):
            raise ConfigError(f"fusion must be 'concat' or 'sum', got {fusion!r}")
        if not bins or min(bins) < 1:
            raise ConfigError(f"bins must be positive whole numbers, got {list(bins)}")
        self.bins, self.fusion = bins, fusion
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
        """Return for each bin n the means (B, C, n, n) over its boxes."""
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


class NoContext(nn.Module):
    """The features as they are: the fully convolutional network beside which a pyramid is judged."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.out_channels = channels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return x."""
        return x


#: name -> module from (channels, bins, fusion, output_stride)
CONTEXTS: Dict[str, Callable[[int, Tuple[int, ...], str, int], Any]] = {
    "ppm": lambda channels, bins, fusion, stride: PyramidPooling(channels, bins, fusion),
    "aspp": lambda channels, bins, fusion, stride: AtrousPooling(channels, stride),
    "fcn": lambda channels, bins, fusion, stride: NoContext(channels),
}
