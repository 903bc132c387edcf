"""`auto` takes the fastest runtime that passes, says why, and falls back to the reference in the open."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Tuple

import numpy as np
import pytest

from pspgrasp.checkpoint import Checkpoint
from pspgrasp.config import PreprocessConfig
from pspgrasp.errors import ConfigError
from pspgrasp.runtimes import Runtime, auto
from pspgrasp.runtimes.auto import candidates, choose, fastest
from pspgrasp.runtimes.decisions import Decision
from pspgrasp.runtimes.engines import engine_path, machine_engine
from pspgrasp.runtimes.table import RUNTIMES

CONFIG = PreprocessConfig(64)


class Clock:
    """Stands in for the module `time`: it goes on only when a runtime works."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def perf_counter(self) -> float:
        return self.now_s


class Fake:
    """A runtime that puts out four different maps of its input, and takes as long as it is told."""

    device = "paper"

    def __init__(self, name: str, clock: Clock, takes_ms: float, scale: float = 1.0) -> None:
        self.name, self._clock, self._takes_s, self._scale = name, clock, takes_ms / 1000, np.float32(scale)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        self._clock.now_s += self._takes_s
        return self._scale * np.stack([image[0], image[0] ** 2, -image[0], image[0].T])


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(auto, "time", clock)
    return clock


def opener(runtime: Any) -> Callable[[], Runtime]:
    return lambda: runtime


def beside_torch(clock: Clock, others: Dict[str, Callable[[], Runtime]]) -> Tuple[Runtime, Decision]:
    """Return what is taken where torch needs 18 ms."""
    torch = Fake("torch", clock, 18)
    return fastest(torch, ("torch", torch), others, CONFIG)


def test_the_fastest_is_taken_and_every_time_and_error_is_told(clock: Clock) -> None:
    others = {
        "openvino": opener(Fake("openvino", clock, 9, 1.0001)),
        "onnxruntime": opener(Fake("onnxruntime", clock, 11)),
    }
    taken, decision = beside_torch(clock, others)
    assert (taken.name, decision.runtime) == ("openvino", "openvino")
    assert decision.why.startswith(
        "took openvino, 9.0 ms (off by 0.0001 of the maps' spread); "
        "onnxruntime 11.0 ms (off by 0 of the maps' spread); torch 18.0 ms (the reference)"
    )


def test_a_fast_but_wrong_one_is_refused(clock: Clock) -> None:
    wrong = {"openvino": opener(Fake("openvino", clock, 1, 1.1)), "onnxruntime": opener(Fake("onnxruntime", clock, 11))}
    taken, decision = beside_torch(clock, wrong)
    assert taken.name == "onnxruntime"
    assert "openvino refused: " in decision.why
    assert "of its spread; 0.1% is allowed" in decision.why


def raising(error: Exception) -> Callable[..., Any]:
    def broken(*_: Any) -> Any:
        raise error

    return broken


@pytest.mark.parametrize("when", ["opened", "run"])
@pytest.mark.parametrize("error", [ConfigError("no such GPU"), RuntimeError("library says no"), MemoryError("full")])
def test_what_breaks_is_skipped_and_torch_is_taken_in_the_open(when: str, error: Exception, clock: Clock) -> None:
    broken = raising(error)
    others = {"openvino": broken if when == "opened" else opener(broken)}
    taken, decision = beside_torch(clock, others)
    assert taken.name == "torch"
    assert decision.why.startswith("took torch, 18.0 ms (the reference); openvino refused: ")
    assert str(error) in decision.why


def test_what_is_right_is_said_by_the_reference_and_not_by_what_would_run(clock: Clock) -> None:
    exact, rough = Fake("torch", clock, 90), Fake("torch", clock, 18, 1.005)
    taken, decision = fastest(exact, ("torch", rough), {"openvino": opener(Fake("openvino", clock, 9))}, CONFIG)
    assert taken.name == "openvino"
    assert "openvino refused" not in decision.why


def test_times_are_medians_of_turns(clock: Clock) -> None:
    order: List[str] = []

    class Listed(Fake):
        def __call__(self, image: np.ndarray) -> np.ndarray:
            order.append(self.name)
            self._takes_s = 5.0 if len(order) < 3 else 0.010  # something else kept the machine busy
            return super().__call__(image)

    both: Dict[str, Runtime] = {name: Listed(name, clock, 0) for name in "ab"}
    assert auto.median_times_ms(both, np.ones((1, 4, 4), np.float32)) == pytest.approx({"a": 10.0, "b": 10.0})
    assert order == ["a", "b"] * auto.ROUNDS


def test_what_is_not_installed_is_named(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pspgrasp.runtimes.opening.installed", lambda package: package != "openvino")
    why = beside_torch(clock, {})[1].why
    absent = why.partition("not installed: ")[2].split(", ")
    assert absent == [name for name, kind in RUNTIMES.items() if "openvino" in kind.packages]
    assert not set(candidates("0" * 16, "weights", "cpu")) & set(absent)


def test_only_what_is_ready_in_seconds_is_tried_unless_its_engine_is_kept(empty_cache: object) -> None:
    few = candidates("0" * 16, "weights", "cpu")
    assert {"torch", "onnxruntime", "openvino"} <= set(few)
    assert not {"torch-compile", "openvino-int8"} & set(few)
    engine = engine_path("0" * 16, "int8")
    engine.parent.mkdir(parents=True)
    engine.write_bytes(b"an engine")
    assert set(candidates("0" * 16, "weights", "cpu")) - set(few) == {"openvino-int8"}


def test_an_engine_of_tensorrt_makes_it_a_candidate(empty_cache: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pspgrasp.runtimes.opening.installed", lambda package: True)
    few = candidates("0" * 16, "weights", "cuda")
    assert "cuda-graph" in few
    assert not {"tensorrt", "onnxruntime-tensorrt"} & set(few)
    engine = machine_engine("0" * 16, "tensorrt", "cuda:0")
    engine.parent.mkdir(parents=True)
    engine.write_bytes(b"an engine")
    assert "tensorrt" in candidates("0" * 16, "weights", "cuda")
    assert "tensorrt" not in candidates("0" * 16, "weights", "cuda:1"), "an engine is for one GPU"


@pytest.mark.parametrize(("device", "wanted"), [("cpu", "cpu"), ("cuda", "cuda"), ("cuda:1", "cuda")])
def test_candidates_know_the_device(device: str, wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pspgrasp.runtimes.opening.installed", lambda package: True)
    some = candidates("0" * 16, "weights", device)
    assert some
    assert all(wanted in RUNTIMES[name].devices for name in some)


@pytest.mark.parametrize("has", [True, False])
def test_without_a_gpu_nothing_for_a_gpu_is_tried(has: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auto, "has_gpu", lambda: has)
    assert ("cuda-graph" in candidates("0" * 16, "weights", "auto")) is has


@pytest.mark.parametrize(
    ("form", "may", "may_not"), [(".onnx", "onnxruntime", "torch"), (".xml", "openvino", "onnxruntime")]
)
def test_candidates_run_the_file(form: str, may: str, may_not: str) -> None:
    some = candidates("0" * 16, form, "cpu")
    assert may in some
    assert may_not not in some


def test_a_real_network_gets_a_runtime_that_agrees_with_torch(tiny: Checkpoint) -> None:
    taken, decision = choose(tiny, "cpu")
    assert taken.name == decision.runtime
    for name in ("torch", "onnxruntime", "openvino"):
        assert f"{name} " in decision.why or f"{name}, " in decision.why
