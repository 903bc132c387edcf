"""Laws of comparing: like and like differ nowhere, and a known difference is the one that is found."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import List, Optional

import numpy as np
import pytest
from made_up import GRASP, MadeUp, drawn, flat_frames, judge, moved, result_of

from pspgrasp.bag.figures.compare import Comparison, compare, comparisons
from pspgrasp.bag.figures.figure import table_of
from pspgrasp.bag.figures.measures import Gripper
from pspgrasp.bag.results.frame import FoundGrasp

GRIPPER = Gripper(0.0, 0.08)


def compared(one: List[Optional[FoundGrasp]], other: List[Optional[FoundGrasp]]) -> Comparison:
    return compare([result_of({"one": one, "other": other})], "one", "other", GRIPPER)


def wandering(frames: int = 40) -> List[Optional[FoundGrasp]]:
    rng = np.random.default_rng(0)
    return [moved(float(rng.normal()), quality=float(rng.uniform(0.4, 0.9))) for _ in range(frames)]


def test_two_that_are_the_same_differ_nowhere() -> None:
    best = [None if n % 7 == 3 else grasp for n, grasp in enumerate(wandering())]
    found = compared(best, best)
    assert found.differences
    assert all(one.value == 0.0 for one in found.differences if one.count)
    assert {(one.low, one.high) for one in found.differences if not math.isnan(one.low)} == {(0.0, 0.0)}
    assert found.most == ()
    assert (found.only_first, found.only_other) == (0, 0)
    assert table_of(found.agreement)["same grasp, of those"].value == 100.0


def test_a_model_that_is_shifted_by_10_px_is_10_px_apart() -> None:
    result = judge(MadeUp(flat_frames(12)), [drawn("one", column=30), drawn("other", column=40)])
    agreement = table_of(compare([result], "one", "other", GRIPPER).agreement)
    figure = agreement["distance, median"]
    assert (figure.value, figure.low, figure.high) == pytest.approx((10.0, 10.0, 10.0))
    assert agreement["distance, p95"].value == pytest.approx(10.0)
    assert agreement["angle, p95"].value == 0.0
    assert agreement["distance in space, median"].value == pytest.approx(10.0 * 1000 * 0.5 / 150.0)


def test_a_difference_has_its_sign_and_its_interval() -> None:
    first = wandering(60)
    better = [moved(quality=grasp.quality + 0.05) for grasp in first if grasp]
    found = table_of(compared(first, better).differences)["quality, median"]
    assert found.value == pytest.approx(0.05)
    assert found.low == pytest.approx(0.05)
    assert found.high == pytest.approx(0.05)


def test_noise_of_the_same_kind_is_no_difference() -> None:
    rng = np.random.default_rng(2)
    one, other = ([moved(quality=float(q)) for q in rng.uniform(0.4, 0.9, 200)] for _ in range(2))
    found = table_of(compared(one, other).differences)["quality, median"]
    assert found.low < 0 < found.high


def test_only_frames_that_both_models_have_count_for_a_difference() -> None:
    # The other one finds a grasp in the easy half alone, where both are equally sure.
    sure, unsure = moved(quality=0.9), moved(quality=0.3)
    one, other = [sure, unsure] * 20, [sure, None] * 20
    found = table_of(compared(one, other).differences)["quality, median"]
    assert (found.value, found.low, found.high, found.count) == (0.0, 0.0, 0.0, 20)


def test_a_difference_is_that_of_each_frame_and_not_of_two_models_middles() -> None:
    # Frames differ by far more than models do: 0.02, in every frame but one of ten.
    first = wandering(60)
    other = [moved(quality=grasp.quality + (0.3 if n % 10 == 0 else -0.02)) for n, grasp in enumerate(first) if grasp]
    found = table_of(compared(first, other).differences)["quality, median"]
    assert (found.value, found.low, found.high) == pytest.approx((-0.02, -0.02, -0.02))


def test_the_slowest_frames_of_two_models_are_no_difference_and_a_tail_is_one_of_percentiles() -> None:
    first, other = (result_of({"one": [GRASP] * 200}, latency_ms=time_ms) for time_ms in (10.0, 14.0))
    both = replace(first, models=(first.models[0], replace(other.models[0], model="other")))
    found = table_of(compare([both], "one", "other", GRIPPER).differences)
    assert "latency, max" not in found
    assert (found["latency, p95"].value, found["latency, p95"].low) == pytest.approx((4.0, 4.0))


def test_models_are_not_compared_in_millimetres_of_a_guessed_camera() -> None:
    result = replace(result_of({"one": [GRASP] * 12, "other": [moved(30.0)] * 12}), has_guessed_camera=True)
    found = compare([result], "one", "other", GRIPPER)
    agreement = table_of(found.agreement)
    assert all(math.isnan(agreement[label].value) for label in ("same grasp, of those", "distance in space, median"))
    assert agreement["distance, median"].value == pytest.approx(30.0)
    assert "mm" not in found.most[0].why


def test_frames_where_just_one_finds_a_grasp_are_counted() -> None:
    found = compared([GRASP, GRASP, None, None, GRASP], [GRASP, None, GRASP, None, None])
    assert (found.both, found.only_first, found.only_other, found.neither) == (1, 2, 1, 1)
    table = table_of(found.differences)
    assert table["no grasp"].value == pytest.approx(20.0)
    assert table["no grasp"].unit == "points"


def test_a_reason_that_only_one_model_has_is_a_difference_to_none() -> None:
    label = "no grasp: no peak of quality reaches the threshold"
    for one, other, points in (([GRASP] * 8, [None] * 8, 100.0), ([None] * 8, [GRASP] * 8, -100.0)):
        assert table_of(compared(one, other).differences)[label].value == points


def test_the_frames_that_differ_most_come_first_a_second_apart_and_say_why() -> None:
    other: List[Optional[FoundGrasp]] = [moved(1.0)] * 60
    other[10], other[11], other[40], other[50] = moved(90.0), moved(80.0), None, moved(30.0)
    found = compared([moved()] * 60, other).most
    # A grasp of quality 0.8 that the other one lacks counts as 240 px.
    assert [frame.number for frame in found[:3]] == [40, 10, 50]
    assert found[0].why.startswith("only one finds a grasp, of quality 0.80; the other: no peak")
    assert found[1].why.startswith("90 px (300 mm) apart")
    assert all(abs(a.number - b.number) >= 10 for a in found for b in found if a is not b)


def test_a_grasp_that_the_other_model_has_as_well_counts_best_or_not() -> None:
    result = judge(MadeUp(flat_frames(3)), [drawn("one"), drawn("other")])
    assert table_of(compare([result], "one", "other", GRIPPER).agreement)["first's best among the other's"].value == 100


def test_all_others_are_compared_with_the_first_over_all_recordings() -> None:
    results = [result_of({"a": [GRASP] * 3, "b": [None] * 3, "c": [GRASP] * 3}) for _ in range(2)]
    found = comparisons(results, GRIPPER)
    assert [(one.first, one.other) for one in found] == [("a", "b"), ("a", "c")]
    assert [one.only_first for one in found] == [6, 0]
    assert comparisons([], GRIPPER) == ()
