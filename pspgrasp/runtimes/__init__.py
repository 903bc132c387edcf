"""What runs a network: one small file a runtime, one contract.

A runtime takes the network input (C, S, S) float32 and returns the output (4, S, S) float32: quality, cos 2phi,
sin 2phi, width / width scale. It is safe to call from one thread at a time. `runtimes/table.py` lists them by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

if TYPE_CHECKING:
    from pspgrasp.config import DetectionConfig
    from pspgrasp.maps import PlacedMaps


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


@runtime_checkable
class RoadRuntime(Runtime, Protocol):
    """One that walks the whole road on its device: holes, mean, network, Gaussians, summits."""

    @property
    def has_network(self) -> bool:
        """Whether the network alone can be called too; an exported road has it inside."""

    def look(self, depth_m: np.ndarray, focal_px: float, detection: DetectionConfig) -> PlacedMaps:
        """Return what grasps are read from.

        Args:
            depth_m: (S, S) float32 [m] of the window, NaN = no measurement.
            focal_px: Focal length [px of the window].
            detection: Its Gaussians and its clearance count.

        Raises:
            NetworkError: The network's output is not finite.
            ConfigError: Other Gaussians are built in.
        """
