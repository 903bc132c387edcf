"""What runs a network: one small file a runtime, one contract.

A runtime takes the network input (C, S, S) float32 and returns the output (4, S, S) float32: quality, cos 2phi,
sin 2phi, width / width scale. It is safe to call from one thread at a time. `runtimes/table.py` lists them by name.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np


class Runtime(Protocol):
    """The contract of every runtime."""

    @property
    def name(self) -> str:
        """Which runtime it is, for people: "torch", "openvino"."""

    @property
    def device(self) -> str:
        """Where it runs, for people: "cpu", "cuda:0"."""

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return the maps (4, S, S) float32 of the network input (C, S, S) float32; they are the caller's."""
