"""One contract over every network that can be built: depth (B, 1, N, N) in, maps (B, 4, N, N) out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict

import pytest
import torch
from torch import nn

from pspgrasp.errors import ConfigError, NetworkError
from pspgrasp.models import ARCHITECTURES, ModelConfig, build_model
from pspgrasp.models.ggcnn import GgcnnConfig
from pspgrasp.models.pyramid import CONTEXTS

SIDE = 96  # a multiple of 32, of GG-CNN's 12 and of GR-ConvNet's 4
SMALL: Dict[str, Dict[str, Any]] = {
    "pspgraspnet": {"backbone": "test_efficientnet"},
    "grconvnet": {"channels": 4},
}
BACKBONES = ["test_efficientnet", "test_resnet", "test_convnext", "mobilenetv3_small_050", "lcnet_035"]
PSPGRASPNETS = {
    **{
        f"{context}-{stride}": {"backbone": "test_efficientnet", "output_stride": stride, "context": context}
        for context in CONTEXTS
        for stride in (8, 16, 32)
    },
    **{
        f"{backbone}-{stride}": {"backbone": backbone, "output_stride": stride}
        for backbone in BACKBONES[1:]
        for stride in (8, 16, 32)
    },
    "aspp-resnet": {"backbone": "test_resnet", "context": "aspp"},
    "fcn-convnext": {"backbone": "test_convnext", "context": "fcn"},
    "no-skip": {"lateral_channels": 0},
    "no-relief": {"relief_boxes_px": []},
    "reduction": {"reduction_channels": 32},
    "sum": {"fusion": "sum"},
    "six-bins": {"bins": [1, 2, 3, 4, 5, 6]},
    "cells": {"upsampling": "cells"},
    "cells-no-skip": {"upsampling": "cells", "lateral_channels": 0},
    "auxiliary": {"auxiliary_channels": 16},
    "max": {"pooling": "max"},
}
NETWORKS = {
    **{name: ModelConfig.from_tree({"architecture": name, "network": SMALL.get(name, {})}) for name in ARCHITECTURES},
    **{
        name: ModelConfig.from_tree({"network": {"backbone": "test_efficientnet", **network}})
        for name, network in PSPGRASPNETS.items()
    },
}
each_network = pytest.mark.parametrize("config", NETWORKS.values(), ids=NETWORKS)
each_architecture = pytest.mark.parametrize("architecture", ARCHITECTURES)


def pspgraspnet(**network: Any) -> Any:
    return build_model(ModelConfig.from_tree({"network": {"backbone": "test_efficientnet", **network}}))


def depth(batch: int = 2, side: int = SIDE) -> torch.Tensor:
    return 0.1 * torch.randn(batch, 1, side, side, generator=torch.Generator().manual_seed(batch))


def parameters_of(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@each_network
def test_every_network_keeps_the_contract(config: ModelConfig) -> None:
    assert ModelConfig.from_tree(config.to_tree()) == config
    network = build_model(config)
    # A batch of one trains, and so does what is left for the last batch.
    for batch in (3, 1):
        network.train()(depth(batch)).square().mean().backward()
    wrong = [name for name, p in network.named_parameters() if p.grad is not None and not torch.isfinite(p.grad).all()]
    assert not wrong
    network.eval()
    x = depth()
    before = x.clone()
    with torch.inference_mode():
        maps = network(x)
        assert maps.shape == (2, 4, SIDE, SIDE)
        assert torch.isfinite(maps).all()
        assert torch.equal(network(x), maps), "evaluation is deterministic"
        torch.testing.assert_close(network(x[:1]), maps[:1], atol=1e-4, rtol=1e-4)
    assert torch.equal(x, before)


@each_network
def test_every_parameter_of_a_network_is_trained_by_its_maps(config: ModelConfig) -> None:
    network = build_model(config).train()
    network(depth()).square().mean().backward()
    idle = {name.split(".")[0] for name, p in network.named_parameters() if p.grad is None}
    assert idle <= {"auxiliary", "backbone"}, "timm's extractors may keep a head that no feature needs"


@each_architecture
def test_the_same_seed_builds_the_same_network(architecture: str) -> None:
    built = []
    for _ in range(2):
        torch.manual_seed(5)
        built.append(build_model(NETWORKS[architecture]).state_dict())
    assert list(built[0]) == list(built[1])
    assert all(torch.equal(built[0][name], built[1][name]) for name in built[0])


@pytest.mark.parametrize(
    ("architecture", "network", "parameters"),
    [
        ("ggcnn", {}, 62_420),
        ("ggcnn2", {}, 66_676),
        ("grconvnet", {}, 1_893_124),
        ("grconvnet", {"in_channels": 4}, 1_900_900),
    ],
)
def test_a_baseline_has_as_many_parameters_as_published(architecture: str, network: dict, parameters: int) -> None:
    config = ModelConfig.from_tree({"architecture": architecture, "network": network})
    assert parameters_of(build_model(config)) == parameters


@pytest.mark.parametrize("architecture", ["ggcnn", "ggcnn2", "grconvnet"])
@pytest.mark.parametrize("side", [60, 300])
def test_a_baseline_keeps_the_size_of_its_papers(architecture: str, side: int) -> None:
    with torch.inference_mode():
        assert build_model(NETWORKS[architecture]).eval()(depth(1, side)).shape == (1, 4, side, side)


@pytest.mark.parametrize("upsampling", ["align_corners", "cells"])
@pytest.mark.parametrize("side", [32, 75, 100, 281, 300, 329])
def test_the_pyramid_network_takes_any_size(side: int, upsampling: str) -> None:
    with torch.inference_mode():
        assert pspgraspnet(upsampling=upsampling).eval()(depth(1, side)).shape == (1, 4, side, side)


def test_a_second_channel_is_seen_and_no_relief_is_made_of_it() -> None:
    network = pspgraspnet(in_channels=2).eval()
    image = torch.cat([depth(1), torch.full((1, 1, SIDE, SIDE), 0.3)], dim=1)
    assert network(image).shape == (1, 4, SIDE, SIDE)
    farther = torch.cat([image[:, :1], image[:, 1:] + 1], dim=1)
    assert not torch.equal(network(image), network(farther))
    assert torch.equal(network.relief(image)[:, 2:], network.relief(farther)[:, 2:])
    assert torch.equal(network.relief(image)[:, :2], image)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_wants_depth_alone_unless_it_is_told(name: str) -> None:
    assert NETWORKS[name].in_channels == 1
    colour = ModelConfig.from_tree({"architecture": "ggcnn", "network": {"in_channels": 4}})
    assert colour.in_channels == 4


@pytest.mark.parametrize(
    ("tree", "near_miss"),
    [
        ({"architecture": "gg-cnn"}, "'ggcnn'"),
        ({"architecture": "pspnet"}, "'pspgraspnet'"),
        ({"network": {"context": "ppmm"}}, "'ppm'"),
        ({"network": {"context": "asp"}}, "'aspp'"),
        ({"network": {"upsampling": "align_corner"}}, "'align_corners'"),
        ({"network": {"dilation": "semseg"}}, "there are: timm"),
        ({"network": {"output_stride": 12}}, "16"),
        ({"network": {"zoom_factor": 3}}, "there are: 0, 1, 2, 4, 8"),
        ({"network": {"relief_boxes_px": [30]}}, "odd"),
        ({"network": {"relief_boxes_px": [1]}}, "odd"),
        ({"network": {"head_chanels": 64}}, "'head_channels'"),
        ({"architecture": "ggcnn", "network": {"backbone": "resnet18"}}, "there are: in_channels"),
    ],
)
def test_a_setting_that_is_not_known_is_refused_with_what_is(tree: dict, near_miss: str) -> None:
    with pytest.raises(ConfigError, match=near_miss):
        ModelConfig.from_tree(tree)


@pytest.mark.parametrize(
    ("backbone", "near_miss"), [("resnet19", "'resnet18'"), ("efficientnet_light0", "'efficientnet_lite0'")]
)
def test_an_unknown_backbone_is_refused_with_the_near_miss(backbone: str, near_miss: str) -> None:
    with pytest.raises(NetworkError, match=f"did you mean.*{near_miss}"):
        pspgraspnet(backbone=backbone)


@pytest.mark.parametrize("backbone", ["densenet121", "ghostnet_100", "test_vit"])
def test_a_backbone_that_refuses_a_stride_is_named_with_the_stride_and_a_way_out(backbone: str) -> None:
    with pytest.raises(NetworkError, match=f"'{backbone}'.*stride 8.*try 32"):
        pspgraspnet(backbone=backbone, output_stride=8)


def test_a_backbone_without_a_fine_feature_says_how_to_do_without() -> None:
    with pytest.raises(ConfigError, match="lateral_channels: 0"):
        pspgraspnet(backbone="test_vit", output_stride=32)


def test_the_config_of_another_architecture_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"'ggcnn' needs a GgcnnConfig, got a PspGraspNetConfig"):
        ModelConfig("ggcnn")
    with pytest.raises(ConfigError, match="PspGraspNetConfig"):
        ModelConfig("pspgraspnet", GgcnnConfig())


@pytest.mark.parametrize("architecture", sorted(set(ARCHITECTURES) - {"pspgraspnet"}))
def test_without_a_backbone_there_is_nothing_pretrained(architecture: str) -> None:
    with pytest.raises(ConfigError, match="pspgraspnet"):
        build_model(NETWORKS[architecture], pretrained=True)


OFFLINE = """
import sys
from pspgrasp.errors import NetworkError
from pspgrasp.models import ModelConfig, build_model

def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        raise AssertionError("no test may use the network")

sys.addaudithook(refuse)
config = ModelConfig.from_tree({"network": {"backbone": "resnet18"}})
build_model(config)
try:
    build_model(config, pretrained=True)
except NetworkError as error:
    print(error)
"""


def test_pretrained_weights_are_fetched_only_on_request_and_without_a_network_it_says_so(tmp_path: Path) -> None:
    nowhere = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "TORCH_HOME": str(tmp_path)}
    said = subprocess.check_output([sys.executable, "-c", OFFLINE], env={**os.environ, **nowhere}, text=True)
    assert "pretrained weights of 'resnet18' can't be had" in said
    assert "pretrained=False" in said


@pytest.mark.parametrize("upsampling", ["align_corners", "cells"])
@pytest.mark.parametrize("lateral_channels", [0, 8])
@pytest.mark.parametrize(("zoom", "side"), [(1, 13), (2, 25), (4, 49), (8, 97), (0, 97)])
def test_the_zoom_factor_sets_the_size_of_the_maps(
    zoom: int, side: int, lateral_channels: int, upsampling: str
) -> None:
    network = pspgraspnet(zoom_factor=zoom, lateral_channels=lateral_channels, upsampling=upsampling)
    assert network.eval()(depth(1, 97)).shape == (1, 4, side, side)


def test_a_zoom_factor_at_another_size_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"8 k \+ 1 pixels, got 300; nearest: 297"):
        pspgraspnet(zoom_factor=8)(depth(1, 300))


@pytest.mark.parametrize("stride", [8, 16, 32])
def test_the_auxiliary_head_gives_maps_of_the_same_size_and_trains(stride: int) -> None:
    network = pspgraspnet(auxiliary_channels=16, output_stride=stride).train()
    maps, auxiliary = network.forward_with_auxiliary(depth(1))
    assert auxiliary.shape == maps.shape == (1, 4, SIDE, SIDE)
    auxiliary.square().mean().backward()
    assert all(parameter.grad is not None for parameter in network.auxiliary.parameters())
    assert all(parameter.grad is None for parameter in network.head.parameters())
    network.eval()
    torch.testing.assert_close(network.forward_with_auxiliary(depth())[0], network(depth()))


def test_without_an_auxiliary_head_there_is_none_and_no_parameter_of_it() -> None:
    network = pspgraspnet()
    assert network.forward_with_auxiliary(depth(1))[1] is None
    assert not [name for name in network.state_dict() if name.startswith("auxiliary")]


@pytest.mark.parametrize("output_stride", [8, 16, 32])
@pytest.mark.parametrize("lateral_channels", [0, 8])
@pytest.mark.parametrize("side", [300, 304, 320])
def test_with_cells_a_feature_peaks_on_its_own_pixel(side: int, lateral_channels: int, output_stride: int) -> None:
    network = pspgraspnet(upsampling="cells", lateral_channels=lateral_channels, output_stride=output_stride).eval()
    stride = 4 if lateral_channels else output_stride
    cells = -(-side // stride)
    cell = 3 * cells // 4
    impulse = torch.zeros(1, 4, cells, cells)
    impulse[..., cell, cell] = 1.0

    def only_an_impulse(_head: nn.Module, _inputs: Any, output: torch.Tensor) -> torch.Tensor:
        assert output.shape == impulse.shape
        return impulse

    network.head.register_forward_hook(only_an_impulse)
    with torch.inference_mode():
        peak = int(network(depth(1, side))[0, 0].argmax())
    assert divmod(peak, side) == (cell * stride, cell * stride)


@pytest.mark.parametrize("side", [300, 304, 320])
def test_with_cells_a_coarse_feature_reaches_the_skip_on_its_own_cell(side: int) -> None:
    network, seen = pspgraspnet(upsampling="cells").eval(), []
    cells, cell = -(-side // 16), 13

    def only_an_impulse(_dropout: nn.Module, _inputs: Any, output: torch.Tensor) -> torch.Tensor:
        impulse = torch.zeros_like(output)
        assert output.shape[-1] == cells
        impulse[..., cell, cell] = 1.0
        return impulse

    network.dropout.register_forward_hook(only_an_impulse)
    network.refine.register_forward_pre_hook(lambda _refine, inputs: seen.append(inputs[0]))
    with torch.inference_mode():
        network(depth(1, side))
    assert divmod(int(seen[0][0, 0].argmax()), -(-side // 4)) == (4 * cell, 4 * cell)


def test_the_relief_shows_small_heights_at_any_distance() -> None:
    bump = torch.zeros(1, 1, SIDE, SIDE)
    bump[..., 40:44, 40:44] = -0.01
    relief = pspgraspnet(relief_boxes_px=[31]).relief
    near, far = relief(bump), relief(bump + 0.7)
    torch.testing.assert_close(near[:, 1], far[:, 1], atol=1e-5, rtol=1e-4)
    assert float(near[0, 1, 42, 42]) == pytest.approx(-0.1, abs=0.01)
    assert float(relief(100 * bump)[:, 1].abs().max()) == 2.0, "clipped"
