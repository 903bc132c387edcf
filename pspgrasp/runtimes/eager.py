"""PyTorch as it comes: the reference against which every other runtime is checked."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from pspgrasp.checkpoint import Checkpoint
from pspgrasp.errors import ConfigError
from pspgrasp.runtimes.machine import check_device


def choose_device(name: str) -> torch.device:
    """Return the device for `auto`, `cpu`, `cuda` or `cuda:N`; auto prefers a GPU.

    Raises:
        ConfigError: Unknown name, or no such GPU here.
    """
    check_device(name)
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return torch.device("cuda" if gpus else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= gpus:
        raise ConfigError(
            f"device {name!r} was asked for, but torch {torch.__version__} sees {gpus or 'no'} GPU; use auto or cpu"
        )
    return device


class EagerRuntime:
    """Runs a network on a device, one image at a time."""

    name = "torch"

    def __init__(self, network: nn.Module, device: torch.device) -> None:
        self._network = network.to(device).eval()
        self._device = device

    @property
    def device(self) -> str:
        """Where it runs."""
        return str(self._device)

    @torch.inference_mode()
    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return the maps (4, S, S) float32 of the network input (C, S, S) float32."""
        batch = torch.from_numpy(np.ascontiguousarray(image))[None].to(self._device)
        return self._network(batch)[0].float().cpu().numpy()


def eager(checkpoint: Checkpoint, device: str) -> EagerRuntime:
    """Return the runtime `torch`."""
    return EagerRuntime(checkpoint.network(), choose_device(device))
