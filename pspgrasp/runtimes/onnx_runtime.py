"""ONNX Runtime: on the CPU, and on a GPU by CUDA or TensorRT."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

import numpy as np

from pspgrasp.errors import CheckpointError, ConfigError
from pspgrasp.network_file import NetworkFile
from pspgrasp.network_file.metadata import INPUT
from pspgrasp.runtimes import Runtime
from pspgrasp.runtimes.engines import machine_engine, made_folder
from pspgrasp.runtimes.exported_road import ExportedRoad
from pspgrasp.runtimes.machine import thread_count

CPU, CUDA, TENSORRT = "CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"
Providers = List[Tuple[str, Dict[str, Any]]]


class OnnxRuntime:
    """Runs an exported network, one image at a time."""

    def __init__(self, name: str, file: NetworkFile, device: str, providers: Providers) -> None:
        """Load the network.

        Args:
            name: Of the runtime.
            file: An .onnx file.
            device: For people.
            providers: Of ONNX Runtime, the wanted one first.

        Raises:
            ConfigError: This build of ONNX Runtime lacks the provider, or it doesn't work here.
            CheckpointError: The file can't be loaded.
        """
        import onnxruntime

        onnxruntime.disable_telemetry_events()
        wanted = providers[0][0]
        if wanted not in onnxruntime.get_available_providers():
            raise ConfigError(
                f"runtime {name!r}: ONNX Runtime {onnxruntime.__version__} was built without {wanted}; "
                "install onnxruntime-gpu in place of onnxruntime"
            )
        self.name, self.device = name, device
        options = _options(onnxruntime)
        try:
            self._session = onnxruntime.InferenceSession(str(file.path), options, providers)
        except Exception as error:
            # ONNX Runtime's errors have no base of their own.
            raise CheckpointError(f"{file.path} can't be loaded by runtime {name!r}: {error}") from error
        used = self._session.get_providers()[0]
        if used != wanted:
            raise ConfigError(f"runtime {name!r}: ONNX Runtime took {used}, since {wanted} doesn't work here")

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return the maps (4, S, S) float32 of the network input (C, S, S) float32."""
        return self.outputs({INPUT: image[None]})[0][0]

    def outputs(self, inputs: Dict[str, np.ndarray]) -> List[np.ndarray]:
        """See `exported_road.py: Graph`."""
        return self._session.run(None, inputs)


def on_cpu(file: NetworkFile, _device: str) -> Runtime:
    """Return the runtime `onnxruntime`."""
    return _opened("onnxruntime", file, "cpu", [(CPU, {})])


def on_cuda(file: NetworkFile, device: str) -> Runtime:
    """Return the runtime `onnxruntime-cuda`, in full float32: TF32 has 10 bits."""
    cuda = (CUDA, {"device_id": index_of(device), "use_tf32": 0})
    return _opened("onnxruntime-cuda", file, device, [cuda, (CPU, {})])


def by_tensorrt(file: NetworkFile, device: str) -> Runtime:
    """Return the runtime `onnxruntime-tensorrt`, fp16; what TensorRT builds is kept for this machine alone."""
    name = "onnxruntime-tensorrt"
    settings = {
        "device_id": index_of(device),
        "trt_fp16_enable": True,
        "trt_engine_cache_enable": True,
        "trt_engine_cache_path": str(made_folder(machine_engine(file.fingerprint, name, device))),
    }
    cuda = (CUDA, {"device_id": index_of(device)})
    return _opened(name, file, device, [(TENSORRT, settings), cuda, (CPU, {})])


def index_of(device: str) -> int:
    """Return the number of a GPU: 0 of "cuda", 1 of "cuda:1"."""
    return int(device.partition(":")[2] or 0)


def _opened(name: str, file: NetworkFile, device: str, providers: Providers) -> Runtime:
    runtime = OnnxRuntime(name, file, device, providers)
    return runtime if file.road is None else ExportedRoad(runtime, file, file.road)


def _options(onnxruntime: Any) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = thread_count()
    options.log_severity_level = 3  # errors; warnings are for its makers
    return options
