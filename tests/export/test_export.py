"""An export is the checkpoint's network, or it is not written."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path
from typing import Any, Iterator, List

import cv2
import numpy as np
import pytest
import torch

from pspgrasp.checkpoint import Checkpoint, save_checkpoint
from pspgrasp.cli import main
from pspgrasp.config import PreprocessConfig
from pspgrasp.data.tabletop import tabletop_frames
from pspgrasp.errors import ConfigError, DataError, NetworkError
from pspgrasp.export import make
from pspgrasp.export.calibration import Calibration
from pspgrasp.export.make import ExportJob, export
from pspgrasp.export.quantise import kept_in_float, quantised
from pspgrasp.export.score import ScoreCheck, score
from pspgrasp.models import ModelConfig, build_model
from pspgrasp.network_file import read_network_file
from pspgrasp.predictor import GraspPredictor
from pspgrasp.runtimes.engines import kept_network
from pspgrasp.runtimes.onnx_graph import onnx_graph
from pspgrasp.runtimes.opening import open_runtime
from pspgrasp.runtimes.parity import parity
from pspgrasp.shipped import find_checkpoint, find_weights

pytest.importorskip("onnxruntime", reason="needs the extra onnxruntime")

FEW = Calibration(8)
PYRAMID = {"backbone": "test_efficientnet", "head_channels": 16, "lateral_channels": 8, "refine_channels": 8}


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep engines in a cache of each test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def job(to: str, output: Any, int8: bool = False, checkpoint: str = "ggcnn") -> ExportJob:
    return ExportJob(checkpoint, to, int8, output, FEW, scenes=16)


def checkpoint_of(network: Any, architecture: str = "pspgraspnet", **preprocess: Any) -> Checkpoint:
    model = ModelConfig.from_tree({"architecture": architecture, "network": network})
    torch.manual_seed(0)
    record = {"by": "a test"}
    return Checkpoint("new", model, build_model(model).state_dict(), PreprocessConfig(**preprocess), training=record)


@pytest.mark.parametrize("output", ["a.onnx", "a.xml"])
def test_an_exported_checkpoint_finds_the_same_grasps(output: str, tmp_path: Path) -> None:
    to = "onnx" if output.endswith("onnx") else "openvino"
    lines = export(job(to, tmp_path / output))
    assert lines[0] == f"{tmp_path / output}: ggcnn in float32"
    assert "the grasps are the same" in lines[1]
    weights, exported = (find_checkpoint(name) for name in ("ggcnn", str(tmp_path / output)))
    assert exported.fingerprint == weights.fingerprint
    assert (exported.preprocess, exported.width, exported.training) == (
        weights.preprocess, weights.width, weights.training
    )  # fmt: skip
    before, after = (GraspPredictor.from_checkpoint(network, "cpu") for network in (weights, exported))
    assert after.name == "a"
    for frame, _ in tabletop_frames(3, 3):
        for one, other in zip(before.predict(frame).grasps, after.predict(frame).grasps):
            np.testing.assert_allclose(other.position_m, one.position_m, atol=1e-4)
            assert other.width_m == pytest.approx(one.width_m, abs=1e-4)
            assert other.quality == pytest.approx(one.quality, abs=1e-4)


def test_an_export_says_how_it_was_checked(tmp_path: Path) -> None:
    export(job("onnx", tmp_path / "a.onnx"))
    import onnx

    notes = make.Metadata.from_text(onnx.load(str(tmp_path / "a.onnx")).metadata_props[0].value, "a").notes
    assert notes["checked_by"] == "onnxruntime"
    assert 0 <= notes["off_by"] < 1e-3
    assert notes["versions"]["onnxruntime"]


def spoilt(graph: Any) -> Any:
    """Return a graph with one weight changed."""
    import onnx

    tensor = graph.graph.initializer[0]
    values = onnx.numpy_helper.to_array(tensor).copy()
    values.flat[0] += 1
    tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    return graph


@pytest.mark.parametrize("output", ["a.onnx", "a.xml", None])
def test_an_export_that_fails_its_check_is_not_written(
    output: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(make, "onnx_graph", lambda checkpoint: spoilt(onnx_graph(checkpoint)))
    to = "openvino" if output == "a.xml" else "onnx"
    with pytest.raises(NetworkError, match=r"not written, since by .* of its spread; 0\.1% is allowed"):
        export(job(to, output and tmp_path / output))
    assert list(tmp_path.iterdir()) == []
    assert kept_network(find_weights("ggcnn").fingerprint, "float32") is None


@pytest.fixture
def barely_quantised(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for minutes of quantisation: the graph as it is."""
    monkeypatch.setattr(make, "quantised", lambda graph, images: graph)
    monkeypatch.setattr(make, "check_quantiser", lambda: None)


@pytest.mark.parametrize(("wins", "losses", "passes"), [(0, 1, True), (0, 2, False), (3, 4, True), (9, 0, True)])
def test_a_quantised_network_that_grasps_worse_is_not_written(
    wins: int, losses: int, passes: bool, tmp_path: Path, barely_quantised: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = ScoreCheck("scenes", 250, 200, 200 + wins - losses, wins, losses)
    monkeypatch.setattr(make, "score", lambda *_: result)
    if passes:
        assert export(job("onnx", tmp_path / "a.onnx", int8=True))[-1] == result.line()
        assert read_network_file(tmp_path / "a.onnx").precision == "int8"
    else:
        with pytest.raises(NetworkError, match=r"not written, since its grasps are worse; scenes: 200 of 250 before"):
            export(job("onnx", tmp_path / "a.onnx", int8=True))
        assert list(tmp_path.iterdir()) == []


def test_what_is_exported_without_a_file_is_what_the_runtime_takes(
    barely_quantised: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(make, "score", lambda *_: ScoreCheck("scenes", 250, 200, 200, 0, 0))
    with pytest.raises(ConfigError, match="no quantised network of 'ggcnn'"):
        open_runtime("openvino-int8", find_weights("ggcnn"))
    export(job("openvino", None, int8=True))
    assert open_runtime("openvino-int8", find_weights("ggcnn")).name == "openvino-int8"


def test_a_win_is_an_image_where_the_new_one_alone_is_right() -> None:
    found = ScoreCheck.of("scenes", before=[True, True, True, False, False], after=[False, False, True, True, False])
    assert (found.images, found.hits_before, found.hits_after, found.wins, found.losses) == (5, 3, 2, 1, 2)
    assert found.change == pytest.approx(-0.2)
    assert found.lost


def test_both_are_judged_on_the_same_scenes_and_counted_in_pairs() -> None:
    predictor = GraspPredictor.from_checkpoint(find_weights("efficientnet_lite0"), "cpu")

    class Blind:
        name = device = "paper"

        def __call__(self, image: np.ndarray) -> np.ndarray:
            return np.zeros((4, *image.shape[1:]), np.float32)

    same = score(predictor, predictor, 4, None)
    blind = score(predictor, dataclasses.replace(predictor, runtime=Blind()), 4, None)
    assert (same.images, same.wins, same.losses, same.change) == (4, 0, 0, 0.0)
    assert same.hits_before > 0
    assert (blind.hits_before, blind.hits_after) == (same.hits_before, 0)
    assert (blind.wins, blind.losses) == (0, same.hits_before)


def test_a_labelled_folder_takes_the_place_of_scenes(data: Path) -> None:
    predictor = GraspPredictor.from_checkpoint(find_weights("ggcnn"), "cpu")
    found = score(predictor, predictor, 4, data / "jacquard" / "1a9fa4c269cfcc1b738e43095496b061")
    assert found.images > 0
    assert found.hits_before == found.hits_after


@pytest.mark.parametrize(("images", "wins", "losses"), [(100, 0, 0), (100, 3, 8), (50, 5, 5), (400, 7, 0)])
def test_the_interval_is_that_of_a_paired_difference(images: int, wins: int, losses: int) -> None:
    found = ScoreCheck("scenes", images, 20, 20 + wins - losses, wins, losses)
    assert found.change == (wins - losses) / images
    # Half an image more of each kind: won, lost, both, neither.
    values, weights = np.array([1.0, -1.0, 0.0]), np.array([wins + 0.5, losses + 0.5, images - wins - losses + 1])
    mean = np.average(values, weights=weights)
    half = 1.96 * np.sqrt(np.average((values - mean) ** 2, weights=weights) / weights.sum())
    assert found.interval_95 == pytest.approx((mean - half, mean + half))


def test_a_few_images_without_a_difference_are_no_certainty() -> None:
    low, high = ScoreCheck("scenes", 25, 20, 20, 0, 0).interval_95
    assert low < -0.05
    assert high > 0.05


def test_a_pyramid_is_exported_with_static_shapes_and_plain_products() -> None:
    graph = onnx_graph(checkpoint_of(PYRAMID, input_size_px=96))
    counted = Counter(node.op_type for node in graph.graph.node)
    assert counted["MatMul"] >= 20
    assert not set(counted) & {"Shape", "Resize", "AveragePool", "GlobalAveragePool", "Loop", "If", "Gather", "Pad"}
    assert "BatchNormalization" not in counted
    for value in (*graph.graph.input, *graph.graph.output):
        assert all(size.dim_value > 0 for size in value.type.tensor_type.shape.dim)


@pytest.mark.parametrize("upsampling", ["align_corners", "cells"])
@pytest.mark.parametrize("context", ["ppm", "aspp", "sppm", "dappm", "fcn"])
def test_every_context_is_exported_as_it_is(context: str, upsampling: str, tmp_path: Path) -> None:
    network = {**PYRAMID, "context": context, "upsampling": upsampling, "bins": [1, 2, 3, 5], "in_channels": 2}
    checkpoint = checkpoint_of(network, input_size_px=75, pixel_size_channel=True)
    runtimes = [open_runtime(name, checkpoint, "cpu") for name in ("torch", "onnxruntime")]
    assert parity(*runtimes, checkpoint.preprocess, "float32").objection == ""


@pytest.mark.parametrize(("architecture", "side"), [("ggcnn", 300), ("ggcnn2", 64), ("grconvnet", 64)])
def test_every_baseline_is_exported_as_it_is(architecture: str, side: int) -> None:
    checkpoint = checkpoint_of({}, architecture, input_size_px=side)
    runtimes = [open_runtime(name, checkpoint, "cpu") for name in ("torch", "onnxruntime", "openvino")]
    for runtime in runtimes[1:]:
        assert parity(runtimes[0], runtime, checkpoint.preprocess, "float32").objection == ""


def test_a_network_that_onnx_has_no_words_for_is_one_line() -> None:
    checkpoint = checkpoint_of({**PYRAMID, "pooling": "max", "bins": [5]}, input_size_px=96)
    with pytest.raises(NetworkError, match="the network of 'new' can't be exported to ONNX"):
        onnx_graph(checkpoint)


def test_input_ends_and_products_stay_in_float_and_nothing_else() -> None:
    nodes = [n for n in onnx_graph(checkpoint_of(PYRAMID, input_size_px=96)).graph.node if n.op_type != "Constant"]
    names = kept_in_float(onnx_graph(checkpoint_of(PYRAMID, input_size_px=96)))
    convolutions = [node.name for node in nodes if node.op_type == "Conv"]
    assert {convolutions[0], convolutions[-1]} == names & set(convolutions)
    assert {node.name for node in nodes if node.op_type == "MatMul"} <= names
    before_the_first = nodes[: [node.name for node in nodes].index(convolutions[0])]
    assert {node.name for node in before_the_first} <= names


def test_all_four_heads_of_ggcnn_are_last() -> None:
    graph = onnx_graph(find_weights("ggcnn"))
    heads = [node.name for node in graph.graph.node if node.op_type == "Conv" and "output" in node.name]
    assert len(heads) == 4
    assert set(heads) <= kept_in_float(graph)


def test_a_quantised_network_is_nearly_the_network() -> None:
    pytest.importorskip("nncf", reason="needs the extra quantise")
    checkpoint = find_weights("ggcnn")
    inputs = Calibration(8).inputs(checkpoint.preprocess)
    graph = quantised(onnx_graph(checkpoint), inputs)
    assert {"QuantizeLinear", "DequantizeLinear"} <= {node.op_type for node in graph.graph.node}
    import onnxruntime

    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    reference = open_runtime("torch", checkpoint, "cpu")
    wanted = reference(inputs[0])
    found = session.run(None, {"depth": inputs[0][None]})[0][0]
    assert 1e-4 < np.sqrt(np.mean((found - wanted) ** 2)) / wanted.std() < 0.4


def test_generated_calibration_is_input_as_the_network_takes_it() -> None:
    config = PreprocessConfig(64, 0.2, pixel_size_channel=True)
    inputs = Calibration(3).inputs(config)
    assert [one.shape for one in inputs] == [(2, 64, 64)] * 3
    assert all(np.abs(one[0]).max() <= np.float32(0.2) for one in inputs)
    assert not np.array_equal(inputs[0], inputs[1])


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Path]:
    """Return a folder of depth images."""
    for number, (frame, _) in enumerate(tabletop_frames(3, 4)):
        depth_mm = np.nan_to_num(frame.depth_m * 1000).astype(np.uint16)
        cv2.imwrite(str(tmp_path / f"{number}.png"), depth_mm)
    return tmp_path


def test_recorded_calibration_walks_the_road_of_a_robot(recording: Path) -> None:
    inputs = Calibration(3, recording).inputs(PreprocessConfig(64))
    assert [one.shape for one in inputs] == [(1, 64, 64)] * 3
    assert all(np.isfinite(one).all() and abs(float(one.mean())) < 0.01 for one in inputs)
    with pytest.raises(DataError, match="give the recording's focal length"):
        Calibration(3, recording).inputs(PreprocessConfig(64, pixel_size_channel=True))
    two = Calibration(3, recording, focal_px=600.0).inputs(PreprocessConfig(64, pixel_size_channel=True))
    assert two[0].shape == (2, 64, 64)


def test_a_folder_without_depth_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no PNG"):
        Calibration(3, tmp_path / "absent").inputs(PreprocessConfig(64))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ggcnn", "--to", "onxx"], "unknown format 'onxx'; did you mean 'onnx'"),
        (["ggcnn", "--to", "onnx", "--output", "a.xml"], "--output must end in .onnx for --to onnx, got a.xml"),
        (["ggcnn", "--to", "onnx", "--output", "absent/a.onnx"], "there is no folder absent"),
        (["ggcnn", "--to", "tensorrt", "--int8"], "an engine of TensorRT is in fp16 and for this machine alone"),
        (["ggcnn", "--to", "tensorrt", "--output", "a.engine"], "it is kept in the cache"),
        (["ggcn", "--to", "onnx"], "unknown checkpoint 'ggcn'; did you mean 'ggcnn'"),
        (["ggcnn", "--to", "onnx", "--scenes", "1"], "--scenes must lie in [10, 1000000], got 1"),
    ],
)
def test_a_wrong_command_is_one_line_and_no_file(
    words: List[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["export", *words]) == 1
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_the_command_writes_a_file_that_predict_takes(
    tmp_path: Path, recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "lite.onnx"
    save_checkpoint(checkpoint_of(PYRAMID, input_size_px=96), tmp_path / "new.safetensors")
    assert main(["export", str(tmp_path / "new.safetensors"), "--to", "onnx", "--output", str(output)]) == 0
    assert "maps by onnxruntime: off by " in capsys.readouterr().out
    camera = ["--camera", "615", "615", "320", "240"]
    assert main(["predict", str(recording / "0.png"), *camera, "--checkpoint", str(output)]) == 0
    assert main(["predict", str(recording / "0.png"), *camera, "--checkpoint", str(output), "--runtime", "torch"]) == 1
    assert "runtime 'torch' runs weights" in capsys.readouterr().err


def test_without_nncf_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pspgrasp.export.quantise.installed", lambda name: False)
    with pytest.raises(ConfigError, match=r"--int8 needs nncf: pip install 'pspgrasp\[quantise\]'"):
        export(job("onnx", None, int8=True))
