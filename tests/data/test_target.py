"""What the network should put out for labels: exact places, angles and widths; and it turns with the labels."""

from __future__ import annotations

import math
from typing import List, Sequence

import numpy as np
import pytest

from pspgrasp.data.similarity import PlanarSimilarity
from pspgrasp.data.target import TargetConfig, grasp_target
from pspgrasp.maps import GraspMaps
from pspgrasp.rectangle import GraspRectangle

SIDE_PX = 65
UPRIGHT = GraspRectangle(30.0, 40.0, 0.0, 24.0, 10.0)


def random_rectangles(count: int, seed: int = 0) -> List[GraspRectangle]:
    rng = np.random.default_rng(seed)
    places = rng.uniform(-5, SIDE_PX + 5, (count, 2))
    return [
        GraspRectangle(u, v, rng.uniform(-math.pi / 2, math.pi / 2), rng.uniform(2, 40), rng.uniform(2, 20))
        for u, v in places
    ]


def inside(corners_px: np.ndarray) -> np.ndarray:
    """Return which pixel centres (S, S) lie inside a polygon, by the sides on which they lie of its edges."""
    v, u = np.indices((SIDE_PX, SIDE_PX))
    found = np.ones((SIDE_PX, SIDE_PX), bool)
    for (u0, v0), (u1, v1) in zip(corners_px, np.roll(corners_px, -1, axis=0)):
        found &= (u1 - u0) * (v - v0) - (v1 - v0) * (u - u0) >= -1e-6
    return found


def test_the_middle_third_of_the_opening_is_good_over_the_whole_jaw() -> None:
    maps = grasp_target([UPRIGHT], SIDE_PX, clearance_px=8)
    rows, columns = np.nonzero(maps.quality)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (35, 45, 26, 34)
    assert len(rows) == 11 * 9
    assert set(maps.quality[rows, columns]) == {1.0}
    assert set(maps.width_px[rows, columns]) == {16.0}
    assert set(maps.cos_2phi[rows, columns]) == {1.0}
    assert not maps.sin_2phi.any()


@pytest.mark.parametrize("rectangle", random_rectangles(30), ids=str)
def test_pixels_are_those_whose_centres_lie_in_the_polygon(rectangle: GraspRectangle) -> None:
    third_px = max(math.sqrt(0.5), rectangle.opening_px / 3)
    middle = GraspRectangle(rectangle.u, rectangle.v, rectangle.angle_rad, third_px, rectangle.jaw_px)
    good = grasp_target([rectangle], SIDE_PX).quality > 0
    missing = inside(middle.corners()) & ~good
    assert not missing.any()
    if rectangle.opening_px / 3 > 2 * math.sqrt(0.5):
        np.testing.assert_array_equal(good, inside(middle.corners()))


def test_angle_and_width_are_the_labels_own_and_survive_the_network_s_scale() -> None:
    rectangle = GraspRectangle(31.3, 33.8, -0.7, 27.0, 12.0)
    target = grasp_target([rectangle], SIDE_PX, clearance_px=5).encode(150.0)
    assert (target.shape, target.dtype) == ((4, SIDE_PX, SIDE_PX), np.float32)
    maps = GraspMaps.decode(target, 150.0)
    good = maps.quality > 0
    np.testing.assert_allclose(maps.angle_rad()[good], -0.7, atol=1e-6)
    np.testing.assert_allclose(maps.width_px[good], 22.0, atol=1e-4)
    assert not target[:, ~good].any()


def test_where_labels_cross_each_keeps_its_angle_and_their_order_is_nothing() -> None:
    long_px, slim_px = 30.0, 9.0
    first = GraspRectangle(25.0, 32.0, 0.0, long_px, slim_px)
    crossing = GraspRectangle(29.0, 34.0, math.pi / 2 - 1e-9, long_px, slim_px)
    maps = grasp_target([first, crossing], SIDE_PX)
    assert maps.cos_2phi[32, 25] == pytest.approx(1)
    assert maps.cos_2phi[34, 29] == pytest.approx(-1)
    good = maps.quality > 0
    np.testing.assert_allclose(np.hypot(maps.cos_2phi, maps.sin_2phi)[good], 1, atol=1e-6)
    many = random_rectangles(40)
    there, back = (grasp_target(order, SIDE_PX) for order in (many, many[::-1]))
    np.testing.assert_array_equal(there.encode(1.0), back.encode(1.0))


def test_soft_quality_falls_from_the_centre_to_the_edge_of_the_same_part() -> None:
    hard = grasp_target([UPRIGHT], SIDE_PX)
    soft = grasp_target([UPRIGHT], SIDE_PX, config=TargetConfig(edge_quality=0.2))
    np.testing.assert_array_equal(soft.quality > 0, hard.quality > 0)
    assert soft.quality[40, 30] == 1
    np.testing.assert_allclose(soft.quality[40, [26, 28, 30, 32, 34]], [0.2, 0.6, 1, 0.6, 0.2], atol=1e-6)
    np.testing.assert_allclose(soft.quality[[35, 45], 30], 0.2, atol=1e-6)
    whole = grasp_target([UPRIGHT], SIDE_PX, config=TargetConfig(centre_share=1.0))
    assert (whole.quality > 0).sum() == 11 * 25


def test_a_contact_is_at_least_a_pixel_wide() -> None:
    maps = grasp_target([UPRIGHT], SIDE_PX, clearance_px=100)
    assert set(maps.width_px[maps.quality > 0]) == {1.0}


@pytest.mark.parametrize("shift_px", np.linspace(0, 1, 5))
def test_no_label_is_too_small_for_a_pixel(shift_px: float) -> None:
    small = GraspRectangle(20 + shift_px, 20.5, math.pi / 4, 0.5, 0.1)
    assert grasp_target([small], SIDE_PX).quality.any()


def test_labels_that_reach_over_the_border_are_cut_and_those_beyond_leave_nothing() -> None:
    cut = grasp_target([GraspRectangle(0.0, 64.0, 0.3, 30.0, 12.0)], SIDE_PX).quality
    assert cut[64, 0] == 1
    assert 0 < cut.sum() < 70
    beyond = [GraspRectangle(u, v, 0.3, 30.0, 12.0) for u in (-400.0, 32.0, 400.0) for v in (-400.0, 400.0)]
    assert not grasp_target([*beyond, GraspRectangle(-30.0, 32.0, 0.0, 24.0, 10.0)], SIDE_PX).encode(1.0).any()
    assert not grasp_target([], SIDE_PX).encode(1.0).any()


@pytest.mark.parametrize("quarters", [1, 2, 3])
@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize(
    "rectangles", [random_rectangles(25, seed=3), [UPRIGHT], random_rectangles(3, seed=4)], ids=["many", "one", "few"]
)
def test_the_target_of_turned_labels_is_the_turned_target(
    quarters: int, flipped: bool, rectangles: Sequence[GraspRectangle]
) -> None:
    middle_px = ((SIDE_PX - 1) / 2, (SIDE_PX - 1) / 2)
    turn = PlanarSimilarity(quarters * math.pi / 2, flipped=flipped).about(middle_px)
    soft = TargetConfig(edge_quality=0.3)
    maps = grasp_target(rectangles, SIDE_PX, 3.0, soft)
    quality, cosine, sine, width_px = (np.rot90(np.fliplr(m) if flipped else m, quarters) for m in _four(maps))
    found = grasp_target([turn.rectangle(rectangle) for rectangle in rectangles], SIDE_PX, 3.0, soft)
    # A mirror negates the angle, and a quarter turn doubles to half a turn.
    half_turn, mirror = (-1) ** quarters, -1 if flipped else 1
    np.testing.assert_array_equal(found.quality > 0, quality > 0)
    for map_found, expected in zip(_four(found), (quality, half_turn * cosine, half_turn * mirror * sine, width_px)):
        np.testing.assert_allclose(map_found, expected, atol=1e-6)


def _four(maps: GraspMaps) -> Sequence[np.ndarray]:
    return (maps.quality, maps.cos_2phi, maps.sin_2phi, maps.width_px)
