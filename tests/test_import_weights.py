"""Published weights become checkpoints, and nothing else does."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any, Dict

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pspgrasp.checkpoint import load_checkpoint, save_checkpoint
from pspgrasp.errors import CheckpointError, PspGraspError
from pspgrasp.import_weights import PUBLISHED_INPUT_PX, import_weights
from pspgrasp.models import ModelConfig, build_model

SETTINGS: Dict[str, Dict[str, int]] = {
    "ggcnn": {"in_channels": 1},
    "ggcnn2": {"in_channels": 4},
    "grconvnet": {"in_channels": 4, "channels": 3},
}
PEERS = {
    "ggcnn": ("ggcnn_epoch_23_cornell_statedict.pt", 62_420, 1),
    "ggcnn2": ("ggcnn2_epoch_50_cornell_statedict.pt", 66_676, 1),
    "grconvnet": ("grconvnet3_cornell_rgbd_ch16_epoch_30_iou_0.97_statedict.pt", 479_156, 4),
}
each_published = pytest.mark.parametrize("architecture", PUBLISHED_INPUT_PX)


def model_of(architecture: str) -> ModelConfig:
    return ModelConfig.from_tree({"architecture": architecture, "network": SETTINGS[architecture]})


def saved(tmp_path: Path, content: Any, **how: Any) -> Path:
    torch.save(content, str(tmp_path / "weights.pt"), **how)
    return tmp_path / "weights.pt"


@each_published
@pytest.mark.parametrize("zipped", [True, False])
def test_a_state_dict_becomes_a_checkpoint_that_says_where_it_is_from(
    architecture: str, zipped: bool, tmp_path: Path
) -> None:
    weights = build_model(model_of(architecture)).state_dict()
    path = saved(tmp_path, weights, _use_new_zipfile_serialization=zipped)
    checkpoint = import_weights(path, architecture)
    assert checkpoint.model == model_of(architecture), "its settings are told by the first layer"
    assert checkpoint.preprocess.input_size_px == PUBLISHED_INPUT_PX[architecture]
    assert checkpoint.preprocess.fill == "navier_stokes", "they were trained on images that were filled so"
    assert checkpoint.width_scale_px == 150.0
    assert checkpoint.training["source"] == "weights.pt"
    save_checkpoint(checkpoint, tmp_path / "weights.safetensors")
    again = load_checkpoint(tmp_path / "weights.safetensors")
    for name, tensor in weights.items():
        assert torch.equal(again.weights[name], tensor)


@pytest.mark.parametrize("architecture", PEERS)
def test_the_published_peers_import_and_have_as_many_parameters_as_published(
    architecture: str, data: Path, tmp_path: Path
) -> None:
    file, parameters, in_channels = PEERS[architecture]
    checkpoint = import_weights(data / "peers" / file, architecture)
    network = checkpoint.network()
    assert checkpoint.model.in_channels == in_channels
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
    save_checkpoint(checkpoint, tmp_path / "peer.safetensors")
    side = checkpoint.preprocess.input_size_px
    with torch.inference_mode():
        output = load_checkpoint(tmp_path / "peer.safetensors").network()(torch.zeros(1, in_channels, side, side))
    assert output.shape == (1, 4, side, side)
    assert torch.isfinite(output).all()


@pytest.mark.parametrize(
    ("architecture", "near_miss"), [("ggcn", "ggcnn"), ("gr-convnet", "grconvnet"), ("pspgraspnet", "ggcnn2")]
)
def test_an_unknown_architecture_is_refused_with_those_that_are_published(
    architecture: str, near_miss: str, tmp_path: Path
) -> None:
    with pytest.raises(CheckpointError, match=near_miss):
        import_weights(tmp_path / "any.pt", architecture)


@pytest.mark.parametrize(("holds", "asked"), [("ggcnn2", "ggcnn"), ("ggcnn", "ggcnn2"), ("grconvnet", "ggcnn")])
def test_the_weights_of_another_architecture_are_refused_by_a_tensor(holds: str, asked: str, tmp_path: Path) -> None:
    path = saved(tmp_path, build_model(model_of(holds)).state_dict())
    with pytest.raises(CheckpointError, match=r"'(features\.0|conv\d)\.weight'"):
        import_weights(path, asked)


def test_one_tensor_too_few_and_one_too_many_are_refused_by_their_names(tmp_path: Path) -> None:
    weights = build_model(model_of("ggcnn")).state_dict()
    fewer = OrderedDict((name, tensor) for name, tensor in weights.items() if name != "convt2.bias")
    with pytest.raises(CheckpointError, match=r"lacks tensor 'convt2\.bias'"):
        import_weights(saved(tmp_path, fewer), "ggcnn")
    with pytest.raises(CheckpointError, match=r"has tensor 'extra'"):
        import_weights(saved(tmp_path, {**weights, "extra": torch.zeros(1)}), "ggcnn")


@pytest.mark.parametrize("first", [torch.zeros(3), torch.zeros(0, 0, 9, 9), torch.zeros(32, 0, 9, 9)])
def test_a_first_layer_without_shape_or_channels_is_refused(first: torch.Tensor, tmp_path: Path) -> None:
    path = saved(tmp_path, {"conv1.weight": first})
    for architecture in ("ggcnn", "grconvnet"):
        with pytest.raises(PspGraspError, match=r"conv1|channels"):
            import_weights(path, architecture)


@pytest.mark.parametrize("content", [{"state_dict": {"a": torch.zeros(1)}}, [torch.zeros(1)], 3, {"epoch": 23}])
def test_what_holds_more_than_tensors_is_no_state_dict(content: Any, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="not a state dict of tensors"):
        import_weights(saved(tmp_path, content), "ggcnn")


def test_a_pickled_module_is_refused_with_the_cure_in_one_line(tmp_path: Path) -> None:
    path = saved(tmp_path, torch.nn.Conv2d(1, 1, 1))
    with pytest.raises(CheckpointError, match=r"weights\.pt.*state_dict") as caught:
        import_weights(path, "ggcnn")
    assert "\n" not in str(caught.value)
    assert "weights_only" not in str(caught.value), "torch's own advice, to load it all the same, isn't passed on"


class Trap:
    """Unpickling this touches a file."""

    def __init__(self, touched: Path) -> None:
        self.touched = touched

    def __reduce__(self) -> Any:
        return Path.touch, (self.touched,)


@pytest.mark.parametrize("by_torch", [False, True])
def test_code_in_a_file_is_never_run(by_torch: bool, tmp_path: Path) -> None:
    path, touched = tmp_path / "trap.pt", tmp_path / "touched"
    with path.open("wb") as file:
        (torch.save if by_torch else pickle.dump)({"conv1.weight": Trap(touched)}, file)
    with pytest.raises(CheckpointError, match="run code"):
        import_weights(path, "ggcnn")
    assert not touched.exists()


@pytest.mark.parametrize("name", ["absent.pt", "."])
def test_what_is_no_file_is_refused_by_its_name(name: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=str(tmp_path / name)):
        import_weights(tmp_path / name, "ggcnn")


RUBBISH = [
    b"",
    b".",
    b"N.",
    b"I1\n.",
    b"hello world",
    b"PK\x03\x04xxxxxxxx",
    bytes(100),
    b"\x80\x02}q\x00.",
    b"\x80\x04\x95",
]


@pytest.mark.parametrize("rubbish", RUBBISH, ids=repr)
def test_rubbish_is_refused_in_one_line(rubbish: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.pt").write_bytes(rubbish)
    with pytest.raises(CheckpointError, match=r"x\.pt is not a PyTorch state dict") as caught:
        import_weights(tmp_path / "x.pt", "ggcnn")
    assert "\n" not in str(caught.value)


@settings(deadline=None, max_examples=60, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60), st.floats(0.0, 1.0), st.booleans())
def test_a_file_that_is_cut_and_goes_on_otherwise_is_refused(
    tmp_path: Path, rubbish: bytes, share: float, zipped: bool
) -> None:
    tensor = torch.from_numpy(np.zeros(16, np.float32))
    whole = saved(tmp_path, {"a": tensor}, _use_new_zipfile_serialization=zipped).read_bytes()
    (tmp_path / "cut.pt").write_bytes(whole[: int(share * (len(whole) - 1))] + rubbish)
    with pytest.raises(CheckpointError):
        import_weights(tmp_path / "cut.pt", "ggcnn")
