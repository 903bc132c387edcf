"""A checkpoint is read as it was written, or refused by the name of what is wrong; nothing in it is ever run."""

from __future__ import annotations

import io
import json
import pickle
import resource
import struct
from pathlib import Path
from typing import Any, Dict, Mapping

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save, save_file

from pspgrasp.checkpoint import HEADER, Checkpoint, check_fit, load_checkpoint, save_checkpoint
from pspgrasp.config import PreprocessConfig
from pspgrasp.errors import CheckpointError, PspGraspError
from pspgrasp.models import ARCHITECTURES, ModelConfig, build_model

GGCNN = ModelConfig.from_tree({"architecture": "ggcnn"})
RECORD = {"data": "scenes", "steps": 3, "figures": {"score": 0.5}}


def checkpoint_of(model: ModelConfig = GGCNN, **changes: Any) -> Checkpoint:
    values = {"preprocess": PreprocessConfig(240, 0.5), "width_scale_px": 75.0, "training": RECORD, **changes}
    return Checkpoint("x", model, build_model(model).state_dict(), **values)


def written(path: Path, header: Any, weights: Mapping[str, torch.Tensor]) -> Path:
    """Write a safetensors file with any header, true or not."""
    save_file(dict(weights), str(path), {HEADER: header if isinstance(header, str) else json.dumps(header)})
    return path


def honest() -> Dict[str, Any]:
    return {"model": GGCNN.to_tree(), "preprocess": {}, "width_scale_px": 150.0, "training": RECORD}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_what_is_read_is_what_was_written(architecture: str, tmp_path: Path) -> None:
    small = {"pspgraspnet": {"backbone": "test_efficientnet", "bins": [1, 4]}, "grconvnet": {"channels": 2}}
    model = ModelConfig.from_tree({"architecture": architecture, "network": small.get(architecture, {})})
    one = checkpoint_of(model, width="contact")
    save_checkpoint(one, tmp_path / "mine.safetensors")
    other = load_checkpoint(tmp_path / "mine.safetensors")
    assert other.name == "mine"
    assert (other.model, other.preprocess) == (one.model, one.preprocess)
    assert (other.width_scale_px, other.width, other.training) == (one.width_scale_px, one.width, one.training)
    assert list(other.weights) == sorted(one.weights)
    for name, tensor in one.weights.items():
        assert torch.equal(other.weights[name], tensor)
        assert other.weights[name].dtype == tensor.dtype


def test_a_file_can_be_read_by_whom_the_umask_lets(tmp_path: Path) -> None:
    (tmp_path / "any").touch()
    save_checkpoint(checkpoint_of(), tmp_path / "mine.safetensors")
    assert (tmp_path / "mine.safetensors").stat().st_mode == (tmp_path / "any").stat().st_mode


def test_widths_are_openings_where_a_file_does_not_say(tmp_path: Path) -> None:
    path = written(tmp_path / "old.safetensors", honest(), build_model(GGCNN).state_dict())
    assert load_checkpoint(path).width == "opening"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_the_network_is_float32_and_ready_to_judge_whatever_the_file_holds(dtype: torch.dtype) -> None:
    whole = checkpoint_of()
    half = Checkpoint("x", GGCNN, {name: tensor.to(dtype) for name, tensor in whole.weights.items()}, training=RECORD)
    network = half.network()
    assert not network.training
    assert {tensor.dtype for tensor in network.state_dict().values()} == {torch.float32}
    torch.testing.assert_close(network.state_dict()["conv1.weight"], half.weights["conv1.weight"].float())


def test_the_network_is_a_copy_of_the_weights() -> None:
    checkpoint = checkpoint_of()
    before = checkpoint.weights["conv1.bias"].clone()
    with torch.no_grad():
        checkpoint.network().conv1.bias.add_(1.0)
    assert torch.equal(checkpoint.weights["conv1.bias"], before)


def test_a_missing_tensor_is_refused_by_its_name() -> None:
    weights = dict(checkpoint_of().weights)
    del weights["conv2.bias"]
    with pytest.raises(CheckpointError, match=r"lacks tensor 'conv2\.bias'"):
        Checkpoint("x", GGCNN, weights, training=RECORD).network()


def test_an_extra_tensor_is_refused_by_its_name() -> None:
    weights = {**checkpoint_of().weights, "conv9.weight": torch.zeros(3)}
    with pytest.raises(CheckpointError, match=r"'conv9\.weight'.*does not know"):
        Checkpoint("x", GGCNN, weights, training=RECORD).network()


def test_a_tensor_of_another_shape_is_refused_by_its_name_with_both_shapes() -> None:
    weights = {**checkpoint_of().weights, "conv2.weight": torch.zeros(16, 32, 3, 3)}
    with pytest.raises(CheckpointError, match=r"'conv2\.weight' is \[16, 32, 3, 3\].*\[16, 32, 5, 5\]"):
        Checkpoint("x", GGCNN, weights, training=RECORD).network()


def test_of_many_wrong_tensors_the_first_of_the_network_is_named() -> None:
    network = build_model(GGCNN)
    with pytest.raises(CheckpointError, match=r"'conv1\.weight'"):
        check_fit({"unknown": torch.zeros(1)}, network, "x")


def test_the_weights_of_another_network_are_refused_by_name(tmp_path: Path) -> None:
    other = build_model(ModelConfig.from_tree({"architecture": "ggcnn2"})).state_dict()
    loaded = load_checkpoint(written(tmp_path / "lie.safetensors", honest(), other))
    with pytest.raises(CheckpointError, match=r"'lie' lacks tensor 'conv1\.weight'"):
        loaded.network()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model": {"architecture": "ggcn"}}, "'ggcnn'"),
        ({"model": {"architecture": ["ggcnn"]}}, "architecture"),
        ({"model": {"architecture": None}}, "architecture"),
        ({"model": None}, "model must be a mapping"),
        ({"model": {"architecture": "ggcnn", "network": {"channels": 3}}}, "'channels'"),
        ({"model": {"architecture": "ggcnn", "network": {"in_channels": 0}}}, "in_channels must lie in"),
        ({"model": {"architecture": "ggcnn", "weights": 3}}, "'architecture' and 'network'"),
        ({"preprocess": {"input_size_px": 10**9}}, "input_size_px must lie in"),
        ({"preprocess": {"clip_m": 10**400}}, "clip_m"),
        ({"preprocess": {"clip": 1.0}}, "'clip_m'"),
        ({"preprocess": None}, "preprocess must be a mapping"),
        ({"width_scale_px": 0}, "width_scale_px must be a positive number"),
        ({"width_scale_px": -1.0}, "width_scale_px"),
        ({"width_scale_px": float("nan")}, "width_scale_px"),
        ({"width_scale_px": float("inf")}, "width_scale_px"),
        ({"width_scale_px": 10**400}, "width_scale_px"),
        ({"width_scale_px": True}, "width_scale_px"),
        ({"width_scale_px": "150"}, "width_scale_px"),
        ({"width_scale_px": None}, "width_scale_px"),
        ({"width": "contacts"}, "did you mean 'contact'"),
        ({"width": 3}, "unknown width"),
        ({"training": {}}, "no training record"),
        ({"training": None}, "no training record"),
        ({"training": "yes"}, "no training record"),
    ],
)
def test_a_header_that_lies_is_refused_with_what_it_says(change: dict, said: str, tmp_path: Path) -> None:
    path = written(tmp_path / "lie.safetensors", {**honest(), **change}, build_model(GGCNN).state_dict())
    with pytest.raises(CheckpointError, match=said) as caught:
        load_checkpoint(path)
    assert "lie" in str(caught.value)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        *[(f"{part}_channels", 10**10) for part in ("reduction", "head", "lateral", "refine", "auxiliary")],
        ("bins", [10**10]),
        ("bins", [0]),
        ("relief_boxes_px", [10**10 + 1]),
    ],
)
def test_a_network_that_is_declared_huge_is_refused_before_it_is_built(
    setting: str, value: Any, tmp_path: Path
) -> None:
    network = {"backbone": "test_efficientnet", setting: value}
    path = written(
        tmp_path / "huge.safetensors",
        {**honest(), "model": {"architecture": "pspgraspnet", "network": network}},
        {"head.weight": torch.zeros(4)},
    )
    with pytest.raises(CheckpointError, match=f"{setting} must (lie|be odd and) in"):
        load_checkpoint(path)


@pytest.mark.parametrize("header", ["", "{", "[]", "3", "null", '"text"'])
def test_a_header_that_is_no_mapping_is_refused(header: str, tmp_path: Path) -> None:
    path = written(tmp_path / "lie.safetensors", header, {"a": torch.zeros(1)})
    with pytest.raises(CheckpointError, match="lie"):
        load_checkpoint(path)


def test_bare_tensors_are_refused_and_the_way_to_import_them_named(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(1)}, str(tmp_path / "bare.safetensors"))
    with pytest.raises(CheckpointError, match="import-weights"):
        load_checkpoint(tmp_path / "bare.safetensors")


def test_untrained_weights_are_refused_even_if_we_wrote_them(tmp_path: Path) -> None:
    save_checkpoint(checkpoint_of(training={}), tmp_path / "x.safetensors")
    with pytest.raises(CheckpointError, match="no training record"):
        load_checkpoint(tmp_path / "x.safetensors")


@pytest.mark.parametrize("keep", [0, 4, 8, 100, 0.5, 0.999])
def test_a_truncated_file_is_refused(keep: float, tmp_path: Path) -> None:
    path = tmp_path / "cut.safetensors"
    save_checkpoint(checkpoint_of(), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: keep if isinstance(keep, int) else int(keep * len(whole))])
    with pytest.raises(CheckpointError, match=r"cut\.safetensors is broken"):
        load_checkpoint(path)


@pytest.mark.parametrize("shape", [[2**40], [2**62, 2**62], [10**6, 10**6]])
def test_a_tensor_that_is_declared_huge_is_refused_without_room_for_it(shape: list, tmp_path: Path) -> None:
    header = json.dumps({"a": {"dtype": "F32", "shape": shape, "data_offsets": [0, 4]}}).encode()
    path = tmp_path / "huge.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    with pytest.raises(CheckpointError, match="broken"):
        load_checkpoint(path)


def test_a_header_length_beyond_the_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "long.safetensors"
    path.write_bytes(struct.pack("<Q", 2**60) + b"{}")
    with pytest.raises(CheckpointError, match="broken"):
        load_checkpoint(path)


@settings(deadline=None, max_examples=60, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.integers(0, 200))
def test_whatever_a_file_holds_it_is_a_checkpoint_error(tmp_path: Path, rubbish: bytes, at: int) -> None:
    path = tmp_path / "rubbish.safetensors"
    good = save({"a": torch.zeros(4)}, {HEADER: json.dumps(honest())})
    path.write_bytes(good[:at] + rubbish)
    with pytest.raises(CheckpointError):
        load_checkpoint(path)


@pytest.mark.parametrize("name", ["absent.safetensors", "."])
def test_what_is_no_file_is_refused_by_its_name(name: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is not a file"):
        load_checkpoint(tmp_path / name)


class Trap:
    """Unpickling this touches a file."""

    def __init__(self, touched: Path) -> None:
        self.touched = touched

    def __reduce__(self) -> Any:
        return Path.touch, (self.touched,)


@pytest.mark.parametrize("suffix", ["pt", "safetensors"])
@pytest.mark.parametrize("by_torch", [False, True])
def test_a_pickle_is_never_loaded(suffix: str, by_torch: bool, tmp_path: Path) -> None:
    path, touched = tmp_path / f"trap.{suffix}", tmp_path / "touched"
    with path.open("wb") as file:
        (torch.save if by_torch else pickle.dump)({"conv1.weight": Trap(touched)}, file)
    with pytest.raises(PspGraspError):
        load_checkpoint(path)
    assert not touched.exists()
    torch.load(io.BytesIO(path.read_bytes()), weights_only=False) if by_torch else pickle.loads(path.read_bytes())
    assert touched.exists(), "the trap works"


def contents(folder: Path) -> Dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save_checkpoint(checkpoint_of(), path)
    before = contents(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))  # writing more fails, as on a full disk
    try:
        with pytest.raises(CheckpointError, match=r"x\.safetensors can't be written"):
            save_checkpoint(checkpoint_of(), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert contents(tmp_path) == before


def test_a_place_that_cannot_be_replaced_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").mkdir()
    with pytest.raises(CheckpointError, match="can't be written"):
        save_checkpoint(checkpoint_of(), tmp_path / "x.safetensors")
    assert [file.name for file in tmp_path.iterdir()] == ["x.safetensors"]


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="can't be written"):
        save_checkpoint(checkpoint_of(), tmp_path / "absent" / "x.safetensors")


def test_a_file_can_be_replaced_while_it_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save_checkpoint(checkpoint_of(), path)
    loaded = load_checkpoint(path)
    before = {name: tensor.clone() for name, tensor in loaded.weights.items()}
    save_checkpoint(Checkpoint("x", GGCNN, {n: t + 1 for n, t in before.items()}, training=RECORD), path)
    for name, tensor in before.items():
        assert torch.equal(loaded.weights[name], tensor)
    assert [file.name for file in tmp_path.iterdir()] == ["x.safetensors"]


def test_weights_that_share_memory_or_are_views_are_written_whole(tmp_path: Path) -> None:
    flat = torch.arange(62_420.0)
    weights, at = {}, 0
    for name, tensor in build_model(GGCNN).state_dict().items():
        weights[name] = flat[at : at + tensor.numel()].view(tensor.shape)
        at += tensor.numel()
    weights["cos_output.weight"] = weights["sin_output.weight"]
    weights["conv1.weight"] = weights["conv1.weight"].transpose(2, 3)
    save_checkpoint(Checkpoint("x", GGCNN, weights, training=RECORD), tmp_path / "x.safetensors")
    loaded = load_checkpoint(tmp_path / "x.safetensors")
    for name, tensor in weights.items():
        np.testing.assert_array_equal(loaded.weights[name], tensor)
