"""The judge, judged: labels score 1, nothing scores 0, and a report adds up."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Callable, Tuple

import labelled_data
import numpy as np
import pytest

from pspgrasp.crop import SquareCrop
from pspgrasp.data.dataset import open_dataset
from pspgrasp.data.sample import GraspSample
from pspgrasp.errors import ConfigError, DataError
from pspgrasp.evaluation.evaluator import RectangleRule, evaluate, judge, summary
from pspgrasp.evaluation.sources import WINDOWS, LabelSource, PredictorSource
from pspgrasp.grasp import ImageGrasp
from pspgrasp.predictor import GraspPredictor
from pspgrasp.rectangle import GraspRectangle

LABELS = tuple(GraspRectangle(40.0 + 8 * n, 40.0, 0.4 * n, 30.0, 15.0) for n in range(3))
SAMPLE = GraspSample(labelled_data.scene_m(), LABELS, "a", "thing")
MISS = ImageGrasp(5.0, 5.0, 0.0, 10.0, 0.9)


class Fixed:
    """Gives what a function says."""

    description = "fixed"

    def __init__(self, grasps: Callable[[GraspSample], Tuple[ImageGrasp, ...]]) -> None:
        self.grasps = grasps

    def __call__(self, sample: GraspSample) -> Tuple[ImageGrasp, ...]:
        return self.grasps(sample)


def a_hit(sample: GraspSample) -> ImageGrasp:
    return LabelSource()(sample)[0]


def samples(count: int):
    return [replace(SAMPLE, name=f"i{n}") for n in range(count)]


def test_labels_with_their_own_jaw_score_everything() -> None:
    result = evaluate(LabelSource(), samples(4), "labels", "made up", top=9)
    assert (result.success, result.images, result.hits) == (1.0, 4, 4)
    assert all(guess.match.iou == pytest.approx(1.0) for outcome in result.outcomes for guess in outcome.guesses)
    assert all(share == 1.0 for share in result.sweep.values())
    assert list(result.top_n) == ["1", "2", "3"], "no longer than an image has labels, however many were asked for"


def test_nothing_and_misses_score_nothing() -> None:
    nothing = evaluate(Fixed(lambda _: ()), samples(3), "x", "y")
    assert (nothing.success, nothing.without_grasp) == (0.0, 3)
    misses = evaluate(Fixed(lambda _: (MISS,)), samples(3), "x", "y")
    assert (misses.success, misses.without_grasp) == (0.0, 0)
    assert nothing.interval_95[0] == 0.0
    assert nothing.interval_95[1] > 0.5


def test_only_the_best_grasp_makes_success_and_the_others_top_n() -> None:
    result = evaluate(Fixed(lambda s: (MISS, a_hit(s), MISS)), samples(2), "x", "y", top=3)
    assert result.success == 0.0
    assert result.top_n == {"1": 0.0, "2": 1.0, "3": 1.0}
    one = evaluate(Fixed(lambda s: (MISS, a_hit(s))), samples(2), "x", "y", top=1)
    assert [len(outcome.guesses) for outcome in one.outcomes] == [1, 1]


def test_the_sweep_falls() -> None:
    off = Fixed(lambda s: (replace(a_hit(s), u=a_hit(s).u + 9.0),))
    shares = list(evaluate(off, samples(2), "x", "y").sweep.values())
    assert shares == sorted(shares, reverse=True)
    assert (shares[0], shares[-1]) == (1.0, 0.0)


def test_the_rule_makes_the_rectangle() -> None:
    grasp = ImageGrasp(1.0, 2.0, 0.3, 40.0, 0.5)
    assert RectangleRule().rectangle(grasp) == GraspRectangle(1.0, 2.0, 0.3, 40.0, 20.0)
    assert RectangleRule(clearance_px=8.0, jaw_px=24.0).rectangle(grasp) == GraspRectangle(1.0, 2.0, 0.3, 48.0, 24.0)
    assert RectangleRule(jaw_share=0.25, clearance_px=8.0).rectangle(grasp).jaw_px == 12.0


@pytest.mark.parametrize("wrong", [{"jaw_share": -1.0}, {"clearance_px": math.nan}, {"jaw_share": 0.0}])
def test_a_rule_without_a_jaw_is_refused(wrong) -> None:
    with pytest.raises(ConfigError, match=r"jaw_share|clearance_px"):
        RectangleRule(**wrong)


def test_a_report_names_the_labels_that_a_rule_can_not_reach() -> None:
    slim = replace(SAMPLE, rectangles=(GraspRectangle(60.0, 40.0, 0.0, 60.0, 5.0), LABELS[0]), corners_px=())
    result = evaluate(LabelSource(), [slim], "labels", "made up", top=9)
    assert [guess.hit for guess in result.outcomes[0].guesses] == [False, True]


def test_folds_add_up() -> None:
    hit_even = Fixed(lambda s: (a_hit(s) if int(s.name[1:]) % 2 == 0 else MISS,))
    result = evaluate(hit_even, samples(6), "x", "y", split="image", fold_of=[0, 0, 0, 1, 1, 1])
    assert [(fold.images, fold.hits) for fold in result.folds] == [(3, 2), (3, 1)]
    assert result.fold_mean == pytest.approx(0.5)
    assert result.fold_spread == pytest.approx(math.sqrt(2) / 6)
    # Of two values: 12.706 times their half difference.
    assert result.fold_interval_95 == pytest.approx((0.5 - 12.706 / 6, 0.5 + 12.706 / 6), abs=1e-3)
    assert evaluate(hit_even, samples(2), "x", "y").fold_spread is None


def test_a_report_is_json_with_success_and_every_outcome() -> None:
    result = evaluate(Fixed(lambda s: (a_hit(s), MISS)), samples(3), "x", "y", top=2)
    tree = json.loads(json.dumps(result.to_tree(), allow_nan=False))
    assert tree["success"] == 1.0
    assert [outcome["name"] for outcome in tree["outcomes"]] == ["i0", "i1", "i2"]
    assert [guess["hit"] for guess in tree["outcomes"][0]["guesses"]] == [True, False]
    assert summary([], "x", "y", "z").success == 0.0


def test_judging_leaves_the_sample_as_it_is() -> None:
    before = SAMPLE.corners_px.copy()
    outcome = judge(SAMPLE, [MISS], RectangleRule(), fold=2)
    np.testing.assert_array_equal(SAMPLE.corners_px, before)
    assert (outcome.hit, outcome.fold, outcome.object_id, outcome.labels) == (False, 2, "thing", 3)


# --- our own road


@pytest.fixture(scope="module")
def big() -> GraspSample:
    label = GraspRectangle(470.0, 120.0, 0.0, 60.0, 30.0)
    depth_m = labelled_data.scene_m((480, 640))
    depth_m[100:140, 450:490] -= 0.06
    return GraspSample(depth_m, (label,), "big")


@pytest.mark.parametrize(("window", "left_px", "top_px", "size_px"), [
    ("labels", 320, 0, 300), ("centre", 170, 90, 300), ("whole", 80, 0, 480),
])  # fmt: skip
def test_the_window_lies_where_it_is_asked_for(
    predictor: GraspPredictor, big: GraspSample, window: str, left_px: int, top_px: int, size_px: int
) -> None:
    seen = []
    watched = replace(predictor, runtime=Watch(predictor, seen))
    source = PredictorSource(watched, window)
    source(big)
    asked = source._crop(big)
    crop = SquareCrop.placed(asked, big.depth_m.shape, 300)
    assert (crop.left_px, crop.top_px, crop.size_px) == (left_px, top_px, size_px)
    assert len(seen) == 1


class Watch:
    """A runtime that keeps its inputs."""

    device = "cpu"

    def __init__(self, predictor: GraspPredictor, seen: list) -> None:
        self.side, self.seen = predictor.preprocess.input_size_px, seen

    def __call__(self, depth_m: np.ndarray) -> np.ndarray:
        self.seen.append(depth_m)
        return np.zeros((4, self.side, self.side), np.float32)


def test_a_box_is_grasped_and_judged_in_pixels_of_the_image(predictor: GraspPredictor, big: GraspSample) -> None:
    predictor = replace(predictor, detection=replace(predictor.detection, min_quality=0.0, max_grasps=1))
    result = evaluate(PredictorSource(predictor, "labels"), [big], predictor.name, "made up")
    (guess,) = result.outcomes[0].guesses
    assert math.hypot(guess.rectangle.u - 470, guess.rectangle.v - 120) < 25
    assert "300 px at the labels" in result.protocol


def test_windows_have_names(predictor: GraspPredictor) -> None:
    assert WINDOWS == ("labels", "centre", "whole")
    with pytest.raises(DataError, match="did you mean 'labels'"):
        PredictorSource(predictor, "label")


# --- the real labels


@pytest.mark.parametrize(("name", "labels", "out_of_reach"), [("cornell", 234, 0), ("jacquard", 2901, 6)])
def test_the_real_labels_score_everything_but_for_a_few_slim_ones(
    data: Path, name: str, labels: int, out_of_reach: int
) -> None:
    result = evaluate(LabelSource(), open_dataset(data / name), "labels", name, top=1000)
    guesses = [guess for outcome in result.outcomes for guess in outcome.guesses]
    assert result.success == 1.0
    assert len(guesses) == labels
    missed = [guess for guess in guesses if not guess.hit]
    assert len(missed) == out_of_reach
    assert all(0.2 < guess.match.iou <= 0.25 for guess in missed), "slim labels, whose jaw is far from half the opening"
