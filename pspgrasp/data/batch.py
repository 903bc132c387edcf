"""What one step of training eats, and the contract of whatever serves it."""

from __future__ import annotations

from typing import NamedTuple, Protocol, Sequence

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
