"""Laws of the project's own scenes: the geometry is exact, and all of it follows from a seed."""

from __future__ import annotations

import numpy as np
import pytest

from pspgrasp.data.tabletop import (
    TABLETOP_CAMERA,
    Body,
    Box,
    Cylinder,
    Ellipsoid,
    camera_arc,
    exact_depth,
    looking_at,
    random_table,
    tabletop_frames,
)

EYE_M = np.array([0.05, -0.2, 0.6])
POSE = looking_at(EYE_M, np.zeros(3))


def seen_at(point_m: np.ndarray) -> tuple[int, int, float]:
    """Return row, column and depth [m] at which the camera in POSE sees a world point (3,) [m]."""
    in_camera_m = POSE[:3, :3].T @ (point_m - EYE_M)
    u, v = TABLETOP_CAMERA.project(in_camera_m)
    return round(v), round(u), float(in_camera_m[2])


def test_a_pose_is_a_rotation_that_sees_its_target_in_the_middle() -> None:
    np.testing.assert_allclose(POSE[:3, :3] @ POSE[:3, :3].T, np.eye(3), atol=1e-12)
    assert np.linalg.det(POSE[:3, :3]) == pytest.approx(1.0)
    assert seen_at(np.zeros(3))[:2] == (round(TABLETOP_CAMERA.cy), round(TABLETOP_CAMERA.cx))
    assert seen_at(np.array([0.0, 0.1, 0.0]))[0] < TABLETOP_CAMERA.cy, "the world's +y is up"


@pytest.mark.parametrize(
    "solid", [Box((0.05, 0.03, 0.02)), Cylinder((0.03, 0.03, 0.02)), Ellipsoid((0.03, 0.04, 0.02))]
)
@pytest.mark.parametrize(("x_m", "y_m"), [(0.0, 0.0), (0.1, 0.05), (-0.12, -0.08)])
def test_depth_at_the_projected_top_of_a_solid_is_that_of_its_top(solid: Box, x_m: float, y_m: float) -> None:
    body = Body(solid, np.eye(3), np.array([x_m, y_m, 0.02]))
    row, column, top_m = seen_at(np.array([x_m, y_m, 0.04]))
    depth_m = exact_depth((body,), TABLETOP_CAMERA, POSE)
    assert depth_m[row, column] == pytest.approx(top_m, abs=0.0015), "half a pixel of rounding is 0.5 mm"
    assert np.isinf(depth_m).any(), "without a table the rest of the picture sees nothing"


def test_the_ray_through_the_middle_of_a_ball_ends_one_radius_short_of_it() -> None:
    centre_m, radius_m = np.array([0.03, 0.02, 0.05]), 0.04
    pose = looking_at(EYE_M, centre_m)
    depth_m = exact_depth((Body(Ellipsoid((radius_m,) * 3), np.eye(3), centre_m),), TABLETOP_CAMERA, pose)
    assert depth_m.min() == pytest.approx(np.linalg.norm(centre_m - EYE_M) - radius_m, abs=1e-5)


def test_every_pixel_of_a_bare_table_lies_in_its_plane() -> None:
    depth_m = exact_depth(random_table(0, things=0), TABLETOP_CAMERA, POSE)
    for u, v in [(0, 0), (639, 0), (320, 240), (0, 479), (639, 479)]:
        point_m = POSE[:3, :3] @ TABLETOP_CAMERA.deproject(u, v, depth_m[v, u]) + EYE_M
        assert point_m[2] == pytest.approx(0.0, abs=1e-5)


def test_a_turned_solid_is_seen_as_if_the_camera_had_turned_the_other_way() -> None:
    turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    turned_pose = np.eye(4)
    turned_pose[:3, :3], turned_pose[:3, 3] = turn.T @ POSE[:3, :3], turn.T @ EYE_M
    brick = Box((0.06, 0.02, 0.03))
    turned_body, still_body = (Body(brick, rotation, np.zeros(3)) for rotation in (turn, np.eye(3)))
    expected = exact_depth((still_body,), TABLETOP_CAMERA, turned_pose)
    np.testing.assert_allclose(exact_depth((turned_body,), TABLETOP_CAMERA, POSE), expected, atol=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_things_stand_on_the_table_and_clear_of_each_other(seed: int) -> None:
    _, *things = random_table(seed)
    assert len(things) >= 4
    tops_m = [body.position_m[2] for body in things]
    lowest_m = [z - np.abs(body.rotation[2]) @ body.solid.half_m for z, body in zip(tops_m, things)]
    np.testing.assert_allclose(lowest_m, 0.0, atol=1e-9)
    middles_m = np.array([body.position_m[:2] for body in things])
    gaps_m = np.linalg.norm(middles_m[:, None] - middles_m, axis=-1) + np.eye(len(things))
    assert gaps_m.min() > 0.024, "two radii of the smallest thing"


def test_walls_rise_above_the_table() -> None:
    bare, walled = (exact_depth(random_table(3, walled=w), TABLETOP_CAMERA, POSE) for w in (False, True))
    assert (walled <= bare).all()
    assert (walled < bare - 0.03).mean() > 0.01


def test_the_same_seed_gives_the_same_frames_and_another_gives_others() -> None:
    (one, pose), (again, _), (other, _) = (next(tabletop_frames(seed, 2)) for seed in (7, 7, 8))
    np.testing.assert_array_equal(one.depth_m, again.depth_m)
    assert not np.array_equal(one.depth_m, other.depth_m, equal_nan=True)
    assert pose.shape == (4, 4)


def test_a_sequence_moves_steadily_and_its_stamps_grow() -> None:
    frames, poses = zip(*tabletop_frames(1, 4))
    assert [frame.stamp_ns for frame in frames] == [0, 100_000_000, 200_000_000, 300_000_000]
    steps_m = np.linalg.norm(np.diff([pose[:3, 3] for pose in poses], axis=0), axis=1)
    assert steps_m.min() > 0.3 * steps_m.max() > 0.0


@pytest.mark.parametrize("walled", [False, True])
def test_a_plausible_share_of_a_frame_is_missing(walled: bool) -> None:
    for frame, _ in tabletop_frames(5, 3, walled):
        assert 0.05 < np.isnan(frame.depth_m).mean() < 0.25
        assert frame.depth_m.dtype == np.float32


def test_the_arc_is_symmetric_about_its_middle() -> None:
    poses = list(camera_arc(5))
    assert len(poses) == 5
    assert poses[0][0, 3] < 0 < poses[-1][0, 3]
    assert poses[2][0, 3] == pytest.approx(0.0)
