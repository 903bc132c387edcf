"""TensorRT: an engine that is built on the machine itself, in minutes, and kept for it alone.

Written against the documented interface of TensorRT 10; tried with a stand-in for the library only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from pspgrasp.errors import ConfigError, NetworkError
from pspgrasp.network_file import NetworkFile
from pspgrasp.network_file.metadata import INPUT, OUTPUT
from pspgrasp.runtimes.eager import choose_device
from pspgrasp.runtimes.engines import machine_engine, made_folder
from pspgrasp.whole_file import whole_file


class TensorRt:
    """Runs an engine, one image at a time."""

    name = "tensorrt"

    def __init__(self, engine: bytes, image: torch.Tensor, maps: torch.Tensor) -> None:
        """Load an engine of this machine.

        Args:
            engine: As `built` makes it.
            image: (1, C, S, S) float32 on a GPU, where the engine reads.
            maps: (1, 4, S, S) float32 on that GPU, where it writes.

        Raises:
            NetworkError: TensorRT refuses it.
        """
        import tensorrt

        self._image, self._maps = image, maps
        self._engine = tensorrt.Runtime(_logger(tensorrt)).deserialize_cuda_engine(engine)
        if self._engine is None:
            raise NetworkError("TensorRT refuses the engine that was built; its log says why")
        self._context = self._engine.create_execution_context()
        self._context.set_tensor_address(INPUT, image.data_ptr())
        self._context.set_tensor_address(OUTPUT, maps.data_ptr())

    @property
    def device(self) -> str:
        """Where it runs."""
        return str(self._image.device)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return the maps (4, S, S) float32 of the network input (C, S, S) float32."""
        with torch.cuda.device(self._image.device):
            self._image.copy_(torch.from_numpy(np.ascontiguousarray(image))[None])
            if not self._context.execute_async_v3(torch.cuda.current_stream().cuda_stream):
                raise NetworkError("TensorRT could not run its engine; its log says why")
            return self._maps[0].cpu().numpy()


def on_gpu(file: NetworkFile, device: str) -> TensorRt:
    """Return the runtime `tensorrt` from the engine that is kept.

    Raises:
        ConfigError: None is kept for this machine.
    """
    path, where = machine_engine(file.fingerprint, TensorRt.name, device), choose_device(device)
    if not path.is_file():
        raise ConfigError(
            f"runtime 'tensorrt' has no engine of {file.name!r} for this machine; "
            f"`pspgrasp export {file.name} --to tensorrt` builds it, in minutes"
        )
    side = file.preprocess.input_size_px
    image = torch.zeros(1, file.preprocess.channels, side, side, device=where)
    return TensorRt(path.read_bytes(), image, torch.zeros(1, 4, side, side, device=where))


def build_engine(file: NetworkFile, device: str) -> Path:
    """Build the engine of an exported network for a GPU of this machine, fp16, and return where it is kept.

    Raises:
        NetworkError: TensorRT can't read or build the network.
        PspGraspError: The engine can't be kept.
    """
    import tensorrt

    logger = _logger(tensorrt)
    builder = tensorrt.Builder(logger)
    network = builder.create_network(0)
    parser = tensorrt.OnnxParser(network, logger)
    if not parser.parse(file.path.read_bytes()):
        raise NetworkError(f"TensorRT can't read {file.path}: {parser.get_error(0)}")
    settings = builder.create_builder_config()
    settings.set_flag(tensorrt.BuilderFlag.FP16)
    with torch.cuda.device(choose_device(device)):
        engine = builder.build_serialized_network(network, settings)
    if engine is None:
        raise NetworkError(f"TensorRT can't build {file.path}; its log says why")
    return _kept(bytes(engine), machine_engine(file.fingerprint, TensorRt.name, device))


def _kept(engine: bytes, path: Path) -> Path:
    made_folder(path.parent)
    with whole_file(path) as part:
        part.write_bytes(engine)
    return path


def _logger(tensorrt: Any) -> Any:
    return tensorrt.Logger(tensorrt.Logger.ERROR)
