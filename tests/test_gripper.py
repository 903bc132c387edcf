"""Laws of where a hand goes: how deep, and how it lies."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pspgrasp.grasp import Grasp
from pspgrasp.gripper import FingersConfig, HandConfig, fingertips_m, hand_pose

laws = settings(deadline=None, max_examples=60, derandomize=True)
HAND = HandConfig()


@laws
@given(st.floats(-0.5, 0.5), st.floats(0.0, 0.2))
def test_fingers_go_in_by_their_share_and_never_farther_than_they_may_nor_upwards(
    height_m: float, more_m: float
) -> None:
    less_m, deep_m = (float(HAND.insertion_at(np.array(h))) for h in (height_m, height_m + more_m))
    assert 0.0 <= less_m <= deep_m <= HAND.insertion_m
    assert less_m <= max(0.0, HAND.insertion_share * height_m)
    assert float(HAND.insertion_at(np.array(np.inf))) == HAND.insertion_m, "over no support"


def test_labels_physics_and_the_check_on_a_robot_go_as_deep() -> None:
    heights_m = np.linspace(-0.1, 0.2, 301)
    as_tensor = FingersConfig().insertion_at(torch.from_numpy(heights_m))
    np.testing.assert_array_equal(as_tensor.numpy(), HAND.insertion_at(heights_m))


@laws
@given(st.floats(-1.5, 1.5), st.floats(0.0, 0.05), st.floats(0.0, 0.08))
def test_fingertips_lie_beside_the_opening_at_the_end_of_the_way(
    angle_rad: float, insertion_m: float, opening_m: float
) -> None:
    grasp = Grasp(np.array([0.1, -0.05, 0.6]), angle_rad, opening_m, 1.0)
    pose = hand_pose(grasp, insertion_m)
    corners_m = (fingertips_m(pose, opening_m, HAND) - grasp.position_m) @ grasp.rotation()
    np.testing.assert_allclose(corners_m[:, 2], insertion_m, atol=1e-12)
    np.testing.assert_allclose(np.abs(corners_m[:, 1]), HAND.jaw_m / 2, atol=1e-12)
    ends_m = np.unique(np.abs(corners_m[:, 0]).round(9))
    assert ends_m == pytest.approx([opening_m / 2, opening_m / 2 + HAND.finger_m], abs=1e-8)
