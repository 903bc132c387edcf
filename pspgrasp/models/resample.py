"""Pooling, up-sampling and box means as products with constant matrices: Y = A_h X A_w^T.

Each of them is linear and separable, so two matrix products compute it. Written so, every export gives plain
MatMul nodes; adaptive pooling exports as hundreds of nodes, or, with dynamic sizes, as something silently wrong.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Callable, Dict, Tuple

import numpy as np
import torch

Matrix = Callable[[int], np.ndarray]


def average_bins(x: torch.Tensor, bins: int) -> torch.Tensor:
    """Return (B, C, bins, bins): means of x (B, C, H, W), boxes cut as adaptive average pooling cuts them."""
    return _separable(x, lambda size: averaging_matrix(size, bins))


def interpolate(x: torch.Tensor, out: int) -> torch.Tensor:
    """Return (B, C, out, out): x (B, C, H, W) linearly, corners on corners (align_corners=True)."""
    return _separable(x, lambda size: interpolation_matrix(size, int(out)))


def interpolate_cells(x: torch.Tensor, out: int, stride: float) -> torch.Tensor:
    """Return (B, C, out, out): x (B, C, H, W) linearly, cell i on pixel i * stride."""
    return _separable(x, lambda size: cell_matrix(size, int(out), stride))


def box_mean(x: torch.Tensor, box: int) -> torch.Tensor:
    """Return (B, C, H, W): the mean over box x box (odd) pixels, the border repeated outside."""
    return _separable(x, lambda size: box_matrix(size, box))


def _separable(x: torch.Tensor, matrix: Matrix) -> torch.Tensor:
    if torch.is_autocast_enabled():  # bf16 has 8 bits: too few for a mean of millimetres, or for a place between cells
        with torch.autocast(x.device.type, enabled=False):
            return _separable(x.float(), matrix)
    # While an exporter traces, sizes are tensors; as numbers they make constants of the matrices.
    rows, columns = _beside(matrix(int(x.shape[-2])), x), _beside(matrix(int(x.shape[-1])), x)
    return rows @ x @ columns.T


_ON_GPU: Dict[Tuple[int, torch.device, torch.dtype], Tuple[np.ndarray, torch.Tensor]] = {}


def _beside(matrix: np.ndarray, x: torch.Tensor) -> torch.Tensor:
    """Return the matrix as x is: its type, its device.

    On a GPU it is copied once: a copy waits for all work that is under way, and a forward pass needs two dozen. An
    exporter's stand-ins for tensors are another type, and never kept.
    """
    if not x.is_cuda or type(x) is not torch.Tensor:
        return torch.from_numpy(matrix).to(x)
    key = (id(matrix), x.device, x.dtype)
    if key not in _ON_GPU:
        with torch.inference_mode(False):  # else training couldn't save it for its backward pass
            _ON_GPU[key] = matrix, torch.from_numpy(matrix).to(x.device, x.dtype)
    return _ON_GPU[key][1]


@lru_cache(maxsize=None)
def averaging_matrix(size: int, bins: int) -> np.ndarray:
    """Return (bins, size) float32: row i averages bin i of `size` cells."""
    matrix = np.zeros((bins, size), np.float32)
    for i in range(bins):
        start, stop = i * size // bins, -(-(i + 1) * size // bins)
        matrix[i, start:stop] = 1 / (stop - start)
    return matrix


@lru_cache(maxsize=None)
def interpolation_matrix(size: int, out: int) -> np.ndarray:
    """Return (out, size) float32: linear interpolation with the end points on each other."""
    return _linear(np.linspace(0, size - 1, out) if out > 1 else np.zeros(1), size)


@lru_cache(maxsize=None)
def cell_matrix(size: int, out: int, stride: float) -> np.ndarray:
    """Return (out, size) float32: linear interpolation with cell i exactly on pixel i * stride, at any size.

    A strided convolution with symmetric padding looks at pixel i * stride. Corners on corners agrees with that
    only on sizes stride * k + 1; elsewhere its peaks drift, up to stride - 1 pixels at the far border.
    """
    return _linear(np.minimum(np.arange(out) / stride, size - 1), size)


@lru_cache(maxsize=None)
def box_matrix(size: int, box: int) -> np.ndarray:
    """Return (size, size) float32: the mean over `box` neighbours, the border pixel repeated outside."""
    matrix = np.zeros((size, size), np.float32)
    neighbours = np.arange(size)[:, None] + np.arange(-(box // 2), box // 2 + 1)[None, :]
    np.add.at(matrix, (np.arange(size)[:, None], np.clip(neighbours, 0, size - 1)), np.float32(1 / box))
    return matrix


def _linear(places: np.ndarray, size: int) -> np.ndarray:
    matrix = np.zeros((len(places), size), np.float32)
    low = np.minimum(np.floor(places).astype(int), max(size - 2, 0))
    weight = (places - low).astype(np.float32)
    rows = np.arange(len(places))
    matrix[rows, low] = 1 - weight
    matrix[rows, np.minimum(low + 1, size - 1)] += weight
    return matrix
