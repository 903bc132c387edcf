"""GG-CNN's own evaluation: the published weights' verdict on each image, peaks, windows, and the input."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Optional

import labelled_data
import numpy as np
import pytest

from pspgrasp.data.dataset import GraspDataset, open_dataset
from pspgrasp.data.sample import GraspSample
from pspgrasp.errors import DataError
from pspgrasp.evaluation.evaluator import ImageOutcome, evaluate
from pspgrasp.evaluation.ggcnn_protocol import SIDE_PX, GgcnnProtocol, detect_grasps, shrunk
from pspgrasp.import_weights import import_weights
from pspgrasp.predictor import GraspPredictor
from pspgrasp.rectangle import GraspRectangle

LABEL = GraspRectangle(300.0, 200.0, 0.3, 60.0, 30.0)


@pytest.fixture(scope="module")
def published(data: Path) -> GraspPredictor:
    checkpoint = import_weights(data / "peers" / "ggcnn_epoch_23_cornell_statedict.pt", "ggcnn")
    return GraspPredictor.from_checkpoint(checkpoint, "cpu")


@pytest.fixture(scope="module")
def golden(data: Path) -> Dict[str, Any]:
    return json.loads((data / "golden" / "eval.json").read_text())


@pytest.mark.slow
@pytest.mark.parametrize(("name", "hits"), [("cornell", 27), ("jacquard", 13)])
def test_the_published_weights_get_the_originals_verdict_on_each_image(
    data: Path, published: GraspPredictor, golden: Dict[str, Any], name: str, hits: int
) -> None:
    dataset = open_dataset(data / name)
    source = GgcnnProtocol(published, whole=name == "jacquard")
    result = evaluate(source, dataset, "ggcnn_epoch_23", name)
    assert (result.hits, result.without_grasp) == (hits, golden[name]["no_detection"])
    for entry, outcome, expected in zip(dataset.entries, result.outcomes, golden[name]["files"]):
        assert str(entry.labels.relative_to(data / name)) == expected["file"]
        assert outcome.hit == expected["hit"], outcome
        check_grasp(source, dataset.read(entry), outcome, expected["pred"])


def check_grasp(
    source: GgcnnProtocol, sample: GraspSample, outcome: ImageOutcome, pred: Optional[Dict[str, float]]
) -> None:
    """The same pixel of the maps; angle, length and quality nearly."""
    if pred is None:
        assert not outcome.guesses
        return
    (guess,) = outcome.guesses
    left, top, scale = source._place(sample)
    there = guess.rectangle
    assert ((there.v - top) / scale, (there.u - left) / scale) == pytest.approx((pred["row"], pred["col"]))
    assert there.angle_rad == pytest.approx(pred["angle"], abs=1e-3)
    assert there.opening_px / scale == pytest.approx(pred["length"], abs=0.05)
    assert guess.quality == pytest.approx(pred["q"], abs=1e-3)


def test_the_input_and_the_window_are_the_originals(
    data: Path, published: GraspPredictor, golden: Dict[str, Any]
) -> None:
    samples = np.load(str(data / "golden" / "eval_samples.npz"))
    grid = np.ix_(samples["grid_index"], samples["grid_index"])
    for name, step in (("cornell", 1), ("jacquard", 5)):
        dataset: GraspDataset = open_dataset(data / name)
        source = GgcnnProtocol(published, whole=name == "jacquard")
        for index in range(0, len(dataset), step):
            sample, expected = dataset.read(dataset.entries[index]), golden[name]["files"][index]
            np.testing.assert_allclose(
                source.network_input(sample)[grid], samples[f"{name}/input/grid"][index], atol=1e-5
            )
            if name == "cornell":
                assert list(source._place(sample)) == [*expected["crop"][2:], 1.0]


def test_grasps_are_detected_as_the_original_does(data: Path, golden: Dict[str, Any]) -> None:
    maps = np.load(str(data / "golden" / "detect_maps.npz"))
    for entry in golden["detect_grasps"]:
        i = entry["map"]
        quality = maps[f"q_{i}"] / maps["dscale"][i]
        angle_rad, width_px = (maps[f"{name}_{i}"].astype(float) for name in ("ang", "width"))
        for count in (1, 3, 10):
            found = [
                [g.v, g.u, g.angle_rad, g.width_px, g.width_px / 2]
                for g in detect_grasps(quality, angle_rad, width_px, count)
            ]
            either = [entry["modern"][str(count)], entry["old"][str(count)]]
            assert any(len(found) == len(e) and np.allclose(np.array(found), np.array(e)) for e in either), (i, count)


@pytest.mark.parametrize("side_px", [300, 301, 600, 1024])
def test_shrinking_keeps_planes(side_px: int) -> None:
    rows, columns = np.mgrid[0:side_px, 0:side_px].astype(np.float32)
    plane = ((rows + 2 * columns) / side_px).astype(np.float32)
    small = shrunk(plane, SIDE_PX)
    assert small.shape == (SIDE_PX, SIDE_PX)
    k = (np.arange(SIDE_PX) + 0.5) * side_px / SIDE_PX - 0.5
    expected = (k[:, None] + 2 * k[None]) / side_px
    np.testing.assert_allclose(small[5:-5, 5:-5], expected[5:-5, 5:-5], atol=1e-4)


def test_a_flat_map_has_no_grasp() -> None:
    flat = np.full((300, 300), 0.7)
    assert detect_grasps(flat, flat, flat, 5) == []


@pytest.mark.parametrize(("shape", "whole", "said"), [
    ((200, 640), False, "window of 300 px doesn't fit 640x200 px"), ((480, 640), True, "shrinks square images"),
])  # fmt: skip
def test_images_that_do_not_fit_are_refused(predictor: GraspPredictor, shape, whole: bool, said: str) -> None:
    sample = GraspSample(labelled_data.scene_m(shape), (GraspRectangle(300.0, 100.0, 0.3, 60.0, 30.0),), "x")
    with pytest.raises(DataError, match=said):
        GgcnnProtocol(replace(predictor, width="opening"), whole)(sample)


@pytest.mark.parametrize(("u", "v", "left", "top"), [(300, 200, 150, 50), (5, 475, 0, 180), (639, 3, 340, 0)])
def test_the_window_stays_inside(predictor: GraspPredictor, u: float, v: float, left: int, top: int) -> None:
    sample = GraspSample(labelled_data.scene_m((480, 640)), (GraspRectangle(u, v, 0.0, 4.0, 2.0),), "x")
    protocol = GgcnnProtocol(replace(predictor, width="opening"), whole=False)
    assert protocol._place(sample) == (left, top, 1.0)
    assert np.isfinite(protocol.network_input(sample)).all(), "holes are filled"
