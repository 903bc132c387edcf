"""Laws of ray casting: a hit is the first matter on its ray, wherever the ray comes from."""

from __future__ import annotations

import math
from typing import Sequence, Union

import numpy as np
import pytest
import torch
from exact_parts import any_rotation, example, outside_m

from pspgrasp.data import tabletop
from pspgrasp.data.synthetic.solids import EMPTY, Part, Quadrics, stacked
from pspgrasp.data.synthetic.things import FAMILIES, box, cone, cylinder, ellipsoid

Point = Union[Sequence[float], np.ndarray]
CPU = torch.device("cpu")
SOLIDS = [
    (box((0.06, 0.04, 0.02)), tabletop.Box((0.03, 0.02, 0.01))),
    (ellipsoid((0.03, 0.02, 0.05)), tabletop.Ellipsoid((0.03, 0.02, 0.05))),
    (cylinder(0.03, 0.08), tabletop.Cylinder((0.03, 0.03, 0.04))),
]


def hits(part: Part, origin_m: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Return the ray parameter (N,) at which rays (N, 3) first meet the part."""
    count = len(origin_m)
    many = stacked([part] * count, [(0, 1)] * count, CPU)
    return many.first_hit(torch.from_numpy(origin_m).float(), torch.from_numpy(direction).float()).double().numpy()


def hit(part: Part, origin_m: Point, direction: Point) -> float:
    return float(hits(part, np.array([origin_m], float), np.array([direction], float))[0])


def rays_towards(part: Part, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return origins near the scene's and rays with z = 1 that pass near the part (both (count, 3))."""
    target_m = part.centre_m + rng.uniform(-1.2, 1.2, (count, 3)) * part.half_m @ part.rotation.T
    origin_m = rng.normal(0, 0.05, (count, 3))
    direction = target_m - origin_m
    return origin_m, direction / direction[:, 2:]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_hit_is_the_first_matter_on_its_ray(family: str) -> None:
    rng = np.random.default_rng(0)
    for part in example(family)[:10]:
        turned = part.turned(any_rotation(rng), np.array([0.0, 0.0, rng.uniform(0.38, 1.3)]))
        origin_m, ray = rays_towards(turned, 60, rng)
        depth_m = hits(turned, origin_m, ray)
        met = np.isfinite(depth_m)
        assert met.any(), "the rays are aimed at it"
        border_m = outside_m(turned, origin_m[met] + depth_m[met, None] * ray[met])
        np.testing.assert_allclose(border_m, 0.0, atol=1e-5)
        before_m = turned.centre_m[2] + np.linspace(-1, 1, 250) * 1.8 * np.linalg.norm(turned.half_m)
        inside_m = -outside_m(turned, origin_m[:, None] + before_m[:, None] * ray[:, None])
        matter = (inside_m > 1e-4) & (before_m < depth_m[:, None] - 1e-4)
        assert not matter.any(), "the ray went through matter before it met it, or missed it"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_point_is_contained_where_the_definition_says_so(family: str) -> None:
    rng = np.random.default_rng(1)
    for part in example(family, seed=3)[:6]:
        turned = part.turned(any_rotation(rng), np.array([0.1, -0.2, 0.5]))._replace(hole=None)
        points_m = turned.centre_m + rng.uniform(-1.1, 1.1, (300, 3)) * turned.half_m @ turned.rotation.T
        outside = outside_m(turned, points_m)
        found = stacked([turned], [(0, 1)], CPU).body.contains(torch.from_numpy(points_m).float()[None])[0].numpy()
        clear = np.abs(outside) > 1e-6
        np.testing.assert_array_equal(found[clear], outside[clear] < 0)


@pytest.mark.parametrize(("part", "solid"), SOLIDS, ids=["box", "ellipsoid", "cylinder"])
def test_spans_are_those_of_the_tabletop_solids(
    part: Part, solid: Union[tabletop.Box, tabletop.Ellipsoid, tabletop.Cylinder]
) -> None:
    rng = np.random.default_rng(2)
    origin_m = np.array([0.1, -0.15, 0.3])
    rays = rng.uniform(-1.2, 1.2, (500, 3)) * part.half_m - origin_m
    with np.errstate(invalid="ignore"):
        near, far = solid.span(origin_m, rays.T.astype(np.float32))
    near = np.where(near < far, near, np.inf)
    found = hits(part, np.tile(origin_m, (500, 1)), rays)
    steady = np.isfinite(near) == np.isfinite(found)
    assert steady.mean() > 0.995, "only a ray along the border may be a matter of rounding"
    assert 0.3 < np.isfinite(found).mean() < 1.0
    both = np.isfinite(near) & np.isfinite(found) & (np.nan_to_num(far - near) > 0.01)
    np.testing.assert_allclose(found[both], near[both], atol=2e-5)


@pytest.mark.parametrize("radius_m", [0.0025, 0.005, 0.02])
def test_a_small_ball_far_away_is_met_to_a_tenth_of_a_millimetre(radius_m: float) -> None:
    rng = np.random.default_rng(3)
    for _ in range(50):
        centre_m = np.array([*rng.uniform(-0.5, 0.5, 2), 1.3])
        ball = ellipsoid((radius_m,) * 3, centre_m)
        expected = 1 - radius_m / np.linalg.norm(centre_m)
        assert hit(ball, (0, 0, 0), centre_m) == pytest.approx(expected, abs=1e-4 / 1.3)


@pytest.mark.parametrize("off_m", [0.0, 0.009, 0.011, 0.02, -0.009, -0.011])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_ray_along_the_faces_of_a_cube_meets_it_or_passes_by(off_m: float, axis: int) -> None:
    direction, origin_m = np.roll([1.0, 0.0, 0.0], axis), np.roll([-0.7, off_m, 0.0], axis)
    expected = 0.69 if abs(off_m) < 0.01 else math.inf
    assert hit(box((0.02, 0.02, 0.02)), origin_m, direction) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("tilt", [0.0, 1e-9, 1e-7, 1e-5, 1e-3])
@pytest.mark.parametrize("part", [cylinder(0.02, 0.1), cone(0.02, 0.02001, 0.1), cone(0.03, 0.021, 0.1)])
def test_a_ray_along_the_axis_of_a_round_part_ends_at_its_lid(part: Part, tilt: float) -> None:
    for x_m, y_m in [(0.0, 0.0), (0.019, 0.0), (-0.013, 0.013)]:
        assert hit(part, (x_m, y_m, 0.8), (tilt, -tilt, -1.0)) == pytest.approx(0.75, abs=1e-6)
    assert hit(part, (0.031, 0.0, 0.8), (tilt, -tilt, -1.0)) == math.inf


def test_a_cone_has_one_nappe() -> None:
    pointed = cone(0.03, 0.003, 0.05)  # its apex, if it went on, would lie 3 mm above its lid
    assert hit(pointed, (0.0, 0.0, 1.0), (0.0, 0.0, -1.0)) == pytest.approx(1 - 0.025, abs=1e-6)
    assert hit(pointed, (0.02, 0.0, 1.0), (0.0, 0.0, -1.0)) == pytest.approx(1 - 0.025 + 0.017 / 0.54, abs=1e-5)
    # Past the apex, steeper than the cone, and into its wall on the far side.
    assert hit(pointed, (-0.03, 0.0, 0.12), (0.3, 0.0, -1.0)) == pytest.approx(0.0949, abs=1e-3)
    assert hit(pointed, (0.02, 0.0, 0.024), (0.0, 1.0, 0.0)) == math.inf


def test_what_lies_behind_the_start_has_a_parameter_below_zero() -> None:
    for part in (box((0.1, 0.1, 0.1)), ellipsoid((0.05, 0.05, 0.05)), cylinder(0.05, 0.1)):
        assert hit(part, (0, 0, 0.5), (0, 0, 1)) == pytest.approx(-0.55, abs=1e-6)
        assert hit(part, (0, 0, 0), (0, 0, 1)) == pytest.approx(-0.05, abs=1e-6), "from inside, where it was entered"


def test_an_empty_set_is_never_met_and_holds_nothing() -> None:
    origin_m, direction = torch.randn(100, 3), torch.randn(100, 3)
    empty = stacked([EMPTY] * 100, [(0, 1)] * 100, CPU).body
    enter, leave = empty.span(origin_m, direction)
    assert not (enter < leave).any()
    assert not empty.contains(torch.zeros(100, 1, 3)).any()
    without, beside = box((0.1, 0.1, 0.1)), ellipsoid((0.01, 0.01, 0.01), (0.3, 0, 0))
    rays = np.random.default_rng(4).normal(0, 0.1, (200, 3)) - (0, 0, 1.0)
    start_m = np.tile([0.0, 0.0, 1.0], (200, 1))
    for hole in (EMPTY, beside):
        np.testing.assert_array_equal(hits(without._replace(hole=hole), start_m, rays), hits(without, start_m, rays))


def test_a_ray_falls_through_the_opening_onto_the_bottom_and_not_through_the_wall() -> None:
    cup = cylinder(0.04, 0.1)._replace(hole=cylinder(0.036, 0.1, (0, 0, 0.004)))
    down = (0.0, 0.0, -1.0)
    assert hit(cup, (0.0, 0.01, 1.0), down) == pytest.approx(1 + 0.046, abs=1e-6)
    assert hit(cup, (0.038, 0.0, 1.0), down) == pytest.approx(1 - 0.05, abs=1e-6), "the rim"
    assert hit(cup, (-1.0, 0.0, 0.0), (1.0, 0.0, 0.0)) == pytest.approx(0.96, abs=1e-6), "from the side"
    assert hit(cup, (0.0, 0.0, -1.0), (0.0, 0.0, 1.0)) == pytest.approx(0.95, abs=1e-6), "from below"
    # In at the top and out through where the far wall is met from within.
    assert hit(cup, (-0.03, 0.0, 0.06), (1.0, 0.0, -0.5)) == pytest.approx(0.066, abs=1e-6)


@pytest.mark.parametrize("family", ["mug", "bowl", "bottle", "funnel"])
def test_turning_part_and_ray_together_leaves_the_hit(family: str) -> None:
    rng = np.random.default_rng(5)
    turn, shift_m = any_rotation(rng), rng.normal(0, 0.3, 3)
    for part in example(family):
        still = part.turned(np.eye(3), np.array([0.0, 0.0, 0.6]))
        origin_m, ray = rays_towards(still, 50, rng)
        expected = hits(still, origin_m, ray)
        found = hits(still.turned(turn, shift_m), origin_m @ turn.T + shift_m, ray @ turn.T)
        chord = np.isfinite(expected) & np.isfinite(found)
        assert (np.isfinite(expected) == np.isfinite(found)).mean() > 0.97
        np.testing.assert_allclose(found[chord], expected[chord], atol=1e-3)
        assert np.median(np.abs(found[chord] - expected[chord])) < 1e-6


def test_moving_stacked_parts_is_turning_each() -> None:
    rng = np.random.default_rng(6)
    parts = [*example("mug"), *example("bottle")]
    turns, shifts_m = [any_rotation(rng) for _ in parts], rng.normal(0, 0.2, (len(parts), 3))
    numbers = list(range(len(parts)))
    rotation, shift = torch.from_numpy(np.stack(turns)).float(), torch.from_numpy(shifts_m).float()
    moved = stacked(parts, list(zip(numbers, numbers)), CPU).moved(rotation, shift)
    one_by_one = stacked([p.turned(t, s) for p, t, s in zip(parts, turns, shifts_m)], list(zip(numbers, numbers)), CPU)
    hollow = torch.tensor([n for n, part in enumerate(parts) if part.hole is not None])
    _assert_same(moved.body, one_by_one.body)
    _assert_same(moved.hole.of(hollow), one_by_one.hole.of(hollow))
    assert moved.of(torch.tensor([2, 0])).scene.tolist() == [2, 0]


def _assert_same(found: Quadrics, expected: Quadrics) -> None:
    for one, other in zip(found, expected):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)
