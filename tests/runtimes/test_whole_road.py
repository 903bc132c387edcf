"""A road that is walked elsewhere, in a graph or on a GPU, leads to the same grasps, or is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, List, Sequence

import numpy as np
import pytest
import torch
from torch import nn

from pspgrasp.checkpoint import Checkpoint
from pspgrasp.config import CropConfig, DetectionConfig, LimitsConfig, PreprocessConfig
from pspgrasp.data.tabletop import tabletop_frames
from pspgrasp.errors import NetworkError
from pspgrasp.models import ModelConfig, build_model
from pspgrasp.overlay import draw
from pspgrasp.predictor import GraspPredictor, Prediction
from pspgrasp.runtimes import RoadRuntime, Runtime
from pspgrasp.runtimes.cuda_graph import CudaGraphRoad
from pspgrasp.runtimes.opening import open_runtime
from pspgrasp.runtimes.start import Started
from pspgrasp.shipped import find_weights

LENIENT = DetectionConfig(min_quality=0.2)


class Replayed:
    """A recording without a GPU: the work is done anew, and what it made is overwritten by the next play."""

    def __init__(self, work: Callable[[], Sequence[torch.Tensor]], _device: torch.device) -> None:
        self._work, self._made = work, [one.clone() for one in work()]

    def played(self) -> List[torch.Tensor]:
        for kept, made in zip(self._made, self._work()):
            kept.copy_(made)
        return self._made


def road_of(checkpoint: Checkpoint, network: Any = None) -> CudaGraphRoad:
    """Return the runtime `cuda-graph` as it would be on a GPU, in float32."""
    side = checkpoint.preprocess.input_size_px
    image = torch.zeros(1, checkpoint.preprocess.channels, side, side)
    return CudaGraphRoad(network or checkpoint.network(), checkpoint, image, Replayed)


def predictor_of(checkpoint: Checkpoint, runtime: Runtime, detection: DetectionConfig = LENIENT) -> GraspPredictor:
    started = Started(checkpoint, runtime, "")
    return GraspPredictor.started(started, CropConfig(), detection, LimitsConfig())


def predictions(predictor: GraspPredictor) -> List[Prediction]:
    return [predictor.predict(frame) for frame, _ in tabletop_frames(5, 3)]


@pytest.fixture(scope="module", params=["efficientnet_lite0", "pixel_size"])
def checkpoint(request: pytest.FixtureRequest) -> Checkpoint:
    if request.param == "efficientnet_lite0":
        return find_weights("efficientnet_lite0")
    network = {"backbone": "test_efficientnet", "in_channels": 2, "head_channels": 16}
    model = ModelConfig.from_tree({"architecture": "pspgraspnet", "network": network})
    torch.manual_seed(3)
    preprocess = PreprocessConfig(96, pixel_size_channel=True)
    return Checkpoint("scaled", model, build_model(model).state_dict(), preprocess, 90.0, {"by": "a test"}, "opening")


def test_grasps_of_a_recorded_road_are_those_of_the_road_walked_here(checkpoint: Checkpoint) -> None:
    here = predictor_of(checkpoint, open_runtime("torch", checkpoint, "cpu"), DetectionConfig(min_quality=0.0))
    there = replace(here, runtime=road_of(checkpoint))
    assert isinstance(there.runtime, RoadRuntime)
    assert not isinstance(here.runtime, RoadRuntime)
    there.warm_up()
    for wanted, found in zip(predictions(here), predictions(there)):
        assert len(found.image_grasps) == len(wanted.image_grasps) > 0
        for one, other in zip(found.image_grasps, wanted.image_grasps):
            assert (one.u, one.v) == (other.u, other.v)
            assert one.angle_rad == pytest.approx(other.angle_rad, abs=1e-3)
            assert one.width_px == pytest.approx(other.width_px, abs=1e-2)
            assert one.quality == pytest.approx(other.quality, abs=1e-4)


def test_maps_are_brought_for_whoever_looks_but_not_those_of_an_earlier_image() -> None:
    checkpoint = find_weights("ggcnn")
    checkpoint = replace(checkpoint, preprocess=replace(checkpoint.preprocess, fill="push_pull"))
    here = predictor_of(checkpoint, open_runtime("torch", checkpoint, "cpu"))
    there = replace(here, runtime=road_of(checkpoint))
    (first, _), (second, _) = tabletop_frames(5, 2)
    seen = there.predict(first)
    wanted = here.predict(first).maps
    assert wanted is not None
    assert seen.maps is not None
    np.testing.assert_allclose(seen.maps.encode(1.0), wanted.encode(1.0), atol=2e-3)
    assert draw(first, seen).shape == (*first.depth_m.shape, 3)
    late = there.predict(first)
    there.predict(second)
    with pytest.raises(NetworkError, match="a later one has overwritten them"):
        _ = late.maps


def test_other_gaussians_are_another_recording() -> None:
    checkpoint = find_weights("ggcnn")
    checkpoint = replace(checkpoint, preprocess=replace(checkpoint.preprocess, fill="push_pull"))
    runtime = road_of(checkpoint)
    for detection in (LENIENT, replace(LENIENT, sigma_quality_px=5.0), LENIENT):
        here = predictor_of(checkpoint, open_runtime("torch", checkpoint, "cpu"), detection)
        for wanted, found in zip(predictions(here), predictions(replace(here, runtime=runtime))):
            assert [(g.u, g.v) for g in found.image_grasps] == [(g.u, g.v) for g in wanted.image_grasps]


def test_a_poisoned_road_gives_no_grasp_but_an_error() -> None:
    class Poisoned(nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            output = image.expand(-1, 4, -1, -1).clone()
            output[0, 0, 0, 0] = float("nan")
            return output

    checkpoint = find_weights("efficientnet_lite0")
    predictor = predictor_of(checkpoint, road_of(checkpoint, Poisoned()))
    with pytest.raises(NetworkError, match="NaN or infinity"):
        predictions(predictor)


def test_a_road_that_leads_elsewhere_is_found_out_at_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = find_weights("efficientnet_lite0")
    runtime = road_of(checkpoint)
    monkeypatch.setattr("pspgrasp.device_road._halved", lambda image: image[..., ::2, ::2] * 0 + 0.2)
    with pytest.raises(NetworkError, match="cuda-graph does not walk the road"):
        predictor_of(checkpoint, runtime).warm_up()
