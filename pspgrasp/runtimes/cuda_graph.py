"""CUDA graph: the kernels of one forward pass in half precision, recorded once and then started together.

Eager, a small network on a large GPU waits for the launch of each kernel; a graph is one launch.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from pspgrasp.checkpoint import Checkpoint
from pspgrasp.runtimes.eager import choose_device
from pspgrasp.runtimes.folding import folded

WARM_UPS = 3  # before recording: libraries choose their kernels and take their memory


class CudaGraphRuntime:
    """Runs a recorded forward pass, one image at a time; matrix products of resampling stay in float32."""

    name = "cuda-graph"

    def __init__(self, network: nn.Module, image: torch.Tensor, device: torch.device) -> None:
        """Record the forward pass.

        Args:
            network: In evaluation mode, on `device`.
            image: (1, C, S, S) of the right size, on `device`; anything.
            device: A GPU.
        """
        self._device, self._image = device, image
        with torch.cuda.device(device), torch.inference_mode():
            aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                for _ in range(WARM_UPS):
                    _forward(network, image)
            torch.cuda.current_stream().wait_stream(aside)
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):
                self._maps = _forward(network, image)

    @property
    def device(self) -> str:
        """Where it runs."""
        return str(self._device)

    @torch.inference_mode()
    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return the maps (4, S, S) float32 of the network input (C, S, S) float32."""
        self._image.copy_(torch.from_numpy(np.ascontiguousarray(image))[None])
        self._graph.replay()
        return self._maps[0].cpu().numpy()


def recorded(checkpoint: Checkpoint, device: str) -> CudaGraphRuntime:
    """Return the runtime `cuda-graph`, recorded."""
    where = choose_device(device)
    side = checkpoint.preprocess.input_size_px
    image = torch.zeros(1, checkpoint.preprocess.channels, side, side)
    network = folded(checkpoint.network(), image).to(where).to(memory_format=torch.channels_last)
    return CudaGraphRuntime(network, image.to(where), where)


def _forward(network: nn.Module, image: torch.Tensor) -> torch.Tensor:
    with torch.autocast("cuda", dtype=torch.float16, cache_enabled=False):  # a cache may not outlive the recording
        return network(image).float()
