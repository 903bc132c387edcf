"""GG-CNN and GG-CNN2 of Morrison et al. (RSS 2018; IJRR 2019), the baselines; layers as in dougsm/ggcnn 0c50aa7.

Their module names are those of the published weights, so that these load as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from pspgrasp.config import setting


@dataclass(frozen=True)
class GgcnnConfig:
    """What shapes a `Ggcnn` or `Ggcnn2`."""

    in_channels: int = setting(1, "channels of the input", 1, 64)


class Ggcnn(nn.Module):
    """62,420 parameters; (B, 1, 300, 300) [m] -> (B, 4, 300, 300): quality, cos 2phi, sin 2phi, width / 150."""

    def __init__(self, config: GgcnnConfig) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(config.in_channels, 32, 9, stride=3, padding=3)
        self.conv2 = nn.Conv2d(32, 16, 5, stride=2, padding=2)
        self.conv3 = nn.Conv2d(16, 8, 3, stride=2, padding=1)
        self.convt1 = nn.ConvTranspose2d(8, 8, 3, stride=2, padding=1, output_padding=1)
        self.convt2 = nn.ConvTranspose2d(8, 16, 5, stride=2, padding=2, output_padding=1)
        self.convt3 = nn.ConvTranspose2d(16, 32, 9, stride=3, padding=3, output_padding=1)
        self.pos_output = nn.Conv2d(32, 1, 2)
        self.cos_output = nn.Conv2d(32, 1, 2)
        self.sin_output = nn.Conv2d(32, 1, 2)
        self.width_output = nn.Conv2d(32, 1, 2)

    def forward(self, depth: torch.Tensor) -> torch.Tensor:
        """Return the maps (B, 4, 300, 300)."""
        x = depth
        for layer in (self.conv1, self.conv2, self.conv3, self.convt1, self.convt2, self.convt3):
            x = functional.relu(layer(x))
        return torch.cat([self.pos_output(x), self.cos_output(x), self.sin_output(x), self.width_output(x)], dim=1)


class Ggcnn2(nn.Module):
    """66,676 parameters; dilated convolutions in the middle; sizes that are multiples of 4."""

    def __init__(self, config: GgcnnConfig) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(config.in_channels, 16, 11, padding=5), nn.ReLU(),
            nn.Conv2d(16, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 16, 5, padding=2), nn.ReLU(),
            nn.Conv2d(16, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 5, dilation=2, padding=4), nn.ReLU(),
            nn.Conv2d(32, 32, 5, dilation=4, padding=8), nn.ReLU(),
            nn.UpsamplingBilinear2d(scale_factor=2), nn.Conv2d(32, 16, 3, padding=1), nn.ReLU(),
            nn.UpsamplingBilinear2d(scale_factor=2), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(),
        )  # fmt: skip
        self.pos_output = nn.Conv2d(16, 1, 1)
        self.cos_output = nn.Conv2d(16, 1, 1)
        self.sin_output = nn.Conv2d(16, 1, 1)
        self.width_output = nn.Conv2d(16, 1, 1)

    def forward(self, depth: torch.Tensor) -> torch.Tensor:
        """Return the maps (B, 4, N, N) of depth (B, 1, N, N) [m]."""
        x = self.features(depth)
        return torch.cat([self.pos_output(x), self.cos_output(x), self.sin_output(x), self.width_output(x)], dim=1)
