"""Laws of the source: a number is a sample, alone or in any batch; and the input is what deployment makes of depth."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from pspgrasp import preprocess
from pspgrasp.config import PreprocessConfig
from pspgrasp.data.synthetic.source import SyntheticConfig, SyntheticSource, network_input, without_holes
from pspgrasp.errors import ConfigError

CPU = torch.device("cpu")
SIDE_PX = 60


def source(seed: int = 0, pixel_size: bool = True, width_scale_px: float = 30.0) -> SyntheticSource:
    preprocessing = PreprocessConfig(input_size_px=SIDE_PX, pixel_size_channel=pixel_size)
    return SyntheticSource(SyntheticConfig(), preprocessing, width_scale_px, seed)


def test_a_number_is_a_sample_alone_and_in_any_batch() -> None:
    together, mixed = source().batch([3, 1, 4, 1], CPU), source().batch([9, 4, 3], CPU)
    assert torch.equal(together.image[1], together.image[3])
    for field in ("image", "target"):
        one, other = getattr(together, field), getattr(mixed, field)
        assert torch.equal(one[0], other[2])
        assert torch.equal(one[2], other[1])
        assert torch.equal(one[1], getattr(source().batch([1], CPU), field)[0])


def test_batches_have_the_network_s_shapes_and_are_finite() -> None:
    for pixel_size, channels in ((False, 1), (True, 2)):
        batch = source(pixel_size=pixel_size).batch(range(4), CPU)
        assert batch.image.shape == (4, channels, SIDE_PX, SIDE_PX)
        assert batch.target.shape == (4, 4, SIDE_PX, SIDE_PX)
        assert batch.image.dtype == batch.target.dtype == torch.float32
        assert batch.image.isfinite().all()
        assert batch.target.isfinite().all()
        assert not batch.image.requires_grad


def test_another_seed_or_number_is_another_sample() -> None:
    one, other = source(seed=1).batch([0, 1], CPU), source(seed=2).batch([0, 1], CPU)
    assert not torch.equal(one.image, other.image)
    assert not torch.equal(one.image[0], one.image[1])


def test_widths_are_in_units_of_the_scale() -> None:
    small, large = (source(width_scale_px=scale).batch([5, 6], CPU).target for scale in (10.0, 40.0))
    torch.testing.assert_close(small[:, 3], 4 * large[:, 3])
    assert torch.equal(small[:, :3], large[:, :3])


def test_what_is_measured_is_near_what_is_there() -> None:
    pictures = source().pictures(range(12), CPU)
    known = ~pictures.measured_m.isnan()
    off_m = (pictures.measured_m - pictures.view.depth_m).abs()
    assert 0.5 < known.float().mean() < 1.0
    assert off_m[known].median() < 0.02
    assert pictures.measured_m[known].max() < 2.0 * 1.6


@pytest.mark.parametrize("pixel_size", [False, True])
def test_the_network_input_is_that_of_deployment(pixel_size: bool) -> None:
    rng = np.random.default_rng(0)
    depth_m = rng.uniform(0.3, 3.0, (3, SIDE_PX, SIDE_PX)).astype(np.float32)
    focal_px = np.array([80.0, 120.0, 333.3], np.float32)
    config = PreprocessConfig(input_size_px=SIDE_PX, clip_m=0.8, pixel_size_channel=pixel_size)
    found = network_input(torch.from_numpy(depth_m), config, torch.from_numpy(focal_px)).numpy()
    for one, depth, focal in zip(found, depth_m, focal_px):
        np.testing.assert_allclose(one, preprocess.network_input(depth, config, float(focal)), atol=2e-6)


@pytest.mark.parametrize("side_px", [32, 45, 64, 97])
@pytest.mark.parametrize("holes", [0.0, 0.2, 0.9, 0.999])
def test_filling_keeps_measurements_and_stays_within_their_range(side_px: int, holes: float) -> None:
    generator = torch.Generator().manual_seed(side_px)
    depth_m = 0.4 + torch.rand((3, side_px, side_px), generator=generator)
    missing = torch.rand(depth_m.shape, generator=generator) < holes
    missing[:, 0, 0] = False
    filled_m = without_holes(torch.where(missing, torch.full_like(depth_m, torch.nan), depth_m))
    assert torch.equal(filled_m[~missing], depth_m[~missing])
    for one, filled, gone in zip(depth_m, filled_m, missing):
        assert one[~gone].min() - 1e-5 <= filled.min()
        assert filled.max() <= one[~gone].max() + 1e-5


@pytest.mark.parametrize("side_px", [32, 45, 60, 97, 300])
@pytest.mark.parametrize("holes", [0.001, 0.2, 0.9, 0.999])
def test_holes_are_filled_as_in_deployment(side_px: int, holes: float) -> None:
    rng = np.random.default_rng(side_px)
    depth_m = rng.uniform(0.3, 1.5, (side_px, side_px)).astype(np.float32)
    missing = rng.random(depth_m.shape) < holes
    missing[: side_px // 3, side_px // 2 :] = True
    missing[-1, 0] = False
    depth_m[missing] = np.nan
    found_m = without_holes(torch.from_numpy(depth_m)[None])[0].numpy()
    np.testing.assert_allclose(found_m, preprocess.push_pull(depth_m, missing), atol=1e-5)


def test_scenes_that_are_to_be_filled_in_another_way_are_refused() -> None:
    with pytest.raises(ConfigError, match="filled by push_pull, not by 'navier_stokes'"):
        SyntheticSource(SyntheticConfig(), PreprocessConfig(fill="navier_stokes"), 30.0, 0)


def test_one_measurement_fills_everything_and_none_fills_nothing() -> None:
    depth_m = torch.full((2, 300, 300), torch.nan)
    depth_m[0, 17, 290] = 0.8
    filled_m = without_holes(depth_m)
    torch.testing.assert_close(filled_m[0], torch.full((300, 300), 0.8))
    assert filled_m[1].isfinite().all()


def test_a_hole_in_a_plane_is_filled_near_the_plane_and_each_picture_by_itself() -> None:
    rows, columns = torch.meshgrid(torch.arange(96.0), torch.arange(96.0), indexing="ij")
    plane_m = 0.5 + 0.001 * rows + 0.0005 * columns
    pierced_m = plane_m.clone()
    pierced_m[40:52, 30:42] = torch.nan
    filled_m = without_holes(torch.stack([pierced_m, plane_m + 1]))
    assert (filled_m[0] - plane_m).abs().max() < 0.012
    assert torch.equal(filled_m[1], plane_m + 1)
    assert torch.equal(without_holes(pierced_m[None])[0], filled_m[0])


def test_real_holes_are_filled_about_as_inpainting_fills_them(data: Path) -> None:
    off_m = []
    for folder, unit_m in (("sawyermade_remote", 0.001), ("uoc_tabletop", 0.001), ("txleo_blocks", 0.001)):
        file = sorted((data / "recordings" / folder).glob("*depth*.png"))[0]
        window_m = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)[90:390, 170:470].astype(np.float32) * unit_m
        depth_m = preprocess.within_range(np.where(window_m > 0, window_m, np.nan).astype(np.float32), 0.1, 2.0)
        expected_m, missing = preprocess.without_holes(depth_m, "navier_stokes")
        found_m = without_holes(torch.from_numpy(depth_m)[None])[0].numpy()
        off_m.append(np.abs(found_m - expected_m)[missing])
    every_m = np.concatenate(off_m)
    assert len(every_m) > 500
    assert np.median(every_m) < 0.02
    assert np.quantile(every_m, 0.95) < 0.15
