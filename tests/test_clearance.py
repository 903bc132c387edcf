"""Laws of what is in a hand's way."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import List, Sequence, Tuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pspgrasp.camera import PinholeCamera
from pspgrasp.clearance import ClearanceConfig, WayDown, fingers_meet, palm_meets, unseen_share
from pspgrasp.data.tabletop import Body, Box, Cylinder, exact_depth, looking_at
from pspgrasp.depth import DepthFrame
from pspgrasp.errors import ConfigError
from pspgrasp.grasp import Grasp
from pspgrasp.gripper import HandConfig, HandPose, hand_pose
from pspgrasp.table_plane import TablePlane

laws = settings(deadline=None, max_examples=15, derandomize=True)
turns_rad, tilts_rad = st.floats(-math.pi, math.pi), st.floats(0.0, math.radians(40))
CAMERA = PinholeCamera(400, 400, 500.0, 500.0, 199.5, 199.5)
HAND = HandConfig()
EXACT = WayDown(HAND, ClearanceConfig(margin_m=0.0, noise_m=0.001))
PIXEL_M = 0.002  # what a pixel sees at the farthest here, on what is level
BLOCK_M = (0.04, 0.06, 0.05)  # sides of the thing that is to be grasped
INSERTION_M, ABOVE_M = 0.025, 0.6
ROUND = Body(Cylinder((0.02, 0.02, 0.025)), np.eye(3), np.array([0.0, 0.0, 0.025]))
TABLE = Body(Box((2.0, 2.0, 0.01)), np.eye(3), np.array([0.0, 0.0, -0.01]))


def about_up(turn_rad: float) -> np.ndarray:
    c, s = math.cos(turn_rad), math.sin(turn_rad)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def block(sides_m: Sequence[float] = BLOCK_M, x_m: float = 0.0, y_m: float = 0.0, turn_rad: float = 0.0) -> Body:
    """Return a box that stands at (x, y); the world is then turned about the vertical."""
    turn = about_up(turn_rad)
    half_m = tuple(side_m / 2 for side_m in sides_m)
    return Body(Box(half_m), turn, turn @ np.array([x_m, y_m, half_m[2]]))  # type: ignore[arg-type]


def view(tilt_rad: float = 0.0, azimuth_rad: float = 0.0, above_m: float = ABOVE_M) -> np.ndarray:
    """Return the pose (4, 4) of a camera that looks at the world's origin."""
    sin = math.sin(tilt_rad)
    off = np.array([sin * math.cos(azimuth_rad), sin * math.sin(azimuth_rad), math.cos(tilt_rad)])
    return looking_at(above_m * off, np.zeros(3))


def seen(pose: np.ndarray, *bodies: Body, camera: PinholeCamera = CAMERA) -> DepthFrame:
    return DepthFrame(exact_depth((TABLE, *bodies), camera, pose), camera)


def straight_down(
    pose: np.ndarray, turn_rad: float = 0.0, camera: PinholeCamera = CAMERA, surface_m: float = BLOCK_M[2]
) -> HandPose:
    """Return a hand that comes along the world's vertical to the block's middle and closes along its turned x."""
    rotation, eye_m = pose[:3, :3], pose[:3, 3]
    middle_m = rotation.T @ (np.array([0.0, 0.0, surface_m]) - eye_m)
    ahead = rotation.T @ about_up(turn_rad)[:, 0]
    (u0, v0), (u1, v1) = (camera.project(middle_m + side * ahead) for side in (-0.01, 0.01))
    grasp = Grasp(middle_m, math.atan2(v0 - v1, u1 - u0), 0.0, 1.0, rotation.T @ np.array([0.0, 0.0, -1.0]))
    return hand_pose(grasp, INSERTION_M)


def with_margin(margin_m: float) -> WayDown:
    return replace(EXACT, config=replace(EXACT.config, margin_m=margin_m))


def blocked(frame: DepthFrame, pose: HandPose, opening_m: float, way: WayDown = EXACT) -> bool:
    return fingers_meet(frame, pose, opening_m, way) > way.config.specks


@laws
@given(turns_rad, st.floats(0.0, 0.01))
def test_a_thing_that_fits_with_the_margin_is_free_at_every_angle(turn_rad: float, margin_m: float) -> None:
    way, frame, pose = with_margin(margin_m), seen(view(), ROUND), straight_down(view(), turn_rad)
    assert fingers_meet(frame, pose, 0.04 + 2 * (margin_m + PIXEL_M), way) == 0
    assert palm_meets(frame, pose, way) == 0


@laws
@given(turns_rad, st.floats(0.0, 0.01))
def test_a_finger_lands_on_a_thing_that_the_opening_does_not_take_in(turn_rad: float, margin_m: float) -> None:
    frame, pose = seen(view(), block(turn_rad=turn_rad)), straight_down(view(), turn_rad)
    way = with_margin(margin_m)
    assert not blocked(frame, pose, BLOCK_M[0] + 2 * (margin_m + PIXEL_M), way)
    assert blocked(frame, pose, BLOCK_M[0] + 2 * (margin_m - PIXEL_M), way)


@laws
@given(turns_rad, st.sampled_from([-1, 1]), st.floats(0.0, 0.01))
def test_a_neighbour_in_a_fingers_place_blocks_it_and_one_as_far_off_as_the_finger_is_thick_does_not(
    turn_rad: float, side: int, margin_m: float
) -> None:
    opening_m, wide_m = 0.065, 0.03
    pose, way = straight_down(view(), turn_rad), with_margin(margin_m)
    room_m = HAND.finger_m + margin_m
    for free_m in (0.001, room_m - PIXEL_M, room_m + PIXEL_M):
        x_m = side * (opening_m / 2 + free_m + wide_m / 2)
        frame = seen(view(), block(turn_rad=turn_rad), block((wide_m, 0.03, 0.045), x_m, 0.0, turn_rad))
        assert blocked(frame, pose, opening_m, way) == (free_m < room_m), free_m


@laws
@given(turns_rad)
def test_a_neighbour_blocks_only_where_jaws_are_wide_and_above_their_tips(turn_rad: float) -> None:
    pose, opening_m = straight_down(view(), turn_rad), 0.06
    tips_m, beside_m = BLOCK_M[2] - INSERTION_M, HAND.jaw_m / 2 + 0.015
    for high_m, y_m, is_blocked in (
        (tips_m + 0.004, 0.0, True),
        (tips_m - 0.004, 0.0, False),
        (0.05, beside_m - PIXEL_M, True),
        (0.05, beside_m + PIXEL_M, False),
    ):
        frame = seen(view(), block(turn_rad=turn_rad), block((0.03, 0.03, high_m), 0.046, y_m, turn_rad))
        assert blocked(frame, pose, opening_m) == is_blocked, (high_m, y_m)


SCENES: List[Tuple[Tuple[Tuple[Sequence[float], float, float], ...], bool, bool]] = [
    ((), False, False),
    ((((0.03, 0.03, 0.04), 0.047, 0.0),), True, False),
    ((((0.03, 0.03, 0.04), -0.047, 0.0),), True, False),
    ((((0.03, 0.03, 0.04), 0.06, 0.0),), False, False),
    ((((0.02, 0.02, 0.08), 0.09, 0.0),), False, True),
    ((((0.02, 0.02, 0.08), 0.0, 0.055),), False, False),
]


@pytest.mark.parametrize(("others", "fingers", "palm"), SCENES)
@settings(deadline=None, max_examples=8, derandomize=True)
@given(turns_rad, tilts_rad, st.floats(-math.pi, math.pi))
def test_turning_the_scene_and_the_grasp_or_tilting_the_camera_changes_nothing(
    others: Tuple[Tuple[Sequence[float], float, float], ...],
    fingers: bool,
    palm: bool,
    turn_rad: float,
    tilt_rad: float,
    azimuth_rad: float,
) -> None:
    camera_pose = view(tilt_rad, azimuth_rad)
    frame = seen(camera_pose, block(turn_rad=turn_rad), *(block(*other, turn_rad) for other in others))
    pose = straight_down(camera_pose, turn_rad)
    assert blocked(frame, pose, 0.06) == fingers
    assert (palm_meets(frame, pose, EXACT) > EXACT.config.specks) == palm


@laws
@given(st.floats(0.7, 2.5), st.sampled_from(SCENES))
def test_a_camera_farther_off_with_a_longer_lens_sees_the_same(
    times: float, scene: Tuple[Tuple[Tuple[Sequence[float], float, float], ...], bool, bool]
) -> None:
    others, fingers, palm = scene
    camera, camera_pose = replace(CAMERA, fx=times * 500.0, fy=times * 500.0), view(above_m=times * ABOVE_M)
    frame = seen(camera_pose, block(), *(block(*other) for other in others), camera=camera)
    pose = straight_down(camera_pose, camera=camera)
    assert blocked(frame, pose, 0.06) == fingers
    assert (palm_meets(frame, pose, EXACT) > EXACT.config.specks) == palm


@laws
@given(st.integers(1, 25), st.integers(0, 2**32 - 1))
def test_as_many_flying_pixels_as_are_allowed_refuse_nothing_and_more_do(count: int, seed: int) -> None:
    rng, frame, pose = np.random.default_rng(seed), seen(view(), block()), straight_down(view())
    depth_m, opening_m = frame.depth_m.copy(), 0.06
    flying = set()
    for _ in range(count):
        x_m = opening_m / 2 + rng.uniform(0.002, HAND.finger_m - 0.002)
        point_m = pose.tip_m + pose.rotation @ [rng.choice([-1, 1]) * x_m, rng.uniform(-0.008, 0.008), -0.02]
        u, v = (round(place) for place in CAMERA.project(point_m))
        depth_m[v, u] = point_m[2]
        flying.add((u, v))
    speckled = DepthFrame(depth_m, CAMERA)
    assert fingers_meet(speckled, pose, opening_m, EXACT) == len(flying)
    assert blocked(speckled, pose, opening_m) == (len(flying) > EXACT.config.specks)


def test_noise_of_the_table_under_the_tips_is_nothing_in_the_way() -> None:
    flat_m, way = 0.005, WayDown(HAND, ClearanceConfig(noise_m=0.004))
    frame = seen(view(), block((0.04, 0.06, flat_m)))
    noise_m = np.random.default_rng(0).normal(0.0, 0.0015, frame.depth_m.shape)
    insertion_m = float(HAND.insertion_at(np.array(flat_m)))
    pose = straight_down(view(), surface_m=flat_m)
    pose = pose._replace(tip_m=pose.tip_m - (INSERTION_M - insertion_m) * pose.rotation[:, 2])
    noisy = DepthFrame(frame.depth_m + noise_m.astype(np.float32), CAMERA)
    assert not blocked(noisy, pose, 0.06, way)
    assert blocked(noisy, pose, 0.06, WayDown(HAND, ClearanceConfig(noise_m=0.0)))


@pytest.mark.parametrize("above_palm_m", [-0.004, 0.004])
@pytest.mark.parametrize("side", [-1, 1])
def test_the_palm_meets_what_is_higher_than_fingers_are_long_and_nothing_lower(above_palm_m: float, side: int) -> None:
    high_m = BLOCK_M[2] - INSERTION_M + HAND.finger_length_m + above_palm_m
    frame, pose = seen(view(), block(), block((0.03, 0.03, high_m), side * 0.08, 0.0)), straight_down(view())
    assert (palm_meets(frame, pose, EXACT) > EXACT.config.specks) == (above_palm_m > 0)
    assert not blocked(frame, pose, 0.06), "the fingers are free"
    raised = with_margin(0.01)
    assert palm_meets(frame, pose, raised) > raised.config.specks, "a margin counts below the palm, too"


def test_what_hangs_over_the_hands_way_is_met_though_the_camera_sees_it_beside() -> None:
    hanging = Body(Box((0.01, 0.01, 0.01)), np.eye(3), np.array([0.09, 0.0, 0.2]))
    frame, pose = seen(view(), block(), hanging), straight_down(view())
    assert palm_meets(frame, pose, EXACT) > EXACT.config.specks


def test_what_is_not_measured_is_in_nobodys_way_and_counts_as_unseen() -> None:
    frame, pose = seen(view(), block()), straight_down(view())
    assert unseen_share(frame, pose, 0.06, EXACT) == 0.0
    depth_m = frame.depth_m.copy()
    depth_m[:, 200:] = np.nan
    half = DepthFrame(depth_m, CAMERA)
    assert unseen_share(half, pose, 0.06, EXACT) == 0.5
    assert fingers_meet(half, pose, 0.06, EXACT) == palm_meets(half, pose, EXACT) == 0
    nothing = DepthFrame(np.full((400, 400), np.nan, np.float32), CAMERA)
    assert unseen_share(nothing, pose, 0.06, EXACT) == 1.0


def test_depth_outside_the_working_range_is_no_measurement() -> None:
    pose, tall = straight_down(view()), block((0.03, 0.03, 0.045), 0.046)
    frame = seen(view(), block(), tall)
    assert blocked(frame, pose, 0.06)
    for range_m in ((0.58, 2.0), (0.1, 0.54)):  # its top is 555 mm from the camera, the fingertips are 575 mm
        way = replace(EXACT, range_m=range_m)
        assert not blocked(frame, pose, 0.06, way)
        assert unseen_share(frame, pose, 0.06, way) > 0.4


def test_what_hides_behind_a_thing_is_unseen() -> None:
    camera_pose = view(math.radians(40), 0.0)  # from the side of the right finger
    frame, pose = seen(camera_pose, block()), straight_down(camera_pose)
    assert 0.2 <= unseen_share(frame, pose, 0.045, EXACT) <= 0.5
    assert unseen_share(frame, pose, 0.085, EXACT) == 0.0


@pytest.mark.parametrize(("u", "v"), [(0.0, 0.0), (-300.0, 200.0), (200.0, 900.0), (900.0, 200.0)])
def test_beyond_the_border_nothing_is_seen_and_nothing_wraps_around(u: float, v: float) -> None:
    depth_m = np.full((400, 400), 0.5, np.float32)
    depth_m[190:210, 190:210] = 0.3
    frame = DepthFrame(depth_m, CAMERA)
    pose = hand_pose(Grasp(CAMERA.deproject(u, v, 0.5), 0.3, 0.06, 1.0), 0.0)
    assert fingers_meet(frame, pose, 0.06, EXACT) == 0
    assert palm_meets(frame, pose, EXACT) == 0
    assert unseen_share(frame, pose, 0.06, EXACT) == 1.0


def test_a_finger_outside_the_image_is_unseen() -> None:
    frame = DepthFrame(np.full((400, 400), 0.5, np.float32), CAMERA)
    pose = hand_pose(Grasp(CAMERA.deproject(0.0, 200.0, 0.5), 0.0, 0.06, 1.0), 0.0)
    assert unseen_share(frame, pose, 0.06, EXACT) == 0.5


def test_a_finer_camera_costs_no_more_points() -> None:
    coarse, pose = seen(view(), block()), straight_down(view())
    camera = PinholeCamera(1600, 1600, 2000.0, 2000.0, 799.5, 799.5)
    fine = seen(view(), block(), camera=camera)
    counts = [fingers_meet(frame, pose, 0.02, EXACT) for frame in (coarse, fine)]
    assert counts[0] > 200, "both fingers land on the block"
    assert counts[1] < 2 * counts[0]


def table_seen_from(pose: np.ndarray) -> TablePlane:
    return TablePlane.level(0.0, pose[:3, :3], pose[:3, 3])


def grasp_seen_from(pose: np.ndarray, height_m: float, angle_rad: float = 0.0) -> Grasp:
    return Grasp(pose[:3, :3].T @ (np.array([0.0, 0.0, height_m]) - pose[:3, 3]), angle_rad, 0.06, 0.9)


@laws
@given(st.floats(0.0, 0.1), tilts_rad, turns_rad, turns_rad)
def test_straight_down_fingertips_stay_above_the_table_whatever_the_height(
    height_m: float, tilt_rad: float, azimuth_rad: float, angle_rad: float
) -> None:
    pose = view(tilt_rad, azimuth_rad)
    way = WayDown(HAND, ClearanceConfig(approach="table"), table_seen_from(pose), below_m=1e-6)
    taken = way.taken(grasp_seen_from(pose, height_m, angle_rad))
    assert taken is not None
    np.testing.assert_allclose(pose[:3, :3] @ taken.approach, [0.0, 0.0, -1.0], atol=1e-9)
    end = way.end(taken)
    assert not way.in_table(end, taken.width_m)
    depth_m = float(HAND.insertion_at(np.array(height_m)))
    assert (pose[:3, :3] @ end.tip_m + pose[:3, 3])[2] == pytest.approx(height_m - depth_m, abs=1e-9)


def test_fingertips_may_reach_below_the_table_by_what_is_allowed_and_no_farther() -> None:
    pose, flat_m = view(), 0.010
    whole = replace(HAND, insertion_share=1.0)
    for below_m, into_m, is_in in ((0.002, 0.0019, False), (0.002, 0.0021, True), (-0.003, -0.0031, False)):
        way = WayDown(whole, ClearanceConfig(), table_seen_from(pose), below_m)
        grasp = grasp_seen_from(pose, flat_m)
        end = way.end(grasp)
        lowered = end._replace(tip_m=end.tip_m + into_m * grasp.approach)
        assert way.in_table(lowered, grasp.width_m) == is_in


def test_along_the_axis_of_a_tilted_camera_a_finger_meets_the_table_first() -> None:
    pose = view(math.radians(45), math.pi)
    across, along = (grasp_seen_from(pose, 0.03, angle_rad) for angle_rad in (0.0, math.pi / 2))
    for grasp in (across, along):
        way = WayDown(HAND, ClearanceConfig(), table_seen_from(pose), below_m=0.002)
        assert way.taken(grasp) is grasp
        down = WayDown(HAND, ClearanceConfig(approach="table"), table_seen_from(pose), below_m=0.002)
        upright = down.taken(grasp)
        assert upright is not None
        assert not down.in_table(down.end(upright), upright.width_m)
    assert way.in_table(way.end(across), across.width_m) != way.in_table(way.end(along), along.width_m)


def test_without_a_table_fingers_go_in_as_far_as_they_may_and_no_bound_holds() -> None:
    grasp = grasp_seen_from(view(), 0.0)
    way = WayDown(HAND, ClearanceConfig())
    assert way.end(grasp).tip_m[2] == pytest.approx(grasp.position_m[2] + HAND.insertion_m)
    assert not way.in_table(way.end(grasp), 0.06)
    assert way.taken(grasp) is grasp
    assert WayDown(HAND, ClearanceConfig(approach="table")).taken(grasp) is None, "nobody knows where down is"


def test_an_approach_that_is_none_is_refused_with_those_that_are() -> None:
    with pytest.raises(ConfigError, match="camera"):
        ClearanceConfig(approach="kamera")
