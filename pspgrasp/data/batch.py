"""What one step of training eats, and the contract of whatever serves it."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, Sequence, runtime_checkable

import torch


class GraspBatch(NamedTuple):
    """Samples side by side, as the network takes them and as it should answer.

    Attributes:
        image: (B, C, N, N) float32, the network's input as `preprocess.py` makes it; C is 1, depth alone, or 2.
        target: (B, 4, N, N) float32, what the network should put out: quality, cos 2phi, sin 2phi and
            width / width scale (`GraspMaps.encode`).
    """

    image: torch.Tensor
    target: torch.Tensor


class BatchSource(Protocol):
    """Endless samples by number. The same number gives the same sample, in any process and in any order.

    So training resumes to the same numbers, and processes share the work, by arithmetic on numbers alone.
    """

    def batch(self, indices: Sequence[int], device: torch.device) -> GraspBatch:
        """Return the samples of these numbers on `device`.

        Raises:
            DataError: A sample can't be read; names its file.
        """


@runtime_checkable
class SketchedSource(Protocol):
    """A `BatchSource` whose work has two parts: a sketch, made by any process, and the rest, where the network is.

    `batch(indices, device)` equals `finished(on_device(sketch(indices), device))`.
    """

    def sketch(self, indices: Sequence[int]) -> Any:
        """Return what the samples of these numbers begin with: tensors on the CPU and numbers, in nested tuples."""

    def finished(self, sketch: Any) -> GraspBatch:
        """Return the samples of a sketch, on the device where its tensors are."""


def on_device(value: Any, device: torch.device) -> Any:
    """Return nested tuples with their tensors on `device`."""
    if isinstance(value, torch.Tensor):
        return value.to(device, non_blocking=True)
    if isinstance(value, tuple):
        moved = [on_device(part, device) for part in value]
        return type(value)(*moved) if hasattr(value, "_fields") else tuple(moved)
    return value
