"""The road in torch leads where the road with OpenCV does: the same fill, input, maps and places."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from pspgrasp import preprocess
from pspgrasp.config import DetectionConfig, PreprocessConfig
from pspgrasp.device_road import After, Before, network_input, push_pull
from pspgrasp.errors import ConfigError
from pspgrasp.maps import MOST_PLACES, GraspMaps, PlacedMaps, SmoothedMaps

SIDE_PX = 60


def without_holes(depth_m: torch.Tensor) -> torch.Tensor:
    """Return depth (B, N, N) [m] whose holes (NaN) are filled."""
    return push_pull(depth_m.nan_to_num(0.0)[:, None], (~depth_m.isnan()).float()[:, None])[:, 0]


@pytest.mark.parametrize("pixel_size", [False, True])
def test_the_network_input_is_that_of_deployment(pixel_size: bool) -> None:
    rng = np.random.default_rng(0)
    depth_m = rng.uniform(0.3, 3.0, (3, SIDE_PX, SIDE_PX)).astype(np.float32)
    focal_px = np.array([80.0, 120.0, 333.3], np.float32)
    config = PreprocessConfig(input_size_px=SIDE_PX, clip_m=0.8, pixel_size_channel=pixel_size)
    found = network_input(torch.from_numpy(depth_m)[:, None], config, torch.from_numpy(focal_px)).numpy()
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


def random_output(seed: int, side: int) -> np.ndarray:
    """Return a network output (4, side, side) float32 with lumps of quality as a network makes them."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(4, side, side)).astype(np.float32)
    return np.stack([cv2.GaussianBlur(one, (0, 0), 3) * 4 for one in noise])


@pytest.mark.parametrize("width", ["opening", "contact"])
@pytest.mark.parametrize("sigmas_px", [(2.0, 2.0, 1.0), (0.0, 0.0, 0.0), (1.0, 0.0, 3.0)])
@pytest.mark.parametrize("side", [60, 97])
def test_places_and_maps_are_those_of_the_road_with_opencv(width: str, sigmas_px: tuple, side: int) -> None:
    detection = DetectionConfig(**dict(zip(("sigma_quality_px", "sigma_angle_px", "sigma_width_px"), sigmas_px)))
    output, rng = random_output(side, side), np.random.default_rng(1)
    filled_m = rng.uniform(0.02, 1.5, (side, side)).astype(np.float32)
    missing = rng.random((side, side)) < 0.1
    opening_m_px = np.float32(0.01 * 500)
    maps = GraspMaps.decode(output, 150.0)
    if width == "contact":
        maps = maps.opened(opening_m_px / np.maximum(filled_m, np.float32(0.05)))
    wanted = SmoothedMaps.of(maps.without(missing), detection)

    after = After(width, 150.0, detection)
    tensors = [torch.from_numpy(one)[None, None] for one in (filled_m, (~missing).astype(np.float32))]
    places, found, level = after(torch.from_numpy(output)[None], *tensors, torch.tensor([opening_m_px]))
    assert (places.shape, found.shape) == ((1, MOST_PLACES, 6), (1, 4, side, side))
    assert float(level) == pytest.approx(np.abs(output).mean(), rel=1e-5)
    np.testing.assert_allclose(found[0].numpy(), wanted.whole.encode(1.0), rtol=1e-4, atol=1e-4)

    placed = PlacedMaps(places[0].numpy(), lambda: wanted.whole)
    assert placed.summits(0.1) == wanted.summits(0.1)[:MOST_PLACES]
    assert len(placed.summits(0.1)) > 3
    for place in placed.summits(0.1):
        np.testing.assert_allclose(placed.at(*place), wanted.at(*place), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("pixel_size", [False, True])
def test_the_input_of_the_network_is_that_of_the_road_with_opencv(pixel_size: bool) -> None:
    config = PreprocessConfig(SIDE_PX, 0.3, pixel_size)
    rng = np.random.default_rng(2)
    depth_m = rng.uniform(0.3, 1.5, (SIDE_PX, SIDE_PX)).astype(np.float32)
    depth_m[rng.random(depth_m.shape) < 0.2] = np.nan
    wanted, missing = preprocess.prepare(depth_m, config, 321.0)
    known_m = torch.from_numpy(np.nan_to_num(depth_m, nan=0.0))[None, None]
    image, filled_m, measured = Before(config)(known_m, torch.tensor([321.0]))
    np.testing.assert_allclose(image[0].numpy(), wanted, atol=2e-5)
    assert np.array_equal(measured[0, 0].numpy() == 0, missing)
    assert torch.equal(filled_m[0, 0][~torch.from_numpy(missing)], known_m[0, 0][~torch.from_numpy(missing)])


def test_one_value_that_is_not_finite_shows_in_the_level() -> None:
    for poison in (np.nan, np.inf, -np.inf):
        output = random_output(0, 32)
        output[2, 5, 6] = poison
        one = torch.ones(1, 1, 32, 32)
        _, _, level = After("opening", 1.0, DetectionConfig())(torch.from_numpy(output)[None], one, one, torch.ones(1))
        assert not level.isfinite().any()


def test_a_fill_that_no_device_does_is_refused() -> None:
    with pytest.raises(ConfigError, match="no graph fills holes by 'navier_stokes'"):
        Before(PreprocessConfig(fill="navier_stokes"))
