"""Laws of closing jaws: contacts lie where the geometry has them, and a grasp that holds is free of matter."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Iterator, NamedTuple, Sequence, Tuple

import numpy as np
import pytest
import torch
from exact_parts import example
from small_scenes import (
    DISTANCE_M,
    FOCAL_PX,
    MIDDLE_PX,
    pictured,
    random_layouts,
    rolled,
    seen,
)

from pspgrasp.data.synthetic.antipodal import (
    STEP_M,
    Attempts,
    Closing,
    GripperConfig,
    close_jaws,
    holds,
    insertion_at,
    promising,
    stand,
    success,
)
from pspgrasp.data.synthetic.render import View
from pspgrasp.data.synthetic.scenes import Cameras, Layout
from pspgrasp.data.synthetic.solids import Part, Parts
from pspgrasp.data.synthetic.things import box, cone, cylinder, ellipsoid

GRIPPER = GripperConfig()
TURNS_RAD = [0.0, 0.3, math.pi / 4, 1.2, math.pi / 2, -0.9]


def turned(part: Part, angle_rad: float) -> Part:
    c, s = math.cos(angle_rad), math.sin(angle_rad)
    return part.turned(np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]), np.zeros(3))


def attempts_at(
    view: View, cameras: Cameras, angles_rad: Sequence[float], u: int = MIDDLE_PX, v: int = MIDDLE_PX
) -> Attempts:
    count = len(angles_rad)
    scene, column, row = (torch.full((count,), n) for n in (0, u, v))
    insertion_m = insertion_at(view, cameras, scene, column, row, GRIPPER)
    return Attempts(scene, column, row, insertion_m, torch.tensor(angles_rad))


def closed(layout: Layout, angle_rad: float = 0.0, u: int = MIDDLE_PX, v: int = MIDDLE_PX) -> Closing:
    """Return what one attempt meets in a scene."""
    scenes, view = pictured(layout)
    return close_jaws(view, scenes.cameras, attempts_at(view, scenes.cameras, [angle_rad], u, v), GRIPPER)


def chance(layout: Layout, angle_rad: float = 0.0) -> float:
    return float(success(closed(layout, angle_rad), GRIPPER))


@pytest.mark.parametrize("angle_rad", TURNS_RAD)
@pytest.mark.parametrize("width_m", [0.012, 0.03, 0.055])
def test_a_block_is_as_wide_as_it_is_however_it_lies(width_m: float, angle_rad: float) -> None:
    closing = closed(seen([turned(box((width_m, 0.08, 0.05)), angle_rad)]), angle_rad)
    assert float(closing.width_m) == pytest.approx(width_m, abs=2 * STEP_M)
    assert float(closing.pushed_m) <= STEP_M
    assert max(float(closing.left_slope_rad), float(closing.right_slope_rad)) < 0.12
    assert float(closing.held) == 1.0
    assert min(float(closing.left_room_m), float(closing.right_room_m)) > GRIPPER.finger_m + GRIPPER.spare_m / 2
    assert float(success(closing, GRIPPER)) > 0.85
    assert float(closing.px_per_m) == pytest.approx(FOCAL_PX / (DISTANCE_M - 0.05), rel=1e-4)


def test_beside_the_middle_one_jaw_pushes_first() -> None:
    layout = seen([box((0.04, 0.08, 0.05))])
    px_per_m = FOCAL_PX / (DISTANCE_M - 0.05)
    for right_px in (-4, -2, 2, 4):
        closing, off_m = closed(layout, u=MIDDLE_PX + right_px), right_px / px_per_m
        assert float(closing.right_m - closing.left_m) == pytest.approx(-2 * off_m, abs=2 * STEP_M)
        assert float(closing.pushed_m) == pytest.approx(abs(off_m), abs=STEP_M)
        assert float(closing.width_m) == pytest.approx(0.04, abs=2 * STEP_M)
    chances = [float(success(closed(layout, u=MIDDLE_PX + px), GRIPPER)) for px in range(7)]
    assert chances[0] > 0.9
    assert chances[6] < 0.1
    assert all(later <= earlier + 1e-6 for earlier, later in zip(chances, chances[1:]))


@pytest.mark.parametrize("off_rad", [-0.4, -0.2, 0.0, 0.2, 0.4])
@pytest.mark.parametrize("angle_rad", [0.0, 0.7])
def test_a_face_that_is_turned_away_has_that_slope(angle_rad: float, off_rad: float) -> None:
    closing = closed(seen([turned(box((0.03, 0.1, 0.05)), angle_rad + off_rad)]), angle_rad)
    for slope_rad in (closing.left_slope_rad, closing.right_slope_rad):
        assert float(slope_rad) == pytest.approx(abs(off_rad), abs=0.12)


def test_slopes_beyond_friction_slip() -> None:
    limit_rad = math.atan(GRIPPER.friction)
    chances = [chance(seen([turned(box((0.03, 0.14, 0.05)), off)])) for off in (0.0, limit_rad - 0.2, limit_rad + 0.2)]
    assert chances[0] > 0.9
    assert chances[1] > 0.3
    assert chances[2] < 0.05
    rough = replace(GRIPPER, friction=1.5)
    closing = closed(seen([turned(box((0.03, 0.14, 0.05)), limit_rad + 0.1)]))
    assert float(success(closing, rough)) > float(success(closing, GRIPPER)) + 0.2
    assert not holds(closing, torch.tensor([0.08]), GRIPPER)
    assert holds(closing, torch.tensor([0.08]), rough)


@pytest.mark.parametrize(("low_m", "high_m"), [(0.025, 0.02), (0.03, 0.02), (0.035, 0.02), (0.02, 0.03)])
def test_a_cone_has_the_slope_of_its_wall_and_an_undercut_none(low_m: float, high_m: float) -> None:
    height_m = 0.04
    closing = closed(seen([cone(low_m, high_m, height_m)]))
    insertion_m = 0.6 * height_m
    expected_m = max(high_m, low_m - (low_m - high_m) * (1 - insertion_m / height_m))
    assert float(closing.width_m) == pytest.approx(2 * expected_m, abs=2 * STEP_M)
    expected_rad = math.atan(max(0.0, (low_m - high_m) / height_m))
    assert float(closing.left_slope_rad) == pytest.approx(expected_rad, abs=0.12)
    assert float(closing.right_slope_rad) == pytest.approx(expected_rad, abs=0.12)


@pytest.mark.parametrize("radius_m", [0.02, 0.03, 0.035])
def test_a_ball_slopes_as_its_meridian_between_the_tips_and_half_way_up(radius_m: float) -> None:
    closing = closed(seen([ellipsoid((radius_m,) * 3)]), 0.5)
    insertion_m = min(GRIPPER.insertion_m, 0.6 * 2 * radius_m)
    at_tip_m, half_way_m = (
        math.sqrt(radius_m**2 - max(0.0, radius_m - depth_m) ** 2) for depth_m in (insertion_m, insertion_m / 2)
    )
    expected_rad = math.atan2(at_tip_m - half_way_m, insertion_m / 2)
    assert float(closing.width_m) == pytest.approx(2 * at_tip_m, abs=2 * STEP_M)
    assert float(closing.left_slope_rad) == pytest.approx(expected_rad, abs=0.15)
    at_tip_rad = math.asin(max(0.0, radius_m - insertion_m) / radius_m)
    assert float(closing.left_slope_rad) > at_tip_rad - 0.1
    assert float(success(closing, GRIPPER)) > 0.1


def test_a_neighbour_takes_the_room_of_a_finger() -> None:
    def between(gap_m: float) -> float:
        neighbour = box((0.02, 0.08, 0.05), (0.02 + gap_m + 0.01, 0.0, 0.0))
        return chance(seen([box((0.04, 0.08, 0.05))], [neighbour]))

    assert between(GRIPPER.finger_m + GRIPPER.spare_m + 0.003) > 0.85
    assert between(GRIPPER.finger_m - GRIPPER.spare_m / 2 - 0.003) == 0


def test_a_low_neighbour_is_in_nobody_s_way() -> None:
    low = box((0.02, 0.08, 0.018), (0.034, 0.0, 0.0))
    assert chance(seen([box((0.04, 0.08, 0.05))], [low])) > 0.85


def test_a_neighbour_beside_the_jaw_is_in_nobody_s_way() -> None:
    beside = box((0.1, 0.04, 0.05), (0.0, 0.035 + 0.02, 0.0))
    assert chance(seen([box((0.04, 0.02, 0.05))], [beside])) > 0.85


def test_a_wall_that_is_no_thing_blocks_as_well() -> None:
    wall = box((0.02, 0.3, 0.1), (0.035, 0.0, 0.05))
    assert chance(seen([box((0.04, 0.08, 0.05))], walls=[wall])) == 0


def test_what_is_wider_than_the_hand_is_left_lying() -> None:
    chances = {width_m: chance(seen([box((width_m, 0.08, 0.05))])) for width_m in (0.074, 0.09, 0.12, 0.3)}
    assert chances.pop(0.074) > 0.8
    assert set(chances.values()) == {0.0}


def test_a_wall_of_a_hollow_thing_is_held_with_one_finger_in_it() -> None:
    tray = box((0.06, 0.08, 0.04), (-0.027, 0.0, 0.0))._replace(hole=box((0.048, 0.068, 0.04), (-0.027, 0.0, 0.006)))
    closing = closed(seen([tray]))
    assert float(closing.width_m) == pytest.approx(0.006, abs=2 * STEP_M)
    assert float(closing.left_m + closing.left_room_m) == pytest.approx(0.051, abs=2 * STEP_M), "the wall opposite"
    assert float(success(closing, GRIPPER)) > 0.8


def test_where_nothing_is_between_the_jaws_nothing_is_held() -> None:
    ring = cylinder(0.03, 0.02)._replace(hole=cylinder(0.02, 0.1))
    closing = closed(seen([ring]))
    assert float(closing.held) == 0
    assert float(success(closing, GRIPPER)) == 0
    assert not holds(closing, torch.tensor([0.08]), GRIPPER)


@pytest.mark.parametrize(("tilt_rad", "roll_rad"), [(0.0, 0.0), (0.6, 0.0), (0.9, 1.1), (0.4, -2.0)])
@pytest.mark.parametrize("angle_rad", TURNS_RAD)
def test_a_level_line_looks_as_the_attempt_says(tilt_rad: float, roll_rad: float, angle_rad: float) -> None:
    layout = rolled(seen([box((0.2, 0.2, 0.05))], tilt_rad=tilt_rad), roll_rad)
    scenes, view = pictured(layout)
    u, v = MIDDLE_PX + 7, MIDDLE_PX - 4
    found = stand(view, scenes.cameras, attempts_at(view, scenes.cameras, [angle_rad], u, v))
    ends = [found.point_m[0].numpy() + s * np.append(found.closing[0].numpy(), 0.0) for s in (0.0, 1e-3)]
    (u0, v0), (u1, v1) = (_projected(layout, end) for end in ends)
    assert (u0, v0) == pytest.approx((u, v), abs=1e-3)
    assert found.point_m[0, 2] == pytest.approx(0.05, abs=1e-5)
    assert math.hypot(u1 - u0, v1 - v0) == pytest.approx(1e-3 * float(found.px_per_m), rel=0.01)
    assert math.remainder(math.atan2(v0 - v1, u1 - u0) - angle_rad, 2 * math.pi) == pytest.approx(0, abs=0.01)


def test_an_oblique_camera_changes_the_picture_and_not_the_grasp() -> None:
    block = [turned(box((0.03, 0.09, 0.05)), 0.4)]
    upright = closed(seen(block), 0.4)
    scenes, view = pictured(seen(block, tilt_rad=0.7))
    # The direction whose level line is the block's, found by trying.
    angles_rad = torch.linspace(-math.pi / 2, math.pi / 2, 181).tolist()
    u, v = _projected(seen(block, tilt_rad=0.7), np.array([0.0, 0.0, 0.05]))
    attempts = attempts_at(view, scenes.cameras, angles_rad, round(u), round(v))
    best = stand(view, scenes.cameras, attempts).closing @ torch.tensor([math.cos(0.4), math.sin(0.4)])
    closing = close_jaws(view, scenes.cameras, attempts.of(best.abs().argmax()[None]), GRIPPER)
    assert float(closing.width_m) == pytest.approx(float(upright.width_m), abs=2 * STEP_M)
    assert float(success(closing, GRIPPER)) > 0.8


@pytest.mark.parametrize("seed", range(2))
def test_what_does_not_look_promising_would_hardly_succeed(seed: int) -> None:
    scenes, view = pictured(*random_layouts(6, seed=70 + seed))
    attempts = _random_attempts(view, scenes.cameras, 4000, seed)
    chances = success(close_jaws(view, scenes.cameras, attempts, GRIPPER), GRIPPER)
    hopeful = promising(view, scenes.cameras, attempts, GRIPPER)
    assert (chances > 0.5).sum() > 50
    assert 0.02 < hopeful.float().mean() < 0.5, "it saves work"
    assert not (chances[~hopeful] > 0.5).any()
    assert (chances[~hopeful] > 0.2).sum() <= 0.01 * (chances > 0.2).sum()


def test_a_grasp_that_holds_is_free_of_matter_and_as_wide_as_what_it_holds() -> None:
    hit, off = [], []
    for layout in random_layouts(12, seed=90):
        scenes, view = pictured(layout)
        attempts = _random_attempts(view, scenes.cameras, 1500, 0)
        attempts = attempts.of(promising(view, scenes.cameras, attempts, GRIPPER).nonzero()[:, 0])
        closing = close_jaws(view, scenes.cameras, attempts, GRIPPER)
        opening_m = (2 * torch.maximum(closing.left_m, closing.right_m) + 0.004).clamp(max=GRIPPER.opening_m)
        good = holds(closing, opening_m, GRIPPER).nonzero()[:, 0][:25]
        for hand, width_m in zip(
            _hands(view, scenes.cameras, attempts.of(good), opening_m[good]), closing.width_m[good]
        ):
            hit.append(bool((_tops_m(scenes.parts, hand.fingers_m) > hand.tip_m + 0.001).any()))
            held = (_tops_m(scenes.parts, hand.between_m) > hand.tip_m).any(1)
            off.append(float(held.float().mean()) * hand.opening_m - float(width_m))
    assert len(hit) > 200
    assert np.mean(hit) < 0.03
    assert np.mean(np.abs(off) > 3 * STEP_M) < 0.03


def test_beyond_the_map_everything_is_taken() -> None:
    layout = seen([box((0.03, 0.03, 0.05))])
    scenes, view = pictured(layout)
    attempts = attempts_at(view, scenes.cameras, [0.0, 1.0])
    assert promising(view, scenes.cameras, attempts, GRIPPER).all()
    cut = view._replace(heights_m=view.heights_m[:, 186:214, 186:214])
    closing = close_jaws(cut, scenes.cameras, attempts, GRIPPER)
    assert success(closing, GRIPPER).max() == 0


def test_attempts_do_not_see_each_other() -> None:
    scenes, view = pictured(*random_layouts(3, seed=95))
    attempts = _random_attempts(view, scenes.cameras, 300, 1)
    together = close_jaws(view, scenes.cameras, attempts, GRIPPER)
    order = torch.randperm(300, generator=torch.Generator().manual_seed(0))
    shuffled = close_jaws(view, scenes.cameras, attempts.of(order), GRIPPER)
    for one, other in zip(together, shuffled):
        assert torch.equal(one[order], other)


def _projected(layout: Layout, point_m: np.ndarray) -> Tuple[float, float]:
    pose, (focal_px, cx, cy) = layout.camera_pose, layout.camera
    x, y, z = pose[:3, :3].T @ (point_m - pose[:3, 3])
    return focal_px * x / z + cx, focal_px * y / z + cy


def _random_attempts(view: View, cameras: Cameras, count: int, seed: int) -> Attempts:
    generator = torch.Generator().manual_seed(seed)
    scene, v, u = (view.thing > 0).nonzero().unbind(1)
    chosen = torch.randint(len(u), (count,), generator=generator)
    scene, u, v = scene[chosen], u[chosen], v[chosen]
    angle_rad = math.pi * torch.rand(count, generator=generator)
    return Attempts(scene, u, v, insertion_at(view, cameras, scene, u, v, GRIPPER), angle_rad)


class Hand(NamedTuple):
    """What a gripper covers as it comes down: places of its fingers (N, M, 2), and between them (N, M, 2) [m]."""

    opening_m: float
    tip_m: float
    fingers_m: torch.Tensor
    between_m: torch.Tensor


def _hands(view: View, cameras: Cameras, attempts: Attempts, opening_m: torch.Tensor) -> Iterator[Hand]:
    stands = stand(view, cameras, attempts)
    tip_m = (stands.point_m[:, 2] - attempts.insertion_m).tolist()
    across_m, finger_m = torch.linspace(-0.5, 0.5, 9) * GRIPPER.jaw_m, torch.linspace(0, GRIPPER.finger_m, 5)
    for point_m, x, low_m, wide_m in zip(stands.point_m[:, :2], stands.closing, tip_m, opening_m.tolist()):
        y = torch.stack([-x[1], x[0]])
        fingers_m = torch.cat([-wide_m / 2 - finger_m, wide_m / 2 + finger_m])
        along_m = (torch.arange(40) + 0.5 - 20) / 40 * wide_m
        places = [point_m + a[:, None, None] * x + across_m[:, None] * y for a in (fingers_m, along_m)]
        yield Hand(wide_m, low_m, *places)


def _tops_m(parts: Parts, places_m: torch.Tensor) -> torch.Tensor:
    """Return the highest z (N, M) [m] of all parts over places (N, M, 2)."""
    reach_m = parts.body.half_m.norm(dim=1) + 0.06
    near = ((parts.body.centre_m[:, :2] - places_m.mean((0, 1))).norm(dim=1) < reach_m).nonzero()[:, 0]
    start_m = torch.cat([places_m.reshape(-1, 2), torch.zeros(places_m.shape[0] * places_m.shape[1], 1)], dim=1)
    some, start_m = parts.of(near.repeat_interleave(len(start_m))), start_m.repeat(len(near), 1)
    top_m = -some.first_hit(start_m, torch.tensor([0.0, 0.0, -1.0]).expand_as(start_m))
    return top_m.view(len(near), *places_m.shape[:2]).amax(0)


def test_a_ring_is_not_held_at_its_middle() -> None:
    assert chance(seen(example("torus"))) == 0
