"""Dense labels of scenes: at each place the best of all directions, and how much the grasp may be off.

Quality is the chance that a grasp succeeds whose pose is off by what robots are off by: the success of exactly placed
grasps, averaged over positions and directions about it (as the robust grasp metric of Weisz and Allen, ICRA 2012, and
Dex-Net 2.0, Mahler et al. 2017, with the average taken over a grid instead of samples).
"""

from __future__ import annotations

import math
from typing import Tuple

import torch
from torch.nn import functional

from pspgrasp.data.synthetic.antipodal import (
    Attempts,
    Closing,
    GripperConfig,
    close_jaws,
    insertion_at,
    promising,
    seen_from_above,
    success,
)
from pspgrasp.data.synthetic.render import View
from pspgrasp.data.synthetic.scenes import Cameras

GRID_PX = 3  # places are tried in steps of so many pixels
DIRECTIONS = 12
OFF_M = 0.003  # standard deviation of a robot's position [m]
CHUNK = {"cpu": 1 << 16, "cuda": 1 << 20}  # attempts at a time: what caches hold, and what a GPU's memory does
THINNEST_M = 0.002  # lower things are left lying
LEANING = 0.15  # how much better a level direction counts
LEAST_QUALITY = 1e-3  # less is none


def label(view: View, cameras: Cameras, gripper: GripperConfig, width_scale_px: float) -> torch.Tensor:
    """Return the target (B, 4, N, N): quality, cos 2phi, sin 2phi, contact width / scale.

    The contact width is in pixels as if the grasp were seen face on, at the depth of the surface: times depth / focal
    length it is the true width, also where an oblique camera sees it foreshortened.
    """
    count, side_px = view.depth_m.shape[0], view.depth_m.shape[-1]
    angles_rad = torch.arange(DIRECTIONS, device=view.depth_m.device) * (math.pi / DIRECTIONS)
    cells = len(range(GRID_PX // 2, side_px, GRID_PX))
    volume = torch.zeros(count, DIRECTIONS, cells, cells, device=view.depth_m.device)
    width_px = torch.zeros_like(volume)
    every = _attempts(view, cameras, gripper, angles_rad)
    chunk = CHUNK[view.depth_m.device.type]
    for begin in range(0, len(every.u), chunk):
        some = Attempts(*(field[begin : begin + chunk] for field in every))
        some = some.of(promising(view, cameras, some, gripper).nonzero()[:, 0])
        closing = close_jaws(view, cameras, some, gripper)
        direction = (some.angle_rad * (DIRECTIONS / math.pi)).round().long()
        cell = (some.scene, direction, some.v // GRID_PX, some.u // GRID_PX)
        volume[cell] = success(closing, gripper) * _in_view(some, closing, side_px)
        px_per_m = cameras.focal_px[some.scene] / view.depth_m[some.scene, some.v, some.u]
        width_px[cell] = closing.width_m.nan_to_num(0.0, 0.0, 0.0) * px_per_m
    off_cells = _off_cells(view, cameras)
    robust = _averaged(volume, off_cells)
    # Wherever the average has quality it has a width: that of the grasps which gave it.
    width_px = _averaged(volume * width_px, off_cells) / robust.clamp(min=1e-12)
    target = _enlarged(*_best(robust, width_px, angles_rad), width_scale_px, side_px)
    # The averages reach beyond things, where a grasp would have the depth of what lies behind.
    return target * (view.thing > 0)[:, None]


def _attempts(view: View, cameras: Cameras, gripper: GripperConfig, angles_rad: torch.Tensor) -> Attempts:
    """Return every direction at every place on a thing, on the grid."""
    inner = slice(GRID_PX // 2, None, GRID_PX)
    scene, row, column = (view.thing[:, inner, inner] > 0).nonzero().unbind(1)
    v, u = row * GRID_PX + GRID_PX // 2, column * GRID_PX + GRID_PX // 2
    insertion_m = insertion_at(view, cameras, scene, u, v, gripper)
    high = (insertion_m > gripper.insertion_share * THINNEST_M) & seen_from_above(view, cameras, scene, u, v)
    scene, u, v, insertion_m = (f[high].repeat_interleave(len(angles_rad)) for f in (scene, u, v, insertion_m))
    return Attempts(scene, u, v, insertion_m, angles_rad.repeat(int(high.sum())))


def _in_view(attempts: Attempts, closing: Closing, side_px: int) -> torch.Tensor:
    """Return (N,) bool: whether both contacts lie in the image. What is outside nobody can tell from it."""
    inside = torch.ones_like(attempts.u, dtype=torch.bool)
    for stop_m in (-closing.left_m, closing.right_m):
        u = attempts.u + stop_m * closing.px_per_m * attempts.angle_rad.cos()
        v = attempts.v - stop_m * closing.px_per_m * attempts.angle_rad.sin()
        inside &= (u >= 0) & (u <= side_px - 1) & (v >= 0) & (v <= side_px - 1)
    return inside


def _off_cells(view: View, cameras: Cameras) -> torch.Tensor:
    """Return the standard deviation (B,) of a robot's position in cells of the grid."""
    on_thing = (view.thing > 0).float()
    depth_m = (view.depth_m * on_thing).sum((1, 2)) / on_thing.sum((1, 2)).clamp(min=1)
    return OFF_M * cameras.focal_px / depth_m.clamp(min=0.1) / GRID_PX


def _averaged(volume: torch.Tensor, off_cells: torch.Tensor) -> torch.Tensor:
    """Return the volume (B, DIRECTIONS, H, W) averaged over neighbouring places and directions."""
    count, directions, height, width = volume.shape
    # Directions are a circle: half a turn is the same grasp.
    ahead, behind = volume.roll(1, 1), volume.roll(-1, 1)
    volume = 0.6 * volume + 0.2 * (ahead + behind)
    taps = torch.arange(-4, 5, device=volume.device)
    kernel = torch.exp(-((taps / off_cells.clamp(min=0.5)[:, None]) ** 2) / 2)
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(directions, 0)
    flat = volume.reshape(1, count * directions, height, width)
    flat = functional.conv2d(flat, kernel[:, None, :, None], padding=(4, 0), groups=count * directions)
    flat = functional.conv2d(flat, kernel[:, None, None, :], padding=(0, 4), groups=count * directions)
    return flat.view(count, directions, height, width)


def _best(
    robust: torch.Tensor, width_px: torch.Tensor, angles_rad: torch.Tensor
) -> Tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return quality, the double direction as (B, 2, H, W) cos and sin, and the width [px] of the best direction."""
    # Round things can be grasped in any direction; a network can learn one only if it is always the same.
    leaning = robust * (1 + LEANING * torch.cos(2 * angles_rad))[:, None, None]
    best = leaning.argmax(1, keepdim=True)
    quality = robust.gather(1, best)
    double = torch.zeros_like(quality.expand(-1, 2, -1, -1)).clone()
    for step in (-1, 0, 1):  # between the directions tried: the mean of neighbours, by quality
        index = (best + step) % len(angles_rad)
        weight, angle = (robust.gather(1, index) / quality.clamp(min=1e-12)) ** 2, 2 * angles_rad[index]
        double += torch.cat([weight * angle.cos(), weight * angle.sin()], dim=1)
    double = double / double.norm(dim=1, keepdim=True).clamp(min=1e-9)
    return quality, double, width_px.gather(1, best)


def _enlarged(
    quality: torch.Tensor, double: torch.Tensor, width_px: torch.Tensor, width_scale_px: float, side_px: int
) -> torch.Tensor:
    """Return maps of the image's size: linear between cells, direction and width weighted by quality."""
    values = torch.cat([quality, quality * double, quality * width_px / width_scale_px], dim=1)
    side = quality.shape[-1] * GRID_PX
    large = functional.interpolate(values, size=(side, side), mode="bilinear", align_corners=False)
    large = large[:, :, :side_px, :side_px]
    short = side_px - large.shape[-1]
    large = functional.pad(large, (0, short, 0, short), mode="replicate") if short > 0 else large
    weight, double = large[:, :1], large[:, 1:3]
    double = double / double.norm(dim=1, keepdim=True).clamp(min=1e-12)
    # Where neighbours close across each other there is no direction between them, and no grasp.
    known = ((weight > LEAST_QUALITY) & (double.norm(dim=1, keepdim=True) > 0.5)).float()
    return known * torch.cat([weight, double, large[:, 3:] / weight.clamp(min=1e-12)], dim=1)
