"""Augmentation moves pixels, labels and depth together, as its settings allow."""

from __future__ import annotations

import math

import labelled_data
import numpy as np
import pytest

from pspgrasp.config import from_tree
from pspgrasp.data.augment import Augmentation, AugmentConfig, augment, draw_augmentation
from pspgrasp.data.sample import GraspSample
from pspgrasp.data.similarity import PlanarSimilarity
from pspgrasp.errors import ConfigError, DataError
from pspgrasp.rectangle import GraspRectangle

ON_THE_BOX = GraspRectangle(50.0, 37.0, 0.3, 30.0, 12.0)
ON_THE_TABLE = GraspRectangle(30.0, 60.0, -1.2, 20.0, 8.0)


def box_sample(*rectangles: GraspRectangle) -> GraspSample:
    return GraspSample(labelled_data.scene_m(), rectangles or (ON_THE_BOX, ON_THE_TABLE), "box", "7")


@pytest.mark.parametrize("seed", range(20))
def test_labels_stay_on_what_they_label(seed: int) -> None:
    sample, config = box_sample(), AugmentConfig(depth_offset_m=0.0, depth_scale=1.0)
    change = draw_augmentation(sample, config, np.random.default_rng(seed))
    kept = [r for r, stays in zip(sample.rectangles, change.keeps(sample)) if stays]
    changed = augment(sample, config, np.random.default_rng(seed))
    assert len(changed.rectangles) == len(kept) > 0
    for before, after in zip(kept, changed.rectangles):
        depth_m = changed.depth_m[round(after.v), round(after.u)]
        assert np.isnan(depth_m) or depth_m == pytest.approx(sample.depth_m[round(before.v), round(before.u)])
        assert after.opening_px == pytest.approx(change.similarity.zoom * before.opening_px)
    np.testing.assert_allclose(
        changed.corners_px, change.similarity.points(np.stack([r.corners() for r in kept])), atol=1e-9
    )
    assert (changed.name, changed.object_id) == ("box", "7")


def test_the_same_numbers_make_the_same_sample_and_leave_the_original() -> None:
    sample = box_sample()
    first, second, other = (augment(sample, AugmentConfig(), np.random.default_rng(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.depth_m, second.depth_m)
    assert first.rectangles == second.rectangles != other.rectangles
    np.testing.assert_array_equal(sample.depth_m, box_sample().depth_m)
    assert sample.rectangles == box_sample().rectangles


def test_what_is_drawn_stays_within_the_settings() -> None:
    config = AugmentConfig(0.5, 0.3, 0.9, 1.2, 0.5, 5.0, 0.02, 1.1)
    rng = np.random.default_rng(0)
    drawn = [draw_augmentation(box_sample(), config, rng) for _ in range(300)]
    changed = [change for change in drawn if change.similarity != PlanarSimilarity()]
    assert 110 < len(changed) < 190
    assert all(abs(change.similarity.angle_rad) <= 0.3 for change in changed)
    assert all(0.9 <= change.similarity.zoom <= 1.2 for change in changed)
    assert all(1 / 1.1 <= change.depth_scale <= 1.1 and abs(change.depth_offset_m) <= 0.02 for change in changed)
    assert 0.3 < np.mean([change.similarity.flipped for change in changed]) < 0.7
    middle_px = np.array([(r.u, r.v) for r in box_sample().rectangles]).mean(axis=0)
    assert all(np.abs(change.similarity.points(middle_px) - middle_px).max() <= 5 for change in changed)


def test_depth_is_scaled_then_moved_and_what_is_missing_stays_missing() -> None:
    sample = box_sample()
    changed = Augmentation(PlanarSimilarity(), 1.5, 0.1).apply(sample)
    np.testing.assert_allclose(changed.depth_m, 1.5 * sample.depth_m + 0.1, rtol=1e-6)
    assert np.isnan(changed.depth_m[0, 0])
    np.testing.assert_allclose(changed.corners_px, sample.corners_px)


def test_labels_that_leave_the_picture_are_dropped() -> None:
    away = Augmentation(PlanarSimilarity(shift_px=(-40.0, 0.0)))
    assert away.keeps(box_sample()).tolist() == [True, False]
    (left,) = away.apply(box_sample()).rectangles
    assert (left.u, left.v) == (10.0, 37.0)
    with pytest.raises(DataError, match="box: no usable grasp rectangle"):
        Augmentation(PlanarSimilarity(shift_px=(-400.0, 0.0))).apply(box_sample())


def test_a_sample_that_would_lose_every_label_is_left_as_it_was() -> None:
    far = AugmentConfig(shift_px=1000.0)
    drawn = [draw_augmentation(box_sample(), far, np.random.default_rng(seed)) for seed in range(60)]
    assert all(change.keeps(box_sample()).any() for change in drawn)
    assert Augmentation(PlanarSimilarity()) in drawn


def test_nothing_to_change_changes_nothing() -> None:
    still = augment(box_sample(), AugmentConfig(probability=0.0), np.random.default_rng(0))
    np.testing.assert_array_equal(still.depth_m, box_sample().depth_m)
    np.testing.assert_allclose([r.corners() for r in still.rectangles], box_sample().corners_px)


def test_settings_that_can_t_be_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"smallest_zoom \(1.1\) must not be above largest_zoom \(0.9\)"):
        AugmentConfig(smallest_zoom=1.1, largest_zoom=0.9)
    with pytest.raises(ConfigError, match="did you mean 'turn_rad'"):
        from_tree(AugmentConfig, {"turn_radians": 1.0})
    assert from_tree(AugmentConfig, {"turn_rad": 1}).turn_rad == 1.0 < math.pi
