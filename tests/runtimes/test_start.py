"""A second start needs neither torch nor the time of the first, and never takes what is stale or damaged."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Tuple

import numpy as np
import pytest
from network_inputs import images

from pspgrasp.checkpoint import Checkpoint, save_checkpoint
from pspgrasp.errors import NetworkError, PspGraspError
from pspgrasp.network_file import NetworkFile
from pspgrasp.runtimes import start as start_module
from pspgrasp.runtimes.decisions import Decision
from pspgrasp.runtimes.engines import engine_path, kept_network
from pspgrasp.runtimes.opening import exported, open_runtime
from pspgrasp.runtimes.parity import Parity
from pspgrasp.runtimes.start import run, start

LIGHT_START = """
import sys
from pspgrasp.node_config import NodeConfig
from pspgrasp.config import CropConfig, DetectionConfig, LimitsConfig
from pspgrasp.predictor import GraspPredictor
from pspgrasp.runtimes.start import start
started = start({path!r}, {runtime!r}, "cpu")
GraspPredictor.started(started, CropConfig(), DetectionConfig(), LimitsConfig()).warm_up()
print(started.runtime.name, started.network.name, sorted({{"torch", "timm", "torchvision"}} & set(sys.modules)))
"""


@pytest.fixture
def file(tiny: Checkpoint, tmp_path: Path) -> Path:
    """Return a checkpoint's file."""
    save_checkpoint(tiny, tmp_path / "mine.safetensors")
    return tmp_path / "mine.safetensors"


@pytest.fixture
def only_openvino_is_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    def choose(network: Any, device: str) -> Tuple[Any, Decision]:
        return open_runtime("openvino", network, device), Decision("openvino", "took openvino, since a test says so")

    monkeypatch.setattr(start_module, "choose", choose)


def forbid(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Let a test fail where one of these functions of `start` is called."""
    for name in names:
        monkeypatch.setattr(start_module, name, lambda *_, name=name: pytest.fail(f"{name} was called"))


def light_start(path: Path, runtime: str) -> str:
    code = LIGHT_START.format(path=str(path), runtime=runtime)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_a_second_start_needs_no_torch(runtime: str, file: Path) -> None:
    first = start(str(file), runtime, "cpu")
    assert isinstance(first.network, Checkpoint)
    assert light_start(file, runtime) == f"{runtime} mine []"


def test_an_exported_network_needs_no_torch_from_the_first_start_on(tiny: Checkpoint, tmp_path: Path) -> None:
    path = Path(shutil.copy(exported(tiny).path, tmp_path / "theirs.onnx"))
    assert light_start(path, "") == "onnxruntime theirs []"


def test_what_was_decided_is_taken_again_without_a_trial(
    file: Path, empty_cache: Path, only_openvino_is_fast: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = start(str(file), "auto", "cpu")
    assert first.why == "took openvino, since a test says so"
    forbid(monkeypatch, "choose", "find_weights")
    second = start(str(file), "auto", "cpu")
    assert second.runtime.name == "openvino"
    assert second.why == "took openvino, since a test says so (decided at an earlier start)"
    assert isinstance(second.network, NetworkFile)
    for image in images(first.network.preprocess):
        np.testing.assert_array_equal(second.runtime(image), first.runtime(image))


def test_a_checkpoint_in_memory_is_decided_once_too(
    tiny: Checkpoint, empty_cache: Path, only_openvino_is_fast: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tiny, "auto", "cpu")
    forbid(monkeypatch, "choose")
    assert run(tiny, "auto", "cpu").why.endswith("(decided at an earlier start)")


@pytest.mark.parametrize("change", ["threads", "machine", "device", "engine"])
def test_another_machine_or_engine_decides_anew(
    change: str, file: Path, empty_cache: Path, only_openvino_is_fast: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = start(str(file), "auto", "cpu")
    if change == "threads":
        monkeypatch.setenv("OMP_NUM_THREADS", "3")
    elif change == "machine":
        monkeypatch.setattr(start_module, "machine", lambda: {"cpu": "another one"})
    elif change == "engine":
        engine_path(first.network.fingerprint, "int8").write_bytes(b"a quantised network")
    again = start(str(file), "auto", "auto" if change == "device" else "cpu")
    assert again.why == "took openvino, since a test says so"


def test_a_checkpoint_that_changed_under_its_name_is_loaded_anew(
    file: Path, tiny: Checkpoint, empty_cache: Path, only_openvino_is_fast: None
) -> None:
    before = start(str(file), "auto", "cpu")
    weights = {name: tensor * 0.5 if name == "head.weight" else tensor for name, tensor in tiny.weights.items()}
    save_checkpoint(Checkpoint("x", tiny.model, weights, tiny.preprocess, 150.0, {"by": "a test"}, "contact"), file)
    after = start(str(file), "auto", "cpu")
    image = images(tiny.preprocess)[0]
    assert np.abs(after.runtime(image) - before.runtime(image)).max() > 1e-3
    assert after.network.fingerprint != before.network.fingerprint


@pytest.mark.parametrize("damage", ["cut", "flipped", "lost", "of another version", "no JSON", "of nothing known"])
def test_a_damaged_or_stale_engine_is_made_anew_and_never_used(damage: str, file: Path, empty_cache: Path) -> None:
    fingerprint = start(str(file), "onnxruntime", "cpu").network.fingerprint
    engine = engine_path(fingerprint, "float32")
    whole, beside = engine.read_bytes(), engine.with_suffix(".json")
    told = json.loads(beside.read_text())
    if damage == "cut":
        engine.write_bytes(whole[:-100])
    elif damage == "flipped":
        engine.write_bytes(whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:])
    elif damage == "lost":
        beside.unlink()
    elif damage == "of another version":
        beside.write_text(json.dumps({**told, "made_by": "0.0.1"}))
    elif damage == "no JSON":
        beside.write_text("{")
    else:
        beside.write_text("[]")
    assert kept_network(fingerprint, "float32") is None
    assert start(str(file), "onnxruntime", "cpu").runtime.name == "onnxruntime"
    assert engine.read_bytes() == whole
    assert kept_network(fingerprint, "float32") is not None


def test_a_runtime_that_was_asked_for_and_is_wrong_is_an_error_and_not_remembered(
    tiny: Checkpoint, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(start_module, "parity", lambda *_: Parity(0.5, "width is off by 50.0% of its spread"))
        with pytest.raises(NetworkError, match=r"'openvino' does not do what 'tiny' does: width is off by 50.0%"):
            run(tiny, "openvino", "cpu")
    assert run(tiny, "openvino", "cpu").why == "openvino was asked for"


def test_torch_is_torch_and_leaves_nothing_behind(tiny: Checkpoint, empty_cache: Path) -> None:
    for runtime in ("", "torch"):
        assert run(tiny, runtime, "cpu").runtime.name == "torch"
    assert not empty_cache.exists()


def test_a_cache_that_cannot_be_written_stops_only_what_needs_it(
    tiny: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a file"))
    with pytest.raises(PspGraspError, match=r"which can't be made .*; set XDG_CACHE_HOME to a folder"):
        run(tiny, "openvino", "cpu")
    started = run(tiny, "auto", "cpu")
    assert started.runtime.name == "torch"
    assert "openvino refused: engines are kept in" in started.why
    assert "not kept: " in started.why
