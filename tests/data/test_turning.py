"""Laws of a camera that turns on the spot."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from pspgrasp.data.tabletop import TABLETOP_CAMERA, camera_arc, exact_depth, random_table
from pspgrasp.data.turning import turned_colour, turned_depth

TURN = Rotation.from_euler("yxz", [2.0, -1.5, 6.0], degrees=True).as_matrix()


def test_a_turned_picture_is_the_picture_of_the_turned_camera() -> None:
    bodies, pose = random_table(4), next(camera_arc(1))
    turned_pose = pose.copy()
    turned_pose[:3, :3] = pose[:3, :3] @ TURN
    expected_m = exact_depth(bodies, TABLETOP_CAMERA, turned_pose)
    turned_m = turned_depth(exact_depth(bodies, TABLETOP_CAMERA, pose), TABLETOP_CAMERA, TURN)
    seen = ~np.isnan(turned_m)
    assert seen.mean() > 0.8
    assert np.abs(turned_m - expected_m)[seen].mean() < 5e-4, "edges may be off by a pixel"
    assert np.median(np.abs(turned_m - expected_m)[seen]) < 2e-4


def test_no_turn_changes_nothing() -> None:
    depth_m = np.random.default_rng(0).uniform(0.4, 0.9, (480, 640)).astype(np.float32)
    depth_m[100:120, 200:300] = np.nan
    before = depth_m.copy()
    np.testing.assert_allclose(turned_depth(depth_m, TABLETOP_CAMERA, np.eye(3)), before, rtol=1e-6)
    np.testing.assert_array_equal(depth_m, before)


def test_what_is_missing_turns_along_and_spreads_to_no_neighbour() -> None:
    depth_m = np.full((480, 640), 0.6, np.float32)
    depth_m[200:240, 300:340] = np.nan
    missing = np.isnan(turned_depth(depth_m, TABLETOP_CAMERA, TURN))[100:380, 100:540]
    assert abs(int(missing.sum()) - 40 * 40) < 40


def test_colour_and_depth_turn_alike() -> None:
    mark = np.zeros((480, 640, 3), np.uint8)
    mark[230:250, 400:420] = 255
    depth_m = np.where(mark[..., 0] > 0, 0.5, 1.0)
    near = turned_depth(depth_m, TABLETOP_CAMERA, TURN) < 0.75
    bright = turned_colour(mark, TABLETOP_CAMERA, TURN)[..., 0] > 127
    assert (near != bright).sum() < 0.1 * bright.sum()
