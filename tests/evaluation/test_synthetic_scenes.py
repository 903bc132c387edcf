"""Generated scenes to judge on: the same for everybody, out of training's reach, and a judge that its labels pass."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import replace
from typing import Tuple

import numpy as np
import pytest
import torch

from pspgrasp.config import CropConfig, DetectionConfig, LimitsConfig
from pspgrasp.data.synthetic.antipodal import GripperConfig, holds
from pspgrasp.data.synthetic.scenes import SceneConfig, random_layout
from pspgrasp.data.tabletop import looking_at
from pspgrasp.evaluation import hard_check
from pspgrasp.evaluation.hard_check import Verdict, tried
from pspgrasp.evaluation.scene_evaluator import evaluate_scenes, judge_scene
from pspgrasp.evaluation.synthetic_scenes import (
    FIRST_TEST_SEED,
    JUDGED_CONFIG,
    JudgedScene,
    JudgedScenes,
    SceneLabels,
    ScenePredictor,
    kinds_of,
)
from pspgrasp.grasp import ImageGrasp
from pspgrasp.predictor import GraspPredictor
from pspgrasp.training.config import TrainConfig, ValidationConfig

SCENES, GRIPPER = JudgedScenes(20), GripperConfig()
BARELY_OPENED = DetectionConfig(clearance_m=0.01, max_grasps=3)


@pytest.fixture(scope="module")
def scenes() -> Tuple[JudgedScene, ...]:
    return tuple(SCENES)


class Fixed:
    """Gives the same grasps for each scene, by a function of it."""

    description = "fixed"

    def __init__(self, grasps) -> None:
        self.grasps = grasps

    def __call__(self, scene: JudgedScene) -> Tuple[ImageGrasp, ...]:
        return self.grasps(scene)


def judged(source, scenes, top: int = 3):
    (result,) = evaluate_scenes([("x", source)], scenes, "scenes", GRIPPER, top)
    return result


# --- the scenes


def test_a_scene_is_the_same_however_many_there_are_and_another_of_another_seed(scenes) -> None:
    for mine, other in zip(scenes, JudgedScenes(3)):
        assert (mine.name, mine.kinds) == (other.name, other.kinds)
        np.testing.assert_array_equal(mine.measured.depth_m, other.measured.depth_m)
        np.testing.assert_array_equal(mine.labels.quality, other.labels.quality)
    elsewhere = next(iter(JudgedScenes(1, seed=1)))
    assert (elsewhere.name, scenes[0].name) == ("1/0", "0/0")
    assert not np.array_equal(elsewhere.exact.depth_m, scenes[0].exact.depth_m)


def test_no_training_run_can_have_seen_them() -> None:
    fields = (*dataclasses.fields(TrainConfig), *dataclasses.fields(ValidationConfig))
    bounds = {f.name: f.metadata["high"] for f in fields if "seed" in f.name}
    assert set(bounds) == {"seed", "scenes_seed"}
    assert all(high < FIRST_TEST_SEED for high in bounds.values())


def test_depth_is_z_with_the_holes_of_a_camera(scenes) -> None:
    assert JUDGED_CONFIG.sensor.range_share == 0
    assert not any(np.isnan(scene.exact.depth_m).any() for scene in scenes)
    assert any(np.isnan(scene.measured.depth_m).any() for scene in scenes)
    off_m = [np.nanmedian(np.abs(s.measured.depth_m - s.exact.depth_m) / s.exact.depth_m**2) for s in scenes]
    assert max(off_m) < 0.02, "range would be off by much more in a corner of the image"


def test_kinds_say_how_many_where_and_how_seen() -> None:
    layout = random_layout(np.random.default_rng(3), replace(SceneConfig(), bin_share=1.0, wall_share=0.0), 300)
    for count, word in ((1, "single"), (2, "few"), (4, "few"), (5, "clutter")):
        assert kinds_of(replace(layout, things=layout.things[:1] * count))[0] == word
    assert kinds_of(layout)[1] == "bin"
    assert kinds_of(replace(layout, walls=layout.walls[:1]))[1] == "table"
    for tilt_deg, word in ((0, "upright"), (11, "upright"), (13, "tilted"), (36, "oblique")):
        off = math.radians(tilt_deg)
        pose = looking_at(np.array([0.0, -math.sin(off), math.cos(off)]), np.zeros(3))
        assert kinds_of(replace(layout, camera_pose=pose))[2] == word


# --- the check


def test_nearly_all_labels_hold(scenes) -> None:
    result = judged(SceneLabels(BARELY_OPENED), scenes)
    assert result.graspable.images > len(scenes) / 2
    assert result.graspable.success >= 0.85, result.verdicts


def test_labels_hold_because_of_where_they_are(scenes) -> None:
    def shifted(by_px: float, by_rad: float):
        def grasps(scene: JudgedScene) -> Tuple[ImageGrasp, ...]:
            best = SceneLabels(BARELY_OPENED)(scene)[:1]
            return tuple(replace(g, u=(g.u + by_px) % 299, angle_rad=g.angle_rad + by_rad) for g in best)

        return judged(Fixed(grasps), scenes).graspable.success

    assert shifted(0, 0) >= 0.85
    assert shifted(100, 0) < 0.3
    assert shifted(0, math.pi / 3) < 0.5


def test_a_grasp_of_the_table_is_on_no_thing(scenes) -> None:
    def beside(scene: JudgedScene) -> Tuple[ImageGrasp, ...]:
        v, u = (int(n) for n in (scene.view.thing[0] == 0).nonzero()[0])
        return (ImageGrasp(u, v, 0.3, 30.0, 0.9),)

    result = judged(Fixed(beside), scenes)
    assert (result.success, result.without_grasp) == (0.0, 0)
    assert result.verdicts[Verdict.ON_NO_THING.value] == len(scenes)


def with_width(width_px: float) -> Fixed:
    """Return the best labels, all with the same width in the image."""
    return Fixed(lambda scene: tuple(replace(g, width_px=width_px) for g in SceneLabels(BARELY_OPENED)(scene)[:1]))


def test_jaws_that_should_open_wider_than_they_can_are_told(scenes) -> None:
    near_enough = [s for s in scenes if 280 * s.exact.depth_m.min() / s.exact.camera.focal_px > GRIPPER.opening_m]
    assert len(near_enough) > len(scenes) / 2
    assert judged(with_width(280.0), near_enough).verdicts["opens too wide"] == len(near_enough)


def test_jaws_that_hardly_open_come_down_on_the_thing(scenes) -> None:
    graspable = [scene for scene in scenes if scene.graspable]
    assert judged(with_width(1.0), graspable).verdicts["opens too little"] == len(graspable) > 0


def test_a_grasp_is_held_exactly_if_the_labeller_says_so_and_every_verdict_is_met(scenes, monkeypatch) -> None:
    rng, said = np.random.default_rng(4), []

    def listening(closing, opening_m, gripper):
        said.append(holds(closing, opening_m, gripper))
        return said[-1]

    monkeypatch.setattr(hard_check, "holds", listening)
    met = set()
    for scene in scenes:
        places = (scene.view.thing[0] >= 0).nonzero()[::97].tolist()
        grasps = [ImageGrasp(u, v, rng.uniform(-1.5, 1.5), rng.uniform(5, 90), 0.5) for v, u in places]
        grasps += SceneLabels(BARELY_OPENED)(scene)
        guesses = tried(scene, grasps, GRIPPER)
        on_thing = [bool(scene.view.thing[0, int(g.v), int(g.u)] > 0) for g in grasps]
        assert [guess.held for guess in guesses] == [on and good for on, good in zip(on_thing, said[-1].tolist())]
        met |= {guess.verdict for guess in guesses}
    assert met == set(Verdict) - {Verdict.NO_GRASP}


def test_the_opening_is_the_width_at_the_true_depth(scenes) -> None:
    for scene in scenes:
        for guess in tried(scene, SceneLabels(BARELY_OPENED)(scene), GRIPPER):
            depth_m = scene.exact.depth_m[int(guess.grasp.v), int(guess.grasp.u)]
            length_m = scene.exact.camera.length_m(guess.grasp.width_px, guess.grasp.angle_rad, depth_m)
            assert guess.opening_m == pytest.approx(length_m, rel=1e-5)


# --- what is judged


def test_the_report_adds_up(scenes) -> None:
    result = judged(SceneLabels(BARELY_OPENED), scenes)
    assert sum(result.verdicts.values()) == result.images == len(scenes)
    assert result.hits == result.verdicts["held"] == sum(outcome.hit for outcome in result.outcomes)
    for kinds in (("single", "few", "clutter"), ("table", "bin"), ("upright", "tilted", "oblique")):
        some = [result.by_kind[kind] for kind in kinds if kind in result.by_kind]
        assert (sum(s.images for s in some), sum(s.hits for s in some)) == (result.images, result.hits)
    shares = list(result.top_n.values())
    assert shares == sorted(shares)
    assert shares[0] == result.success
    assert result.calibration.grasps == sum(len(outcome.guesses) for outcome in result.outcomes)


def test_nothing_is_no_grasp(scenes) -> None:
    result = judged(Fixed(lambda scene: ()), scenes[:3])
    assert (result.success, result.without_grasp, result.verdicts["no grasp"]) == (0.0, 3, 3)
    assert result.calibration is None


class Pointing:
    """A runtime that puts out one peak, and keeps what it was shown."""

    device = torch.device("cpu")

    def __init__(self, row: int, column: int, width_px: float) -> None:
        self.output = np.zeros((4, 300, 300), np.float32)
        self.output[0, row, column] = 0.8
        self.output[1], self.output[3] = 1.0, width_px / 150
        self.shown = []

    def __call__(self, image: np.ndarray) -> np.ndarray:
        self.shown.append(image)
        return self.output


def test_a_detector_sees_the_whole_image_and_only_contact_widths_are_opened(predictor: GraspPredictor, scenes) -> None:
    scene = next(scene for scene in scenes if not np.isnan(scene.measured.depth_m[60:70, 80:90]).any())
    runtime = Pointing(65, 85, 20.0)
    plain = DetectionConfig(min_quality=0, sigma_quality_px=0, sigma_width_px=0, clearance_m=0.03, max_grasps=1)
    pointing = replace(
        predictor, width="opening", runtime=runtime, detection=plain, crop=CropConfig(size_px=200, offset_u_px=40)
    )
    (opened,) = ScenePredictor(replace(pointing, width="contact"))(scene)
    (as_it_is,) = ScenePredictor(pointing)(scene)
    assert (as_it_is.u, as_it_is.v) == (85, 65)
    assert as_it_is.width_px == pytest.approx(20.0)
    clearance_px = 0.03 * scene.measured.camera.focal_px / scene.measured.depth_m[65, 85]
    assert opened.width_px == pytest.approx(20.0 + clearance_px)
    assert runtime.shown[0].shape == (1, 300, 300)
    assert np.isfinite(runtime.shown[0]).all()
    limited = replace(pointing, limits=LimitsConfig(max_width_m=0.001))
    assert ScenePredictor(limited)(scene) == ()
    assert "none above 1 mm" in ScenePredictor(limited).description


def test_a_detector_gets_the_same_result_again_alone_or_beside_others(predictor: GraspPredictor, scenes) -> None:
    source = ScenePredictor(replace(predictor, detection=replace(BARELY_OPENED, min_quality=0)))
    first = judged(source, scenes[:3])
    both = evaluate_scenes([("x", source), ("y", SceneLabels())], scenes[:3], "scenes", GRIPPER, 3)
    assert both[0] == first
    assert both[1].checkpoint == "y"
    assert judge_scene(scenes[0], source(scenes[0])[:3], GRIPPER) == first.outcomes[0]
