"""Exact depth of scenes, one ray a pixel. Rays have an optical z of 1, so that their parameter IS the depth."""

from __future__ import annotations

from typing import NamedTuple, Tuple

import torch

from pspgrasp.data.synthetic.scenes import Cameras, Scenes
from pspgrasp.data.synthetic.settling import Solids, cells_of, columns
from pspgrasp.data.synthetic.solids import NEVER

FAR_M = 10.0  # where nothing is met
MAP_CELLS = 400  # on a side of the map from above
AROUND_M = 0.1  # beyond what the camera sees [m]


class View(NamedTuple):
    """What is truly there, as B cameras see it, and as one sees it straight from above.

    Attributes:
        depth_m: (B, N, N) [m] along the optical axis.
        thing: (B, N, N) int64, which thing is seen, from 1; 0 is none.
        heights_m: (B, G, G) [m], highest z of the scene's frame over each cell; row is y, column is x.
        cells_m: (B,), side of a cell [m]; the grid's middle is the scene's origin.
        rotation: (B, 3, 3), from the scene's frame to the optical frame.
        shift_m: (B, 3), the scene's origin in the optical frame [m].
    """

    depth_m: torch.Tensor
    thing: torch.Tensor
    heights_m: torch.Tensor
    cells_m: torch.Tensor
    rotation: torch.Tensor
    shift_m: torch.Tensor


def render(scenes: Scenes, side_px: int) -> View:
    """Return what the cameras see in images of `side_px` squared."""
    depth_m, thing = _seen(scenes, side_px)
    cells_m = 2 * (scenes.reach_m.clamp(max=0.5) + AROUND_M) / MAP_CELLS
    return View(depth_m, thing, _from_above(scenes, cells_m), cells_m, scenes.rotation, scenes.shift_m)


def _seen(scenes: Scenes, side_px: int) -> Tuple[torch.Tensor, torch.Tensor]:
    """Return depth and things (B, N, N)."""
    table_m = _table(scenes, side_px)
    hits = [_hits(solids, scenes, side_px) for solids in scenes.solids]
    if not hits:
        return table_m, torch.zeros(table_m.shape, dtype=torch.int64, device=table_m.device)
    pixel, hit_m, owner = (torch.cat(some) for some in zip(*hits))
    depth_m = table_m.flatten().scatter_reduce(0, pixel, hit_m, "amin")
    seen = torch.where(hit_m == depth_m[pixel], owner, torch.zeros_like(owner))
    thing = torch.zeros(table_m.numel(), dtype=torch.int64, device=pixel.device)
    return depth_m.view_as(table_m), thing.scatter_reduce(0, pixel, seen, "amax").view_as(table_m)


def _hits(solids: Solids, scenes: Scenes, side_px: int) -> Tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return pixel, depth [m] and thing, each (N,), of every ray that may meet a solid."""
    moved = solids.moved(scenes.rotation[solids.scene], scenes.shift_m[solids.scene])
    which, column, row = cells_of(*_windows(moved, scenes.cameras, side_px))
    some = moved.of(which)
    x = (column - scenes.cameras.cx[some.scene]) / scenes.cameras.focal_px[some.scene]
    y = (row - scenes.cameras.cy[some.scene]) / scenes.cameras.focal_px[some.scene]
    rays = torch.stack([x, y, torch.ones_like(x)], dim=1)
    hit_m = some.first_hit(torch.zeros_like(rays), rays)
    hit_m = torch.where(hit_m > 0, hit_m, torch.full_like(hit_m, NEVER))
    return (some.scene * side_px + row) * side_px + column, hit_m, some.thing


def _from_above(scenes: Scenes, cells_m: torch.Tensor) -> torch.Tensor:
    """Return the highest z (B, G, G) [m] over each cell."""
    places = (torch.arange(MAP_CELLS, device=cells_m.device) - (MAP_CELLS / 2 - 0.5)) * cells_m[:, None]
    along_m = scenes.edge[:, 0, None, None] * places[:, None, :] + scenes.edge[:, 1, None, None] * places[:, :, None]
    floor_m = -scenes.floor_m[:, None, None].expand_as(along_m)
    ground_m = torch.where(along_m > scenes.edge[:, 2, None, None], floor_m, torch.zeros_like(floor_m))
    heights_m = ground_m.flatten()
    for solids in scenes.solids:
        which, cell, place = columns(solids, cells_m, MAP_CELLS)
        down = torch.zeros_like(place)
        down[:, 2] = -1.0
        heights_m = heights_m.scatter_reduce(0, cell, -solids.of(which).first_hit(place, down), "amax")
    return heights_m.view_as(ground_m)


def rays_of(cameras: Cameras, side_px: int) -> torch.Tensor:
    """Return the rays (B, N, N, 3), z = 1, of all pixels."""
    pixels = torch.arange(side_px, device=cameras.cx.device, dtype=torch.float32)
    x = (pixels - cameras.cx[:, None]) / cameras.focal_px[:, None]
    y = (pixels - cameras.cy[:, None]) / cameras.focal_px[:, None]
    x, y = x[:, None, :].expand(-1, side_px, -1), y[:, :, None].expand(-1, -1, side_px)
    return torch.stack([x, y, torch.ones_like(x)], dim=3)


def _table(scenes: Scenes, side_px: int) -> torch.Tensor:
    """Return the depth (B, N, N) [m] of the table, and of the floor where the table has ended."""
    # Camera and rays in the scene's frame, in which the table is z = 0.
    eye_m = -(scenes.rotation.transpose(1, 2) @ scenes.shift_m[:, :, None])[:, None, None, :, 0]
    rays = rays_of(scenes.cameras, side_px) @ scenes.rotation[:, None]
    sinking = -rays[..., 2].clamp(max=-1e-6)  # a ray that rises never meets the table
    table_m = eye_m[..., 2] / sinking
    along_m = ((eye_m + rays * table_m[..., None])[..., :2] * scenes.edge[:, None, None, :2]).sum(3)
    floor_m = (eye_m[..., 2] + scenes.floor_m[:, None, None]) / sinking
    return torch.where(along_m > scenes.edge[:, None, None, 2], floor_m, table_m).clamp(max=FAR_M)


def _windows(solids: Solids, cameras: Cameras, side_px: int) -> Tuple[torch.Tensor, torch.Tensor]:
    """Return the first and the last pixel (P, 2), column and row, that may see each of them; last < first if none."""
    corners = solids.outline_m().transpose(1, 2)
    ahead = corners[:, 2].amin(1) > 0.02
    xy = corners[:, :2] / corners[:, 2:].clamp(min=0.02) * cameras.focal_px[solids.scene][:, None, None]
    middle = torch.stack([cameras.cx, cameras.cy], dim=1)[solids.scene]
    low = (xy.amin(2) + middle).floor().clamp(0, side_px).long()
    high = (xy.amax(2) + middle).ceil().clamp(-1, side_px - 1).long()
    whole = torch.tensor([[0, 0], [side_px - 1, side_px - 1]], device=low.device)
    behind = corners[:, 2].amax(1) <= 0.02
    low = torch.where(ahead[:, None], low, whole[0])
    high = torch.where(ahead[:, None], high, torch.where(behind[:, None], whole[0] - 1, whole[1]))
    return low, high
