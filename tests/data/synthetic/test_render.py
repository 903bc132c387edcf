"""Laws of exact depth: every pixel sees the first matter on its ray, and the map from above the highest."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_scenes import (
    CPU,
    DISTANCE_M,
    FOCAL_PX,
    MIDDLE_PX,
    SIDE_PX,
    pictured,
    random_layouts,
    rolled,
    seen,
)

from pspgrasp.data.synthetic.render import FAR_M, MAP_CELLS, rays_of, render
from pspgrasp.data.synthetic.scenes import Scenes, build_scenes
from pspgrasp.data.synthetic.things import box, cylinder, ellipsoid

BLOCK = box((0.1, 0.03, 0.05), (0.03, 0.02, 0.0))


def brute_force(scenes: Scenes, side_px: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return depth and things (B, N, N) by casting every ray at every part of its scene."""
    count = len(scenes.floor_m)
    depth_m, thing = (torch.full((count, side_px, side_px), fill) for fill in (math.inf, 0.0))
    rays = rays_of(scenes.cameras, side_px)
    parts = scenes.parts.moved(scenes.rotation[scenes.parts.scene], scenes.shift_m[scenes.parts.scene])
    for part in range(len(parts.scene)):
        scene = int(parts.scene[part])
        ray = rays[scene].reshape(-1, 3)
        one = parts.of(torch.full((len(ray),), part))
        hit_m = one.first_hit(torch.zeros_like(ray), ray).view(side_px, side_px)
        nearer = (hit_m > 0) & (hit_m < depth_m[scene])
        depth_m[scene] = torch.where(nearer, hit_m, depth_m[scene])
        thing[scene] = torch.where(nearer, one.thing.view(side_px, side_px).float(), thing[scene])
    return depth_m, thing


def test_windows_leave_nothing_out() -> None:
    layouts = random_layouts(5, seed=30, side_px=45)
    scenes, view = pictured(*layouts, side_px=45)
    table_m = render(scenes._replace(parts=scenes.parts.of(torch.zeros(0, dtype=torch.int64))), 45).depth_m
    depth_m, thing = brute_force(scenes, 45)
    torch.testing.assert_close(view.depth_m, torch.minimum(depth_m, table_m))
    assert torch.equal(view.thing, torch.where(depth_m < table_m, thing, torch.zeros_like(thing)).long())


def test_nothing_is_seen_where_nothing_is() -> None:
    # The camera stands between two things and looks level: one is ahead, the other behind and beside it.
    layout = seen([box((0.05, 0.02, 0.6), (0.0, 0.3, 0.0))], [box((0.02, 0.6, 1.2), (0.12, 0.0, 0.0))])
    pose = np.array([[1.0, 0, 0, 0], [0, 0, 1.0, 0], [0, -1.0, 0, 0.25], [0, 0, 0, 1]])
    scenes, view = pictured(replace(layout, camera_pose=pose))
    depth_m, thing = brute_force(scenes, SIDE_PX)
    sky = view.depth_m[0] == FAR_M
    assert sky.any()
    assert not view.thing[0][sky].any(), "the sky is no thing"
    met = torch.isfinite(depth_m[0])
    assert torch.equal(view.thing[0][met & ~sky], thing[0][met & ~sky].long())


def test_every_pixel_of_a_bare_table_lies_in_its_plane() -> None:
    scenes, view = pictured(seen(tilt_rad=0.7), rolled(seen(tilt_rad=0.3), 2.0))
    points_m = view.depth_m[..., None] * rays_of(scenes.cameras, SIDE_PX) - view.shift_m[:, None, None]
    height_m = (points_m @ view.rotation[:, None])[..., 2]
    assert height_m.abs().max() < 1e-5
    assert view.depth_m[:, MIDDLE_PX, MIDDLE_PX].tolist() == pytest.approx([DISTANCE_M, DISTANCE_M], abs=1e-5)


def test_the_principal_point_is_where_the_optical_axis_goes_through() -> None:
    ball = [ellipsoid((0.02, 0.02, 0.02))]
    for cx, cy in [(MIDDLE_PX, MIDDLE_PX), (20.0, 80.0), (90.5, 33.5)]:
        _, view = pictured(replace(seen(ball), camera=(FOCAL_PX, cx, cy)))
        v, u = (view.thing[0] == 1).nonzero().double().mean(0).tolist()
        assert (u, v) == pytest.approx((cx, cy), abs=0.3)


def test_x_is_right_and_y_is_up_and_lengths_are_those_of_the_pinhole() -> None:
    _, view = pictured(seen([box((0.06, 0.02, 0.04), (0.1, 0.05, 0.0))]))
    rows, columns = (view.depth_m[0] < DISTANCE_M - 0.0399).nonzero().unbind(1)
    px_per_m = FOCAL_PX / (DISTANCE_M - 0.04)
    assert columns.min() == pytest.approx(MIDDLE_PX + 0.07 * px_per_m, abs=1)
    assert columns.max() == pytest.approx(MIDDLE_PX + 0.13 * px_per_m, abs=1)
    assert rows.min() == pytest.approx(MIDDLE_PX - 0.06 * px_per_m, abs=1)
    assert rows.max() == pytest.approx(MIDDLE_PX - 0.04 * px_per_m, abs=1)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_turning_the_camera_about_its_axis_turns_the_picture(quarters: int) -> None:
    layout = seen([BLOCK], [cylinder(0.02, 0.06, (-0.05, 0.04, 0.0))], tilt_rad=0.4)
    _, view = pictured(layout, rolled(layout, quarters * math.pi / 2))
    turned_m = torch.rot90(view.depth_m[0], quarters)
    same = (view.depth_m[1] - turned_m).abs() < 1e-5
    assert same.float().mean() > 0.999, "a pixel on an edge may fall to either side"
    assert (torch.rot90(view.thing[0], quarters) == view.thing[1]).float().mean() > 0.999
    assert torch.equal(view.heights_m[0], view.heights_m[1]), "the scene itself has not turned"


def test_a_table_ends_at_its_edge_and_the_floor_lies_below() -> None:
    layout = replace(seen(), edge=(1.0, 0.0, 0.05), floor_m=0.3)
    _, view = pictured(layout, replace(layout, edge=(0.0, -1.0, 0.05)))
    edge_px = MIDDLE_PX + 0.05 * FOCAL_PX / DISTANCE_M
    columns = torch.arange(SIDE_PX) > edge_px
    expected_m = torch.where(columns, 0.9, 0.6).expand(SIDE_PX, -1)
    torch.testing.assert_close(view.depth_m[0], expected_m)
    torch.testing.assert_close(view.depth_m[1], expected_m.T, msg="the lower half of the picture is -y")
    half = MAP_CELLS // 2
    assert view.heights_m[0, half, [0, -1]].tolist() == pytest.approx([0.0, -0.3])
    assert view.heights_m[1, [0, -1], half].tolist() == pytest.approx([-0.3, 0.0])


def test_the_map_from_above_holds_the_highest_of_every_cell() -> None:
    for layout in random_layouts(3, seed=40):
        scenes, view = pictured(layout)
        cell_m = float(view.cells_m[0])
        chosen = torch.randint(MAP_CELLS, (40, 2), generator=torch.Generator().manual_seed(0))
        parts = scenes.parts
        for row, column in [*chosen.tolist(), *_highest_cells(view.heights_m[0])]:
            place = [(column - MAP_CELLS / 2 + 0.5) * cell_m, (row - MAP_CELLS / 2 + 0.5) * cell_m, 0.0]
            start_m = torch.tensor([place]).expand(len(parts.scene), 3)
            down = torch.tensor([[0.0, 0.0, -1.0]]).expand_as(start_m)
            top_m = float((-parts.first_hit(start_m, down)).max())
            ground_m = -layout.floor_m if np.dot(place[:2], layout.edge[:2]) > layout.edge[2] else 0.0
            assert float(view.heights_m[0, row, column]) == pytest.approx(max(top_m, ground_m), abs=1e-6)


def test_the_map_is_as_high_as_what_the_camera_sees() -> None:
    scenes, view = pictured(*random_layouts(4, seed=50))
    points_m = view.depth_m[..., None] * rays_of(scenes.cameras, SIDE_PX) - view.shift_m[:, None, None]
    points_m = points_m @ view.rotation[:, None]
    highest_m = torch.nn.functional.max_pool2d(view.heights_m[:, None], 3, 1, 1)[:, 0]
    for scene, cell_m in enumerate(view.cells_m):
        cell = (points_m[scene, ..., :2] / cell_m + MAP_CELLS / 2).floor().long()
        known = ((cell >= 1) & (cell < MAP_CELLS - 1)).all(2)
        over_m = points_m[scene][known][:, 2] - highest_m[scene][cell[known][:, 1], cell[known][:, 0]]
        assert (over_m > 0.003).float().mean() < 0.01, "only what is thinner than a cell may be missing in it"


def test_batches_don_t_matter() -> None:
    layouts = random_layouts(4, seed=60, side_px=60)
    _, together = pictured(*layouts, side_px=60)
    _, turned_over = pictured(*reversed(layouts), side_px=60)
    for number, layout in enumerate(layouts):
        _, alone = pictured(layout, side_px=60)
        for one, many, other in zip(alone, together, turned_over):
            assert torch.equal(one[0], many[number])
            assert torch.equal(one[0], other[len(layouts) - 1 - number])


def test_an_empty_scene_beside_a_full_one_is_a_bare_table() -> None:
    view = render(build_scenes([seen(), seen([BLOCK])], CPU), SIDE_PX)
    assert not view.thing[0].any()
    assert view.thing[1].any()
    assert view.heights_m[0].abs().max() == 0


def _highest_cells(heights_m: torch.Tensor) -> list[tuple[int, int]]:
    return [divmod(int(i), MAP_CELLS) for i in heights_m.flatten().argsort(descending=True)[::400][:20]]
