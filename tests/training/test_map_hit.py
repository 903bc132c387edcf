"""The share of samples whose best pixel holds a good grasp."""

from __future__ import annotations

import math

import pytest
import torch
from bars import Bars

from pspgrasp.training.figures import map_hit

TARGET = Bars().batch(range(8), torch.device("cpu")).target


def turned(maps: torch.Tensor, by_rad: float) -> torch.Tensor:
    angle_rad = torch.atan2(maps[:, 2], maps[:, 1]) + 2 * by_rad
    return torch.stack([maps[:, 0], angle_rad.cos(), angle_rad.sin(), maps[:, 3]], dim=1)


def share(output: torch.Tensor, target: torch.Tensor = TARGET) -> float:
    hits, possible = map_hit(output, target)
    return float(hits.sum()) / float(possible.sum())


def test_the_target_hits_itself() -> None:
    assert share(TARGET) == 1


@pytest.mark.parametrize(("by_deg", "hit"), [(29, 1), (31, 0), (90, 0), (151, 1), (180, 1), (-29, 1), (-31, 0)])
def test_an_angle_has_period_pi_and_may_be_off_by_30_degrees(by_deg: float, hit: int) -> None:
    assert share(turned(TARGET, math.radians(by_deg))) == hit


@pytest.mark.parametrize(("factor", "hit"), [(1.24, 1), (1.26, 0), (0.76, 1), (0.74, 0)])
def test_a_width_may_be_off_by_a_quarter(factor: float, hit: int) -> None:
    output = TARGET.clone()
    output[:, 3] *= factor
    assert share(output) == hit


def test_the_best_pixel_must_lie_where_a_grasp_is_good() -> None:
    rolled = TARGET.clone()
    rolled[:, 0] = torch.roll(TARGET[:, 0], 15, dims=-1)
    assert share(rolled) == 0


def test_what_has_no_grasp_is_not_counted() -> None:
    target = TARGET.clone()
    target[0] = 0
    hits, possible = map_hit(TARGET, target)
    assert possible.tolist() == [False] + [True] * 7
    assert hits.tolist() == possible.tolist()
