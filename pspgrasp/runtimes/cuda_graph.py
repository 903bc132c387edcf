"""CUDA graph: the kernels of one image in half precision, recorded once and then started together.

Eager, a small network on a large GPU waits for the launch of each kernel; a graph is one launch. Of the whole road a
window's depth goes up and the best summits come down; the maps stay where they are until somebody asks for them.
"""

from __future__ import annotations

from typing import Callable, Dict, Sequence

import numpy as np
import torch
from torch import nn

from pspgrasp.checkpoint import Checkpoint
from pspgrasp.config import DetectionConfig
from pspgrasp.device_road import After, Before, DeviceRoad
from pspgrasp.errors import NetworkError
from pspgrasp.maps import GraspMaps, PlacedMaps
from pspgrasp.network_file.metadata import RoadConfig
from pspgrasp.runtimes.eager import choose_device
from pspgrasp.runtimes.folding import folded

WARM_UPS = 3  # before recording: libraries choose their kernels and take their memory


class Recording:
    """Work on a GPU, recorded: it reads and writes the same memory whenever it is played."""

    def __init__(self, work: Callable[[], Sequence[torch.Tensor]], device: torch.device) -> None:
        """Record what `work` does on `device`."""
        with torch.cuda.device(device), torch.inference_mode():
            aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                for _ in range(WARM_UPS):
                    work()
            torch.cuda.current_stream().wait_stream(aside)
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):
                self._made = work()

    def played(self) -> Sequence[torch.Tensor]:
        """Play it, and return what it made; the next play overwrites that."""
        self._graph.replay()
        return self._made


class HalfNetwork(nn.Module):
    """A network in half precision where accuracy holds; its output is float32."""

    def __init__(self, network: nn.Module) -> None:
        """Wrap a network."""
        super().__init__()
        self._network = network

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return the maps (B, 4, S, S) float32 of the network input (B, C, S, S)."""
        with torch.autocast(
            image.device.type, dtype=torch.float16, cache_enabled=False
        ):  # may not outlive the recording
            return self._network(image).float()


class CudaGraphRuntime:
    """Runs a recorded forward pass, one image at a time; matrix products of resampling stay in float32."""

    name = "cuda-graph"

    def __init__(self, network: nn.Module, image: torch.Tensor, record: Callable[..., Recording] = Recording) -> None:
        """Record the forward pass.

        Args:
            network: In evaluation mode, on a GPU.
            image: (1, C, S, S) of the right size, on that GPU; anything.
            record: What records.
        """
        self._network, self._image, self._record = network, image, record
        self._forward = record(lambda: [network(image)], image.device)

    @property
    def device(self) -> str:
        """Where it runs."""
        return str(self._image.device)

    @torch.inference_mode()
    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return the maps (4, S, S) float32 of the network input (C, S, S) float32."""
        self._image.copy_(torch.from_numpy(np.ascontiguousarray(image))[None])
        return self._forward.played()[0][0].cpu().numpy()


class CudaGraphRoad(CudaGraphRuntime):
    """A `RoadRuntime`: the whole road, recorded once for each setting of its Gaussians."""

    has_network = True

    def __init__(
        self,
        network: nn.Module,
        checkpoint: Checkpoint,
        image: torch.Tensor,
        record: Callable[..., Recording] = Recording,
    ) -> None:
        """Record the forward pass; the road is recorded when its settings are known.

        Args:
            network: Of the checkpoint, as for `CudaGraphRuntime`.
            checkpoint: How its input is made and what its widths mean.
            image: As for `CudaGraphRuntime`.
            record: What records.
        """
        super().__init__(network, image, record)
        self._checkpoint = checkpoint
        self._depth_m = torch.ones_like(image[:, :1])
        self._focal_px, self._opening_m_px = torch.ones(2, 1, device=image.device)
        self._roads: Dict[RoadConfig, Recording] = {}
        self._looks = 0

    @torch.inference_mode()
    def look(self, depth_m: np.ndarray, focal_px: float, detection: DetectionConfig) -> PlacedMaps:
        """See `RoadRuntime`."""
        road = self._recorded(detection)
        self._depth_m.copy_(torch.from_numpy(np.nan_to_num(depth_m, nan=0.0))[None, None])
        self._focal_px.fill_(focal_px)
        self._opening_m_px.fill_(detection.clearance_m * focal_px)
        places, maps, level = road.played()
        self._looks += 1
        looks = self._looks
        return PlacedMaps.checked(places[0].cpu().numpy(), float(level[0]), lambda: self._fetched(maps, looks))

    def _recorded(self, detection: DetectionConfig) -> Recording:
        config = RoadConfig.of(detection)
        if config not in self._roads:
            own = self._checkpoint
            after = After(own.width, own.width_scale_px, detection).to(self._image.device)
            road = DeviceRoad(Before(own.preprocess), self._network, after)
            given = (self._depth_m, self._focal_px, self._opening_m_px)
            self._roads[config] = self._record(lambda: road(*given), self._image.device)
        return self._roads[config]

    def _fetched(self, maps: torch.Tensor, looks: int) -> GraspMaps:
        if looks != self._looks:
            raise NetworkError("maps of an earlier image were asked for, and a later one has overwritten them")
        return GraspMaps(*maps[0].cpu().numpy())


def recorded(checkpoint: Checkpoint, device: str) -> CudaGraphRuntime:
    """Return the runtime `cuda-graph`, recorded; of the whole road, if a GPU can fill holes as the checkpoint wants."""
    where = choose_device(device)
    side = checkpoint.preprocess.input_size_px
    image = torch.zeros(1, checkpoint.preprocess.channels, side, side)
    network = folded(checkpoint.network(), image).to(where).to(memory_format=torch.channels_last)
    half = HalfNetwork(network)
    if checkpoint.preprocess.fill != "push_pull":
        return CudaGraphRuntime(half, image.to(where))
    return CudaGraphRoad(half, checkpoint, image.to(where))
