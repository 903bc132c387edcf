"""OpenVINO: on the CPU in float32, in bfloat16 where the CPU has it, and in int8 if the network was quantised."""

from __future__ import annotations

from typing import Any, Dict, List

import numpy as np

from pspgrasp.errors import CheckpointError, ConfigError
from pspgrasp.network_file import NetworkFile
from pspgrasp.network_file.openvino_file import openvino_core
from pspgrasp.runtimes import Runtime
from pspgrasp.runtimes.engines import cache_folder, made_folder
from pspgrasp.runtimes.exported_road import ExportedRoad
from pspgrasp.runtimes.machine import thread_count


class OpenVino:
    """Runs an exported network, one image at a time."""

    device = "cpu"

    def __init__(self, name: str, file: NetworkFile, precision: str) -> None:
        """Load the network.

        Args:
            name: Of the runtime.
            file: An .onnx or .xml file.
            precision: Of what isn't quantised: f32 or bf16.

        Raises:
            ConfigError: The CPU lacks the precision.
            CheckpointError: The file can't be loaded.
        """
        core = openvino_core()
        if precision == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            # OpenVINO would take float32 without a word.
            raise ConfigError(f"runtime {name!r}: this CPU does not compute in bfloat16; use openvino")
        self.name = name
        try:
            compiled = core.compile_model(core.read_model(str(file.path)), "CPU", _settings(precision))
        except RuntimeError as error:
            raise CheckpointError(f"{file.path} can't be loaded by runtime {name!r}: {error}") from error
        self._request = compiled.create_infer_request()

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return the maps (4, S, S) float32 of the network input (C, S, S) float32."""
        self._request.infer({0: np.ascontiguousarray(image)[None]}, share_inputs=True)
        return self._request.get_output_tensor(0).data[0].copy()  # the next image overwrites it

    def outputs(self, inputs: Dict[str, np.ndarray]) -> List[np.ndarray]:
        """See `exported_road.py: Graph`."""
        self._request.infer(inputs, share_inputs=True)
        return [tensor.data.copy() for tensor in self._request.output_tensors]


def in_float32(file: NetworkFile, _device: str) -> Runtime:
    """Return the runtime `openvino`."""
    return _opened("openvino", file, "f32")


def in_bfloat16(file: NetworkFile, _device: str) -> Runtime:
    """Return the runtime `openvino-bf16`."""
    return _opened("openvino-bf16", file, "bf16")


def in_int8(file: NetworkFile, _device: str) -> Runtime:
    """Return the runtime `openvino-int8`; what was left in float runs in float32."""
    return _opened("openvino-int8", file, "f32")


def _opened(name: str, file: NetworkFile, precision: str) -> Runtime:
    runtime = OpenVino(name, file, precision)
    return runtime if file.road is None else ExportedRoad(runtime, file, file.road)


def _settings(precision: str) -> Dict[str, Any]:
    return {
        "INFERENCE_PRECISION_HINT": precision,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": thread_count(),
        "CACHE_DIR": str(made_folder(cache_folder() / "openvino")),  # its own: keyed by network, CPU and version
    }
