"""The network: backbone -> pyramid -> head -> four maps, PSPNet (Zhao et al. 2017) for grasps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List, Optional, Tuple

import torch
from torch import nn

from pspgrasp.config import setting
from pspgrasp.errors import ConfigError, unknown_name
from pspgrasp.models.backbone import build_backbone, features_of
from pspgrasp.models.layers import ConvNormReLU
from pspgrasp.models.pyramid import CONTEXTS
from pspgrasp.models.resample import box_mean, interpolate, interpolate_cells

MAPS = 4  # quality, cos 2phi, sin 2phi, width / width scale
MOST_BRANCHES = 32  # of a pyramid, and boxes of relief: more is no network, but a file that lies


@dataclass(frozen=True)
class PspGraspNetConfig:
    """Everything that shapes a `PspGraspNet`."""

    backbone: str = setting("efficientnet_lite0", "any timm model with feature extraction")
    output_stride: int = setting(16, "input pixels per cell of the last feature map: 8, 16 or 32", 8, 32)
    context: str = setting("ppm", "module between backbone and head: ppm, aspp, sppm, dappm or fcn (none)")
    bins: Tuple[int, ...] = (1, 2, 3, 6)
    fusion: str = setting("concat", "how the pyramid joins its branches to the features: concat or sum")
    pooling: str = setting("average", "what the pyramid takes of a box: average (paper's) or max")
    reduction_channels: int = setting(0, "1x1 reduction before the pyramid; 0 is the paper's order, without", 0, 4096)
    head_channels: int = setting(128, "channels of the 3x3 head after the pyramid (paper: 512)", 1, 4096)
    lateral_channels: int = setting(48, "channels of the stride-4 skip; 0 is none", 0, 4096)
    refine_channels: int = setting(64, "channels of the 3x3 convolution after the skip", 1, 4096)
    in_channels: int = setting(1, "channels of the input: 1, depth, or 2, the size of a pixel too", 1, 2)
    relief_boxes_px: Tuple[int, ...] = (31, 91)
    upsampling: str = setting("align_corners", "align_corners (paper's; exact at stride * k + 1) or cells (any size)")
    zoom_factor: int = setting(
        0, "maps of (n - 1) / 8 * zoom + 1 pixels: 1, 2, 4 or 8; 0 gives maps of the input's size", 0, 8
    )
    auxiliary_channels: int = setting(
        0, "channels of the auxiliary head on the last but one feature (paper: 256); 0 is none", 0, 4096
    )
    dropout: float = setting(0.1, "share of channels dropped before the maps", 0.0, 0.9)
    dilation: str = setting("timm", "convention of the dilated stages, recorded since shapes don't tell it")

    def __post_init__(self) -> None:
        _check("output_stride", self.output_stride, (8, 16, 32))
        _check("context", self.context, CONTEXTS)
        _check("upsampling", self.upsampling, ("align_corners", "cells"))
        _check("zoom_factor", self.zoom_factor, (0, 1, 2, 4, 8))
        _check("dilation", self.dilation, ("timm",))
        for name, values in (("relief_boxes_px", self.relief_boxes_px), ("bins", self.bins)):
            if len(values) > MOST_BRANCHES:
                raise ConfigError(f"{name} holds {len(values)} values; {MOST_BRANCHES} at most")
        if any(not 3 <= box <= 4095 or box % 2 == 0 for box in self.relief_boxes_px):
            raise ConfigError(f"relief_boxes_px must be odd and in [3, 4095], got {list(self.relief_boxes_px)}")
        if any(not 1 <= bins <= 64 for bins in self.bins):
            raise ConfigError(f"bins must lie in [1, 64], got {list(self.bins)}")


def _check(name: str, value: Any, valid: Any) -> None:
    if value not in valid:
        raise ConfigError(unknown_name(name, value, [v if isinstance(v, str) else str(v) for v in valid]))


class Relief(nn.Module):
    """Adds channels clip(10 (d - mean of d over a box), -2, 2): small heights stand out at any distance."""

    def __init__(self, boxes_px: Tuple[int, ...]) -> None:
        super().__init__()
        self.boxes_px = boxes_px

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return (B, C + boxes, H, W) from an image (B, C, H, W) whose first channel is depth [m]."""
        depth = image[:, :1]
        reliefs = [torch.clamp(10 * (depth - box_mean(depth, box)), -2, 2) for box in self.boxes_px]
        return torch.cat([image, *reliefs], dim=1)


class PspGraspNet(nn.Module):
    """Maps of grasps from depth, with the whole scene at every pixel.

    Input (B, C, N, N) float: depth [m], no holes, minus its mean; with C = 2 the size of a pixel, too. Output
    (B, 4, M, M): quality, cos 2phi, sin 2phi, width / width scale; M = N unless `zoom_factor` is set.
    """

    def __init__(self, config: PspGraspNetConfig, pretrained: bool = False) -> None:
        super().__init__()
        self.config = config
        self.relief = Relief(config.relief_boxes_px)
        channels_in = config.in_channels + len(config.relief_boxes_px)
        self.backbone = build_backbone(config.backbone, channels_in, config.output_stride, pretrained)
        channels, strides = features_of(self.backbone)
        self.reduction = _reduction(channels[-1], config.reduction_channels)
        features = config.reduction_channels or channels[-1]
        context = CONTEXTS[config.context]
        self.pyramid = context(features, config.bins, config.fusion, config.pooling, config.output_stride)
        self.fuse = ConvNormReLU(self.pyramid.out_channels, config.head_channels, 3)
        self.dropout = nn.Dropout2d(config.dropout)
        self.stride, out_channels = strides[-1], config.head_channels
        if config.lateral_channels:
            self.low_level = _stride_4(strides, config.backbone)
            self.lateral = ConvNormReLU(channels[self.low_level], config.lateral_channels)
            self.refine = ConvNormReLU(out_channels + config.lateral_channels, config.refine_channels, 3)
            self.stride, out_channels = 4, config.refine_channels
        self.head = nn.Conv2d(out_channels, MAPS, 1)
        self.auxiliary = _auxiliary(channels[-2], config)
        self.auxiliary_stride = strides[-2]

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return the maps (B, 4, M, M)."""
        return self._maps(image, self.backbone(self.relief(image)))

    def forward_with_auxiliary(self, image: torch.Tensor) -> Tuple[torch.Tensor, Optional[torch.Tensor]]:
        """Return the maps and those of the auxiliary head (None without one), both (B, 4, M, M); for training."""
        features = self.backbone(self.relief(image))
        maps = self._maps(image, features)
        if self.auxiliary is None:
            return maps, None
        return maps, self._upsampled(self.auxiliary(features[-2]), image.shape[-1], self.auxiliary_stride)

    def _maps(self, image: torch.Tensor, features: List[torch.Tensor]) -> torch.Tensor:
        x = self.dropout(self.fuse(self.pyramid(self.reduction(features[-1]))))
        if self.config.lateral_channels:
            low = features[self.low_level]
            coarse = self._placed(x, low.shape[-1], self.config.output_stride // 4)
            x = self.refine(torch.cat([coarse, self.lateral(low)], dim=1))
        return self._upsampled(self.head(x), image.shape[-1], self.stride)

    def _upsampled(self, maps: torch.Tensor, size: int, stride: int) -> torch.Tensor:
        zoom = self.config.zoom_factor
        if zoom and (size - 1) % 8:
            raise ConfigError(f"zoom_factor needs an input of 8 k + 1 pixels, got {size}; nearest: {size // 8 * 8 + 1}")
        out, cell_px = ((size - 1) // 8 * zoom + 1, stride * zoom / 8) if zoom else (size, stride)
        return self._placed(maps, out, cell_px)

    def _placed(self, x: torch.Tensor, size: int, stride: float) -> torch.Tensor:
        return interpolate_cells(x, size, stride) if self.config.upsampling == "cells" else interpolate(x, size)


def _reduction(channels: int, reduced: int) -> nn.Module:
    return ConvNormReLU(channels, reduced) if reduced else nn.Identity()


def _stride_4(strides: List[int], backbone: str) -> int:
    if 4 not in strides:
        raise ConfigError(f"backbone {backbone!r} has no stride-4 feature (strides {strides}); set lateral_channels: 0")
    return strides.index(4)


def _auxiliary(channels: int, config: PspGraspNetConfig) -> Optional[nn.Module]:
    if not config.auxiliary_channels:
        return None
    hidden = config.auxiliary_channels
    return nn.Sequential(ConvNormReLU(channels, hidden, 3), nn.Dropout2d(config.dropout), nn.Conv2d(hidden, MAPS, 1))
