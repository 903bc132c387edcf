"""Laws of scenes: what is dropped lies on something and in nothing, and the camera sees where it should."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from exact_parts import example, outside_m, points_in
from small_scenes import CPU, dropped_things, random_layouts, seen

from pspgrasp.config import from_tree
from pspgrasp.data.synthetic.scenes import SceneConfig, build_scenes, random_layout
from pspgrasp.data.synthetic.settling import HEIGHT_CELL_M, HIGHEST_REST_M, cells_of
from pspgrasp.data.synthetic.solids import Part
from pspgrasp.data.synthetic.things import FAMILIES, box, cylinder, ellipsoid
from pspgrasp.errors import ConfigError


@pytest.mark.parametrize("seed", [1, 7, 11])
def test_what_is_dropped_lies_on_something_and_in_nothing(seed: int) -> None:
    for layout in random_layouts(2, seed, side_px=300):
        there = list(layout.walls)
        for thing in dropped_things(layout):
            points_m = np.concatenate([points_in(part, 500, seed) for part in thing])
            lowest_m = points_m[:, 2].min()
            # How a point between two columns stands out is unknown: a slope of 1.5 over a cell.
            assert lowest_m > -1.5 * HEIGHT_CELL_M, "it fell through the table"
            gap_m = min([outside_m(part, points_m).min() for part in there] or [math.inf])
            assert gap_m > -1.5 * HEIGHT_CELL_M, "it is inside of something"
            assert min(lowest_m, gap_m) < 0.01, "it floats"
            there += thing


@pytest.mark.parametrize("family", FAMILIES)
def test_a_thing_alone_comes_to_lie_on_the_table_from_wherever_it_was(family: str) -> None:
    lowest_m = []
    for height_m in (-0.3, 0.0, 2.0):
        raised = [part.turned(np.eye(3), np.array([0.05, -0.03, height_m])) for part in example(family)]
        (thing,) = dropped_things(seen(raised))
        lowest_m.append(min(points_in(part, 3000, 0)[:, 2].min() for part in thing))
    assert np.ptp(lowest_m) < 1e-5
    assert -0.002 < lowest_m[0] < 0.006


def test_a_block_on_a_block_on_a_block_stands_exactly() -> None:
    tower = [[box((0.05, 0.05, height_m))] for height_m in (0.02, 0.03, 0.04)]
    heights_m = [thing[0].centre_m[2] for thing in dropped_things(seen(*tower))]
    np.testing.assert_allclose(heights_m, [0.01, 0.035, 0.07], atol=1e-6)


def test_what_would_lie_too_high_is_left_out_and_what_comes_after_lies_where_it_was() -> None:
    blocks = [[box((0.05, 0.05, 0.08))] for _ in range(4)]
    stand_m = [thing[0].centre_m[2] for thing in dropped_things(seen(*blocks, [box((0.04, 0.04, 0.02), (0.1, 0, 0))]))]
    assert HIGHEST_REST_M == 0.15
    np.testing.assert_allclose(stand_m, [0.04, 0.12, 0.01], atol=1e-6)


def test_a_ball_falls_into_a_cup_and_a_lid_onto_it() -> None:
    cup = cylinder(0.04, 0.1)._replace(hole=cylinder(0.036, 0.1, (0, 0, 0.004)))
    lying = dropped_things(seen([cup], [ellipsoid((0.02,) * 3)], [cylinder(0.045, 0.004)]))
    heights_m = [thing[0].centre_m[2] for thing in lying]
    np.testing.assert_allclose(heights_m, [0.05, 0.024, 0.102], atol=3e-4)


def test_walls_stay_and_things_do_not_sink_into_them() -> None:
    wall = box((0.4, 0.02, 0.1), (0, 0.05, 0.05))
    layout = seen([box((0.04, 0.06, 0.02))], walls=[wall])
    assert build_scenes([layout], CPU).parts.body.centre_m[0].tolist() == pytest.approx([0, 0.05, 0.05])
    assert dropped_things(layout)[0][0].centre_m[2] == pytest.approx(0.01, abs=1e-6), "it lies before the wall"
    leaning = seen([box((0.04, 0.12, 0.02))], walls=[wall])
    assert dropped_things(leaning)[0][0].centre_m[2] == pytest.approx(0.11, abs=1e-6), "it lies on the wall"


@pytest.mark.parametrize("place_m", [(0.28, 0.0), (0.0, -0.33), (0.5, 0.5), (-0.9, 0.1)])
def test_no_place_is_too_far_out_to_lie_on_the_table(place_m: tuple[float, float]) -> None:
    (thing,) = dropped_things(seen([box((0.04, 0.04, 0.06), (*place_m, 0.0))]))
    assert thing[0].centre_m[2] == pytest.approx(0.03, abs=1e-5)


def test_a_card_on_its_edge_is_not_overlooked() -> None:
    for shift_m in np.linspace(0, HEIGHT_CELL_M, 9):
        (thing,) = dropped_things(seen([box((0.002, 0.05, 0.08), (shift_m, 0.0, 0.0))]))
        assert thing[0].centre_m[2] == pytest.approx(0.04, abs=1e-5)


def test_scenes_side_by_side_are_those_alone() -> None:
    layouts = random_layouts(4, seed=21)
    together = build_scenes(layouts, CPU)
    for number, layout in enumerate(layouts):
        alone, own = build_scenes([layout], CPU).parts, (together.parts.scene == number).nonzero()[:, 0]
        found = together.parts.of(own)
        for one, other in zip((*alone.body, *alone.hole, alone.thing), (*found.body, *found.hole, found.thing)):
            assert torch.equal(one, other)


def test_an_empty_table_is_a_scene() -> None:
    scenes = build_scenes([seen()], CPU)
    assert len(scenes.parts.scene) == 0


def test_the_cameras_look_at_the_target_from_above_the_table() -> None:
    for layout in random_layouts(30, seed=1, side_px=300):
        pose, (focal_px, cx, cy) = layout.camera_pose, layout.camera
        np.testing.assert_allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3), atol=1e-9)
        assert np.linalg.det(pose[:3, :3]) == pytest.approx(1)
        middle = pose[:3, :3] @ np.array([(149.5 - cx) / focal_px, (149.5 - cy) / focal_px, 1.0])
        distance_m = (0.02 - pose[2, 3]) / middle[2]
        assert 0.38 <= distance_m <= 1.3
        assert np.abs(pose[:2, 3] + distance_m * middle[:2]).max() < 0.1
        assert math.degrees(math.acos(-pose[2, 2])) <= 52


def test_shares_are_the_chances_that_they_say() -> None:
    alone = random_layouts(20, seed=2, config=SceneConfig(single_share=1.0, bin_share=0.0, wall_share=0.0))
    assert {len(layout.things) for layout in alone} == {1}
    assert not any(layout.walls for layout in alone)
    many = SceneConfig(single_share=0.0, few_share=0.0, most_things=8, bin_share=1.0, wall_share=1.0, edge_share=1.0)
    crowded = random_layouts(25, seed=3, config=many)
    assert {len(layout.things) for layout in crowded} == {5, 6, 7, 8}
    assert {len(layout.walls) for layout in crowded} == {5}
    assert all(math.isfinite(layout.edge[2]) for layout in crowded)
    few = random_layouts(25, seed=3, config=SceneConfig(single_share=0.0, few_share=1.0))
    assert {len(layout.things) for layout in few} == {2, 3, 4}


@pytest.mark.parametrize("most", [1, 2, 3, 5, 30])
def test_never_more_things_than_asked(most: int) -> None:
    counts = {len(layout.things) for layout in random_layouts(30, seed=4, config=SceneConfig(most_things=most))}
    assert 1 <= min(counts) <= max(counts) <= most


def test_nothing_lies_beyond_the_edge_of_the_table() -> None:
    for layout in random_layouts(25, seed=5, config=SceneConfig(edge_share=1.0)):
        x, y, away_m = layout.edge
        assert math.hypot(x, y) == pytest.approx(1)
        for thing in layout.things:
            middles_m = np.array([part.centre_m for part in thing])
            assert (middles_m[:, 0] * x + middles_m[:, 1] * y).min() < away_m


def test_the_same_seed_gives_the_same_layout_and_another_another() -> None:
    one, again, other = (random_layout(np.random.default_rng(s), SceneConfig(), 300) for s in (5, 5, 6))
    assert repr(one) == repr(again)
    assert repr(one) != repr(other)


def test_a_smaller_image_shows_the_same_scene() -> None:
    large, small = (random_layout(np.random.default_rng(9), SceneConfig(), side_px) for side_px in (300, 100))
    assert repr(large.things) == repr(small.things)
    np.testing.assert_allclose(large.camera_pose, small.camera_pose, atol=0.002)
    assert small.camera[0] == pytest.approx(large.camera[0] / 3)


def test_cells_of_a_window_are_all_and_only_those_within_it() -> None:
    low, high = torch.tensor([[1, 2], [5, 5], [3, 3], [0, 7]]), torch.tensor([[3, 3], [4, 9], [3, 3], [1, 7]])
    found = set(zip(*(x.tolist() for x in cells_of(low, high))))
    expected = {(0, c, r) for c in (1, 2, 3) for r in (2, 3)} | {(2, 3, 3), (3, 0, 7), (3, 1, 7)}
    assert found == expected


def test_an_unknown_setting_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="pile_share"):
        from_tree(SceneConfig, {"pile_shares": 0.2})
    with pytest.raises(ConfigError, match=r"\[0, 1\]"):
        from_tree(SceneConfig, {"bin_share": 1.2})
    assert replace(SceneConfig(), bin_share=0.5) == from_tree(SceneConfig, {"bin_share": 0.5})


def test_a_part_moves_with_its_hole() -> None:
    mug: Part = example("mug")[0]
    moved = mug.turned(np.eye(3), np.array([0.1, 0.2, 0.3]))
    assert moved.hole is not None
    assert mug.hole is not None
    np.testing.assert_allclose(moved.hole.centre_m - mug.hole.centre_m, [0.1, 0.2, 0.3])
