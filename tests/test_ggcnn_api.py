"""GG-CNN's Python interface: names, shapes, values."""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path

import golden
import numpy as np
import pytest

from pspgrasp.errors import CheckpointError, ConfigError, DepthError
from pspgrasp.ggcnn_api import index_mask, predict, process_depth_image
from pspgrasp.import_weights import import_weights
from pspgrasp.predictor import GraspPredictor


def test_signatures_are_the_originals() -> None:
    ours = list(inspect.signature(predict).parameters)
    assert ours[:7] == [
        "depth", "process_depth", "crop_size", "out_size", "depth_nan_mask", "filters", "crop_y_offset",
    ]  # fmt: skip
    defaults = inspect.signature(predict).parameters
    assert (defaults["filters"].default, defaults["crop_size"].default) == ((2.0, 1.0, 1.0), 300)
    assert list(inspect.signature(process_depth_image).parameters) == [
        "depth", "crop_size", "out_size", "return_mask", "crop_y_offset",
    ]  # fmt: skip


def test_processing_and_maps_equal_the_original(data: Path) -> None:
    weights = import_weights(data / "peers" / "ggcnn_epoch_23_cornell_statedict.pt", "ggcnn")
    ggcnn = GraspPredictor.from_checkpoint(weights, "cpu")
    samples = np.load(data / "golden" / "samples.npz")
    grid = samples["grid_index"] if "grid_index" in samples else np.arange(15, 300, 30)
    for number, entry in list(enumerate(golden.runs(data)["service_T1"]))[::4]:
        frame = golden.frame(data, entry)
        depth_m, mask = process_depth_image(frame.depth_m, 300, 300, return_mask=True, crop_y_offset=40)
        points, _, width_px, network_input = predict(
            depth_m, process_depth=False, depth_nan_mask=mask, filters=(2.0, 2.0, 2.0), predictor=ggcnn
        )
        at = np.ix_(grid, grid)
        assert (np.abs(depth_m[at] - samples["service_T1/depth_crop/grid"][number]) < 1e-5).mean() > 0.98
        np.testing.assert_array_equal(mask[at], samples["service_T1/nan_mask/grid"][number])
        assert np.quantile(np.abs(points[at] - samples["service_T1/q/grid"][number]), 0.98) < 2e-3
        assert np.quantile(np.abs(width_px[at] - samples["service_T1/width/grid"][number]), 0.98) < 0.1
        assert abs(float(network_input.mean())) < 0.5


def test_predict_without_a_predictor_takes_the_default_checkpoint() -> None:
    depth_m = np.full((480, 640), 0.6, np.float32)
    depth_m[220:260, 280:360] = 0.55
    points, angle_rad, width_px, network_input = predict(depth_m)
    for image in (points, angle_rad, width_px, network_input):
        assert image.shape == (300, 300)
    assert 0 <= points.min() <= points.max() <= 0.999


def test_arguments_stay_as_they_are(predictor: GraspPredictor) -> None:
    depth_m = np.full((480, 640), 0.6, np.float32)
    depth_m[100:120, 200:300] = np.nan
    before = depth_m.copy()
    predict(depth_m, crop_y_offset=40, predictor=predictor)
    np.testing.assert_array_equal(depth_m, before)


def test_fixed_smooths_the_angle_over_the_wrap(predictor: GraspPredictor) -> None:
    depth_m = np.full((480, 640), 0.6, np.float32)
    depth_m[220:260, 200:440] = 0.55  # a bar along u: its grasps stand at +-pi/2
    points, strict_rad, _, _ = predict(depth_m, filters=(2.0, 2.0, 1.0), predictor=predictor)
    _, fixed_rad, _, _ = predict(depth_m, filters=(2.0, 2.0, 1.0), predictor=predictor, quirks="fixed")
    good = points > 0.5
    assert good.any()
    from_upright_rad = np.abs(np.abs(fixed_rad) - np.pi / 2)[good]
    assert np.quantile(from_upright_rad, 0.9) < 0.3
    assert np.abs(fixed_rad - strict_rad)[good].max() > 0.3, "the original averages +1.52 and -1.52 to something else"


def test_the_index_mask_clears_rows() -> None:
    holes = np.zeros((5, 5), np.uint8)
    assert index_mask(holes).sum() == 5
    holes[4, 4] = 1
    cleared = index_mask(holes)
    assert cleared[:2].all()
    assert not cleared[2:].any()


def test_bad_input_is_refused_in_words(predictor: GraspPredictor) -> None:
    with pytest.raises(DepthError, match="640x480"):
        process_depth_image(np.ones((200, 200), np.float32), 300)
    with pytest.raises(ConfigError, match="strict"):
        predict(np.ones((480, 640), np.float32), predictor=predictor, quirks="strct")


def test_other_map_sizes_are_refused(data: Path) -> None:
    weights = import_weights(
        data / "peers" / "grconvnet3_cornell_rgbd_ch16_epoch_30_iou_0.97_statedict.pt", "grconvnet"
    )
    with pytest.raises(CheckpointError, match="4 channels"):
        GraspPredictor.from_checkpoint(weights, "cpu")


def test_contact_widths_are_opened_by_the_focal_length_or_that_of_a_realsense(predictor: GraspPredictor) -> None:
    depth_m = np.full((480, 640), 0.6, np.float32)
    depth_m[220:260, 280:360] = 0.55
    detection = replace(predictor.detection, clearance_m=0.03)
    contact = replace(predictor, width="contact", detection=detection)
    without_filters = {"filters": (0.0, 0.0, 0.0), "crop_size": 400}
    plain_px = predict(depth_m, predictor=replace(contact, width="opening"), **without_filters)[2]
    opened_px = predict(depth_m, predictor=contact, focal_px=600.0, **without_filters)[2]
    # 0.03 m at 0.6 m are 30 px of the image, and 300/400 of that in the maps.
    assert np.median(opened_px - np.maximum(plain_px, 0)) == pytest.approx(30 * 300 / 400, rel=1e-3)
    as_the_originals_call = predict(depth_m, predictor=contact, **without_filters)[2]
    np.testing.assert_array_equal(
        as_the_originals_call, predict(depth_m, predictor=contact, focal_px=615.0, **without_filters)[2]
    )
