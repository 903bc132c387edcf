"""Laws of the single road from a depth frame to grasps."""

from __future__ import annotations

import math
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any, Dict, List, Tuple

import cv2
import numpy as np
import pytest
import torch

from pspgrasp.camera import PinholeCamera
from pspgrasp.checkpoint import Checkpoint
from pspgrasp.clearance import ANY_WAY, ClearanceConfig
from pspgrasp.config import FILLS, CropConfig, DetectionConfig, LimitsConfig, PreprocessConfig
from pspgrasp.crop import SquareCrop
from pspgrasp.data.tabletop import Body, Box, exact_depth, looking_at, tabletop_frames
from pspgrasp.depth import DepthFrame
from pspgrasp.detect import Reason, detect
from pspgrasp.errors import CheckpointError, ConfigError, DepthError, NetworkError
from pspgrasp.maps import GraspMaps, SmoothedMaps
from pspgrasp.models import ModelConfig, build_model
from pspgrasp.predictor import NO_TABLE, GraspPredictor, NoGrasp, Prediction
from pspgrasp.preprocess import without_holes
from pspgrasp.runtimes.eager import EagerRuntime, choose_device
from pspgrasp.table_plane import TableConfig, TablePlane

SIDE = 64
CAMERA = PinholeCamera(160, 120, 150.0, 150.0, 79.5, 59.5)


class Drawing:
    """A runtime that puts out what it was given, whatever it sees."""

    device = "paper"

    def __init__(self, output: np.ndarray) -> None:
        self.output = output

    def __call__(self, _image: np.ndarray) -> np.ndarray:
        return self.output


class Ridges:
    """A runtime whose grasps close across the slopes of what stands out; turns with its input, exactly."""

    device = "paper"

    def __call__(self, image: np.ndarray) -> np.ndarray:
        depth_m = image[0]
        down, right = np.gradient(cv2.GaussianBlur(depth_m, (0, 0), 3.0))
        cos, sin = right**2 - down**2, -2 * right * down  # of twice the angle, anticlockwise as seen
        height = np.clip(-depth_m / 0.05, 0, 1)
        return np.stack([height, cos / 1e-3, sin / 1e-3, 0.2 * np.ones_like(depth_m)]).astype(np.float32)


def predictor_of(runtime: Any, **changes: Any) -> GraspPredictor:
    settings = {"crop": CropConfig(size_px=100), "detection": DetectionConfig(min_quality=0.2), **changes}
    return GraspPredictor("paper", runtime, PreprocessConfig(input_size_px=SIDE), 150.0, **settings)


def one_peak(row: int = 20, column: int = 40, side: int = SIDE) -> np.ndarray:
    rows, columns = np.mgrid[:side, :side]
    output = np.zeros((4, side, side), np.float32)
    output[0] = np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 2 / 4.0**2)
    output[1], output[3] = 1.0, 0.2
    return output


def flat(depth_m: float = 0.5) -> DepthFrame:
    return DepthFrame(np.full((120, 160), depth_m, np.float32), CAMERA)


def same(one: Prediction, other: Prediction) -> bool:
    grasps = zip(one.grasps, other.grasps)
    positions = all(a.position_m.tobytes() == b.position_m.tobytes() and a.width_m == b.width_m for a, b in grasps)
    return positions and one.image_grasps == other.image_grasps and len(one.grasps) == len(other.grasps)


@pytest.fixture(scope="module")
def table() -> DepthFrame:
    return next(iter(tabletop_frames(3, 1)))[0]


def test_the_shipped_network_finds_grasps_on_a_table_with_things(predictor: GraspPredictor, table: DepthFrame) -> None:
    prediction = predictor.predict(table)
    assert prediction.grasps
    assert prediction.nothing is None
    for grasp, place in zip(prediction.grasps, prediction.image_grasps):
        assert table.camera.project(grasp.position_m) == pytest.approx((place.u, place.v), abs=1e-6)
        assert 0.3 < grasp.position_m[2] < 0.9
        assert 0.45 <= grasp.quality <= 1.0


@pytest.mark.parametrize("recording", ["uoc_tabletop", "txleo_blocks", "sawyermade_remote"])
def test_the_shipped_network_finds_grasps_on_real_frames(predictor: GraspPredictor, data: Path, recording: str) -> None:
    png = cv2.imread(str(data / "recordings" / recording / "000_depth.png"), cv2.IMREAD_UNCHANGED)
    camera = PinholeCamera(png.shape[1], png.shape[0], 615.0, 615.0, 320.0, 240.0)
    prediction = predictor.predict(DepthFrame(png.astype(np.float32) * 0.001, camera))
    assert prediction.maps is not None
    assert np.isfinite([g.position_m for g in prediction.grasps]).all()
    assert prediction.grasps or prediction.nothing is not None


def test_the_same_frame_twice_gives_the_same_grasps_bit_by_bit(predictor: GraspPredictor, table: DepthFrame) -> None:
    other = next(iter(tabletop_frames(4, 1)))[0]
    first = predictor.predict(table)
    predictor.predict(other)
    again = predictor.predict(table)
    assert first.grasps
    assert same(first, again), "stateless between frames"
    assert first.maps is not None
    assert again.maps is not None
    np.testing.assert_array_equal(first.maps.quality, again.maps.quality)


def plainly_predicted(finder: GraspPredictor, seen: DepthFrame) -> Prediction:
    """Return the road of `predict` as it reads in words: every step for the whole image, every map smoothed."""
    near_m, far_m = finder.crop.near_m, finder.crop.far_m
    inside = (seen.depth_m >= near_m) & (seen.depth_m <= far_m)
    seen = replace(seen, depth_m=np.where(inside, seen.depth_m, np.nan))
    crop = SquareCrop.placed(finder.crop, seen.depth_m.shape, finder.preprocess.input_size_px)
    filled_m, missing = without_holes(crop.extract(seen.depth_m), finder.preprocess.fill)
    maps = finder.raw_maps(filled_m, seen.camera.focal_px / crop.scale)
    sigmas_px = (
        finder.detection.sigma_quality_px,
        *[finder.detection.sigma_angle_px] * 2,
        finder.detection.sigma_width_px,
    )
    images = (np.where(missing, np.float32(0), maps.quality), maps.cos_2phi, maps.sin_2phi, maps.width_px)
    smoothed = GraspMaps(*(cv2.GaussianBlur(image, (0, 0), sigma) for image, sigma in zip(images, sigmas_px)))
    unsmoothed = SmoothedMaps(smoothed.quality, smoothed, replace(finder.detection, sigma_angle_px=0, sigma_width_px=0))
    return Prediction(crop, unsmoothed, *detect(smoothed, crop, seen, finder.detection, finder.limits))


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("size_px", [200, 300, 420])
def test_the_road_is_what_it_says_step_by_step(predictor: GraspPredictor, fill: str, size_px: int) -> None:
    depth_m = next(iter(tabletop_frames(3, 1)))[0].depth_m.copy()
    rng = np.random.default_rng(0)
    depth_m[cv2.GaussianBlur(rng.normal(size=depth_m.shape), (0, 0), 4) > 0.08] = np.nan
    depth_m[rng.random(depth_m.shape) < 0.05] = 5.0  # beyond the working range
    seen = DepthFrame(depth_m, PinholeCamera(640, 480, 600.0, 610.0, 320.0, 240.0))
    crop, preprocess = CropConfig(size_px), replace(predictor.preprocess, fill=fill)
    finder = replace(predictor, crop=crop, preprocess=preprocess, detection=DetectionConfig(min_quality=0.1))
    found, expected = finder.predict(seen), plainly_predicted(finder, seen)
    assert len(found.grasps) == len(expected.grasps) > 1
    for one, other in zip(found.image_grasps, expected.image_grasps):
        assert astuple(one) == pytest.approx(astuple(other), abs=1e-4)
    for one, other in zip(found.grasps, expected.grasps):
        np.testing.assert_allclose(one.position_m, other.position_m, atol=1e-9)
    for name in ("quality", "cos_2phi", "sin_2phi", "width_px"):
        np.testing.assert_array_equal(getattr(found.maps, name), getattr(expected.maps, name))


def test_every_stage_of_the_road_is_told_once_and_in_order() -> None:
    told: List[str] = []
    predictor_of(Drawing(one_peak()), stage_done=told.append).predict(flat())
    assert told == ["prepare", "network", "maps", "detect"]


STRICT: Dict[str, Any] = {"clearance": ClearanceConfig(), "table": TableConfig()}


def on_table(*boxes: Tuple[float, float, float]) -> DepthFrame:
    """Return a table seen from 0.5 m with blocks 4 cm wide at (x, y) [m] that are so high."""
    bodies = [Body(Box((1.0, 1.0, 0.01)), np.eye(3), np.array([0.0, 0.0, -0.01]))]
    for x_m, y_m, high_m in boxes:
        bodies.append(Body(Box((0.02, 0.03, high_m / 2)), np.eye(3), np.array([x_m, y_m, high_m / 2])))
    pose = looking_at(np.array([0.0, 0.0, 0.5]), np.zeros(3))
    return DepthFrame(exact_depth(tuple(bodies), CAMERA, pose), CAMERA)


def test_a_gripper_that_has_no_room_refuses_a_grasp_and_says_so() -> None:
    output = one_peak(SIDE // 2, SIDE // 2)
    output[3] = 0.08  # 56 mm over the block
    above = Drawing(output)
    alone, crowded = on_table((0.0, 0.0, 0.05)), on_table((0.0, 0.0, 0.05), (0.048, 0.0, 0.05))
    assert len(predictor_of(above, **STRICT).predict(alone).grasps) == 1
    assert predictor_of(above, **STRICT).predict(alone).remarks() == ""
    prediction = predictor_of(above, **STRICT).predict(crowded)
    assert [rejection.reason for rejection in prediction.rejections] == [Reason.FINGERS_BLOCKED]
    assert Reason.FINGERS_BLOCKED.value in prediction.remarks()
    assert len(predictor_of(above).predict(crowded).grasps) == 1, "who doesn't ask isn't refused"


def test_a_table_that_is_not_found_is_told_and_one_that_is_given_counts() -> None:
    rough_m = np.random.default_rng(0).uniform(0.45, 0.55, (120, 160)).astype(np.float32)
    seen, above = DepthFrame(rough_m, CAMERA), Drawing(one_peak())
    fitting = predictor_of(above, table=TableConfig("fitted"))
    assert NO_TABLE in fitting.predict(seen).remarks()
    assert NO_TABLE not in predictor_of(above).predict(seen).remarks(), "who doesn't ask isn't told"
    high_up = TablePlane(np.array([0.0, 0.0, -1.0]), 0.3)
    prediction = fitting.predict(seen, high_up)
    assert [rejection.reason for rejection in prediction.rejections] == [Reason.IN_TABLE]
    assert NO_TABLE not in prediction.remarks()
    with pytest.raises(ConfigError, match="base"):
        predictor_of(above, table=TableConfig("base")).predict(seen)


def test_the_table_is_found_in_the_window_wherever_it_lies() -> None:
    pose = looking_at(np.array([0.1, -0.3, 0.5]), np.zeros(3))
    body = Body(Box((1.0, 1.0, 0.01)), np.eye(3), np.array([0.0, 0.0, -0.01]))
    seen = DepthFrame(exact_depth((body,), CAMERA, pose), CAMERA)
    way = {"table": TableConfig("fitted"), "clearance": replace(ANY_WAY.config, approach="table")}
    for offset_u_px in (-20, 0, 25):
        crop = CropConfig(size_px=100, offset_u_px=offset_u_px)
        (grasp,) = predictor_of(Drawing(one_peak()), crop=crop, **way).predict(seen).grasps
        np.testing.assert_allclose(pose[:3, :3] @ grasp.approach, [0.0, 0.0, -1.0], atol=1e-3)


def test_a_frame_is_an_argument_and_stays_as_it_is(predictor: GraspPredictor, table: DepthFrame) -> None:
    before = table.depth_m.copy()
    predictor.predict(table)
    np.testing.assert_array_equal(table.depth_m, before)


@pytest.mark.parametrize("quarter_turns", [1, 2, 3])
def test_turning_the_frame_turns_its_grasps(quarter_turns: int) -> None:
    side = 101
    rows, columns = np.mgrid[:side, :side] - 50.0
    depth_m = np.full((side, side), 0.6, np.float32)
    for u, v, angle_rad, half_length in ((-20, -14, 0.4, 11), (18, 10, -1.2, 15), (-15, 25, 1.4, 9)):
        along = (columns - u) * math.cos(angle_rad) - (rows - v) * math.sin(angle_rad)
        across = (columns - u) * math.sin(angle_rad) + (rows - v) * math.cos(angle_rad)
        depth_m -= 0.05 * np.exp(-((along / half_length) ** 2) - (across / 3.5) ** 2).astype(np.float32)
    camera = PinholeCamera(side, side, 150.0, 150.0, 50.0, 50.0)
    ridges = predictor_of(Ridges(), crop=CropConfig(size_px=side))
    still = ridges.predict(DepthFrame(depth_m, camera))
    turned = ridges.predict(DepthFrame(np.rot90(depth_m, quarter_turns), camera))
    assert len(still.grasps) == len(turned.grasps) == 3
    # Anticlockwise as seen is a negative turn about the forward axis.
    c, s = math.cos(-quarter_turns * math.pi / 2), math.sin(-quarter_turns * math.pi / 2)
    turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    for before, after in zip(still.grasps, turned.grasps):
        np.testing.assert_allclose(after.position_m, turn @ before.position_m, atol=1e-4)
        difference_rad = after.angle_rad - before.angle_rad - quarter_turns * math.pi / 2
        assert math.cos(2 * difference_rad) == pytest.approx(1.0, abs=1e-3)
        np.testing.assert_allclose(np.abs((turn @ before.rotation()).T @ after.rotation()), np.eye(3), atol=0.03)
        assert after.width_m == pytest.approx(before.width_m, rel=1e-3)


def test_a_peak_of_the_map_is_a_grasp_at_that_place_of_the_window() -> None:
    (place,) = predictor_of(Drawing(one_peak(20, 40))).predict(flat()).image_grasps
    scale = 100 / SIDE
    assert (place.u, place.v) == pytest.approx((30 + 40.5 * scale - 0.5, 10 + 20.5 * scale - 0.5))
    assert place.width_px == pytest.approx(0.2 * 150.0 * scale, rel=1e-5)


@pytest.mark.parametrize("depth_m", [0.0, np.nan, -1.0, 0.05, 2.5, 79.0])
def test_without_depth_in_the_working_range_there_is_no_grasp_and_no_error(depth_m: float) -> None:
    prediction = predictor_of(Drawing(one_peak())).predict(flat(depth_m))
    assert prediction.nothing is NoGrasp.NO_DEPTH
    assert (prediction.maps, prediction.grasps, prediction.rejections) == (None, (), ())


def test_a_flat_map_has_no_peak() -> None:
    prediction = predictor_of(Drawing(np.zeros((4, SIDE, SIDE), np.float32))).predict(flat())
    assert prediction.nothing is NoGrasp.NO_PEAK


def test_when_all_are_refused_the_result_says_so_and_why() -> None:
    limits = LimitsConfig(max_depth_m=0.2)
    prediction = predictor_of(Drawing(one_peak()), limits=limits).predict(flat())
    assert prediction.nothing is NoGrasp.ALL_REFUSED
    assert [rejection.reason.value for rejection in prediction.rejections] == [
        "it is farther than the depth range allows"
    ]


@pytest.mark.parametrize(("height_px", "width_px"), [(1, 1), (2, 3), (40, 300), (300, 40), (64, 64), (99, 101)])
def test_a_frame_of_any_size_is_judged(height_px: int, width_px: int) -> None:
    camera = PinholeCamera(width_px, height_px, 100.0, 100.0, width_px / 2, height_px / 2)
    prediction = predictor_of(Drawing(one_peak())).predict(DepthFrame(np.full((height_px, width_px), 0.5), camera))
    (place,) = prediction.image_grasps
    assert -0.5 <= place.u <= width_px - 0.5
    assert -0.5 <= place.v <= height_px - 0.5


def test_where_nothing_was_measured_there_is_no_quality() -> None:
    depth_m = np.full((120, 160), 0.5, np.float32)
    depth_m[:, 80:] = 0.0
    prediction = predictor_of(Drawing(one_peak(20, 50))).predict(DepthFrame(depth_m, CAMERA))
    assert prediction.nothing is NoGrasp.NO_PEAK


def test_no_grasp_stands_at_a_depth_outside_the_working_range() -> None:
    depth_m = np.full((120, 160), 0.5, np.float32)
    depth_m[np.random.default_rng(0).random((120, 160)) < 0.6] = 79.0
    finder = predictor_of(
        Drawing(one_peak()),
        detection=DetectionConfig(min_quality=0.1, depth_radius_px=3),
        crop=CropConfig(size_px=SIDE, far_m=2.0),
    )
    prediction = finder.predict(DepthFrame(depth_m, CAMERA))
    assert prediction.grasps
    assert [grasp.position_m[2] for grasp in prediction.grasps] == pytest.approx([0.5] * len(prediction.grasps))


@pytest.mark.parametrize("poison", [np.nan, np.inf])
def test_a_poisoned_output_is_a_network_error(poison: float) -> None:
    output = one_peak()
    output[3, 5, 5] = poison
    with pytest.raises(NetworkError, match="NaN or infinity"):
        predictor_of(Drawing(output)).predict(flat())


def test_poisoned_weights_are_a_network_error_from_the_first_run() -> None:
    network = build_model(ModelConfig.from_tree({"architecture": "ggcnn"}))
    weights = {name: tensor * torch.nan for name, tensor in network.state_dict().items()}
    checkpoint = Checkpoint("x", ModelConfig.from_tree({"architecture": "ggcnn"}), weights, training={"by": "test"})
    poisoned = GraspPredictor.from_checkpoint(checkpoint, "cpu")
    with pytest.raises(NetworkError, match="NaN"):
        poisoned.warm_up()
    with pytest.raises(NetworkError, match="NaN"):
        poisoned.predict(flat())


@pytest.mark.parametrize("shape", [(4, SIDE // 2, SIDE // 2), (4, SIDE + 1, SIDE + 1), (3, SIDE, SIDE)])
def test_maps_of_another_size_than_the_input_are_a_network_error_with_both(shape: Tuple[int, ...]) -> None:
    wrong = predictor_of(Drawing(np.zeros(shape, np.float32)))
    for run in (wrong.warm_up, lambda: wrong.predict(flat())):
        with pytest.raises(NetworkError, match=rf"{shape[-1]}.*{SIDE}"):
            run()


def test_an_rgbd_checkpoint_is_refused() -> None:
    model = ModelConfig.from_tree({"architecture": "grconvnet", "network": {"in_channels": 4, "channels": 2}})
    checkpoint = Checkpoint("rgbd", model, build_model(model).state_dict(), training={"by": "test"})
    with pytest.raises(CheckpointError, match="'rgbd' wants 4 channels"):
        GraspPredictor.from_checkpoint(checkpoint, "cpu")


def test_a_predictor_carries_what_its_checkpoint_says() -> None:
    model = ModelConfig.from_tree({"architecture": "ggcnn"})
    preprocess = PreprocessConfig(input_size_px=60, clip_m=0.5)
    checkpoint = Checkpoint("mine", model, build_model(model).state_dict(), preprocess, 75.0, {"by": "test"})
    carried = GraspPredictor.from_checkpoint(checkpoint, "cpu")
    assert (carried.name, carried.preprocess, carried.width_scale_px) == ("mine", preprocess, 75.0)
    carried.warm_up()
    assert carried.predict(flat()).crop.out_px == 60


@pytest.mark.parametrize("depth_m", [0.3, 0.5, 1.1])
@pytest.mark.parametrize("clearance_m", [0.0, 0.02])
def test_a_contact_width_is_opened_by_the_clearance_in_metres(depth_m: float, clearance_m: float) -> None:
    detection = DetectionConfig(min_quality=0.2, clearance_m=clearance_m)
    opening = predictor_of(Drawing(one_peak()), detection=detection)
    contact = replace(opening, width="contact")
    (plain,), (opened,) = opening.predict(flat(depth_m)).grasps, contact.predict(flat(depth_m)).grasps
    assert opened.width_m - plain.width_m == pytest.approx(clearance_m, abs=1e-6)
    np.testing.assert_array_equal(opened.position_m, plain.position_m)


def test_limits_judge_the_opening_and_not_the_contact_width() -> None:
    contact = replace(predictor_of(Drawing(one_peak())), width="contact")
    (grasp,) = contact.predict(flat()).grasps
    tight = replace(contact, limits=LimitsConfig(max_width_m=grasp.width_m - 0.001))
    assert tight.predict(flat()).rejections[0].reason is Reason.OPENS_TOO_FAR


def test_without_a_camera_contact_widths_cannot_be_opened() -> None:
    contact = replace(predictor_of(Drawing(one_peak())), width="contact")
    with pytest.raises(ConfigError, match="'paper' puts out contact widths; give the focal length"):
        contact.raw_maps(np.ones((SIDE, SIDE), np.float32), None)


def test_the_network_is_given_the_size_of_a_pixel_of_its_own_input() -> None:
    class Listener(Drawing):
        def __call__(self, image: np.ndarray) -> np.ndarray:
            self.heard = image
            return self.output

    listener = Listener(one_peak())
    preprocess = PreprocessConfig(input_size_px=SIDE, pixel_size_channel=True)
    finder = replace(predictor_of(listener), preprocess=preprocess)
    finder.warm_up()
    finder.predict(flat(0.5))
    assert listener.heard.shape == (2, SIDE, SIDE)
    # A pixel of the input is 100/64 of one of the image.
    np.testing.assert_allclose(np.exp(listener.heard[1]), 1000 * 0.5 / CAMERA.fx * 100 / SIDE, rtol=1e-5)


def test_a_checkpoint_tells_its_channels_and_its_kind_of_width() -> None:
    model = ModelConfig.from_tree({"architecture": "ggcnn", "network": {"in_channels": 2}})
    preprocess = PreprocessConfig(input_size_px=60, pixel_size_channel=True)
    weights = build_model(model).state_dict()
    checkpoint = Checkpoint("two", model, weights, preprocess, 75.0, {"by": "test"}, width="contact")
    assert GraspPredictor.from_checkpoint(checkpoint, "cpu").width == "contact"
    with pytest.raises(CheckpointError, match="'two' wants 2 channels; its preprocessing makes 1"):
        GraspPredictor.from_checkpoint(replace(checkpoint, preprocess=PreprocessConfig(input_size_px=60)), "cpu")


def test_changing_a_setting_makes_another_predictor_and_leaves_the_first() -> None:
    first = predictor_of(Drawing(one_peak()))
    second = replace(first, detection=DetectionConfig(min_quality=1.0))
    assert len(first.predict(flat()).grasps) == 1
    assert second.predict(flat()).nothing is NoGrasp.NO_PEAK


def test_the_mask_of_allowed_places_is_one_of_the_image() -> None:
    allowed = np.zeros((120, 160), bool)
    finder = predictor_of(Drawing(one_peak()), allowed=allowed)
    assert finder.predict(flat()).nothing is NoGrasp.ALL_REFUSED
    allowed[:] = True
    assert finder.predict(flat()).nothing is None


@pytest.mark.parametrize(
    ("name", "near_miss"), [("gpu", "cpu"), ("cpu:x", "cpu"), ("cuda:x", "cuda"), ("auto:1", "auto"), ("", "auto, cpu")]
)
def test_an_unknown_device_is_refused_with_those_that_are(name: str, near_miss: str) -> None:
    with pytest.raises(ConfigError, match=near_miss):
        choose_device(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="says what happens where there is no GPU")
@pytest.mark.parametrize("name", ["cuda", "cuda:1"])
def test_a_gpu_that_is_not_there_is_refused_and_auto_is_the_cpu(name: str) -> None:
    with pytest.raises(ConfigError, match="no GPU"):
        choose_device(name)
    assert choose_device("auto") == torch.device("cpu")


def test_the_runtime_takes_any_layout_and_leaves_its_input_alone() -> None:
    network = build_model(ModelConfig.from_tree({"architecture": "ggcnn"}))
    runtime = EagerRuntime(network.train(), choose_device("cpu"))
    assert not network.training
    assert runtime.device == "cpu"
    depth_m = np.random.default_rng(0).normal(0, 0.1, (1, 60, 60)).astype(np.float32)
    before = depth_m.copy()
    np.testing.assert_array_equal(runtime(np.asfortranarray(depth_m)), runtime(depth_m))
    np.testing.assert_array_equal(depth_m, before)
    assert GraspMaps.decode(runtime(depth_m), 150.0).quality.shape == (60, 60)
    assert runtime(depth_m).dtype == np.float32


def test_a_mask_of_another_size_is_refused(predictor: GraspPredictor) -> None:
    frame, _ = next(tabletop_frames(seed=3, frames=1))
    with pytest.raises(DepthError, match=r"\(100, 100\)"):
        replace(predictor, allowed=np.ones((100, 100), bool)).predict(frame)


def test_remarks_say_what_was_refused_and_how_often(predictor: GraspPredictor) -> None:
    frame, _ = next(tabletop_frames(seed=3, frames=1))
    assert predictor.predict(frame).remarks() == ""
    narrow = replace(predictor, limits=LimitsConfig(max_width_m=0.001)).predict(frame)
    assert narrow.remarks().startswith(NoGrasp.ALL_REFUSED.value)
    assert f"refused {len(narrow.rejections)}: {Reason.OPENS_TOO_FAR.value}" in narrow.remarks()
