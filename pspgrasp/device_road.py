"""The road from depth to the places of grasps in torch, so that a device can walk it alone.

What `preprocess.py`, `maps.py` and `detect.py` do with OpenCV for one image, here with operations that a GPU has, that
a CUDA graph can record, and that exports know.
"""

from __future__ import annotations

from typing import NamedTuple, Tuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from pspgrasp.config import DetectionConfig, PreprocessConfig
from pspgrasp.depth import NEAREST_M
from pspgrasp.errors import ConfigError
from pspgrasp.maps import MOST_PLACES, gaussian_weights


class Prepared(NamedTuple):
    """What a network sees of depth, and what is needed after it.

    Attributes:
        image: (B, C, S, S), the network's input.
        filled_m: (B, 1, S, S) [m], without holes.
        measured: (B, 1, S, S), 1 where depth was measured, else 0.
    """

    image: torch.Tensor
    filled_m: torch.Tensor
    measured: torch.Tensor


class Found(NamedTuple):
    """What is read from the network's output.

    Attributes:
        places: (B, K, 6): row, column, quality, cos 2phi, sin 2phi, width [map px] of the best summits.
        maps: (B, 4, S, S): quality, cos 2phi, sin 2phi, width [map px] after the Gaussians.
        level: (B,), the mean size of the network's output: not finite if any of it isn't.
    """

    places: torch.Tensor
    maps: torch.Tensor
    level: torch.Tensor


class Before(nn.Module):
    """From depth to the network's input, as `preprocess.prepare`."""

    def __init__(self, config: PreprocessConfig) -> None:
        """Prepare depth as `config` says.

        Raises:
            ConfigError: It asks for a fill that no device does.
        """
        super().__init__()
        if config.fill != "push_pull":
            raise ConfigError(
                f"no graph fills holes by {config.fill!r}; give it the network alone, whose input is prepared"
            )
        self._config = config

    def forward(self, depth_m: torch.Tensor, focal_px: torch.Tensor) -> Prepared:
        """Return what the network sees.

        Args:
            depth_m: (B, 1, S, S) [m], 0 = no measurement.
            focal_px: (B,) focal length [px of this image].
        """
        measured = (depth_m > 0).to(depth_m.dtype)
        filled_m = push_pull(depth_m, measured)
        return Prepared(network_input(filled_m, self._config, focal_px), filled_m, measured)


class After(nn.Module):
    """From the network's output to its best summits: widths, mask, Gaussians, peaks, as `SmoothedMaps` and `peaks`."""

    def __init__(self, width: str, width_scale_px: float, detection: DetectionConfig) -> None:
        """Read the output of a network whose widths mean `width`, in units of `width_scale_px`, as `detection` says."""
        super().__init__()
        self._contact, self._width_scale_px = width == "contact", width_scale_px
        sigmas_px = (
            detection.sigma_quality_px, detection.sigma_angle_px, detection.sigma_angle_px, detection.sigma_width_px
        )  # fmt: skip
        self._reach_px, weights = _gaussians(sigmas_px)
        self.weights: torch.Tensor
        self.register_buffer("weights", torch.from_numpy(weights))

    def forward(
        self, output: torch.Tensor, filled_m: torch.Tensor, measured: torch.Tensor, opening_m_px: torch.Tensor
    ) -> Found:
        """Return the best summits.

        Args:
            output: (B, 4, S, S), the network's.
            filled_m: As in `Prepared`.
            measured: As in `Prepared`.
            opening_m_px: (B,) `clearance_m` times the focal length [m px], by which a contact width at 1 m is opened.
        """
        quality, angle, width_px = output[:, :1] * measured, output[:, 1:3], output[:, 3:] * self._width_scale_px
        if self._contact:
            width_px = width_px.clamp(min=0) + opening_m_px[:, None, None, None] / filled_m.clamp(min=NEAREST_M)
        maps = self._smoothed(torch.cat([quality, angle, width_px], 1))
        return Found(_places(maps), maps, output.abs().mean((1, 2, 3)))

    def _smoothed(self, maps: torch.Tensor) -> torch.Tensor:
        """Return maps (B, 4, S, S) after one Gaussian a channel, mirrored beyond the border as OpenCV does it."""
        if self._reach_px == 0:
            return maps
        bordered = functional.pad(maps, 4 * [self._reach_px], mode="reflect")
        along = functional.conv2d(bordered, self.weights[:, :, None, :], groups=4)
        return functional.conv2d(along, self.weights[:, :, :, None], groups=4)


class DeviceRoad(nn.Module):
    """The whole road: one module, of which a device needs to be told once."""

    def __init__(self, before: Before, network: nn.Module, after: After) -> None:
        """Put a network between what comes before and after it."""
        super().__init__()
        self.before, self.network, self.after = before, network, after

    def forward(self, depth_m: torch.Tensor, focal_px: torch.Tensor, opening_m_px: torch.Tensor) -> Found:
        """Return the best summits of depth (B, 1, S, S) [m]; see `Before` and `After`."""
        image, filled_m, measured = self.before(depth_m, focal_px)
        return self.after(self.network(image), filled_m, measured, opening_m_px)


def network_input(filled_m: torch.Tensor, config: PreprocessConfig, focal_px: torch.Tensor) -> torch.Tensor:
    """Return the network input (B, C, S, S) of depth without holes (B, 1, S, S) [m]: `preprocess.network_input`."""
    relative_m = (filled_m - filled_m.mean((2, 3), keepdim=True)).clamp(-config.clip_m, config.clip_m)
    if not config.pixel_size_channel:
        return relative_m
    millimetres = 1000 * filled_m.clamp(min=1e-3) / focal_px[:, None, None, None]
    return torch.cat([relative_m, millimetres.log()], dim=1)


def push_pull(depth_m: torch.Tensor, measured: torch.Tensor) -> torch.Tensor:
    """Return depth (B, 1, S, S) [m] whose holes are filled: `preprocess.push_pull`, in batches, on any device.

    A picture in which nothing is measured becomes zero.

    Args:
        depth_m: (B, 1, S, S) [m]; what stands in holes doesn't count.
        measured: The same shape: 1 where depth was measured, else 0.
    """
    return _pulled(depth_m * measured, measured)


def _pulled(sums: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return sums / weight (B, 1, S, S), and where there is no weight what coarser pixels have."""
    known = sums / weight.clamp(min=1e-6)
    if int(weight.shape[-1]) <= 2:
        everywhere = sums.sum((2, 3), keepdim=True) / weight.sum((2, 3), keepdim=True).clamp(min=1e-6)
        return torch.where(weight > 0, known, everywhere)
    coarse = _pulled(_halved(sums), _halved(weight))
    side = (int(weight.shape[-2]), int(weight.shape[-1]))
    around = functional.interpolate(coarse, size=side, mode="bilinear", align_corners=False)
    return torch.where(weight > 0, known, around)


def _halved(image: torch.Tensor) -> torch.Tensor:
    """Return the means of 2x2 pixels; where a row or column is left over, its pixels count twice."""
    odd_rows, odd_columns = int(image.shape[-2]) % 2, int(image.shape[-1]) % 2
    if odd_rows or odd_columns:
        image = functional.pad(image, (0, odd_columns, 0, odd_rows), mode="replicate")
    return functional.avg_pool2d(image, 2)


def _places(maps: torch.Tensor) -> torch.Tensor:
    """Return the best summits (B, K, 6) of maps (B, 4, S, S)."""
    quality, columns = maps[:, :1], int(maps.shape[-1])
    summit = (quality == functional.max_pool2d(quality, 3, stride=1, padding=1)) & (quality > 0)
    score = torch.where(summit, quality, torch.zeros_like(quality)).flatten(1)
    best, place = score.topk(MOST_PLACES)
    there = maps[:, 1:].flatten(2).gather(2, place[:, None].expand(-1, 3, -1))
    row = torch.div(place, columns, rounding_mode="floor")
    return torch.cat([torch.stack([row.to(best), (place - row * columns).to(best), best], 1), there], 1).transpose(1, 2)


def _gaussians(sigmas_px: Tuple[float, ...]) -> Tuple[int, np.ndarray]:
    """Return how far the widest Gaussian reaches [px], and the weights (N, 1, 2 reach + 1) float32 of all."""
    single = np.ones(1, np.float32)
    kernels = [gaussian_weights(sigma_px) if sigma_px > 0 else single for sigma_px in sigmas_px]
    reach_px = max(len(kernel) for kernel in kernels) // 2
    return reach_px, np.stack([np.pad(kernel, reach_px - len(kernel) // 2) for kernel in kernels])[:, None]
