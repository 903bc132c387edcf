"""Laws of the sensor's faults: each is there alone when asked for, and as large as asked; and as real ones are."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Sequence

import cv2
import numpy as np
import pytest
import torch

from pspgrasp.data.synthetic.render import rays_of
from pspgrasp.data.synthetic.scenes import Cameras
from pspgrasp.data.synthetic.sensor import Faults, SensorConfig, measure, random_faults

SIDE_PX = 120
FOCAL_PX, BASELINE_M = 400.0, 0.05
CPU = torch.device("cpu")


def cameras(count: int) -> Cameras:
    return Cameras(torch.full((count,), FOCAL_PX), torch.full((count,), 50.0), torch.full((count,), 70.0))


def faulty(**values: float) -> Faults:
    """Return the faults of one picture; those not named it doesn't have."""
    asked = {"baseline_m": BASELINE_M, **values}
    assert set(asked) <= set(Faults._fields)
    return Faults(*(torch.tensor([asked.get(name, 0.0)]) for name in Faults._fields))


CLEAN = faulty()


def measured(depth_m: torch.Tensor, faults: Faults = CLEAN, seed: int = 0, far_m: float = 2.0) -> torch.Tensor:
    """Return one picture (N, N) of exact depth (N, N)."""
    return measure(depth_m[None], cameras(1), faults, [seed], far_m)[0]


def flat(depth_m: float) -> torch.Tensor:
    return torch.full((SIDE_PX, SIDE_PX), depth_m)


def step(near_m: float = 0.5, far_m: float = 0.8, first: int = 50, last: int = 90) -> torch.Tensor:
    """Return a thing at `near_m` in columns `first` to `last` (excluded) before a wall."""
    depth_m = flat(far_m)
    depth_m[30:90, first:last] = near_m
    return depth_m


def test_a_clean_picture_is_exact() -> None:
    depth_m = step()
    before = depth_m.clone()
    assert torch.equal(measured(depth_m), before)
    assert torch.equal(depth_m, before)


@pytest.mark.parametrize("coarse", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("depth_m", [0.4, 0.8, 1.6])
def test_noise_is_as_strong_as_asked_at_every_distance(depth_m: float, coarse: float) -> None:
    faults = faulty(noise=0.002, coarse=coarse)
    off_m = torch.stack([measured(flat(depth_m), faults, seed) for seed in range(12)]) - depth_m
    # Coarse noise has few independent places: its deviation is known less well.
    assert float(off_m.std()) == pytest.approx(0.002 * depth_m**2, rel=0.05 if coarse < 1 else 0.08)
    assert abs(float(off_m.mean())) < 0.0003 * depth_m**2


def test_coarse_noise_makes_neighbours_err_alike_and_fine_noise_does_not() -> None:
    for coarse, low, high in [(0.0, -0.05, 0.05), (1.0, 0.8, 1.0)]:
        off_m = torch.stack([measured(flat(1.0), faulty(noise=0.002, coarse=coarse), s) for s in range(4)]) - 1
        for one, other in ((off_m[:, 1:], off_m[:, :-1]), (off_m[..., 1:], off_m[..., :-1])):
            assert low < float((one * other).mean() / off_m.square().mean()) < high


@pytest.mark.parametrize(("near_m", "far_m"), [(0.5, 0.8), (0.4, 0.5), (0.9, 1.0)])
def test_a_shadow_lies_left_of_what_casts_it_and_is_as_wide_as_geometry_says(near_m: float, far_m: float) -> None:
    missing = measured(step(near_m, far_m), faulty(shadow=1.0)).isnan()
    expected_px = FOCAL_PX * BASELINE_M * (1 / near_m - 1 / far_m)
    rows = missing[30:90]
    assert float(rows.sum(1).float().mean()) == pytest.approx(expected_px, abs=1.5)
    width_px = int(rows[0].sum())
    assert rows[:, 50 - width_px : 50].all(), "left of it, without a gap"
    assert not missing[:30].any()
    assert not missing[90:].any()


def test_quantised_disparity_comes_in_steps() -> None:
    depth_m = torch.linspace(0.4, 1.5, SIDE_PX).expand(SIDE_PX, -1)
    found_m = measured(depth_m, faulty(step_px=1 / 16))
    steps = FOCAL_PX * BASELINE_M / found_m * 16
    torch.testing.assert_close(steps, steps.round(), atol=2e-3, rtol=0)
    off_px = FOCAL_PX * BASELINE_M * (1 / found_m - 1 / depth_m)
    assert off_px.abs().max() <= 0.5 / 16 + 1e-4


def test_range_is_depth_times_the_length_of_its_ray() -> None:
    found_m = measured(flat(0.7), faulty(range=1.0))
    u, v = torch.meshgrid(torch.arange(SIDE_PX), torch.arange(SIDE_PX), indexing="xy")
    length = (1 + ((u - 50) / FOCAL_PX) ** 2 + ((v - 70) / FOCAL_PX) ** 2).sqrt()
    torch.testing.assert_close(found_m, 0.7 * length)
    torch.testing.assert_close(rays_of(cameras(1), SIDE_PX).norm(dim=3)[0], length)


def test_what_is_farther_than_the_camera_sees_is_missing() -> None:
    found_m = measured(step(0.5, 1.9), far_m=1.0)
    assert torch.equal(found_m.isnan(), step(0.5, 1.9) > 1.0)
    assert torch.equal(found_m[30:90, 50:90], torch.full((60, 40), 0.5))


@pytest.mark.parametrize(("band", "columns"), [(0.1, slice(0, 12)), (-0.2, slice(96, 120))])
def test_a_band_is_missing_at_its_side_alone(band: float, columns: slice) -> None:
    missing = measured(flat(0.7), faulty(band=band)).isnan()
    assert missing[:, columns].all()
    assert int(missing.sum()) == SIDE_PX * len(range(SIDE_PX)[columns])


@pytest.mark.parametrize("share", [0.01, 0.03])
def test_blobs_take_about_their_share(share: float) -> None:
    missing = torch.stack([measured(flat(0.7), faulty(blobs=share), s).isnan() for s in range(30)])
    assert 0.4 * share < float(missing.float().mean()) < 2.5 * share
    neighbours = (missing[..., 1:] & missing[..., :-1]).sum() / missing[..., 1:].sum()
    assert neighbours > 0.7, "blobs, not specks"


def test_flying_pixels_lie_between_the_two_sides_of_an_edge_and_nowhere_else() -> None:
    found_m = measured(step(), faulty(flying=0.5))
    changed = found_m != step()
    assert found_m.min() >= 0.5
    assert found_m.max() <= 0.8
    beside = torch.zeros(SIDE_PX, SIDE_PX, dtype=torch.bool)
    beside[29:91, 49:91] = True
    beside[31:89, 51:89] = False
    assert not changed[~beside].any()
    assert 0.35 < float(changed[beside].float().mean()) < 0.65


def test_ragged_edges_move_borders_and_invent_no_depth() -> None:
    found_m = measured(step(), faulty(ragged_px=1.5))
    assert set(found_m.flatten().tolist()) == set(step().flatten().tolist())
    changed = found_m != step()
    assert changed.any()
    assert not changed[50:70, 60:80].any()
    assert not changed[:20].any()


def test_steep_edges_are_lost_and_flat_places_are_not() -> None:
    missing = measured(step(), faulty(steepest=0.5)).isnan()
    assert missing[30:90, 49:51].float().mean() > 0.9
    assert not missing[45:75, 55:85].any()
    assert not missing[:25].any()


def test_a_blurred_picture_is_the_mean_of_neighbours() -> None:
    found_m = measured(step(), faulty(blur=1.0))
    assert float(found_m[60, 49]) == pytest.approx((0.8 * 2 + 0.5) / 3)
    assert float(found_m[60, 70]) == pytest.approx(0.5)
    assert float(found_m[0, 0]) == pytest.approx(0.8), "the border is not darkened"


def test_measurements_are_positive_or_missing_under_all_faults_at_once() -> None:
    config = replace(SensorConfig(), clean_share=0.0, most_noise=0.0, least_noise=-1.0)
    faults = random_faults(rngs(16), config)
    depth_m = step(0.3, 10.0).expand(16, -1, -1)
    found_m = measure(depth_m, cameras(16), faults, list(range(16)), 2.0)
    known = ~found_m.isnan()
    assert known.any()
    assert (found_m[known] > 0).all()
    assert found_m[known].isfinite().all()


def test_a_picture_does_not_depend_on_its_batch() -> None:
    faults = random_faults(rngs(6), replace(SensorConfig(), clean_share=0.0))
    depth_m = torch.stack([step(0.4 + 0.05 * n) for n in range(6)])
    together = measure(depth_m, cameras(6), faults, list(range(6)), 2.0)
    for n in range(6):
        alone = measure(depth_m[n : n + 1], cameras(1), Faults(*(f[n : n + 1] for f in faults)), [n], 2.0)
        torch.testing.assert_close(alone[0], together[n], rtol=0, atol=0, equal_nan=True)
    other = measure(depth_m, cameras(6), faults, list(range(7, 13)), 2.0)
    assert not torch.equal(together.nan_to_num(), other.nan_to_num())


def test_faults_are_as_frequent_as_configured() -> None:
    faults = random_faults(rngs(1500), replace(SensorConfig(), clean_share=0.0))
    shares = {"step_px": 0.5, "blur": 0.4, "shadow": 0.7, "steepest": 0.5, "blobs": 0.4, "band": 0.08, "range": 0.25}
    for name, share in shares.items():
        assert float((getattr(faults, name) != 0).float().mean()) == pytest.approx(share, abs=0.05), name
    levels = faults.noise.log10()
    assert levels.min() >= -3.6
    assert levels.max() <= SensorConfig().most_noise + 1e-6
    clean = random_faults(rngs(200), replace(SensorConfig(), clean_share=1.0))
    assert not any(value.any() for name, value in clean._asdict().items() if name not in ("baseline_m", "range"))


def rngs(count: int) -> Sequence[np.random.Generator]:
    return [np.random.default_rng(n) for n in range(count)]


@pytest.fixture(scope="module")
def still_m(data: Path) -> np.ndarray:
    """Return 15 frames (15, 480, 640) float32 [m], NaN = no measurement, of a scene in which nothing moves."""
    files = sorted((data / "recordings" / "sawyermade_remote").glob("*_depth.png"))
    if len(files) < 10:
        pytest.skip("the recording of a still scene is not there")
    frames_m = np.stack([cv2.imread(str(file), cv2.IMREAD_UNCHANGED) for file in files]).astype(np.float32) / 1000
    frames_m[frames_m == 0] = np.nan
    return frames_m[::2]


def _noise_at_1_m(frames_m: np.ndarray) -> np.ndarray:
    """Return what each frame is off from the mean of all, as if at 1 m (15, 480, 640); NaN where one is missing."""
    mean_m = frames_m.mean(0)
    return (frames_m - mean_m) / mean_m**2


def test_real_noise_is_within_the_range_that_is_drawn(still_m: np.ndarray) -> None:
    noise = np.nanmedian(_noise_at_1_m(still_m).std(0))
    assert SensorConfig().least_noise < math.log10(noise) < SensorConfig().most_noise


@pytest.mark.parametrize("lag_px", [1, 9])
def test_real_noise_is_as_coarse_as_what_is_drawn(still_m: np.ndarray, lag_px: int) -> None:
    real = _noise_at_1_m(still_m)
    assert 0 < _correlation(real, lag_px) < _correlation(_drawn_noise(coarse=1.0), lag_px) + 0.05


def test_real_noise_grows_with_the_square_of_the_distance(still_m: np.ndarray) -> None:
    noise, mean_m = _noise_at_1_m(still_m).std(0), still_m.mean(0)
    near, far = (np.nanmedian(noise[(low <= mean_m) & (mean_m < high)]) for low, high in ((0.3, 0.5), (0.65, 0.85)))
    assert far / near == pytest.approx(1, abs=0.35)


def test_real_pixels_are_missing_at_edges_above_all(still_m: np.ndarray) -> None:
    typical_m = still_m[0]
    known_m, window = np.nan_to_num(typical_m, nan=typical_m[240, 320]), np.ones((7, 7))
    high_m, low_m = cv2.dilate(known_m, window), cv2.erode(known_m, window)
    edge, even = high_m - low_m > 0.03, high_m - low_m < 0.01
    missing = np.isnan(still_m).mean(0)
    real = missing[edge].mean() / missing[even].mean()
    drawn = measured(step(0.45, 0.5), faulty(steepest=1.0, shadow=1.0, blobs=0.01), seed=3).isnan().float()
    beside = torch.zeros(SIDE_PX, SIDE_PX, dtype=torch.bool)
    beside[27:93, 47:93] = True
    beside[33:87, 53:87] = False
    assert real > 5
    assert drawn[beside].mean() > 5 * drawn[~beside].mean()
    assert 0.01 < missing[edge].mean() < 1.0


def _drawn_noise(coarse: float) -> np.ndarray:
    faults = faulty(noise=0.002, coarse=coarse)
    return np.stack([(measured(flat(1.0), faults, seed) - 1).numpy() for seed in range(20)])


def _correlation(noise: np.ndarray, lag_px: int) -> float:
    return float(np.nanmean(noise[..., lag_px:] * noise[..., :-lag_px]) / np.nanmean(noise**2))
