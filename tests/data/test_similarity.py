"""Laws of the plane's similarities: what moves points, moves grasps and pixels alike."""

from __future__ import annotations

import math
from typing import List

import numpy as np
import pytest

from pspgrasp.crop import SquareCrop
from pspgrasp.data.similarity import PlanarSimilarity
from pspgrasp.grasp import ImageGrasp
from pspgrasp.rectangle import GraspRectangle, angle_distance_rad

POINTS_PX = np.array([[0.0, 0.0], [10.0, -3.0], [-7.5, 120.25]])
RECTANGLE = GraspRectangle(33.0, 21.5, 0.4, 24.0, 9.0)
SHAPE = (90, 120)
MIDDLE_PX = (59.5, 44.5)


def some_similarities() -> List[PlanarSimilarity]:
    rng = np.random.default_rng(5)
    return [
        PlanarSimilarity(rng.uniform(-4, 4), rng.uniform(0.4, 2.5), flipped, tuple(rng.uniform(-50, 50, 2)))
        for flipped in (False, True) * 3
    ]


def random_depth_m() -> np.ndarray:
    depth_m = np.random.default_rng(0).uniform(0.4, 0.9, SHAPE).astype(np.float32)
    depth_m[30:34, 50:70] = np.nan
    return depth_m


@pytest.mark.parametrize("first", some_similarities(), ids=str)
def test_the_inverse_undoes_and_then_does_both(first: PlanarSimilarity) -> None:
    np.testing.assert_allclose(first.inverse().points(first.points(POINTS_PX)), POINTS_PX, atol=1e-10)
    for second in some_similarities():
        both = first.then(second)
        np.testing.assert_allclose(both.points(POINTS_PX), second.points(first.points(POINTS_PX)), atol=1e-9)


def test_a_turn_is_anticlockwise_as_seen_and_keeps_what_it_turns_about() -> None:
    quarter = PlanarSimilarity(math.pi / 2).about((10.0, 20.0))
    np.testing.assert_array_equal(quarter.points([[10.0, 20.0], [15.0, 20.0]]), [[10.0, 20.0], [10.0, 15.0]])
    shifted = PlanarSimilarity(math.pi / 2, shift_px=(3.0, 4.0)).about((10.0, 20.0))
    np.testing.assert_array_equal(shifted.points(np.array([10.0, 20.0])), [13.0, 24.0])


@pytest.mark.parametrize("similarity", some_similarities(), ids=str)
def test_a_rectangle_moves_with_its_corners(similarity: PlanarSimilarity) -> None:
    moved = similarity.rectangle(RECTANGLE)
    expected_px = similarity.points(RECTANGLE.corners())
    apart_px = np.linalg.norm(moved.corners()[:, None] - expected_px[None], axis=2)
    np.testing.assert_allclose(apart_px.min(axis=1), 0, atol=1e-9)
    along_px = expected_px[1] - expected_px[0]
    direction_rad = math.atan2(-along_px[1], along_px[0])
    assert angle_distance_rad(np.array(moved.angle_rad), np.array(direction_rad)) < 1e-9
    assert -math.pi / 2 <= moved.angle_rad < math.pi / 2


def test_the_similarity_of_a_crop_is_the_crops_own_way() -> None:
    crop = SquareCrop(left_px=13, top_px=40, size_px=150, out_px=300)
    expected = crop.to_crop(ImageGrasp(RECTANGLE.u, RECTANGLE.v, RECTANGLE.angle_rad, RECTANGLE.opening_px, 1.0))
    moved = PlanarSimilarity.of_crop(crop).rectangle(RECTANGLE)
    np.testing.assert_allclose((moved.u, moved.v), (expected.u, expected.v), atol=1e-9)
    np.testing.assert_allclose((moved.opening_px, moved.jaw_px), (expected.width_px, 2 * RECTANGLE.jaw_px))
    assert moved.angle_rad == pytest.approx(expected.angle_rad)


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
@pytest.mark.parametrize("flipped", [False, True])
def test_quarter_turns_and_mirrors_move_pixels_and_change_none(quarters: int, flipped: bool) -> None:
    depth_m = random_depth_m()
    before = depth_m.copy()
    similarity = PlanarSimilarity(quarters * math.pi / 2, flipped=flipped)
    side_px = SHAPE[::-1] if quarters % 2 else SHAPE
    shift_px = (np.array(side_px[::-1]) - 1) / 2 - similarity.points(np.array(MIDDLE_PX))
    centred = PlanarSimilarity(similarity.angle_rad, 1.0, flipped, tuple(shift_px))
    expected = np.rot90(np.fliplr(depth_m) if flipped else depth_m, quarters)
    np.testing.assert_array_equal(centred.warp(depth_m, side_px), expected)
    np.testing.assert_array_equal(depth_m, before)


@pytest.mark.parametrize("similarity", some_similarities(), ids=str)
def test_pixels_move_as_points_do(similarity: PlanarSimilarity) -> None:
    def plane_m(u, v):
        return 0.5 + 0.002 * u + 0.003 * v

    moved = PlanarSimilarity(similarity.angle_rad, similarity.zoom, similarity.flipped).about(MIDDLE_PX)
    v, u = np.indices(SHAPE)
    warped_m = moved.warp(plane_m(u, v))
    before_px = moved.inverse().points(np.stack([u, v], axis=-1))
    inside = ((before_px >= 0) & (before_px <= (SHAPE[1] - 1, SHAPE[0] - 1))).all(axis=-1)
    assert inside.mean() > 0.15
    # OpenCV places pixels to 1/32 px.
    tolerance_m = 0.005 / 32
    np.testing.assert_allclose(
        warped_m[inside & ~np.isnan(warped_m)], _seen(plane_m, before_px, inside, warped_m), atol=tolerance_m
    )
    assert np.isnan(warped_m[inside]).mean() < 0.03, "only at the border"
    far_outside = ((before_px < -1.1) | (before_px > np.array([SHAPE[1], SHAPE[0]]) + 0.1)).any(axis=-1)
    assert np.isnan(warped_m[far_outside]).all()


def _seen(plane_m, before_px: np.ndarray, inside: np.ndarray, warped_m: np.ndarray) -> np.ndarray:
    places = before_px[inside & ~np.isnan(warped_m)]
    return plane_m(places[:, 0], places[:, 1])


def test_whatever_blends_a_missing_pixel_is_missing() -> None:
    depth_m = np.full((20, 20), 0.5, np.float32)
    depth_m[10, 7] = np.nan
    whole = np.isnan(PlanarSimilarity(shift_px=(3.0, 0.0)).warp(depth_m))
    assert np.argwhere(whole[:, 3:]).tolist() == [[10, 7]]
    assert whole[:, :3].all(), "nothing was seen there"
    half = np.isnan(PlanarSimilarity(shift_px=(3.5, 0.0)).warp(depth_m))
    assert np.argwhere(half[:, 4:]).tolist() == [[10, 6], [10, 7]]
