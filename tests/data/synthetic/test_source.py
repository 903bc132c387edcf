"""Laws of the source: a number is a sample, alone or in any batch; and the input is what deployment makes of depth."""

from __future__ import annotations

import pytest
import torch

from pspgrasp.config import PreprocessConfig
from pspgrasp.data.synthetic.source import SyntheticConfig, SyntheticSource
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


def test_scenes_that_are_to_be_filled_in_another_way_are_refused() -> None:
    with pytest.raises(ConfigError, match="filled by push_pull, not by 'navier_stokes'"):
        SyntheticSource(SyntheticConfig(), PreprocessConfig(fill="navier_stokes"), 30.0, 0)
