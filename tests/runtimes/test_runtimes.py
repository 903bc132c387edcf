"""Every runtime does what torch does, or says in one line why it can't."""

from __future__ import annotations

import importlib
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, List

import numpy as np
import pytest
import torch
from network_inputs import images

from pspgrasp.checkpoint import Checkpoint
from pspgrasp.errors import CheckpointError, ConfigError, NetworkError
from pspgrasp.models import ModelConfig, build_model
from pspgrasp.network_file import NetworkFile
from pspgrasp.network_file.openvino_file import openvino_core
from pspgrasp.predictor import GraspPredictor
from pspgrasp.runtimes import compiled as compiled_module
from pspgrasp.runtimes import open_vino
from pspgrasp.runtimes.folding import folded
from pspgrasp.runtimes.opening import exported, open_runtime, placed
from pspgrasp.runtimes.table import RUNTIMES
from pspgrasp.shipped import find_weights

CHECKPOINTS = ("tiny", "ggcnn", "efficientnet_lite0")
FLOAT = ("onnxruntime", "openvino")
WITHOUT_TORCH = [
    name for name, kind in RUNTIMES.items() if kind.precision == "float32" and "torch" not in kind.packages
]


@pytest.fixture(params=CHECKPOINTS)
def checkpoint(request: pytest.FixtureRequest, tiny: Checkpoint) -> Checkpoint:
    return tiny if request.param == "tiny" else find_weights(request.param)


@pytest.mark.parametrize("name", FLOAT)
def test_a_runtime_puts_out_what_torch_does(name: str, checkpoint: Checkpoint) -> None:
    reference, other = open_runtime("torch", checkpoint, "cpu"), open_runtime(name, checkpoint, "cpu")
    assert (other.name, other.device) == (name, "cpu")
    for image in images(checkpoint.preprocess):
        found = other(image)
        assert (found.shape, found.dtype) == ((4, *image.shape[1:]), np.float32)
        np.testing.assert_allclose(found, reference(image), atol=2e-5)


def test_a_compiled_network_puts_out_what_torch_does(tiny: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    # Without the C++ compiler behind it, which takes minutes: what it is given is looked at.
    monkeypatch.setattr(compiled_module.torch, "compile", partial(torch.compile, backend="eager"))
    reference, other = open_runtime("torch", tiny, "cpu"), open_runtime("torch-compile", tiny, "cpu")
    for image in images(tiny.preprocess):
        np.testing.assert_allclose(other(image), reference(image), atol=2e-5)


@pytest.mark.gpu
def test_a_recorded_road_passes_its_check() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no GPU here")
    GraspPredictor.from_checkpoint(find_weights("efficientnet_lite0"), "cuda", runtime="cuda-graph").warm_up()


@pytest.mark.gpu
def test_a_recorded_network_puts_out_what_torch_does() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no GPU here")
    checkpoint = find_weights("efficientnet_lite0")
    reference, other = open_runtime("torch", checkpoint, "cuda"), open_runtime("cuda-graph", checkpoint, "cuda")
    for image in images(checkpoint.preprocess):
        np.testing.assert_allclose(other(image), reference(image), atol=0.05)


SWAPPED = """
import faulthandler, signal, sys
from pathlib import Path
from pspgrasp.network_file import read_network_file
from pspgrasp.runtimes.opening import open_runtime
faulthandler.enable()  # gives signals a stack of their own
file = read_network_file(Path(sys.argv[1]))
runtime = open_runtime(sys.argv[2], file)
for _ in range(3):
    runtime = open_runtime(sys.argv[2], file)  # the new one is there before the old one goes
del runtime
signal.signal(signal.SIGTERM, lambda *_: print("heard", flush=True))
signal.raise_signal(signal.SIGTERM)
"""


@pytest.mark.parametrize("name", FLOAT)
def test_a_process_that_has_swapped_runtimes_still_hears_signals(name: str, tiny: Checkpoint) -> None:
    words = [sys.executable, "-c", SWAPPED, str(exported(tiny).path), name]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "heard\n"), done.stderr


@pytest.mark.parametrize("name", ["torch", *FLOAT])
def test_maps_are_the_callers_and_the_next_image_leaves_them(name: str, tiny: Checkpoint) -> None:
    runtime = open_runtime(name, tiny, "cpu")
    one, other = images(tiny.preprocess)[:2]
    first = runtime(one)
    before = first.copy()
    runtime(other)
    np.testing.assert_array_equal(first, before)
    np.testing.assert_array_equal(runtime(one), before)


@pytest.mark.parametrize("name", ["torch", *FLOAT])
def test_an_image_is_an_argument_and_may_be_a_view(name: str, tiny: Checkpoint) -> None:
    runtime = open_runtime(name, tiny, "cpu")
    image = images(tiny.preprocess)[0]
    before, turned = image.copy(), np.ascontiguousarray(image.transpose(0, 2, 1)).transpose(0, 2, 1)
    np.testing.assert_array_equal(runtime(turned), runtime(image))
    np.testing.assert_array_equal(image, before)


def test_folding_leaves_no_norm_and_changes_nothing(checkpoint: Checkpoint) -> None:
    network = checkpoint.network()
    inputs = [torch.from_numpy(image)[None] for image in images(checkpoint.preprocess)]
    alone = folded(network, torch.zeros_like(inputs[0]))
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in alone.modules())
    with torch.inference_mode():
        for image in inputs:
            torch.testing.assert_close(alone(image), network(image), atol=2e-5, rtol=1e-4)


def test_transposed_convolutions_are_folded_too() -> None:
    model = ModelConfig.from_tree({"architecture": "grconvnet", "network": {"channels": 4}})
    network = build_model(model).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -0.5, 0.5)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
    image = torch.randn(1, 1, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(folded(network, image)(image), network(image), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", RUNTIMES)
def test_every_runtime_of_the_table_is_a_function_of_its_file(name: str) -> None:
    kind = RUNTIMES[name]
    assert callable(getattr(importlib.import_module(f"pspgrasp.runtimes.{kind.file}"), kind.function))
    assert kind.install
    assert set(kind.devices) <= {"cpu", "cuda"}


@pytest.mark.parametrize("name", WITHOUT_TORCH)
def test_what_is_not_installed_is_one_line_with_what_installs_it(
    name: str, tiny: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = RUNTIMES[name].packages[0]
    monkeypatch.setattr("pspgrasp.runtimes.opening.installed", lambda asked: asked != package)
    with pytest.raises(ConfigError) as caught:
        open_runtime(name, tiny, "auto")
    assert str(caught.value) == f"runtime {name!r} needs {package}: {RUNTIMES[name].install}"


def test_an_unknown_runtime_is_refused_with_the_near_miss(tiny: Checkpoint) -> None:
    with pytest.raises(ConfigError, match="unknown runtime 'openvno'; did you mean 'openvino'"):
        open_runtime("openvno", tiny)


@pytest.mark.parametrize(
    ("name", "device", "said"),
    [
        ("openvino", "cuda", "runs on cpu, not on 'cuda'"),
        ("onnxruntime-cuda", "cpu", "runs on cuda, not on 'cpu'"),
        ("openvino", "gpu", "unknown device 'gpu'; did you mean 'cpu'"),
    ],
)
def test_a_runtime_on_the_wrong_device_is_refused(name: str, device: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        placed(name, RUNTIMES[name], device)


def test_auto_is_the_device_that_a_runtime_knows() -> None:
    places = {name: placed(name, kind, "auto") for name, kind in RUNTIMES.items()}
    assert places["openvino"] == places["onnxruntime"] == "cpu"
    assert places["cuda-graph"] == places["tensorrt"] == "cuda:0"
    assert places["torch"] == "auto"
    assert placed("tensorrt", RUNTIMES["tensorrt"], "cuda") == "cuda:0"


def test_a_provider_that_onnx_runtime_was_not_built_with_is_told(tiny: Checkpoint) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra onnxruntime")
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        return
    with pytest.raises(ConfigError, match="built without CUDAExecutionProvider; install onnxruntime-gpu"):
        open_runtime("onnxruntime-cuda", tiny)


@pytest.mark.parametrize("has", [False, True])
def test_bfloat16_is_refused_where_the_cpu_lacks_it_and_never_float32_instead(
    has: bool, tiny: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    real: Any = openvino_core()
    asked = []

    class Core:
        def get_property(self, *_: str) -> List[str]:
            return ["FP32", "BF16"] if has else ["FP32", "INT8"]

        def read_model(self, path: str) -> Any:
            return real.read_model(path)

        def compile_model(self, model: Any, device: str, settings: Any) -> Any:
            asked.append(settings["INFERENCE_PRECISION_HINT"])
            return real.compile_model(model, device, settings)

    monkeypatch.setattr(open_vino, "openvino_core", Core)
    if has:
        assert open_runtime("openvino-bf16", tiny).name == "openvino-bf16"
        assert asked == ["bf16"]
    else:
        with pytest.raises(ConfigError, match="this CPU does not compute in bfloat16; use openvino"):
            open_runtime("openvino-bf16", tiny)


def test_a_quantised_network_that_nobody_made_is_told_with_the_command_that_makes_it(tiny: Checkpoint) -> None:
    with pytest.raises(ConfigError, match="`pspgrasp export tiny --to openvino --int8` makes and checks one"):
        open_runtime("openvino-int8", tiny)


def test_a_network_that_wants_more_than_depth_is_refused_by_every_runtime() -> None:
    model = ModelConfig.from_tree({"architecture": "ggcnn", "network": {"in_channels": 2}})
    checkpoint = Checkpoint("two", model, build_model(model).state_dict(), training={"by": "a test"})
    for name in ("torch", *FLOAT):
        with pytest.raises(CheckpointError, match="'two' wants 2 channels; its preprocessing makes 1"):
            open_runtime(name, checkpoint, "cpu")


def test_an_exported_network_runs_by_what_reads_its_file_and_by_nothing_else(tiny: Checkpoint, tmp_path: Path) -> None:
    file = exported(tiny)
    assert open_runtime("", file).name == "onnxruntime"
    assert open_runtime("openvino", file).name == "openvino"
    with pytest.raises(ConfigError, match=r"runtime 'torch' runs weights \(\.safetensors\), not float32\.onnx; onnxr"):
        open_runtime("torch", file)
    with pytest.raises(ConfigError, match=r"runs quantised networks; float32\.onnx is in float32"):
        open_runtime("openvino-int8", file)
    with pytest.raises(ConfigError, match=r"runtime 'onnxruntime' runs \.onnx, not x\.xml; openvino does"):
        open_runtime("onnxruntime", replace(file, path=tmp_path / "x.xml"))


@pytest.mark.parametrize("name", FLOAT)
def test_a_file_that_cannot_be_loaded_is_one_line(name: str, tiny: Checkpoint, tmp_path: Path) -> None:
    (tmp_path / "cut.onnx").write_bytes(exported(tiny).path.read_bytes()[:-1000])
    broken: NetworkFile = replace(exported(tiny), path=tmp_path / "cut.onnx")
    with pytest.raises(CheckpointError, match=f"cut.onnx can't be loaded by runtime '{name}'"):
        open_runtime(name, broken)


def test_a_compiler_that_fails_is_one_line(tiny: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(network: Any, **_: Any) -> Any:
        def run(_image: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("no g++\nand many more lines")

        network.forward = run
        return network

    monkeypatch.setattr(compiled_module.torch, "compile", broken)
    with pytest.raises(NetworkError, match=r"^torch\.compile can't build 'tiny' here: no g[+][+]$"):
        open_runtime("torch-compile", tiny, "cpu")


@pytest.mark.parametrize("threads", ["0", "-1", "two", ""])
def test_a_wrong_number_of_threads_is_told(threads: str, tiny: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    with pytest.raises(ConfigError, match="OMP_NUM_THREADS must be a positive whole number"):
        open_runtime("onnxruntime", tiny)
