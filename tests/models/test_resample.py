"""Laws of pooling and up-sampling as matrix products: they are what torch computes, and a peak stays in its place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from pspgrasp.models.resample import (
    average_bins,
    averaging_matrix,
    box_matrix,
    box_mean,
    cell_matrix,
    interpolate,
    interpolate_cells,
    interpolation_matrix,
)

laws = settings(deadline=None, max_examples=60, derandomize=True)
sizes = st.integers(1, 60)
STRIDES = (4, 8, 16, 32)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape).astype(np.float32))


def assert_equal(one: torch.Tensor, other: torch.Tensor) -> None:
    torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


@laws
@given(sizes, sizes, st.integers(1, 12))
def test_bins_are_adaptive_average_pooling(height: int, width: int, bins: int) -> None:
    x = noise(2, 3, height, width)
    assert_equal(average_bins(x, bins), functional.adaptive_avg_pool2d(x.double(), bins).float())


@laws
@given(sizes, sizes, st.integers(1, 120))
def test_interpolation_is_bilinear_with_aligned_corners(height: int, width: int, out: int) -> None:
    x = noise(2, 3, height, width)
    expected = functional.interpolate(x.double(), size=(out, out), mode="bilinear", align_corners=True)
    assert_equal(interpolate(x, out), expected.float())


@laws
@given(sizes, sizes, st.integers(0, 50).map(lambda half: 2 * half + 1))
def test_a_box_mean_is_average_pooling_with_the_border_repeated(height: int, width: int, box: int) -> None:
    x, half = noise(2, 1, height, width), box // 2
    padded = functional.pad(x.double(), (half, half, half, half), mode="replicate")
    assert_equal(box_mean(x, box), functional.avg_pool2d(padded, box, stride=1).float())


@laws
@given(st.integers(1, 12), st.sampled_from(STRIDES))
def test_cells_and_aligned_corners_agree_where_corners_are_exact(cells: int, stride: int) -> None:
    x = noise(1, 2, cells, cells)
    size = (cells - 1) * stride + 1
    assert_equal(interpolate_cells(x, size, stride), interpolate(x, size))


@pytest.mark.parametrize("size", [281, 300, 304, 320, 329])
@pytest.mark.parametrize("stride", STRIDES)
def test_a_cell_lies_exactly_on_its_pixel_at_any_size(size: int, stride: int) -> None:
    cells = -(-size // stride)
    x = torch.eye(cells)[:, None, :, None] * torch.eye(cells)[:, None, None, :]  # image i: an impulse at cell (i, i)
    peaks = interpolate_cells(x, size, stride).flatten(1)
    places = torch.arange(cells) * stride
    assert torch.equal(peaks.argmax(dim=1), places * size + places)
    assert_equal(peaks.max(dim=1).values, torch.ones(cells))


@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize("cells", [4, 10, 19])
def test_aligned_corners_are_exact_on_a_multiple_of_the_stride_and_one(cells: int, stride: int) -> None:
    size = (cells - 1) * stride + 1
    x = torch.eye(cells)[:, None, :, None] * torch.eye(cells)[:, None, None, :]
    peaks = interpolate(x, size).flatten(1)
    places = torch.arange(cells) * stride
    assert torch.equal(peaks.argmax(dim=1), places * size + places)
    assert_equal(peaks.max(dim=1).values, torch.ones(cells))


def test_aligned_corners_drift_elsewhere_which_is_why_there_are_cells() -> None:
    x = torch.eye(38)[None, None, 28:29].expand(1, 1, 38, 38)  # stride 8 at 304 px, three quarters of the width
    assert abs(int(interpolate(x, 304)[0, 0, 0].argmax()) - 28 * 8) >= 4
    assert int(interpolate_cells(x, 304, 8)[0, 0, 0].argmax()) == 28 * 8


@laws
@given(sizes, st.integers(1, 120), st.integers(1, 12), st.sampled_from([3, 31, 91]), st.sampled_from([0.5, 2, 4, 8.0]))
def test_every_row_of_every_matrix_is_a_mean(size: int, out: int, bins: int, box: int, stride: float) -> None:
    matrices = averaging_matrix(size, bins), interpolation_matrix(size, out)
    for matrix in (*matrices, box_matrix(size, box), cell_matrix(size, out, stride)):
        assert matrix.dtype == np.float32
        assert (matrix >= 0).all()
        np.testing.assert_allclose(matrix.sum(axis=1), 1.0, atol=1e-5)


@pytest.mark.parametrize(
    "resample",
    [
        lambda x: average_bins(x, 6),
        lambda x: interpolate(x, 33),
        lambda x: interpolate_cells(x, 33, 2),
        lambda x: box_mean(x, 5),
    ],
    ids=["average_bins", "interpolate", "interpolate_cells", "box_mean"],
)
def test_it_keeps_the_type_passes_gradients_and_leaves_its_argument_alone(resample: Any) -> None:
    x = noise(2, 3, 17, 17).requires_grad_()
    before = x.detach().clone()
    first = resample(x)
    first.sum().backward()
    assert float(x.grad.sum()) == pytest.approx(float(resample(torch.ones_like(x)).sum()), rel=1e-4)
    assert torch.equal(x.detach(), before)
    assert torch.equal(resample(x), first), "the kept matrices stay as they are"
    for dtype in (torch.float64, torch.bfloat16):
        assert resample(before.to(dtype)).dtype == dtype
