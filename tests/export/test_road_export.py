"""A graph of the whole road finds the grasps that are found here, and says what is built into it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pspgrasp.checkpoint import Checkpoint, save_checkpoint
from pspgrasp.config import CropConfig, DetectionConfig, LimitsConfig, PreprocessConfig
from pspgrasp.data.tabletop import tabletop_frames
from pspgrasp.errors import CheckpointError, ConfigError, NetworkError
from pspgrasp.export import make
from pspgrasp.export.calibration import Calibration
from pspgrasp.export.make import ExportJob, export
from pspgrasp.models import ModelConfig, build_model
from pspgrasp.network_file import read_network_file
from pspgrasp.network_file.metadata import Metadata, RoadConfig
from pspgrasp.network_file.onnx_file import write_onnx
from pspgrasp.predictor import GraspPredictor
from pspgrasp.runtimes.opening import open_runtime
from pspgrasp.runtimes.start import Started
from pspgrasp.shipped import find_checkpoint

pytest.importorskip("onnxruntime", reason="needs the extra onnxruntime")


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep engines in a cache of each test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def job(to: str, output: Any, checkpoint: str = "efficientnet_lite0") -> ExportJob:
    return ExportJob(checkpoint, to, False, output, Calibration(8), scenes=16, road=True)


@pytest.fixture
def scaled(tmp_path: Path) -> Path:
    """Return a checkpoint that asks for the size of a pixel, and whose widths are openings."""
    network = {"backbone": "test_efficientnet", "in_channels": 2, "head_channels": 16}
    model = ModelConfig.from_tree({"architecture": "pspgraspnet", "network": network})
    torch.manual_seed(3)
    preprocess = PreprocessConfig(96, pixel_size_channel=True)
    path = tmp_path / "scaled.safetensors"
    save_checkpoint(
        Checkpoint("scaled", model, build_model(model).state_dict(), preprocess, 9.0, {"by": "a test"}), path
    )
    return path


def predictor_of(name: str, detection: DetectionConfig) -> GraspPredictor:
    network = find_checkpoint(name)
    return GraspPredictor.started(
        Started(network, open_runtime("", network, "cpu"), ""), CropConfig(), detection, LimitsConfig()
    )


@pytest.mark.parametrize("to", ["onnx", "openvino"])
@pytest.mark.parametrize("which", ["efficientnet_lite0", "scaled"])
def test_the_grasps_of_an_exported_road_are_those_found_here(to: str, which: str, tmp_path: Path, scaled: Path) -> None:
    output = tmp_path / ("road.onnx" if to == "onnx" else "road.xml")
    name = str(scaled) if which == "scaled" else which
    lines = export(job(to, output, name))
    assert lines[-1] == "all from depth to the places of grasps is built in; they are the same"
    detection = DetectionConfig(min_quality=0.0)
    here, there = predictor_of(name, detection), predictor_of(str(output), detection)
    there.warm_up()
    for frame, _ in tabletop_frames(3, 2):
        wanted, found = here.predict(frame), there.predict(frame)
        assert len(found.grasps) == len(wanted.grasps) > 0
        for one, other in zip(found.grasps, wanted.grasps):
            np.testing.assert_allclose(one.position_m, other.position_m, atol=1e-4)
            assert one.width_m == pytest.approx(other.width_m, abs=1e-4)
            assert one.angle_rad == pytest.approx(other.angle_rad, abs=2e-3)
        assert wanted.maps is not None
        assert found.maps is not None
        np.testing.assert_allclose(found.maps.encode(1.0), wanted.maps.encode(1.0), atol=0.05)


def test_another_clearance_needs_no_other_export_but_another_gaussian_does(tmp_path: Path) -> None:
    export(job("onnx", tmp_path / "road.onnx"))
    wide = DetectionConfig(clearance_m=0.03)
    here, there = predictor_of("efficientnet_lite0", wide), predictor_of(str(tmp_path / "road.onnx"), wide)
    frame, _ = next(iter(tabletop_frames(3, 1)))
    widths_m = [[grasp.width_m for grasp in one.predict(frame).grasps] for one in (here, there)]
    assert widths_m[1] == pytest.approx(widths_m[0], abs=1e-4)
    with pytest.raises(ConfigError, match=r"has Gaussians of 2 \(quality\), 2 \(angle\), 1 px \(width\) built in"):
        replace(there, detection=replace(wide, sigma_quality_px=3.0)).predict(frame)


def test_interfaces_of_ggcnn_are_told_what_they_need_instead(tmp_path: Path) -> None:
    export(job("onnx", tmp_path / "road.onnx"))
    with pytest.raises(ConfigError, match="GG-CNN's interfaces do their own way; give them its checkpoint"):
        predictor_of(str(tmp_path / "road.onnx"), DetectionConfig()).raw_maps(np.ones((300, 300), np.float32), 500.0)


def test_a_road_that_leads_elsewhere_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pspgrasp.device_road.push_pull", lambda depth_m, measured: depth_m * measured + 0.4)
    with pytest.raises(NetworkError, match="onnxruntime does not walk the road from depth to grasps as it should"):
        export(job("onnx", tmp_path / "road.onnx"))
    assert list(tmp_path.iterdir()) == []


def test_a_file_whose_metadata_denies_the_road_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = []
    monkeypatch.setattr(
        make, "_write", lambda graph, metadata, path: kept.append(graph) or write_onnx(graph, metadata, path)
    )
    export(job("onnx", tmp_path / "road.onnx"))
    network = read_network_file(tmp_path / "road.onnx")
    assert network.road == RoadConfig()
    assert network.fingerprint.endswith("-road")
    plain = Metadata(network.name, network.fingerprint[:16], "float32", network.header, {})
    write_onnx(kept[-1], plain, tmp_path / "plain.onnx")
    with pytest.raises(CheckpointError, match="its input must be float32 depth"):
        read_network_file(tmp_path / "plain.onnx")
    text = replace(plain, road=RoadConfig()).to_text().replace('"sigma_width_px": 1.0', '"sigma_width_px": -1')
    with pytest.raises(CheckpointError, match="road/sigma_width_px must lie in"):
        Metadata.from_text(text, "x.onnx")


@pytest.mark.parametrize(
    ("to", "output", "said"), [("tensorrt", None, "onnxruntime-tensorrt"), ("onnx", None, "an --output")]
)
def test_a_road_goes_into_a_file_that_somebody_names(to: str, output: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        job(to, output)
