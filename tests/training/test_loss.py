"""The loss: zero only at the target, the mean over samples, angle and width only where a grasp is."""

from __future__ import annotations

import pytest
import torch
from bars import Bars

from pspgrasp.training.config import LossConfig
from pspgrasp.training.loss import grasp_loss, on_grid_of

TARGET = Bars().batch(range(5), torch.device("cpu")).target
OUTPUT = TARGET + 0.3 * torch.randn(TARGET.shape, generator=torch.Generator().manual_seed(3))


def total(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return torch.stack(list(grasp_loss(output, target, LossConfig()).values())).sum(0)


def test_the_target_itself_has_no_loss_and_anything_else_has() -> None:
    assert total(TARGET, TARGET).abs().max() == 0
    assert total(OUTPUT, TARGET).min() > 0


def test_the_parts_are_named_and_each_sees_its_own_map() -> None:
    for channel, name in enumerate(("quality", "cos", "sin", "width")):
        output = TARGET.clone()
        output[:, channel] += 0.2
        parts = grasp_loss(output, TARGET, LossConfig())
        assert set(parts) == {"quality", "cos", "sin", "width"}
        assert {part for part, value in parts.items() if value.max() > 0} == {name}


def test_a_batch_is_the_mean_of_its_samples_however_it_is_split() -> None:
    apart = torch.cat([total(OUTPUT[:2], TARGET[:2]), total(OUTPUT[2:], TARGET[2:])])
    assert torch.allclose(total(OUTPUT, TARGET), apart)


def test_angle_and_width_count_only_where_there_is_a_grasp() -> None:
    output = TARGET.clone()
    output[:, 1:] += torch.where(TARGET[:, :1] > 0, 0.0, 5.0)
    assert total(output, TARGET).max() == 0


def test_a_sample_without_a_grasp_has_a_finite_loss_of_quality_alone() -> None:
    nothing = torch.zeros(1, 4, 8, 8)
    parts = grasp_loss(nothing + 0.5, nothing, LossConfig())
    assert parts["quality"] == pytest.approx(10 * 0.25)
    assert all(parts[name] == 0 for name in ("cos", "sin", "width"))


def test_an_error_on_a_good_grasp_counts_by_its_focus() -> None:
    target = torch.zeros(1, 4, 2, 2)
    target[:, 0, 0, 0] = 1.0
    missed = grasp_loss(torch.zeros(1, 4, 2, 2), target, LossConfig(quality=1.0, quality_focus=6.0))["quality"]
    invented = grasp_loss(2 * target, target * 0, LossConfig(quality=1.0, quality_focus=6.0))["quality"]
    assert missed == pytest.approx(7 / 4)
    assert invented == pytest.approx(4 / 4)


def test_weights_are_factors_of_their_parts() -> None:
    once = grasp_loss(OUTPUT, TARGET, LossConfig())
    twice = grasp_loss(OUTPUT, TARGET, LossConfig(quality=20.0, angle=1.2, width=2.0))
    assert all(torch.allclose(twice[name], 2 * once[name]) for name in once)


@pytest.mark.parametrize(("zoom", "step"), [(1, 8), (2, 4), (4, 2), (8, 1)])
def test_a_zoomed_output_meets_the_pixels_that_it_stands_for(zoom: int, step: int) -> None:
    target = torch.rand(1, 4, 41, 41)
    side = (41 - 1) // 8 * zoom + 1
    met = on_grid_of(torch.zeros(1, 4, side, side), target)
    assert met.shape[-1] == side
    assert torch.equal(met, target[..., ::step, ::step])
