"""The rectangle metric: its thresholds, its angle rule, and the original's verdicts."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from pspgrasp.evaluation.rectangle_metric import SWEEP, match
from pspgrasp.rectangle import GraspRectangle

LABEL = GraspRectangle(100.0, 100.0, 0.2, 40.0, 20.0)


def turned(degrees: float) -> GraspRectangle:
    return GraspRectangle(100.0, 100.0, 0.2 + math.radians(degrees), 40.0, 20.0)


def test_a_label_hits_itself() -> None:
    (found,) = match([LABEL], [LABEL])
    assert found.iou == pytest.approx(1.0)
    assert all(found.hit(threshold) for threshold in SWEEP)


@pytest.mark.parametrize(("degrees", "hit"), [(30, True), (-30, True), (30.01, False), (90, False), (180, True)])
def test_thirty_degrees_is_the_last_that_counts(degrees: float, hit: bool) -> None:
    (found,) = match([turned(degrees)], [LABEL])
    assert found.hit() is hit
    assert found.iou_any_angle > 0.25
    assert math.degrees(found.angle_off_rad) == pytest.approx(degrees % 180 if degrees > 0 else -degrees, abs=1e-6)


@pytest.mark.parametrize(("shift_px", "hit"), [(23.9, True), (24.0, False), (24.1, False)])
def test_a_quarter_exactly_is_no_hit(shift_px: float, hit: bool) -> None:
    label = GraspRectangle(0.0, 0.0, 0.0, 40.0, 20.0)
    (found,) = match([GraspRectangle(shift_px, 0.0, 0.0, 40.0, 20.0)], [label])  # (40 - s) / (40 + s)
    assert found.iou == pytest.approx((40 - shift_px) / (40 + shift_px))
    assert found.hit() is hit


def test_any_label_will_do_and_the_angle_rule_goes_label_by_label() -> None:
    near_but_turned, far = turned(60), GraspRectangle(110.0, 100.0, 0.2, 40.0, 20.0)
    (found,) = match([LABEL], [near_but_turned, far])
    (alone,) = match([LABEL], [far])
    assert found.iou == pytest.approx(alone.iou)
    assert found.iou_any_angle >= found.iou


def test_several_guesses_are_judged_each_for_itself() -> None:
    guesses = [LABEL, turned(45), GraspRectangle(300.0, 300.0, 0.2, 40.0, 20.0)]
    assert match(guesses, [LABEL]) == tuple(match([guess], [LABEL])[0] for guess in guesses)
    assert match([], [LABEL]) == ()


def test_the_sweep_goes_from_a_quarter_to_three_quarters() -> None:
    np.testing.assert_allclose(SWEEP, np.linspace(0.25, 0.75, 11))


def test_the_angle_rule_is_that_of_the_golden_pairs(data: Path) -> None:
    golden = np.load(str(data / "golden" / "iou.npz"))
    pairs = zip(golden["rect_a"], golden["rect_b"], golden["iou"], golden["iou_exact"])
    for first, second, painted, exact in pairs:
        (found,) = match(*([GraspRectangle.from_corners(r[:, ::-1])] for r in (first, second)))
        assert found.iou_any_angle == pytest.approx(exact, abs=1e-9)
        if exact > 0.02:
            assert (found.iou == 0) == (painted == 0)
