"""What a depth camera makes of exact depth: the faults of active stereo, drawn anew for each picture.

Stereo finds disparity = focal length * baseline / depth; its errors arise there, so in depth they grow with its square
(Keselman et al. 2017 on Intel's RealSense; Nguyen et al. 2012 measured the same of the Kinect).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, Sequence, Tuple

import numpy as np
import torch
from torch.nn import functional

from pspgrasp.config import setting
from pspgrasp.data.synthetic.render import rays_of
from pspgrasp.data.synthetic.scenes import Cameras

#: Of the noise: matching windows make neighbours err alike. A RealSense's neighbours of 9 px still agree by 0.6.
CORRELATIONS_PX = (1, 3, 9, 27)


@dataclass(frozen=True)
class SensorConfig:
    """How bad cameras are. Shares are chances of a picture; ranges are drawn from evenly."""

    clean_share: float = setting(0.12, "pictures without any fault", 0.0, 1.0)
    least_noise: float = setting(-3.6, "log10 of the noise at 1 m [m], standard deviation, at best", -6.0, 0.0)
    most_noise: float = setting(-2.1, "the same at worst (a RealSense in dim light: -2.4)", -6.0, 0.0)
    shortest_baseline_m: float = setting(0.02, "distance between the imagers, at least [m]", 0.001, 1.0)
    longest_baseline_m: float = setting(0.075, "at most [m]", 0.001, 1.0)
    quantised_share: float = setting(0.5, "pictures whose disparity comes in steps", 0.0, 1.0)
    blurred_share: float = setting(0.4, "pictures smoothed by the camera", 0.0, 1.0)
    shadow_share: float = setting(0.7, "pictures with holes where the other imager sees nothing", 0.0, 1.0)
    steep_share: float = setting(0.5, "pictures with holes at edges and on steep surfaces", 0.0, 1.0)
    blob_share: float = setting(0.4, "pictures with holes in blobs, as on dark or shiny spots", 0.0, 1.0)
    band_share: float = setting(0.08, "pictures with a missing band at the side", 0.0, 1.0)
    flying_share: float = setting(0.5, "pictures with pixels that fly between the two sides of an edge", 0.0, 1.0)
    range_share: float = setting(0.25, "pictures that store range instead of depth, as Cornell's do", 0.0, 1.0)
    far_m: float = setting(2.0, "farther is not measured [m]", 0.5, 20.0)


class Faults(NamedTuple):
    """The faults of B pictures, each (B,) float32; a fault that a picture doesn't have is 0."""

    noise: torch.Tensor  # at 1 m [m]
    coarse: torch.Tensor  # share of the noise that is correlated over more than a pixel
    baseline_m: torch.Tensor
    step_px: torch.Tensor
    blur: torch.Tensor
    shadow: torch.Tensor
    steepest: torch.Tensor  # change of disparity between neighbours that can't be matched [px/px]
    blobs: torch.Tensor  # share of pixels lost in them
    band: torch.Tensor  # share of columns, negative on the right
    flying: torch.Tensor  # share of pixels at an edge
    ragged_px: torch.Tensor
    range: torch.Tensor


def random_faults(rngs: Sequence[np.random.Generator], config: SensorConfig) -> Faults:
    """Return the faults of as many pictures as there are generators, on the CPU."""
    rows = torch.tensor([_random_fault(rng, config) for rng in rngs], dtype=torch.float32)
    return Faults(*rows.unbind(1))


def _random_fault(rng: np.random.Generator, config: SensorConfig) -> Tuple[float, ...]:
    def sometimes(share: float, low: float, high: float) -> float:
        value = rng.uniform(low, high)
        return value if rng.random() < share else 0.0

    clean = rng.random() < config.clean_share
    faults = (
        10 ** rng.uniform(config.least_noise, config.most_noise),
        rng.uniform(0.0, 1.0),
        rng.uniform(config.shortest_baseline_m, config.longest_baseline_m),
        sometimes(config.quantised_share, 1 / 64, 1 / 16),
        sometimes(config.blurred_share, 1.0, 1.0),
        sometimes(config.shadow_share, 1.0, 1.0),
        sometimes(config.steep_share, 0.3, 1.5),
        sometimes(config.blob_share, 0.0, 0.03),
        sometimes(config.band_share, -0.2, 0.2),
        sometimes(config.flying_share, 0.05, 0.5),
        rng.uniform(0.0, 1.5),
        sometimes(config.range_share, 1.0, 1.0),
    )
    # Range is how depth is stored, no fault: a clean picture may have it.
    return (0.0, 0.0, faults[2], *[0.0] * 8, faults[11]) if clean else faults


def measure(
    depth_m: torch.Tensor, cameras: Cameras, faults: Faults, seeds: Sequence[int], far_m: float
) -> torch.Tensor:
    """Return what cameras measure of exact depth (B, N, N) [m]: float32 [m], NaN = no measurement.

    The same seed gives the same picture on one kind of device; a CPU and a GPU draw other random numbers.
    """
    fields = _Fields(depth_m.shape[-1], seeds, depth_m.device)
    seen_m = _with_flying_pixels(_with_ragged_edges(depth_m, faults, fields), faults, fields)
    focal_m = (cameras.focal_px * faults.baseline_m)[:, None, None]
    disparity_px = focal_m / seen_m
    missing = _in_shadow(disparity_px) & (faults.shadow > 0)[:, None, None]
    missing |= _too_steep(disparity_px, faults, fields)
    missing |= _in_blobs(faults, fields) | _in_band(depth_m.shape[-1], faults)
    noisy_m = seen_m + _noise(faults, fields) * seen_m**2
    noisy_m = torch.where((faults.step_px > 0)[:, None, None], _quantised(noisy_m, focal_m, faults), noisy_m)
    noisy_m = torch.where(
        (faults.blur > 0)[:, None, None], functional.avg_pool2d(noisy_m, 3, 1, 1, False, False), noisy_m
    )
    missing |= (noisy_m > far_m) | (noisy_m <= 0)
    side_px = depth_m.shape[-1]
    ray = rays_of(cameras, side_px).norm(dim=3)
    stored_m = torch.where((faults.range > 0)[:, None, None], noisy_m * ray, noisy_m)
    return torch.where(missing, torch.full_like(stored_m, math.nan), stored_m)


class _Fields:
    """Random images, each picture's from its own seed, so that a batch is the same however it is put together."""

    def __init__(self, side_px: int, seeds: Sequence[int], device: torch.device) -> None:
        self._side_px, self._device = side_px, device
        self._generators = [torch.Generator(device=device).manual_seed(seed) for seed in seeds]

    def uniform(self) -> torch.Tensor:
        """Return (B, N, N) in [0, 1)."""
        shape = (self._side_px, self._side_px)
        return torch.stack([torch.rand(shape, generator=g, device=self._device) for g in self._generators])

    def smooth(self, correlation_px: int, channels: int = 1) -> torch.Tensor:
        """Return (B, channels, N, N) of about unit variance, correlated over some pixels."""
        side = -(-self._side_px // correlation_px) + 2
        shape = (channels, side, side)
        white = torch.stack([torch.randn(shape, generator=g, device=self._device) for g in self._generators])
        if correlation_px == 1:
            return white[..., : self._side_px, : self._side_px]
        # Cubic interpolation of white noise; 1.15 restores its variance on average over a cell.
        large = functional.interpolate(white, scale_factor=correlation_px, mode="bicubic", align_corners=False) * 1.15
        return large[..., : self._side_px, : self._side_px]


def _with_ragged_edges(depth_m: torch.Tensor, faults: Faults, fields: _Fields) -> torch.Tensor:
    side = depth_m.shape[-1]
    grid = torch.arange(side, device=depth_m.device, dtype=torch.float32)
    off = fields.smooth(3, 2) * faults.ragged_px[:, None, None, None]
    column = (grid + off[:, 0]).round().clamp(0, side - 1).long()
    row = (grid[:, None] + off[:, 1]).round().clamp(0, side - 1).long()
    return depth_m.flatten(1).gather(1, (row * side + column).flatten(1)).view_as(depth_m)


def _with_flying_pixels(depth_m: torch.Tensor, faults: Faults, fields: _Fields) -> torch.Tensor:
    far_m = functional.max_pool2d(depth_m[:, None], 3, 1, 1)[:, 0]
    near_m = -functional.max_pool2d(-depth_m[:, None], 3, 1, 1)[:, 0]
    chosen = (far_m - near_m > 0.01) & (fields.uniform() < faults.flying[:, None, None])
    return torch.where(chosen, near_m + fields.uniform() * (far_m - near_m), depth_m)


def _in_shadow(disparity_px: torch.Tensor) -> torch.Tensor:
    """Return (B, N, N) bool: what the right imager doesn't see, being covered by something nearer."""
    columns = torch.arange(disparity_px.shape[-1], device=disparity_px.device)
    right_px = columns - disparity_px
    nearest_cover = right_px.flip(2).cummin(2).values.flip(2)
    return right_px > nearest_cover + 0.5


def _too_steep(disparity_px: torch.Tensor, faults: Faults, fields: _Fields) -> torch.Tensor:
    highest = functional.max_pool2d(disparity_px[:, None], 3, 1, 1)[:, 0]
    lowest = -functional.max_pool2d(-disparity_px[:, None], 3, 1, 1)[:, 0]
    # Whether a window that straddles an edge still finds its match is a matter of luck.
    luck = torch.exp(0.5 * fields.smooth(3)[:, 0])
    steepest = faults.steepest[:, None, None]
    return (steepest > 0) & ((highest - lowest) / 2 > steepest * luck)


def _in_blobs(faults: Faults, fields: _Fields) -> torch.Tensor:
    threshold = -torch.special.ndtri(faults.blobs.clamp(1e-6, 0.5))
    return (fields.smooth(15)[:, 0] > threshold[:, None, None]) & (faults.blobs > 0)[:, None, None]


def _in_band(side_px: int, faults: Faults) -> torch.Tensor:
    columns = (torch.arange(side_px, device=faults.band.device) + 0.5) / side_px
    from_left = columns < faults.band[:, None]
    return (from_left | (columns > 1 + faults.band[:, None]))[:, None, :]


def _noise(faults: Faults, fields: _Fields) -> torch.Tensor:
    """Return noise at 1 m (B, N, N) [m]."""
    fine, *coarse = (fields.smooth(correlation_px)[:, 0] for correlation_px in CORRELATIONS_PX)
    share, whole = faults.coarse[:, None, None], sum(CORRELATIONS_PX[1:])
    mixed = (1 - share).sqrt() * fine
    for field, correlation_px in zip(coarse, CORRELATIONS_PX[1:]):
        mixed = mixed + (share * correlation_px / whole).sqrt() * field
    return faults.noise[:, None, None] * mixed


def _quantised(depth_m: torch.Tensor, focal_m: torch.Tensor, faults: Faults) -> torch.Tensor:
    step_px = faults.step_px[:, None, None].clamp(min=1e-3)
    steps = (focal_m / depth_m.clamp(min=1e-3) / step_px).round()
    return focal_m / (steps.clamp(min=0.5) * step_px)
