"""An exported graph of the whole road, by whatever runs it."""

from __future__ import annotations

from typing import Dict, List, NoReturn, Protocol

import numpy as np

from pspgrasp.config import DetectionConfig
from pspgrasp.errors import ConfigError
from pspgrasp.maps import GraspMaps, PlacedMaps
from pspgrasp.network_file import NetworkFile
from pspgrasp.network_file.metadata import CLEARANCE, FOCAL, INPUT, RoadConfig, road_inputs


class Graph(Protocol):
    """What runs an exported graph."""

    @property
    def name(self) -> str:
        """Of the runtime."""

    @property
    def device(self) -> str:
        """Where it runs."""

    def outputs(self, inputs: Dict[str, np.ndarray]) -> List[np.ndarray]:
        """Return the graph's outputs, in its order, for inputs by name; they are the caller's."""


class ExportedRoad:
    """A `RoadRuntime`."""

    has_network = False

    def __init__(self, graph: Graph, file: NetworkFile, road: RoadConfig) -> None:
        """Run `graph`, which is that of `file`, with `road` built in."""
        self._graph, self._file, self._road = graph, file, road

    @property
    def name(self) -> str:
        """Which runtime it is."""
        return self._graph.name

    @property
    def device(self) -> str:
        """Where it runs."""
        return self._graph.device

    def __call__(self, image: np.ndarray) -> NoReturn:  # noqa: ARG002 (the contract's)
        """Refuse: nobody can get at the network.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError(
            f"{self._file.path} has all from depth to the places of grasps built in, which GG-CNN's interfaces do "
            "their own way; give them its checkpoint, or an export without --with-postprocess"
        )

    def look(self, depth_m: np.ndarray, focal_px: float, detection: DetectionConfig) -> PlacedMaps:
        """See `RoadRuntime`."""
        wanted = RoadConfig.of(detection)
        if wanted != self._road:
            raise ConfigError(
                f"{self._file.path} has Gaussians of {self._road} built in, the settings say {wanted}; "
                "take the same, or export it with these"
            )
        inputs = {
            INPUT: np.nan_to_num(depth_m, nan=0.0)[None, None],
            FOCAL: np.array([focal_px], np.float32),
            CLEARANCE: np.array([detection.clearance_m * focal_px], np.float32),
        }
        places, maps, level = self._graph.outputs({name: inputs[name] for name, _ in road_inputs(self._file.header)})
        return PlacedMaps.checked(places[0], float(level[0]), lambda: GraspMaps(*maps[0]))
