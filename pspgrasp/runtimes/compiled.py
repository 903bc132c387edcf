"""torch.compile: torch's own compiler, norms folded. It builds when a process starts, which takes up to minutes."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.fx.experimental.proxy_tensor import make_fx

from pspgrasp.checkpoint import Checkpoint
from pspgrasp.errors import NetworkError
from pspgrasp.runtimes.eager import EagerRuntime, choose_device
from pspgrasp.runtimes.folding import folded


class CompiledRuntime(EagerRuntime):
    """Runs a compiled network, one image at a time."""

    name = "torch-compile"


def compiled(checkpoint: Checkpoint, device: str) -> CompiledRuntime:
    """Return the runtime `torch-compile`, built.

    Raises:
        NetworkError: It can't be built: without a C++ compiler, for instance.
    """
    where = choose_device(device)
    side = checkpoint.preprocess.input_size_px
    image = torch.zeros(1, checkpoint.preprocess.channels, side, side)
    network: Any = torch.compile(_flat(folded(checkpoint.network(), image).to(where), image.to(where)), dynamic=False)
    runtime = CompiledRuntime(network, where)
    try:
        runtime(image[0].numpy())
    except Exception as error:
        # Compilers of compilers raise whatever they like.
        first = str(error).strip().partition("\n")[0]
        raise NetworkError(f"torch.compile can't build {checkpoint.name!r} here: {first}") from error
    return runtime


def _flat(network: nn.Module, image: torch.Tensor) -> nn.Module:
    """Return the network as one list of torch's own functions.

    Its matrices for pooling and up-sampling become constants; the compiler would look into the numpy that makes them.
    """
    with torch.no_grad():
        return make_fx(network)(image)
