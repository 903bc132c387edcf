"""Exact depth of scenes, one ray a pixel. Rays have an optical z of 1, so that their parameter IS the depth."""

from __future__ import annotations

from typing import NamedTuple, Tuple

import torch

from pspgrasp.data.synthetic.scenes import Cameras, Scenes, cells_of
from pspgrasp.data.synthetic.solids import Parts

FAR_M = 10.0  # where nothing is met


class View(NamedTuple):
    """What the cameras of B scenes see, without any fault.

    Attributes:
        depth_m: (B, N, N) [m] along the optical axis.
        support_m: (B, N, N) [m], the same of table and floor alone.
        thing: (B, N, N) int64, which thing is seen, from 1; 0 is none.
    """

    depth_m: torch.Tensor
    support_m: torch.Tensor
    thing: torch.Tensor


def render(scenes: Scenes, side_px: int) -> View:
    """Return what the cameras see in images of `side_px` squared."""
    support_m = _support(scenes, side_px)
    count = len(support_m)
    part, column, row = cells_of(*_windows(scenes.parts, scenes.cameras, side_px))
    some = scenes.parts.of(part)
    x = (column - scenes.cameras.cx[some.scene]) / scenes.cameras.focal_px[some.scene]
    y = (row - scenes.cameras.cy[some.scene]) / scenes.cameras.focal_px[some.scene]
    rays = torch.stack([x, y, torch.ones_like(x)], dim=1)
    hit_m = some.first_hit(torch.zeros_like(rays), rays)
    hit_m = torch.where(hit_m > 0, hit_m, torch.full_like(hit_m, FAR_M))
    pixel = (some.scene * side_px + row) * side_px + column
    depth_m = support_m.flatten().scatter_reduce(0, pixel, hit_m, "amin")
    seen = torch.where(hit_m == depth_m[pixel], some.thing, torch.zeros_like(some.thing))
    thing = torch.zeros(count * side_px**2, dtype=torch.int64, device=pixel.device)
    thing = thing.scatter_reduce(0, pixel, seen, "amax")
    return View(depth_m.view_as(support_m), support_m, thing.view_as(support_m))


def rays_of(cameras: Cameras, side_px: int) -> torch.Tensor:
    """Return the rays (B, N, N, 3), z = 1, of all pixels."""
    pixels = torch.arange(side_px, device=cameras.cx.device, dtype=torch.float32)
    x = (pixels - cameras.cx[:, None]) / cameras.focal_px[:, None]
    y = (pixels - cameras.cy[:, None]) / cameras.focal_px[:, None]
    x, y = x[:, None, :].expand(-1, side_px, -1), y[:, :, None].expand(-1, -1, side_px)
    return torch.stack([x, y, torch.ones_like(x)], dim=3)


def _support(scenes: Scenes, side_px: int) -> torch.Tensor:
    """Return the depth (B, N, N) [m] of the table, and of the floor where the table has ended."""
    rays = rays_of(scenes.cameras, side_px)
    slope = (rays @ scenes.up[:, :, None, None].transpose(1, 2))[..., 0]
    below = -slope.clamp(max=-1e-6)  # a ray that rises never meets the table
    height_m = -(scenes.up * scenes.table_m).sum(1)[:, None, None]  # of the camera over the table
    table_m = height_m / below
    along = (rays @ scenes.edge[:, None, :3, None])[..., 0]
    beyond = along * table_m > scenes.edge[:, None, None, 3]
    floor_m = (height_m + scenes.floor_m[:, None, None]) / below
    return torch.where(beyond, floor_m, table_m).clamp(max=FAR_M)


def _windows(parts: Parts, cameras: Cameras, side_px: int) -> Tuple[torch.Tensor, torch.Tensor]:
    """Return the first and the last pixel (P, 2), column and row, that may see each part; last < first if none."""
    signs = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0], device=parts.scene.device)] * 3)
    corners = parts.body.rotation @ (signs[None] * parts.body.half_m[:, None]).transpose(1, 2)
    corners = corners + parts.body.centre_m[:, :, None]
    ahead = corners[:, 2].amin(1) > 0.02
    xy = corners[:, :2] / corners[:, 2:].clamp(min=0.02) * cameras.focal_px[parts.scene][:, None, None]
    middle = torch.stack([cameras.cx, cameras.cy], dim=1)[parts.scene]
    low = (xy.amin(2) + middle).floor().clamp(0, side_px).long()
    high = (xy.amax(2) + middle).ceil().clamp(-1, side_px - 1).long()
    whole = torch.stack([torch.zeros_like(low[0]), torch.full_like(low[0], side_px - 1)])
    behind = corners[:, 2].amax(1) <= 0.02
    low = torch.where(ahead[:, None], low, whole[0])
    high = torch.where(ahead[:, None], high, torch.where(behind[:, None], whole[0] - 1, whole[1]))
    return low, high
