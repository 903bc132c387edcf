"""All runtimes by name. To add one, write its file and a line in `RUNTIMES`; importing this imports none of them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Dict, Tuple, Union

from pspgrasp.errors import ConfigError, unknown_name
from pspgrasp.network_file import NetworkFile
from pspgrasp.runtimes import Runtime

if TYPE_CHECKING:
    from pspgrasp.checkpoint import Checkpoint

CPU, GPU = "cpu", "cuda"
WEIGHTS = "weights"
AUTO = "auto"  # in place of a name: the fastest that passes


@dataclass(frozen=True)
class RuntimeKind:
    """One kind of runtime.

    Attributes:
        file: Of this folder, imported when one is opened: nobody else needs its library.
        function: In it, that opens one: (Checkpoint or NetworkFile, device) -> Runtime.
        packages: That it imports.
        install: What installs them.
        devices: On which it runs.
        precision: Of its arithmetic: float32, half or int8.
        takes: WEIGHTS, or the suffixes of the exported files that it runs.
        quick: Whether it is ready in seconds; otherwise somebody must have built its engine.
    """

    file: str
    function: str
    packages: Tuple[str, ...]
    install: str
    devices: Tuple[str, ...] = (CPU,)
    precision: str = "float32"
    takes: Tuple[str, ...] = (".onnx",)
    quick: bool = True

    def opened(self, network: Union[Checkpoint, NetworkFile], device: str) -> Runtime:
        """Return one that runs `network`, which is what it takes, on "cpu" or "cuda:N"."""
        return getattr(import_module(f"pspgrasp.runtimes.{self.file}"), self.function)(network, device)


TORCH: Dict[str, Any] = {"packages": ("torch",), "install": "pip install torch", "takes": (WEIGHTS,)}
ORT: Dict[str, Any] = {"packages": ("onnxruntime", "onnx"), "install": "pip install 'pspgrasp[onnxruntime]'"}
OPENVINO: Dict[str, Any] = {
    "packages": ("openvino", "onnx"),
    "install": "pip install 'pspgrasp[openvino]'",
    "takes": (".onnx", ".xml"),
}
TENSORRT: Dict[str, Any] = {
    "packages": ("tensorrt", "onnx"),
    "install": "it comes with JetPack, or from NVIDIA's own index",
}

RUNTIMES: Dict[str, RuntimeKind] = {
    "torch": RuntimeKind("eager", "eager", devices=(CPU, GPU), **TORCH),
    "torch-compile": RuntimeKind("compiled", "compiled", devices=(CPU, GPU), quick=False, **TORCH),
    "cuda-graph": RuntimeKind("cuda_graph", "recorded", devices=(GPU,), precision="half", **TORCH),
    "onnxruntime": RuntimeKind("onnx_runtime", "on_cpu", **ORT),
    "onnxruntime-cuda": RuntimeKind("onnx_runtime", "on_cuda", devices=(GPU,), **ORT),
    "onnxruntime-tensorrt": RuntimeKind(
        "onnx_runtime", "by_tensorrt", devices=(GPU,), precision="half", quick=False, **ORT
    ),
    "openvino": RuntimeKind("open_vino", "in_float32", **OPENVINO),
    "openvino-bf16": RuntimeKind("open_vino", "in_bfloat16", precision="half", **OPENVINO),
    "openvino-int8": RuntimeKind("open_vino", "in_int8", precision="int8", quick=False, **OPENVINO),
    "tensorrt": RuntimeKind("tensor_rt", "on_gpu", devices=(GPU,), precision="half", quick=False, **TENSORRT),
}


def kind_of(name: str) -> RuntimeKind:
    """Return the kind of a name.

    Raises:
        ConfigError: There is none.
    """
    if name not in RUNTIMES:
        raise ConfigError(unknown_name("runtime", name, (AUTO, *RUNTIMES)))
    return RUNTIMES[name]
