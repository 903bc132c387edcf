"""Laws of the drawn prediction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pspgrasp.camera import PinholeCamera
from pspgrasp.crop import SquareCrop
from pspgrasp.data.tabletop import tabletop_frames
from pspgrasp.depth import DepthFrame
from pspgrasp.detect import lift
from pspgrasp.grasp import ImageGrasp
from pspgrasp.overlay import BEST_BGR, FRAME_BGR, MISSING_GREY, OTHER_BGR, colour_depth, draw
from pspgrasp.predictor import GraspPredictor, Prediction

CAMERA = PinholeCamera(200, 160, 200.0, 200.0, 100.0, 80.0)
CROP = SquareCrop(50, 30, 100, 300)


def frame(depth_m: float = 0.5) -> DepthFrame:
    return DepthFrame(np.full((160, 200), depth_m, np.float32), CAMERA)


def prediction_of(*image_grasps: ImageGrasp) -> Prediction:
    return Prediction(CROP, None, image_grasps, tuple(lift(place, frame(), 0.5) for place in image_grasps))


def pixels_of(picture: np.ndarray, colour: tuple) -> np.ndarray:
    """Return the (row, column) of all pixels of this colour."""
    return np.argwhere((picture == colour).all(axis=2))


def test_the_picture_is_as_large_as_the_image_and_the_frame_stays_as_it_is(predictor: GraspPredictor) -> None:
    seen = next(iter(tabletop_frames(3, 1)))[0]
    before = seen.depth_m.copy()
    picture = draw(seen, predictor.predict(seen))
    assert picture.shape == (480, 640, 3)
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(seen.depth_m, before)


def test_the_same_prediction_gives_the_same_picture() -> None:
    prediction = prediction_of(ImageGrasp(100.0, 80.0, 0.4, 30.0, 0.9))
    np.testing.assert_array_equal(draw(frame(), prediction), draw(frame(), prediction))


def test_the_window_is_framed() -> None:
    picture = draw(frame(), prediction_of(ImageGrasp(180.0, 80.0, 0.0, 30.0, 0.9)))
    framed = (picture == FRAME_BGR).all(axis=2)
    assert framed[[30, 129], 50:150].all()
    assert framed[30:130, [50, 149]].all()
    assert not framed[:30].any()
    assert not framed[130:].any()


def test_the_best_grasp_is_red_and_lies_over_the_others() -> None:
    best, other = ImageGrasp(100.0, 80.0, 0.0, 30.0, 0.9), ImageGrasp(104.0, 80.0, 0.0, 30.0, 0.6)
    alone, both = draw(frame(), prediction_of(best)), draw(frame(), prediction_of(best, other))
    red = pixels_of(alone, BEST_BGR)
    assert len(red) > 20
    assert {tuple(pixel) for pixel in red} <= {tuple(pixel) for pixel in pixels_of(both, BEST_BGR)}
    assert len(pixels_of(both, OTHER_BGR)) > len(pixels_of(alone, OTHER_BGR))


@pytest.mark.parametrize("angle_rad", [-1.2, -0.5, 0.0, 0.5, 1.2])
def test_the_jaws_are_drawn_at_the_ends_of_the_opening_at_the_angle_seen(angle_rad: float) -> None:
    picture = draw(frame(), prediction_of(ImageGrasp(100.0, 80.0, angle_rad, 60.0, 0.9)))
    rows, columns = (pixels_of(picture, BEST_BGR) - [80, 100]).T
    along = columns * np.cos(angle_rad) - rows * np.sin(angle_rad)
    across = columns * np.sin(angle_rad) + rows * np.cos(angle_rad)
    assert along.max() == pytest.approx(30.0, abs=2.5)
    assert along.min() == pytest.approx(-30.0, abs=2.5)
    assert np.abs(across[np.abs(along) > 10]).max() < 7, "jaws of 20 mm are 8 px at half a metre"


def test_without_a_grasp_the_picture_says_so() -> None:
    plain = draw(frame(), prediction_of(ImageGrasp(190.0, 150.0, 0.0, 2.0, 0.9)))
    told = draw(frame(), prediction_of())
    assert (told[:40] != plain[:40]).any()


def test_missing_depth_is_dark_and_measured_depth_is_not() -> None:
    depth_m = np.random.default_rng(0).uniform(0.4, 0.6, (160, 200)).astype(np.float32)
    depth_m[40:60, 60:80] = np.nan
    colours = colour_depth(depth_m, depth_m)
    missing = np.isnan(depth_m)
    assert (colours[missing] == MISSING_GREY).all()
    assert (colours[~missing].max(axis=1) > MISSING_GREY).all()


def test_an_outlier_does_not_wash_out_the_colours() -> None:
    columns = np.tile(np.linspace(0.4, 0.6, 200, dtype=np.float32), (160, 1))
    with_outlier = columns.copy()
    with_outlier[5, 5] = 79.0
    far_away = np.ones_like(columns, bool)
    far_away[:60, :60] = False
    one, other = colour_depth(columns, columns), colour_depth(with_outlier, with_outlier)
    assert np.abs(one[far_away].astype(int) - other[far_away]).max() <= 3


@pytest.mark.parametrize("depth_m", [0.0, 1e-4, 0.5, 79.0])
@pytest.mark.parametrize(("height_px", "width_px"), [(1, 1), (2, 3), (30, 400)])
def test_whatever_the_size_and_the_depth_it_is_drawn(depth_m: float, height_px: int, width_px: int) -> None:
    camera = PinholeCamera(width_px, height_px, 100.0, 100.0, 0.0, 0.0)
    seen = DepthFrame(np.full((height_px, width_px), depth_m), camera)
    crop = SquareCrop(0, 0, min(height_px, width_px), 300)
    assert draw(seen, Prediction(crop, None)).shape == (height_px, width_px, 3)


def test_a_grasp_that_reaches_out_of_the_image_is_drawn_as_far_as_it_is_seen() -> None:
    outside = prediction_of(ImageGrasp(199.0, 0.0, 0.7, 4000.0, 0.9))
    assert draw(frame(), outside).shape == (160, 200, 3)
    near = replace(outside, grasps=(replace(outside.grasps[0], position_m=np.array([0.0, 0.0, 1e-3])),))
    assert draw(frame(), near).shape == (160, 200, 3)
