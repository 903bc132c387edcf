"""The checkpoints that ship: each loads, says what it is, and is found by its name."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from pspgrasp.checkpoint import Checkpoint
from pspgrasp.errors import CheckpointError
from pspgrasp.models import ModelConfig
from pspgrasp.runtimes.eager import EagerRuntime, choose_device
from pspgrasp.shipped import DEFAULT, find_checkpoint, shipped_checkpoints

each_shipped = pytest.mark.parametrize("name", shipped_checkpoints())


def test_these_ship_and_the_default_is_one_of_them() -> None:
    assert set(shipped_checkpoints()) >= {"efficientnet_lite0", "resnet18", "ggcnn"}
    assert DEFAULT in shipped_checkpoints()


@each_shipped
def test_each_is_named_after_its_backbone_or_its_architecture(name: str) -> None:
    model = find_checkpoint(name).model
    assert getattr(model.network, "backbone", model.architecture) == name


@each_shipped
def test_each_says_how_it_was_trained(name: str) -> None:
    training = find_checkpoint(name).training
    missing = {"data", "date", "figures", "licence", "optimiser", "seed", "steps", "width"} - set(training)
    assert not missing
    assert all(training[key] for key in ("data", "date", "figures", "licence"))


@each_shipped
def test_each_judges_depth_alone_at_its_own_size(name: str) -> None:
    checkpoint = find_checkpoint(name)
    assert checkpoint.model.in_channels == 1
    side = checkpoint.preprocess.input_size_px
    output = EagerRuntime(checkpoint.network(), choose_device("cpu"))(np.zeros((1, side, side), np.float32))
    assert output.shape == (4, side, side)
    assert np.isfinite(output).all()


@each_shipped
def test_each_is_small_and_finite(name: str) -> None:
    assert shipped_checkpoints()[name].stat().st_size < 32e6
    for key, tensor in find_checkpoint(name).weights.items():
        assert torch.isfinite(tensor).all(), key


@each_shipped
def test_each_is_found_by_its_path_too(name: str, tmp_path: Path) -> None:
    copy = shutil.copy(shipped_checkpoints()[name], tmp_path / "copy.safetensors")
    by_path, by_name = find_checkpoint(str(copy)), find_checkpoint(name)
    assert isinstance(by_path, Checkpoint)
    assert isinstance(by_path.model, ModelConfig)
    assert (by_path.name, by_path.model) == ("copy", by_name.model)


@pytest.mark.parametrize(
    ("name", "near_miss"), [("resnet19", "resnet18"), ("efficientnet_lite1", "efficientnet_lite0")]
)
def test_an_unknown_name_is_refused_with_the_near_miss_and_all_that_ship(name: str, near_miss: str) -> None:
    with pytest.raises(CheckpointError, match=f"did you mean.*'{near_miss}'") as caught:
        find_checkpoint(name)
    for shipped in shipped_checkpoints():
        assert shipped in str(caught.value)


@pytest.mark.parametrize(
    "path", ["absent.safetensors", "./absent", "/absent/file", "~/absent.pt", "~nobodyatall/absent.safetensors"]
)
def test_a_path_without_a_file_is_refused_by_its_name(path: str) -> None:
    with pytest.raises(CheckpointError, match="is not a file"):
        find_checkpoint(path)


@pytest.mark.parametrize("name", ["", "mobilenetv4_conv_small.e2400_r224_in1k"])
def test_a_name_with_a_dot_is_no_path(name: str) -> None:
    with pytest.raises(CheckpointError, match="trained weights ship for: efficientnet_lite0, ggcnn, resnet18"):
        find_checkpoint(name)


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    shutil.copy(shipped_checkpoints()["ggcnn"], tmp_path / "mine.safetensors")
    assert find_checkpoint("~/mine.safetensors").name == "mine"
