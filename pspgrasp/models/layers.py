"""The two bricks that the networks are made of."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional


class BatchNorm2d(nn.BatchNorm2d):
    """Batch norm that survives one value a channel: there it uses its running statistics.

    The 1x1 bin of a pyramid at batch size 1 has one value a channel, which has no variance, and torch refuses it
    (mmsegmentation#272, pytorch-semseg#214). Otherwise equal to torch's.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the normalised x (B, C, H, W)."""
        if self.training and x.shape[0] * x.shape[2] * x.shape[3] == 1:
            return functional.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps
            )
        return super().forward(x)


class ConvNormReLU(nn.Module):
    """Convolution without bias that keeps the size, batch norm, ReLU."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int = 1, dilation: int = 1) -> None:
        super().__init__()
        padding = dilation * (kernel // 2)
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, padding=padding, dilation=dilation, bias=False)
        self.norm = BatchNorm2d(out_channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, out_channels, H, W)."""
        return functional.relu(self.norm(self.conv(x)))
