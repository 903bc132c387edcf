"""Things fall, one after the other, until they touch: on a grid of heights, in all scenes at once."""

from __future__ import annotations

import math
from typing import List, NamedTuple, Tuple, TypeVar, Union

import torch

from pspgrasp.data.synthetic.meshes import Triangles
from pspgrasp.data.synthetic.solids import Parts

HEIGHT_CELL_M = 0.004  # of the grid on which things are dropped
HEIGHT_CELLS = 280  # the default cameras see no farther than these
HIGHEST_REST_M = 0.15  # what would lie higher on others is left out

Solids = Union[Parts, Triangles]
Kind = TypeVar("Kind", Parts, Triangles)


class Columns(NamedTuple):
    """Vertical lines through cells of the grid of heights, N of them, each with the solid that it may meet.

    Attributes:
        cell: (N,) int64, of the grids of all scenes in a row.
        scene: (N,) int64.
        thing: (N,) int64.
        bottom_m: (N,), where the line first meets the solid from below [m]; inf if it doesn't.
        top_m: (N,), where it does from above [m]; -inf if it doesn't.
    """

    cell: torch.Tensor
    scene: torch.Tensor
    thing: torch.Tensor
    bottom_m: torch.Tensor
    top_m: torch.Tensor


def drop(solids: Tuple[Parts, Triangles], scenes: int) -> Tuple[Parts, Triangles]:
    """Return the solids with each thing, in turn, moved along z until it touches the table or what is there already.

    On a grid of cells; things don't topple, and what would come to lie too high is left out. Walls stay.
    """
    there: List[Solids] = [some for some in solids if len(some.scene)]
    if not there:
        return solids
    over = Columns(*(torch.cat(field) for field in zip(*(_columns_over(some, scenes) for some in there))))
    things = int(torch.cat([some.thing for some in there]).max()) + 1
    lowest_m = torch.full((things * scenes,), math.inf, device=over.cell.device)
    for some in there:
        owner = some.thing * scenes + some.scene
        lowest_m = lowest_m.scatter_reduce(0, owner, some.outline_m()[:, :, 2].amin(1), "amin")
    falls_m = _falls_m(over, lowest_m.view(things, scenes))
    parts, triangles = solids
    return _lowered(parts, falls_m[parts.thing, parts.scene]), _lowered(
        triangles, falls_m[triangles.thing, triangles.scene]
    )


def _falls_m(over: Columns, lowest_m: torch.Tensor) -> torch.Tensor:
    """Return how far (things, scenes) [m] each thing falls; inf where it would come to lie too high.

    Args:
        over: All columns.
        lowest_m: (things, scenes), lowest z of each thing before it falls [m]; inf where there is none.
    """
    things, scenes = lowest_m.shape
    heights_m = torch.zeros(scenes * HEIGHT_CELLS**2, device=lowest_m.device)
    order = over.thing.argsort(stable=True)
    counts = over.thing.bincount(minlength=things).tolist()
    falls_m = []
    by_thing = zip(*(torch.split(field[order], counts) for field in over))
    for thing, (cell, scene, _, bottom_m, top_m) in enumerate(by_thing):
        fall_m = torch.zeros(scenes, device=lowest_m.device)
        if thing > 0:
            fall_m = torch.full_like(fall_m, math.inf).scatter_reduce(0, scene, bottom_m - heights_m[cell], "amin")
            # What is thinner than a cell may stand between two columns, and what is beyond the grid has none.
            fall_m = torch.where(fall_m.isfinite(), fall_m, lowest_m[thing])
            fall_m = fall_m.masked_fill(lowest_m[thing] - fall_m > HIGHEST_REST_M, math.inf)
        rest_m = torch.where(fall_m[scene].isfinite(), top_m - fall_m[scene], torch.zeros_like(top_m))
        heights_m = heights_m.scatter_reduce(0, cell, rest_m, "amax")
        falls_m.append(fall_m)
    return torch.stack(falls_m)


def _lowered(solids: Kind, down_m: torch.Tensor) -> Kind:
    """Return the solids moved down (P,) [m], without those of an infinite fall."""
    kept = down_m.isfinite().nonzero()[:, 0]
    shift_m = torch.zeros(len(kept), 3, device=down_m.device)
    shift_m[:, 2] = -down_m[kept]
    return solids.of(kept).moved(torch.eye(3, device=down_m.device).expand(len(kept), 3, 3), shift_m)


def _columns_over(solids: Solids, scenes: int) -> Columns:
    """Return every column that may meet a solid; it doesn't depend on what lies below, so all come at once."""
    cells_m = torch.full((scenes,), HEIGHT_CELL_M, device=solids.scene.device)
    which, cell, place = columns(solids, cells_m, HEIGHT_CELLS)
    some, up = solids.of(which), torch.zeros_like(place)
    up[:, 2] = 1.0
    return Columns(cell, some.scene, some.thing, some.first_hit(place, up), -some.first_hit(place, -up))


def columns(solids: Solids, cells_m: torch.Tensor, cells: int) -> Tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return solid, cell and place (N, 3) [m], z = 0, for each cell of its scene's grid that one may stand over.

    Args:
        solids: P of them.
        cells_m: (B,), side of a cell in each scene [m].
        cells: On a side of a grid; its middle is the scene's origin.
    """
    middle, cell_m = cells / 2 - 0.5, cells_m[solids.scene][:, None]
    outline_m = solids.outline_m()[:, :, :2]
    low = (outline_m.amin(1) / cell_m + middle).floor().clamp(0, cells).long()
    high = (outline_m.amax(1) / cell_m + middle).ceil().clamp(-1, cells - 1).long()
    which, column, row = cells_of(low, high)
    cell = (solids.scene[which] * cells + row) * cells + column
    place = torch.stack([column - middle, row - middle, torch.zeros_like(row)], dim=1).float() * cell_m[which]
    return which, cell, place


def cells_of(low: torch.Tensor, high: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return window, column and row of every cell of P windows from `low` to `high` (P, 2), both included."""
    size = (high - low + 1).clamp(min=0)
    count = size[:, 0] * size[:, 1]
    window = torch.repeat_interleave(torch.arange(len(low), device=low.device), count)
    within = torch.arange(len(window), device=low.device) - (count.cumsum(0) - count)[window]
    width = size[window, 0]
    return window, low[window, 0] + within % width, low[window, 1] + torch.div(within, width, rounding_mode="floor")
