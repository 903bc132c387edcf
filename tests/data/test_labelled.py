"""Labelled images as training samples: by number, as on a robot, and saying which file is broken."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any, List

import labelled_data
import numpy as np
import pytest
import torch

from pspgrasp.config import CropConfig, PreprocessConfig, from_tree
from pspgrasp.data.augment import AugmentConfig
from pspgrasp.data.folds import Fold
from pspgrasp.data.labelled import LabelledConfig, LabelledSource, labelled_source
from pspgrasp.depth import DepthFrame
from pspgrasp.errors import ConfigError, DataError
from pspgrasp.evaluation.sources import nominal_camera
from pspgrasp.grasp import ImageGrasp
from pspgrasp.maps import GraspMaps
from pspgrasp.predictor import GraspPredictor
from pspgrasp.rectangle import GraspRectangle

SMALL = PreprocessConfig(input_size_px=64)
WIDTH_SCALE_PX = 40.0
CPU = torch.device("cpu")
RECTANGLES = (labelled_data.RECTANGLE, GraspRectangle(48.0, 36.0, -0.9, 16.0, 10.0))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    labelled_data.write_cornell(tmp_path, range(1, 6), RECTANGLES)
    for number in range(1, 6):  # so that images can be told apart
        labelled_data.write_tiff(tmp_path / f"pcd{number:04d}d.tiff", labelled_data.scene_m(far_m=0.6 + number / 20))
    return tmp_path


def source_of(folder: Path, training: bool, preprocess: PreprocessConfig = SMALL, **settings: Any) -> LabelledSource:
    config = LabelledConfig(folder=str(folder), **{"window_px": 64, "jitter_px": 20, **settings})
    return labelled_source(config, preprocess, WIDTH_SCALE_PX, 7, training)


def names(source: LabelledSource, numbers: range) -> List[str]:
    return [source.sample(number)[0].name for number in numbers]


def test_a_number_is_a_sample_in_any_order_and_any_process(folder: Path) -> None:
    source = source_of(folder, training=True)
    together = source.batch([11, 3, 12], CPU)
    assert (together.image.shape, together.image.dtype) == ((3, 1, 64, 64), torch.float32)
    assert (together.target.shape, together.target.dtype) == ((3, 4, 64, 64), torch.float32)
    elsewhere = pickle.loads(pickle.dumps(source))
    for place, number in enumerate((11, 3, 12)):
        alone = elsewhere.batch([number], CPU)
        assert torch.equal(alone.image[0], together.image[place])
        assert torch.equal(alone.target[0], together.target[place])
    assert not torch.equal(together.image[0], together.image[2])
    assert not torch.equal(replace(source, seed=8).batch([11], CPU).image[0], together.image[0])


def test_each_epoch_sees_every_image_once_in_an_order_of_its_own(folder: Path) -> None:
    source = source_of(folder, training=True)
    assert len(source) == 5
    epochs = [names(source, range(5 * epoch, 5 * epoch + 5)) for epoch in range(4)]
    assert all(sorted(epoch) == sorted(epochs[0]) for epoch in epochs)
    assert len(set(epochs[0])) == 5
    assert len({tuple(epoch) for epoch in epochs}) > 1


def test_validation_is_the_plain_image_in_the_data_set_s_order(folder: Path) -> None:
    source = source_of(folder, training=False)
    assert names(source, range(6)) == [f"pcd000{n}" for n in (1, 2, 3, 4, 5, 1)]
    first, again = source.batch([0], CPU), source.batch([5], CPU)
    assert torch.equal(first.image, again.image)
    assert torch.equal(first.target, again.target)


class Recorder:
    """A runtime that keeps what it is fed."""

    device = "cpu"

    def __init__(self) -> None:
        self.fed: List[np.ndarray] = []

    def __call__(self, image: np.ndarray) -> np.ndarray:
        self.fed.append(image)
        return np.zeros((4, *image.shape[-2:]), np.float32)


@pytest.mark.parametrize("pixel_size", [False, True])
def test_the_network_is_fed_as_on_a_robot(folder: Path, pixel_size: bool) -> None:
    preprocess = replace(SMALL, pixel_size_channel=pixel_size)
    source = source_of(folder, False, preprocess, window_px=48, far_m=0.83, focal_px=200.0)
    for number in range(5):
        sample, crop, _ = source.sample(number)
        runtime, shape = Recorder(), sample.depth_m.shape
        middle_px = (crop.left_px + 24 - shape[1] // 2, crop.top_px + 24 - shape[0] // 2)
        window = CropConfig(48, *middle_px, far_m=0.83)
        predictor = GraspPredictor("x", runtime, preprocess, WIDTH_SCALE_PX, crop=window)
        raw = source.dataset.read(source.entries[number])
        predictor.predict(DepthFrame(raw.depth_m, nominal_camera(shape, 200.0)))
        np.testing.assert_array_equal(
            source.batch([number], CPU).image[0].numpy(), np.reshape(runtime.fed, (-1, 64, 64))
        )


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("window_px", [64, 32])
def test_the_target_decodes_to_the_labels(folder: Path, training: bool, window_px: int) -> None:
    source = source_of(folder, training, window_px=window_px, jitter_px=10, clearance_px=5.0)
    for number in range(8):
        sample, crop, zoom = source.sample(number)
        maps = GraspMaps.decode(source.batch([number], CPU).target[0].numpy(), WIDTH_SCALE_PX)
        labels = [ImageGrasp(r.u, r.v, r.angle_rad, r.opening_px, 1.0) for r in sample.rectangles]
        found = 0
        for label, place in zip(labels, map(crop.to_crop, labels)):
            row, column = round(place.v), round(place.u)
            if not (0 <= row < 64 and 0 <= column < 64):
                continue
            found += 1
            assert maps.quality[row, column] == 1
            assert math.cos(2 * (maps.angle_rad()[row, column] - label.angle_rad)) == pytest.approx(1, abs=1e-5)
            contact_px = maps.width_px[row, column] * crop.scale
            assert contact_px == pytest.approx(label.width_px - 5.0 * zoom, rel=1e-4)
        assert found, "every window has a label"


def test_a_window_larger_than_the_image_is_its_largest_square(folder: Path) -> None:
    _, crop, _ = source_of(folder, False, window_px=4096).sample(0)
    assert (crop.size_px, crop.top_px, crop.out_px) == (90, 0, 64)


def test_a_zoom_is_a_longer_lens(folder: Path) -> None:
    lens = AugmentConfig(turn_rad=0.0, smallest_zoom=1.25, flip_probability=0.0, depth_offset_m=0.0, depth_scale=1.0)
    preprocess = replace(SMALL, pixel_size_channel=True)
    source = source_of(folder, True, preprocess, focal_px=200.0, augment=lens)
    sample, crop, zoom = source.sample(0)
    assert zoom == pytest.approx(1.25)
    focal_px = 200.0 * 1.25 / crop.scale
    middle_m = crop.extract(sample.depth_m)[32, 32]
    assert source.batch([0], CPU).image[0, 1, 32, 32] == pytest.approx(math.log(1000 * middle_m / focal_px), abs=1e-5)


def test_images_are_kept_up_to_the_limit(folder: Path) -> None:
    keeping, forgetting = source_of(folder, False), source_of(folder, False, cached_images=0)
    for source in (keeping, forgetting):
        source.batch(range(5), CPU)
    (folder / "pcd0002d.tiff").unlink()
    keeping.batch([1], CPU)
    for source in (forgetting, pickle.loads(pickle.dumps(keeping)), source_of(folder, False, cached_images=2)):
        with pytest.raises(DataError, match=r"pcd0002d\.tiff is missing"):
            source.batch([0, 1], CPU)


def test_what_can_t_be_used_is_named(folder: Path, tmp_path: Path) -> None:
    (folder / "pcd0003d.tiff").write_bytes(b"II*\x00 broken")
    with pytest.raises(DataError, match=r"pcd0003d\.tiff can't be read"):
        source_of(folder, True).batch(range(5), CPU)
    with pytest.raises(DataError, match=r"pcd0001 of .*: nothing is measured .* far_m 0.3"):
        source_of(folder, False, far_m=0.3).batch([0], CPU)
    with pytest.raises(DataError, match=r"no image of .* is chosen"):
        replace(source_of(folder, True), entries=())
    with pytest.raises(DataError, match="give focal_px"):
        source_of(folder, True, replace(SMALL, pixel_size_channel=True))
    with pytest.raises(DataError, match="nowhere is not a folder"):
        source_of(tmp_path / "nowhere", True)


def test_a_tree_of_settings_is_checked_before_an_image_is_read() -> None:
    tree = {"folder": "x", "window_px": 200, "target": {"edge_quality": 0.2}, "augment": {"turn_rad": 1.0}}
    config = from_tree(LabelledConfig, tree)
    assert (config.window_px, config.target.edge_quality, config.augment.turn_rad) == (200, 0.2, 1.0)
    with pytest.raises(ConfigError, match="did you mean 'clearance_px'"):
        from_tree(LabelledConfig, {"clearance": 8})
    with pytest.raises(ConfigError, match=r"near_m \(3\) must be below far_m \(2\)"):
        from_tree(LabelledConfig, {"near_m": 3.0})


@pytest.mark.parametrize(("name", "settings"), [("cornell", {}), ("jacquard", {"window_px": 1024, "depth": "stereo"})])
def test_real_images_keep_labels_in_every_window(data: Path, name: str, settings: dict) -> None:
    source = labelled_source(LabelledConfig(folder=str(data / name), **settings), PreprocessConfig(), 150.0, 0, True)
    batch = source.batch(range(8), CPU)
    assert batch.image.shape == (8, 1, 300, 300)
    assert torch.isfinite(batch.image).all()
    good_px = (batch.target[:, 0] > 0).sum(dim=(1, 2))
    assert (good_px > 20).all()
    assert (good_px < 0.1 * 300**2).all()


def test_a_fold_that_is_left_out_is_not_learnt_from_and_is_what_is_judged(folder: Path) -> None:
    every = {entry.name for entry in source_of(folder, True).entries}
    learnt = {entry.name for entry in source_of(folder, True, left_out="0/2").entries}
    judged = {entry.name for entry in Fold.parse("0/2").inside(source_of(folder, True).entries)}
    assert learnt
    assert judged
    assert learnt | judged == every
    assert not learnt & judged


@pytest.mark.parametrize("left_out", ["2/2", "first"])
def test_a_fold_that_is_none_is_refused_before_an_image_is_read(left_out: str) -> None:
    with pytest.raises(DataError, match="a fold is written 0/2"):
        LabelledConfig(folder="nowhere", left_out=left_out)
