"""GR-ConvNet of Kumra et al. (IROS 2020), a baseline; layers as in skumra/robotic-grasping.

Its module names are those of the published weights, so that these load as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from pspgrasp.config import setting
from pspgrasp.models.layers import BatchNorm2d


@dataclass(frozen=True)
class GrConvNetConfig:
    """What shapes a `GrConvNet`."""

    in_channels: int = setting(1, "channels of the input: 1 is depth, 4 is depth then RGB", 1, 64)
    channels: int = setting(32, "channels of the first layer; the residual blocks have four times as many", 1, 1024)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut; no ReLU after the sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn1 = BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn2 = BatchNorm2d(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, channels, H, W)."""
        return x + self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))


class GrConvNet(nn.Module):
    """1,893,124 parameters at one channel; sizes that are multiples of 4."""

    def __init__(self, config: GrConvNetConfig) -> None:
        super().__init__()
        c = config.channels
        self.conv1 = nn.Conv2d(config.in_channels, c, 9, padding=4)
        self.bn1 = BatchNorm2d(c)
        self.conv2 = nn.Conv2d(c, 2 * c, 4, stride=2, padding=1)
        self.bn2 = BatchNorm2d(2 * c)
        self.conv3 = nn.Conv2d(2 * c, 4 * c, 4, stride=2, padding=1)
        self.bn3 = BatchNorm2d(4 * c)
        self.res1, self.res2, self.res3, self.res4, self.res5 = (ResidualBlock(4 * c) for _ in range(5))
        self.conv4 = nn.ConvTranspose2d(4 * c, 2 * c, 4, stride=2, padding=1, output_padding=1)
        self.bn4 = BatchNorm2d(2 * c)
        self.conv5 = nn.ConvTranspose2d(2 * c, c, 4, stride=2, padding=2, output_padding=1)
        self.bn5 = BatchNorm2d(c)
        self.conv6 = nn.ConvTranspose2d(c, c, 9, padding=4)
        self.pos_output = nn.Conv2d(c, 1, 2)
        self.cos_output = nn.Conv2d(c, 1, 2)
        self.sin_output = nn.Conv2d(c, 1, 2)
        self.width_output = nn.Conv2d(c, 1, 2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the maps (B, 4, N, N) of images (B, in_channels, N, N)."""
        x = images
        for conv, norm in ((self.conv1, self.bn1), (self.conv2, self.bn2), (self.conv3, self.bn3)):
            x = functional.relu(norm(conv(x)))
        for block in (self.res1, self.res2, self.res3, self.res4, self.res5):
            x = block(x)
        for up, norm in ((self.conv4, self.bn4), (self.conv5, self.bn5)):
            x = functional.relu(norm(up(x)))
        x = self.conv6(x)
        return torch.cat([self.pos_output(x), self.cos_output(x), self.sin_output(x), self.width_output(x)], dim=1)
