"""Laws of the way from maps to grasps in metres."""

from __future__ import annotations

import math
from dataclasses import astuple, replace
from typing import Any, Dict, List, Tuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pspgrasp.camera import PinholeCamera
from pspgrasp.clearance import ANY_WAY, ClearanceConfig, WayDown
from pspgrasp.config import DetectionConfig, LimitsConfig
from pspgrasp.crop import SquareCrop
from pspgrasp.depth import DepthFrame
from pspgrasp.detect import Reason, depth_around, detect, grasp_at, hindrance, lift, objection, peaks
from pspgrasp.grasp import Grasp, ImageGrasp
from pspgrasp.gripper import HandConfig
from pspgrasp.maps import GraspMaps
from pspgrasp.table_plane import TablePlane

laws = settings(deadline=None, max_examples=60, derandomize=True)
SIDE = 100
CAMERA = PinholeCamera(SIDE, SIDE, 200.0, 200.0, 50.0, 50.0)
WHOLE = SquareCrop(0, 0, SIDE, SIDE)
DETECTION = DetectionConfig(min_quality=0.3, min_distance_px=10.0)
NO_LIMITS = LimitsConfig()


def maps_with(*places: Tuple[int, int, float], angle_rad: float = 0.3, width_px: float = 20.0) -> GraspMaps:
    """Return maps whose quality is nothing but peaks at (row, column, quality)."""
    quality = np.zeros((SIDE, SIDE), np.float32)
    for row, column, height in places:
        quality[row, column] = height
    ones = np.ones((SIDE, SIDE), np.float32)
    return GraspMaps(
        quality,
        ones * np.float32(math.cos(2 * angle_rad)),
        ones * np.float32(math.sin(2 * angle_rad)),
        ones * np.float32(width_px),
    )


def frame(depth_m: float = 0.5) -> DepthFrame:
    return DepthFrame(np.full((SIDE, SIDE), depth_m, np.float32), CAMERA)


def places_of(image_grasps: Any) -> List[Tuple[float, float]]:
    return [(grasp.v, grasp.u) for grasp in image_grasps]


def test_a_peak_becomes_a_grasp_at_its_pixel_its_depth_and_its_angle() -> None:
    (place,), (grasp,), rejected = detect(maps_with((30, 70, 0.8)), WHOLE, frame(), DETECTION, NO_LIMITS)
    assert astuple(place) == pytest.approx((70.0, 30.0, 0.3, 20.0, 0.8))
    np.testing.assert_allclose(grasp.position_m, [0.05, -0.05, 0.5])
    assert grasp.width_m == pytest.approx(20.0 / 200.0 * 0.5)
    assert (grasp.angle_rad, grasp.quality) == (place.angle_rad, place.quality)
    assert rejected == ()


@laws
@given(
    st.lists(
        st.tuples(st.integers(0, SIDE - 1), st.integers(0, SIDE - 1), st.floats(0.01, 1.0)), min_size=1, max_size=40
    ),
    st.floats(0.0, 40.0),
    st.integers(1, 8),
)
def test_grasps_come_best_first_apart_above_the_threshold_and_none_is_forgotten(
    places: List[Tuple[int, int, float]], apart_px: float, most: int
) -> None:
    maps = maps_with(*places)
    detection = replace(DETECTION, min_distance_px=apart_px, max_grasps=most)
    image_grasps, grasps, _ = detect(maps, WHOLE, frame(), detection, NO_LIMITS)
    qualities = [grasp.quality for grasp in image_grasps]
    assert qualities == sorted(qualities, reverse=True)
    assert qualities == [grasp.quality for grasp in grasps]
    assert len(qualities) <= most
    assert min(qualities, default=1.0) >= detection.min_quality
    found = places_of(image_grasps)
    for index, place in enumerate(found):
        assert all(math.dist(place, other) >= apart_px for other in found[:index])
    for row, column in zip(*np.nonzero(maps.quality >= detection.min_quality)):
        better = [grasp for grasp in image_grasps if grasp.quality >= maps.quality[row, column]]
        near = any(math.dist((row, column), (grasp.v, grasp.u)) < max(apart_px, 1.5) for grasp in better)
        assert near or len(found) == most, "every peak is a grasp, or stands beside a better one"


@laws
@given(st.integers(0, 200))
def test_maps_and_depth_are_arguments_and_stay_as_they_are(seed: int) -> None:
    rng = np.random.default_rng(seed)
    maps, seen = GraspMaps(*rng.random((4, SIDE, SIDE)).astype(np.float32)), frame()
    before = [array.copy() for array in (maps.quality, maps.cos_2phi, maps.sin_2phi, maps.width_px, seen.depth_m)]
    allowed = rng.random((SIDE, SIDE)) < 0.5
    detect(maps, WHOLE, seen, DETECTION, NO_LIMITS, allowed)
    after = (maps.quality, maps.cos_2phi, maps.sin_2phi, maps.width_px, seen.depth_m)
    for one, other in zip(before, after):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("distance_px", "grasps"), [(9, 1), (10, 2), (11, 2)])
def test_two_grasps_are_at_least_the_distance_apart(distance_px: int, grasps: int) -> None:
    maps = maps_with((50, 40, 0.9), (50, 40 + distance_px, 0.8))
    assert len(detect(maps, WHOLE, frame(), DETECTION, NO_LIMITS)[0]) == grasps


@pytest.mark.parametrize(("size_px", "grasps"), [(50, 2), (100, 2), (200, 2)])
def test_the_distance_is_one_of_map_pixels_whatever_the_crop_scales(size_px: int, grasps: int) -> None:
    crop = SquareCrop(0, 0, size_px, SIDE)
    seen = DepthFrame(np.full((200, 200), 0.5, np.float32), PinholeCamera(200, 200, 200.0, 200.0, 100.0, 100.0))
    apart, close = maps_with((50, 40, 0.9), (50, 51, 0.8)), maps_with((50, 40, 0.9), (50, 49, 0.8))
    assert len(detect(apart, crop, seen, DETECTION, NO_LIMITS)[0]) == grasps
    assert len(detect(close, crop, seen, DETECTION, NO_LIMITS)[0]) == 1


def test_places_and_widths_are_those_of_the_whole_image() -> None:
    seen = DepthFrame(np.full((480, 640), 0.5, np.float32), PinholeCamera(640, 480, 600.0, 600.0, 320.0, 240.0))
    crop = SquareCrop(120, 40, 400, SIDE)
    (place,), (grasp,), _ = detect(maps_with((10, 20, 0.9)), crop, seen, DETECTION, NO_LIMITS)
    assert (place.u, place.v) == pytest.approx((120 + 20.5 * 4 - 0.5, 40 + 10.5 * 4 - 0.5))
    assert place.width_px == pytest.approx(80.0)
    assert seen.camera.project(grasp.position_m) == pytest.approx((place.u, place.v))


def test_below_the_threshold_there_is_no_grasp_and_no_refusal() -> None:
    assert detect(maps_with((50, 50, 0.29)), WHOLE, frame(), DETECTION, NO_LIMITS) == ((), (), ())
    assert len(detect(maps_with((50, 50, 0.3)), WHOLE, frame(), DETECTION, NO_LIMITS)[0]) == 1


def test_a_threshold_of_zero_takes_no_pixel_without_quality() -> None:
    assert list(peaks(maps_with(), 0.0)) == []
    assert list(peaks(replace(maps_with(), quality=np.full((SIDE, SIDE), -0.5, np.float32)), 0.0)) == []


def test_a_plateau_is_one_peak_and_equal_peaks_come_in_reading_order() -> None:
    maps = maps_with((10, 80, 0.7), (40, 20, 0.7), (40, 60, 0.7))
    maps.quality[70:75, 50:60] = 0.7
    assert places_of(peaks(maps, 0.3)) == [(10.0, 80.0), (40.0, 20.0), (40.0, 60.0), (70.0, 50.0)]


def peaks_one_by_one(quality: np.ndarray, min_quality: float) -> List[Tuple[int, int]]:
    """Return the first pixel of each group of pixels that nothing beside them exceeds, best first."""
    height, width = quality.shape
    beside = {
        (r, c): [(r + i, c + k) for i in (-1, 0, 1) for k in (-1, 0, 1) if 0 <= r + i < height and 0 <= c + k < width]
        for r, c in np.ndindex(height, width)
    }
    summits = [
        p
        for p in beside
        if quality[p] >= min_quality and quality[p] > 0 and all(quality[p] >= quality[b] for b in beside[p])
    ]
    left, firsts = set(summits), []
    for first in summits:
        firsts += [first] if first in left else []
        waiting = [first]
        while waiting:
            near = left.intersection(beside[waiting.pop()])
            left -= near
            waiting += near
    return sorted(firsts, key=lambda place: -quality[place])


@laws
@given(st.integers(0, 10**6), st.sampled_from([2, 3, 5, 40]), st.sampled_from([0.0, 0.3, 0.5]))
def test_peaks_are_what_a_search_pixel_by_pixel_finds(seed: int, levels: int, min_quality: float) -> None:
    steps = np.random.default_rng(seed).integers(-1, levels, (12, 17))
    quality = steps.astype(np.float32) / np.float32(levels - 1)
    ones = np.ones_like(quality)
    found = places_of(peaks(GraspMaps(quality, ones, ones, ones), min_quality))
    assert found == peaks_one_by_one(quality, min_quality)


@pytest.mark.parametrize("place", [(0, 0), (0, SIDE - 1), (SIDE - 1, 0), (SIDE - 1, SIDE - 1), (0, 50)])
def test_a_peak_at_the_border_counts(place: Tuple[int, int]) -> None:
    image_grasps, *_ = detect(maps_with((*place, 0.9)), WHOLE, frame(), DETECTION, NO_LIMITS)
    assert places_of(image_grasps) == [place]


@laws
@given(st.floats(-1.57, 1.57), st.floats(0.05, 3.0))
def test_the_angle_of_a_grasp_is_that_of_the_maps_however_long_their_vector(angle_rad: float, length: float) -> None:
    maps = maps_with((5, 6, 0.9), angle_rad=angle_rad)
    shrunk = replace(maps, cos_2phi=length * maps.cos_2phi, sin_2phi=length * maps.sin_2phi)
    assert math.cos(2 * (grasp_at(shrunk, 5, 6).angle_rad - angle_rad)) == pytest.approx(1.0, abs=1e-5)
    assert -math.pi / 2 <= grasp_at(shrunk, 5, 6).angle_rad < math.pi / 2


def test_what_the_network_overshoots_is_clipped_to_what_can_be() -> None:
    grasp = grasp_at(maps_with((5, 6, 1.2), width_px=-3.0), 5, 6)
    assert (grasp.quality, grasp.width_px) == (1.0, 0.0)


def lower_left(**limits: Any) -> LimitsConfig:
    return LimitsConfig(**limits)


REFUSALS: Dict[Reason, Tuple[LimitsConfig, DepthFrame]] = {
    Reason.NO_DEPTH: (NO_LIMITS, frame(0.0)),
    Reason.TOO_NEAR: (LimitsConfig(min_depth_m=0.51), frame()),
    Reason.TOO_FAR: (LimitsConfig(max_depth_m=0.49), frame()),
    Reason.OPENS_TOO_LITTLE: (LimitsConfig(min_width_m=0.051), frame()),
    Reason.OPENS_TOO_FAR: (LimitsConfig(max_width_m=0.049), frame()),
    Reason.OUTSIDE_WORKSPACE: (LimitsConfig(workspace_px=((0, 0), (40, 0), (40, 40))), frame()),
}


def beside_it(u0: int, u1: int, depth_m: float) -> DepthFrame:
    """Return a frame of which some columns in the middle rows are elsewhere."""
    image_m = frame().depth_m.copy()
    image_m[46:55, u0:u1] = depth_m
    return DepthFrame(image_m, CAMERA)


FACING = TablePlane(np.array([0.0, 0.0, -1.0]), 0.49)  # nearer than what is seen
STRICT = ClearanceConfig(fingers=False, palm=False, most_unseen=0.5)
BLOCKED: Dict[Reason, Tuple[WayDown, DepthFrame]] = {
    Reason.NO_TABLE: (WayDown(HandConfig(), ClearanceConfig(approach="table")), frame()),
    Reason.IN_TABLE: (WayDown(HandConfig(), ClearanceConfig(), FACING), frame()),
    Reason.FINGERS_BLOCKED: (WayDown(HandConfig(insertion_m=0.002), ClearanceConfig()), beside_it(71, 76, 0.48)),
    Reason.PALM_BLOCKED: (WayDown(HandConfig(insertion_m=0.002), ClearanceConfig()), beside_it(85, 95, 0.4)),
    Reason.UNSEEN: (WayDown(HandConfig(), STRICT), frame()),
}


@pytest.mark.parametrize("reason", BLOCKED)
def test_what_is_in_a_hands_way_refuses_a_grasp_unless_its_filter_is_off(reason: Reason) -> None:
    way, seen = BLOCKED[reason]
    maps, everywhere = maps_with((50, 60, 0.9), angle_rad=0.0), (0.0, math.inf)
    *_, rejected = detect(maps, WHOLE, seen, DETECTION, NO_LIMITS, None, everywhere, way)
    assert [rejection.reason for rejection in rejected] == [reason]
    _, (grasp,), rejected = detect(maps, WHOLE, seen, DETECTION, NO_LIMITS)
    assert rejected == ()
    assert hindrance(grasp, seen, ANY_WAY) is None


def test_the_next_peak_takes_the_place_of_one_that_the_hand_cannot_reach() -> None:
    way, seen = BLOCKED[Reason.FINGERS_BLOCKED]
    maps = maps_with((50, 60, 0.9), (20, 60, 0.5), angle_rad=0.0)
    image_grasps, *_ = detect(maps, WHOLE, seen, replace(DETECTION, max_grasps=1), NO_LIMITS, way=way)
    assert places_of(image_grasps) == [(20.0, 60.0)]


def test_limits_hold_for_the_opening_across_the_way_that_the_gripper_comes() -> None:
    slanted = TablePlane(np.array([-math.sin(0.8), 0.0, -math.cos(0.8)]), 0.5)
    way = WayDown(HandConfig(), replace(ANY_WAY.config, approach="table"), slanted, below_m=1.0)
    limits = LimitsConfig(max_width_m=0.06)
    maps = maps_with((50, 50, 0.9), angle_rad=0.0)
    assert detect(maps, WHOLE, frame(), DETECTION, limits)[2] == ()
    *_, (rejection,) = detect(maps, WHOLE, frame(), DETECTION, limits, way=way)
    assert rejection.reason is Reason.OPENS_TOO_FAR


@pytest.mark.parametrize("reason", sorted(set(Reason) - set(BLOCKED), key=lambda reason: reason.name))
def test_every_reason_to_refuse_is_named_in_the_result_with_its_place(reason: Reason) -> None:
    limits, seen = REFUSALS[reason]
    image_grasps, grasps, rejected = detect(maps_with((50, 60, 0.9)), WHOLE, seen, DETECTION, limits)
    assert (image_grasps, grasps) == ((), ())
    assert [rejection.reason for rejection in rejected] == [reason]
    assert (rejected[0].image_grasp.v, rejected[0].image_grasp.u) == (50.0, 60.0)


def test_both_ends_of_a_limit_are_allowed() -> None:
    image_grasp = ImageGrasp(50.0, 50.0, 0.0, 20.0, 0.9)
    grasp = Grasp(np.array([0.0, 0.0, 0.5]), 0.0, 0.05, 0.9)
    ends = [(0.05, 0.1, 0.5, 0.6), (0.01, 0.05, 0.4, 0.5)]
    for low_width_m, high_width_m, near_m, far_m in ends:
        assert objection(image_grasp, grasp, LimitsConfig(low_width_m, high_width_m, near_m, far_m)) is None
    square = ((50.0, 50.0), (60.0, 50.0), (60.0, 60.0), (50.0, 60.0))
    assert objection(image_grasp, grasp, LimitsConfig(workspace_px=square)) is None, "its border is inside"


def test_the_workspace_may_be_given_in_either_sense_and_concave() -> None:
    inside, outside = ImageGrasp(20.0, 50.0, 0.0, 20.0, 0.9), ImageGrasp(50.0, 20.0, 0.0, 20.0, 0.9)
    grasp = Grasp(np.array([0.0, 0.0, 0.5]), 0.0, 0.05, 0.9)
    u_shape = ((0, 0), (40, 0), (40, 80), (60, 80), (60, 0), (100, 0), (100, 100), (0, 100))
    for corners in (u_shape, u_shape[::-1]):
        limits = LimitsConfig(workspace_px=corners)
        assert objection(inside, grasp, limits) is None
        assert objection(outside, grasp, limits) is Reason.OUTSIDE_WORKSPACE


def test_a_better_peak_outside_the_workspace_does_not_hide_its_neighbour_inside() -> None:
    maps = maps_with((50, 48, 0.9), (50, 52, 0.6))
    limits = LimitsConfig(workspace_px=((50, 0), (99, 0), (99, 99), (50, 99)))
    image_grasps, _, rejected = detect(maps, WHOLE, frame(), DETECTION, limits)
    assert places_of(image_grasps) == [(50.0, 52.0)]
    assert places_of(r.image_grasp for r in rejected) == [(50.0, 48.0)]


def test_a_better_peak_off_the_mask_does_not_hide_its_neighbour_on_it() -> None:
    allowed = np.zeros((SIDE, SIDE), bool)
    allowed[:, 50:] = True
    image_grasps, _, rejected = detect(
        maps_with((50, 48, 0.9), (50, 52, 0.6)), WHOLE, frame(), DETECTION, NO_LIMITS, allowed
    )
    assert places_of(image_grasps) == [(50.0, 52.0)]
    assert [r.reason for r in rejected] == [Reason.OUTSIDE_WORKSPACE]


def test_refused_peaks_take_no_place_among_the_most() -> None:
    maps = maps_with((50, 20, 0.9), (50, 40, 0.8), (50, 60, 0.7), (50, 80, 0.6))
    limits = LimitsConfig(workspace_px=((50, 0), (99, 0), (99, 99), (50, 99)))
    image_grasps, _, rejected = detect(maps, WHOLE, frame(), replace(DETECTION, max_grasps=1), limits)
    assert places_of(image_grasps) == [(50.0, 60.0)]
    assert len(rejected) == 2


def test_refused_peaks_that_stand_together_are_told_once() -> None:
    maps = maps_with((50, 20, 0.9), (50, 23, 0.8), (53, 20, 0.7), (50, 80, 0.6))
    _, _, rejected = detect(maps, WHOLE, frame(), DETECTION, LimitsConfig(max_depth_m=0.1))
    assert places_of(r.image_grasp for r in rejected) == [(50.0, 20.0), (50.0, 80.0)]


def test_depth_is_the_median_of_what_is_measured_around() -> None:
    depth_m = np.full((9, 9), np.nan, np.float32)
    depth_m[3, 3], depth_m[4, 5], depth_m[5, 5] = 0.5, 0.6, 79.0
    assert depth_around(depth_m, 4.0, 4.0, 1) == pytest.approx(0.6), "one outlier doesn't move it"
    assert depth_around(depth_m, 4.0, 4.0, 0) is None
    assert depth_around(depth_m, 8.0, 8.0, 2) is None


@laws
@given(st.integers(0, 10**6), st.floats(0.3, 0.6), st.floats(0.6, 0.9), st.integers(0, 3))
def test_depth_around_is_the_median_of_what_lies_in_the_range(seed: int, near_m: float, far_m: float, r: int) -> None:
    rng = np.random.default_rng(seed)
    depth_m = np.where(rng.random((9, 9)) < 0.3, np.nan, rng.uniform(0.3, 0.9, (9, 9))).astype(np.float32)
    around = depth_m[4 - r : 5 + r, 4 - r : 5 + r]
    inside = around[(around >= near_m) & (around <= far_m)]
    expected_m = float(np.median(inside)) if inside.size else None
    assert depth_around(depth_m, 4.0, 4.0, r, (near_m, far_m)) == expected_m


def test_a_grasp_has_no_depth_outside_the_range() -> None:
    maps = maps_with((50, 60, 0.9))
    for range_m, reasons in (((0.1, 0.5), []), ((0.5, 2.0), []), ((0.51, 2.0), [Reason.NO_DEPTH])):
        _, grasps, rejected = detect(maps, WHOLE, frame(0.5), DETECTION, NO_LIMITS, range_m=range_m)
        assert [rejection.reason for rejection in rejected] == reasons
        assert len(grasps) == 1 - len(reasons)


@pytest.mark.parametrize(("u", "v"), [(0.0, 0.0), (8.0, 8.0), (-0.4, 8.4), (4.0, 0.0)])
def test_depth_at_the_border_does_not_wrap_around(u: float, v: float) -> None:
    columns = np.tile(np.arange(1.0, 10.0, dtype=np.float32), (9, 1))
    found_m = depth_around(columns, u, v, 2)
    assert found_m is not None
    assert abs(found_m - (u + 1)) <= 1.5


@laws
@given(st.floats(0.0, 99.0), st.floats(0.0, 99.0), st.floats(-1.57, 1.57), st.floats(0.1, 2.0))
def test_a_lifted_grasp_is_seen_where_it_was_found(u: float, v: float, angle_rad: float, depth_m: float) -> None:
    grasp = lift(ImageGrasp(u, v, angle_rad, 30.0, 0.9), frame(), depth_m)
    assert CAMERA.project(grasp.position_m) == pytest.approx((u, v), abs=1e-6)
    finger_m = grasp.position_m + grasp.width_m / 2 * grasp.rotation()[:, 0]
    expected = u + 15.0 * math.cos(angle_rad), v - 15.0 * math.sin(angle_rad)
    assert CAMERA.project(finger_m) == pytest.approx(expected, abs=1e-6), "its fingers are where its width says"
