"""Laws of labels: they lie on things, point across them, turn with the view, and are as wide as the contact."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from small_scenes import DISTANCE_M, FOCAL_PX, MIDDLE_PX, SIDE_PX, pictured, random_layouts, rolled, seen

from pspgrasp.data.synthetic.antipodal import GripperConfig
from pspgrasp.data.synthetic.labels import DIRECTIONS, label
from pspgrasp.data.synthetic.scenes import Layout
from pspgrasp.data.synthetic.solids import Part
from pspgrasp.data.synthetic.things import box, cylinder

GRIPPER = GripperConfig()
SCALE_PX = 40.0


def bar(angle_rad: float = 0.0, width_m: float = 0.03, length_m: float = 0.12, height_m: float = 0.04) -> Part:
    """Return a bar whose long axis is turned by `angle_rad` from the scene's y: jaws close at `angle_rad`."""
    c, s = math.cos(angle_rad), math.sin(angle_rad)
    return box((width_m, length_m, height_m), (0, 0, 0), np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]))


def labelled(*layouts: Layout, side_px: int = SIDE_PX) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the target (B, 4, N, N) and which thing is seen (B, N, N)."""
    scenes, view = pictured(*layouts, side_px=side_px)
    return label(view, scenes.cameras, GRIPPER, SCALE_PX), view.thing


def angle_rad_of(target: torch.Tensor) -> torch.Tensor:
    return torch.atan2(target[2], target[1]) / 2


@pytest.mark.parametrize("side_px", [64, 65, 66, 90])
def test_maps_keep_their_bounds_at_every_size(side_px: int) -> None:
    target, _ = labelled(*random_layouts(6, seed=110, side_px=side_px), side_px=side_px)
    quality, cosine, sine, width = target.unbind(1)
    assert target.shape == (6, 4, side_px, side_px)
    assert target.isfinite().all()
    assert quality.min() >= 0
    assert quality.max() <= 1
    assert (quality > 0.3).any(), "there is something to learn"
    length = torch.hypot(cosine, sine)
    known = length > 0
    torch.testing.assert_close(length[known], torch.ones_like(length[known]), atol=1e-4, rtol=0)
    assert torch.equal(known, width > 0), "a direction has a width"
    assert (width >= 0).all()
    assert (width * SCALE_PX < 1.5 * side_px).all()


def test_quality_lies_on_things_alone_and_has_a_direction_there() -> None:
    target, thing = labelled(*random_layouts(8, seed=120, side_px=90), side_px=90)
    quality = target[:, 0]
    assert quality[thing == 0].max() == 0
    assert (target[:, 3][quality > 0.35] > 0).all()


def test_a_bare_table_and_walls_have_no_labels() -> None:
    target, _ = labelled(seen(), seen(walls=[box((0.02, 0.1, 0.08), (0, 0, 0.04))]))
    assert not target.any()


@pytest.mark.parametrize("angle_rad", [0.0, 0.2, 0.5, math.pi / 4, 1.3, math.pi / 2, -1.0, -0.3])
def test_jaws_close_across_a_bar_and_meet_its_width(angle_rad: float) -> None:
    target, _ = labelled(seen([bar(angle_rad)]))
    middle = target[0, :, MIDDLE_PX, MIDDLE_PX]
    off_rad = math.remainder(float(angle_rad_of(middle)) - angle_rad, math.pi)
    assert abs(off_rad) < 0.5 * math.pi / DIRECTIONS
    px_per_m = FOCAL_PX / (DISTANCE_M - 0.04)
    # The nearest direction tried may be half a step off, and a slanting cut is longer.
    longest_m = 0.03 / math.cos(0.5 * math.pi / DIRECTIONS) + 0.02 * math.tan(0.5 * math.pi / DIRECTIONS)
    assert 0.03 - 0.004 < float(middle[3]) * SCALE_PX / px_per_m < longest_m + 0.004
    assert middle[0] > 0.7


def test_the_middle_of_a_bar_is_best_and_its_ends_are_worse() -> None:
    target, thing = labelled(seen([bar()]))
    quality = target[0, 0]
    along = quality[:, MIDDLE_PX][thing[0, :, MIDDLE_PX] == 1]
    assert quality.max() == pytest.approx(float(quality[MIDDLE_PX, MIDDLE_PX]), abs=0.02)
    assert along[0] < 0.75 * along[len(along) // 2]
    assert along[-1] < 0.75 * along[len(along) // 2]
    across = quality[MIDDLE_PX][thing[0, MIDDLE_PX] == 1]
    middle = len(across) // 2
    assert across[0] < 0.3 * across[middle]
    assert across[-1] < 0.3 * across[middle]


def test_a_near_neighbour_lowers_the_quality_where_it_is() -> None:
    neighbour = box((0.02, 0.05, 0.04), (0.015 + 0.008 + 0.01, 0.035, 0.0))
    target, _ = labelled(seen([bar()], [neighbour]), seen([bar()]))
    off_px = round(0.035 * FOCAL_PX / (DISTANCE_M - 0.04))
    assert target[0, 0, MIDDLE_PX - off_px, MIDDLE_PX] < 0.3 * target[1, 0, MIDDLE_PX - off_px, MIDDLE_PX]
    below = target[:, 0, MIDDLE_PX + off_px, MIDDLE_PX]
    assert below[0] == pytest.approx(float(below[1]), abs=0.05)


@pytest.mark.parametrize("height_m", [0.0025, 0.003, 0.005])
def test_thin_things_are_labelled(height_m: float) -> None:
    target, _ = labelled(seen([bar(height_m=height_m)]))
    assert target[0, 0].max() > 0.5


def test_what_is_lower_than_two_millimetres_is_left_lying() -> None:
    target, _ = labelled(seen([bar(height_m=0.0018)]))
    assert not target[0, 0].any()


def test_what_is_wider_than_the_hand_has_no_label() -> None:
    target, _ = labelled(seen([box((0.12, 0.12, 0.05))]), seen([cylinder(0.05, 0.06)]))
    assert target[:, 0].max() < 0.02


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_labels_turn_with_the_view(quarters: int) -> None:
    layout = seen([bar(0.4)], [box((0.02, 0.03, 0.05), (0.09, 0.05, 0.0))], [bar(1.5, 0.02, 0.06)], tilt_rad=0.4)
    (one, other), _ = labelled(layout, rolled(layout, quarters * math.pi / 2))
    turned = torch.rot90(one, quarters, (1, 2))
    off = (turned[0] - other[0]).abs()
    assert off.mean() < 0.01
    assert (off > 0.15).float().mean() < 0.01, "a place on an edge, rounded to the other side"
    good = (turned[0] > 0.3) & (other[0] > 0.3)
    assert good.sum() > 100
    half_turn = (-1) ** quarters
    same = half_turn * (turned[1] * other[1] + turned[2] * other[2])
    assert same[good].quantile(0.05) > 0.9
    ratio = (turned[3] / other[3])[good]
    assert ratio.quantile(0.1) > 0.85
    assert ratio.quantile(0.9) < 1.18


@pytest.mark.parametrize("radius_m", [0.012, 0.02, 0.03])
def test_a_round_thing_is_labelled_as_well_whichever_way_the_camera_is_turned(radius_m: float) -> None:
    can = seen([cylinder(radius_m, 0.05)])
    target, _ = labelled(*(rolled(can, roll_rad) for roll_rad in (0.0, 0.7, 2.0)))
    middle = target[:, :, MIDDLE_PX, MIDDLE_PX]
    assert middle[:, 0].min() > 0.6
    assert middle[:, 0].max() - middle[:, 0].min() < 0.15
    width_m = middle[:, 3] * SCALE_PX * (DISTANCE_M - 0.05) / FOCAL_PX
    assert (width_m - 2 * radius_m).abs().max() < 0.005


def test_both_contacts_must_lie_in_the_image() -> None:
    step_m = (DISTANCE_M - 0.04) / FOCAL_PX
    at_edge_m = MIDDLE_PX * step_m
    cut = box((0.04, 0.06, 0.04), (at_edge_m - 0.012, 0.0, 0.0))
    whole = box((0.04, 0.06, 0.04), (at_edge_m - 0.03, 0.0, 0.0))
    target, thing = labelled(seen([cut]), seen([whole]))
    assert thing[0, MIDDLE_PX, -1] == 1
    across = target[:, 1] > 0.5
    assert target[0, 0][across[0]].numel() == 0 or target[0, 0][across[0]].max() < 0.05
    assert target[1, 0].max() > 0.6


def test_labels_do_not_depend_on_their_batch() -> None:
    layouts = random_layouts(3, seed=130, side_px=66)
    together, _ = labelled(*layouts, side_px=66)
    for number, layout in enumerate(layouts):
        assert torch.equal(labelled(layout, side_px=66)[0][0], together[number])


def test_a_scene_in_which_nothing_is_in_view_has_empty_labels() -> None:
    away = seen([box((0.03, 0.03, 0.03), (2.0, 0.0, 0.0))])
    target, thing = labelled(away)
    assert not thing.any()
    assert not target.any()
