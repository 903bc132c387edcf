"""TensorRT's engines: built, kept for one machine, refused; with a stand-in for the library."""

from __future__ import annotations

import ctypes
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Dict, Iterator, Optional

import numpy as np
import pytest
import torch
from network_inputs import images

from pspgrasp.checkpoint import Checkpoint
from pspgrasp.errors import ConfigError, NetworkError
from pspgrasp.runtimes import engines, onnx_runtime, tensor_rt
from pspgrasp.runtimes.engines import machine_engine
from pspgrasp.runtimes.opening import exported, open_runtime
from pspgrasp.runtimes.tensor_rt import build_engine, on_gpu


class FakeTensorRt(SimpleNamespace):
    """Builds an engine that holds the network, and runs it by ONNX Runtime."""

    def __init__(self) -> None:
        super().__init__(__spec__=SimpleNamespace(name="tensorrt"), built=0, flags=[], runs=True)
        self.parses, self.builds, self.loads = True, True, True
        self.BuilderFlag = SimpleNamespace(FP16="fp16")
        self.Logger = type("Logger", (), {"ERROR": 1, "__init__": lambda self, level: None})

    def Builder(self, _logger: Any) -> Any:
        return SimpleNamespace(
            create_network=lambda flags: SimpleNamespace(),
            create_builder_config=lambda: SimpleNamespace(set_flag=self.flags.append),
            build_serialized_network=self._build,
        )

    def OnnxParser(self, network: Any, _logger: Any) -> Any:
        def parse(graph: bytes) -> bool:
            network.graph = graph
            return self.parses

        return SimpleNamespace(parse=parse, get_error=lambda number: f"error {number}: no such node")

    def Runtime(self, _logger: Any) -> Any:
        return SimpleNamespace(deserialize_cuda_engine=lambda engine: self._engine(engine) if self.loads else None)

    def _build(self, network: Any, _settings: Any) -> Optional[bytes]:
        self.built += 1
        return b"engine of " + network.graph if self.builds else None

    def _engine(self, engine: bytes) -> Any:
        import onnxruntime

        session = onnxruntime.InferenceSession(engine[len(b"engine of ") :], providers=["CPUExecutionProvider"])
        return SimpleNamespace(create_execution_context=lambda: self._context(session))

    def _context(self, session: Any) -> Any:
        addresses: Dict[str, int] = {}

        def floats(name: str, shape: Any) -> np.ndarray:
            memory = (ctypes.c_float * int(np.prod(shape))).from_address(addresses[name])
            return np.ctypeslib.as_array(memory).reshape(shape)

        def execute(_stream: int) -> bool:
            (taken,), (given,) = session.get_inputs(), session.get_outputs()
            image = floats(taken.name, taken.shape)
            floats(given.name, given.shape)[:] = session.run(None, {taken.name: image})[0]
            return self.runs

        return SimpleNamespace(set_tensor_address=addresses.__setitem__, execute_async_v3=execute)


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch, empty_cache: Path) -> Iterator[FakeTensorRt]:
    pytest.importorskip("onnxruntime", reason="needs the extra onnxruntime")
    fake = FakeTensorRt()
    monkeypatch.setitem(sys.modules, "tensorrt", fake)
    monkeypatch.setattr(tensor_rt, "choose_device", lambda name: torch.device("cpu"))
    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: SimpleNamespace(cuda_stream=0))
    return fake


def test_an_engine_is_built_in_half_precision_kept_and_run(library: FakeTensorRt, tiny: Checkpoint) -> None:
    path = build_engine(exported(tiny), "cuda:0")
    assert path == machine_engine(tiny.fingerprint, "tensorrt", "cuda:0")
    assert library.flags == ["fp16"]
    runtime, reference = open_runtime("tensorrt", tiny), open_runtime("torch", tiny, "cpu")
    for image in images(tiny.preprocess):
        np.testing.assert_allclose(runtime(image), reference(image), atol=2e-5)
    assert library.built == 1


def test_without_an_engine_the_command_that_builds_it_is_told(library: FakeTensorRt, tiny: Checkpoint) -> None:
    with pytest.raises(ConfigError, match="no engine of 'tiny' for this machine; `pspgrasp export tiny --to tensorrt`"):
        open_runtime("tensorrt", tiny)
    assert library.built == 0


@pytest.mark.parametrize("other", [{"gpus": ["Model: another"]}, {"versions": {"tensorrt": "99"}}, {"gpu_driver": "x"}])
def test_an_engine_of_another_machine_is_never_used(
    other: Dict[str, Any], library: FakeTensorRt, tiny: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_engine(exported(tiny), "cuda:0")
    here = engines.machine()
    monkeypatch.setattr(engines, "machine", lambda: {**here, **other})
    with pytest.raises(ConfigError, match="no engine of 'tiny' for this machine"):
        on_gpu(exported(tiny), "cuda:0")


def test_an_engine_of_another_network_or_gpu_has_another_place() -> None:
    places = {
        machine_engine(fingerprint, runtime, device)
        for fingerprint in ("a" * 16, "b" * 16)
        for runtime in ("tensorrt", "onnxruntime-tensorrt")
        for device in ("cuda:0", "cuda:1")
    }
    assert len(places) == 8


@pytest.mark.parametrize(
    ("fault", "said"), [("parses", "can't read .*: error 0: no such node"), ("builds", "can't build .*; its log says")]
)
def test_an_engine_that_cannot_be_built_is_one_line_and_no_file(
    fault: str, said: str, library: FakeTensorRt, tiny: Checkpoint
) -> None:
    setattr(library, fault, False)
    with pytest.raises(NetworkError, match=f"TensorRT {said}"):
        build_engine(exported(tiny), "cuda:0")
    assert not machine_engine(tiny.fingerprint, "tensorrt", "cuda:0").exists()


def test_an_engine_that_is_refused_or_fails_is_one_line(library: FakeTensorRt, tiny: Checkpoint) -> None:
    build_engine(exported(tiny), "cuda:0")
    runtime = open_runtime("tensorrt", tiny)
    library.runs, library.loads = False, False
    with pytest.raises(NetworkError, match="could not run its engine"):
        runtime(images(tiny.preprocess)[0])
    with pytest.raises(NetworkError, match="TensorRT refuses the engine"):
        open_runtime("tensorrt", tiny)


def test_onnx_runtime_keeps_its_tensorrt_engines_for_this_machine_alone(
    tiny: Checkpoint, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: Dict[str, Any] = {}

    def record(name: str, file: Any, device: str, providers: onnx_runtime.Providers) -> None:
        asked.update(name=name, providers=dict(providers))

    monkeypatch.setattr(onnx_runtime, "OnnxRuntime", record)
    onnx_runtime.by_tensorrt(exported(tiny), "cuda:1")
    settings = asked["providers"][onnx_runtime.TENSORRT]
    assert settings["device_id"] == 1
    assert settings["trt_engine_cache_path"] == str(machine_engine(tiny.fingerprint, asked["name"], "cuda:1"))
