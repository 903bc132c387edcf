"""Laws of the rows: GG-CNN's is the stream's own, and who fails the check is told and never timed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, List

import numpy as np
import pytest

from pspgrasp.benchmark import rows as room
from pspgrasp.benchmark.frames import MISSING, WINDOW_PX, generated_frames
from pspgrasp.benchmark.rows import GGCNN, OURS, own_rows, reference_row, resized, unbuilt
from pspgrasp.benchmark.run import BenchConfig, lineup
from pspgrasp.benchmark.threads import threads_kept
from pspgrasp.depth import DepthFrame
from pspgrasp.errors import CheckpointError, ConfigError
from pspgrasp.ggcnn_stream import GgcnnStream
from pspgrasp.predictor import GraspPredictor
from pspgrasp.runtimes import Runtime
from pspgrasp.runtimes.engines import engine_path
from pspgrasp.runtimes.opening import exported, open_runtime
from pspgrasp.shipped import Network, find_checkpoint, find_weights

HERE = ("cpu", 1)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep engines in a cache of this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def ggcnn() -> Network:
    return find_checkpoint("ggcnn")


@pytest.fixture(scope="module")
def frames() -> List[DepthFrame]:
    return generated_frames(4)


class Counted:
    """A runtime, wrong by a factor, that counts its calls."""

    name, device = "onnxruntime", "cpu"

    def __init__(self, runtime: Runtime, scale: float) -> None:
        self.calls, self._runtime, self._scale = 0, runtime, np.float32(scale)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        self.calls += 1
        return self._scale * self._runtime(image)


def opening(monkeypatch: pytest.MonkeyPatch, other: Any) -> None:
    """Let every runtime but torch be `other`."""

    def opened(name: str, network: Network, device: str = "auto") -> Runtime:
        return open_runtime(name, network, device) if name == "torch" else other

    monkeypatch.setattr(room, "open_runtime", opened)


def test_the_reference_row_gives_the_grasps_of_ggcnns_stream(ggcnn: Network, frames: List[DepthFrame]) -> None:
    row = reference_row(ggcnn, None, HERE)
    assert (row.key.road, row.key.runtime, row.precision) == (GGCNN, "torch", "float32")
    predictor, stream = GraspPredictor.from_checkpoint(ggcnn, "cpu"), GgcnnStream("kinova")
    for frame in frames:
        found: Any = row.turn.work(frame)
        wanted = stream.update(frame, predictor)
        assert (found.command, found.peak, found.silence) == (wanted.command, wanted.peak, wanted.silence)
        np.testing.assert_array_equal(found.quality, wanted.quality)
    assert wanted.peak, "frames without a grasp would prove nothing"


def test_our_row_gives_the_grasps_of_the_predictor(ggcnn: Network, frames: List[DepthFrame]) -> None:
    (row,) = own_rows(ggcnn, None, HERE, ["torch"]).rows
    wanted = GraspPredictor.from_checkpoint(ggcnn, "cpu").predict(frames[0])
    found: Any = row.turn.work(frames[0])
    assert found.image_grasps == wanted.image_grasps
    assert wanted.grasps


def test_both_roads_tell_all_stages(ggcnn: Network, frames: List[DepthFrame]) -> None:
    with threads_kept():
        laps = [
            row.turn.lap(frames[0])
            for row in (reference_row(ggcnn, None, HERE), *own_rows(ggcnn, None, HERE, ["torch"]).rows)
        ]
    assert [list(lap) for lap in laps] == [["prepare", "network", "maps", "detect"]] * 2


def test_a_runtime_that_fails_its_check_is_refused_and_told_and_not_run_again(
    ggcnn: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = Counted(open_runtime("torch", ggcnn, "cpu"), 1.1)
    opening(monkeypatch, wrong)
    found = own_rows(ggcnn, None, HERE, ["torch", "onnxruntime"])
    assert [row.key.runtime for row in found.rows] == ["torch"]
    (refusal,) = found.refused
    assert refusal.key == found.rows[0].key._replace(runtime="onnxruntime")
    assert "% is allowed" in refusal.why
    assert wrong.calls == 2, "the check alone"


def test_a_runtime_that_passes_becomes_a_row(ggcnn: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    opening(monkeypatch, Counted(open_runtime("torch", ggcnn, "cpu"), 1.0))
    found = own_rows(ggcnn, None, HERE, ["torch", "onnxruntime"])
    assert [(row.key.road, row.key.runtime) for row in found.rows] == [(OURS, "torch"), (OURS, "onnxruntime")]
    assert found.refused == []


def test_a_runtime_that_does_not_run_here_is_told(ggcnn: Network) -> None:
    found = own_rows(ggcnn, None, HERE, ["cuda-graph"])
    assert found.rows == []
    assert "runtime 'cuda-graph' runs on cuda, not on 'cpu'" in found.refused[0].why


def test_a_network_whose_maps_are_of_another_size_is_refused_and_told(ggcnn: Network) -> None:
    odd = resized(ggcnn, 250)
    assert odd.preprocess.input_size_px == 250
    assert odd.fingerprint != ggcnn.fingerprint, "its engines are kept apart"
    found = own_rows(odd, None, HERE, ["torch"])
    assert found.rows == []
    assert "for an input of 250x250 px" in found.refused[0].why


def test_an_exported_network_keeps_its_size() -> None:
    pytest.importorskip("onnx", reason="needs the extra onnxruntime")
    file = exported(find_weights("ggcnn"))
    assert resized(file, 300) is file
    with pytest.raises(ConfigError, match="was exported for 300 px"):
        resized(file, 224)


def test_a_quantised_network_is_tried_as_soon_as_one_is_kept(ggcnn: Network) -> None:
    pytest.importorskip("openvino", reason="needs the extra openvino")
    assert "openvino-int8" in unbuilt(ggcnn, "cpu")
    path = engine_path(ggcnn.fingerprint, "int8")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    assert "openvino-int8" not in unbuilt(ggcnn, "cpu")
    assert "openvino-int8" in [key.runtime for key, _ in own_rows(ggcnn, None, HERE).refused], (
        "and told, since it is damaged"
    )


def test_the_reference_row_wants_maps_of_ggcnns_size(ggcnn: Network) -> None:
    with pytest.raises(CheckpointError, match="GG-CNN's interfaces carry 300 px maps"):
        reference_row(resized(ggcnn, 252), None, HERE)


def test_every_place_has_ggcnns_road_first() -> None:
    with threads_kept():
        found = lineup(BenchConfig(("ggcnn",), ("torch",), devices=("cpu",), threads=(1, 2)))
    assert [(row.key.road, row.key.threads) for row in found.rows] == [(GGCNN, 1), (OURS, 1), (GGCNN, 2), (OURS, 2)]
    assert {row.turn.threads for row in found.rows if row.key.threads == 2} == {2}
    assert all(row.cost and row.cost.flops > 10**9 for row in found.rows)


def test_an_unknown_runtime_is_said_before_anything_is_loaded() -> None:
    with pytest.raises(ConfigError, match="did you mean 'openvino'"):
        BenchConfig(("ggcnn",), ("openvimo",))


def test_generated_frames_are_the_same_again_and_of_a_third_a_fifth_is_missing() -> None:
    frames, again = generated_frames(6), generated_frames(6)
    for one, other in zip(frames, again):
        assert one.depth_m.shape == (480, 640)
        np.testing.assert_array_equal(one.depth_m, other.depth_m)
    top, left = (480 - WINDOW_PX) // 2, (640 - WINDOW_PX) // 2
    missing = [np.isnan(frame.depth_m[top:-top, left:-left]).mean() for frame in frames]
    assert [MISSING <= share < MISSING + 0.02 for share in missing] == [False, False, True, False, False, True]
    assert max(missing[0], missing[1]) < MISSING / 2
