"""Networks of nobody knows whom: weights, a run's state, exported files."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path
from typing import Any, Dict

import numpy as np
import pytest
import torch
from damage import changed, damaged, nested, retold
from hypothesis import example, given
from hypothesis import strategies as st
from safetensors.torch import save
from strange_files import Strange, contents, fuzzed

from pspgrasp.checkpoint import HEADER
from pspgrasp.config import PreprocessConfig
from pspgrasp.header import NetworkHeader
from pspgrasp.models import ModelConfig, build_model
from pspgrasp.network_file.metadata import Metadata
from pspgrasp.network_file.onnx_file import write_onnx
from pspgrasp.network_file.openvino_file import openvino_core, write_openvino
from pspgrasp.training.config import TrainConfig
from pspgrasp.training.run_folder import RunFolder

TINY = ModelConfig.from_tree({"architecture": "grconvnet", "network": {"channels": 1}})
PYRAMID = {"architecture": "pspgraspnet", "network": {"backbone": "test_efficientnet"}}
TRAINED = NetworkHeader(PreprocessConfig(32), 75.0, {"data": "scenes", "steps": 3}, "contact")
DESCRIPTION = {"model": TINY.to_tree(), **TRAINED.to_tree()}


def checkpoint(description: Any = None, **more: torch.Tensor) -> Dict[str, bytes]:
    """Return a checkpoint as a file; its description as text or as a tree."""
    text = description if isinstance(description, str) else json.dumps(description or DESCRIPTION)
    return {"mine.safetensors": save({**build_model(TINY).state_dict(), **more}, {HEADER: text})}


def split(file: bytes) -> Any:
    """Return the header of a safetensors file, as a tree, and its tensors."""
    (size,) = struct.unpack_from("<Q", file)
    return json.loads(file[8 : 8 + size]), file[8 + size :]


def joined(header: Any, tensors: bytes) -> Dict[str, bytes]:
    text = json.dumps(header).encode()
    return {"mine.safetensors": struct.pack("<Q", len(text)) + text + tensors}


CHECKPOINT = checkpoint()["mine.safetensors"]


def test_a_whole_checkpoint_is_read(strange: Strange) -> None:
    strange.whole("checkpoint", checkpoint())
    pyramid = build_model(ModelConfig.from_tree(PYRAMID)).state_dict()
    text = json.dumps({**DESCRIPTION, "model": PYRAMID})
    strange.whole("checkpoint", {"mine.safetensors": save(pyramid, {HEADER: text})})


@fuzzed(60)
@given(damaged(CHECKPOINT))
def test_a_damaged_checkpoint(strange: Strange, file: bytes) -> None:
    strange.read("checkpoint", {"mine.safetensors": file})


@fuzzed(60)
@given(changed(split(CHECKPOINT)[0]))
@example({"a": {"dtype": "F32", "shape": [2**62, 2**62], "data_offsets": [0, 4]}})
@example({"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}})
@example(
    {
        "a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
        "b": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
    }
)
def test_a_checkpoint_whose_header_lies_about_its_tensors(strange: Strange, header: Any) -> None:
    strange.read("checkpoint", joined(header, split(CHECKPOINT)[1]))


@pytest.mark.parametrize("dtype", ["F64", "F16", "BF16", "I64", "U32", "BOOL", "F8_E4M3", "F8_E5M2", "F4", "C64"])
def test_a_checkpoint_of_any_type_of_numbers(strange: Strange, dtype: str) -> None:
    header, tensors = split(CHECKPOINT)
    size = {"F64": 8, "I64": 8, "C64": 8, "F16": 2, "BF16": 2, "U32": 4, "F4": 0.5}.get(dtype, 1)
    at = 0
    for name in sorted(set(header) - {"__metadata__"}):
        length = int(np.prod(header[name]["shape"], dtype=int) * size)
        header[name] = {**header[name], "dtype": dtype, "data_offsets": [at, at + length]}
        at += length
    strange.read("checkpoint", joined(header, (tensors * 9)[:at]))


@fuzzed(80)
@given(changed(DESCRIPTION))
@example("[" * 100_000)
@example("[" * 900 + "]" * 900)
@example(nested(300))
@example({**DESCRIPTION, "model": {"architecture": nested(300)["model"]}})
@example({**DESCRIPTION, "width_scale_px": nested(300)["model"]})
@example({**DESCRIPTION, "model": {**PYRAMID, "network": {"backbone": "../../../../etc/passwd"}}})
@example({**DESCRIPTION, "model": {**PYRAMID, "network": {"backbone": "hf-hub:timm/resnet18.a1_in1k"}}})
@example({**DESCRIPTION, "model": {**PYRAMID, "network": {"backbone": "local-dir:/etc"}}})
@example({**DESCRIPTION, "model": {**PYRAMID, "network": {"bins": [1] * 100_000}}})
@example({**DESCRIPTION, "model": {**PYRAMID, "network": {"relief_boxes_px": [3] * 1_000_000}}})
def test_a_checkpoint_whose_description_lies(strange: Strange, description: Any) -> None:
    strange.read("checkpoint", checkpoint(description))


@pytest.mark.parametrize("backbone", ["convnext_xxlarge", "vit_giant_patch14_224", "eva02_enormous_patch14_clip_224"])
def test_a_small_file_that_claims_an_enormous_network_is_refused_without_room_for_it(
    strange: Strange, backbone: str
) -> None:
    network = {"backbone": backbone, "output_stride": 32, "lateral_channels": 0}
    claimed = {**DESCRIPTION, "model": {"architecture": "pspgraspnet", "network": network}}
    assert strange.read("checkpoint", checkpoint(claimed)).kind == "refused"


# --- PyTorch's own files


def saved(content: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


GGCNN = saved(build_model(ModelConfig.from_tree({"architecture": "ggcnn"})).state_dict())


@fuzzed(40)
@given(damaged(GGCNN))
def test_damaged_published_weights(strange: Strange, file: bytes) -> None:
    strange.read("published weights", {"theirs.pt": file})


def test_whole_published_weights_are_read(strange: Strange) -> None:
    strange.whole("published weights", {"theirs.pt": GGCNN})


@pytest.mark.parametrize("name", ["conv2.weight", "conv1.weight\n", "\u2028"])
def test_published_weights_without_a_first_layer_are_refused_by_their_file(strange: Strange, name: str) -> None:
    assert strange.read("published weights", {"theirs.pt": saved({name: torch.zeros(3)})}).kind == "refused"


def test_a_tensor_that_is_one_number_repeated_is_refused_without_room_for_it(strange: Strange) -> None:
    weights = {"conv1.weight": torch.zeros(1, 1, 1, 1).expand(2**14, 2**14, 9, 9)}
    assert strange.read("published weights", {"theirs.pt": saved(weights)}).kind == "refused"


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the state of a run, as a run writes it."""
    folder = tmp_path_factory.mktemp("run")
    record = {"command": "pspgrasp train", "origin": ""}
    RunFolder(folder).save_state({"network": {"a": torch.zeros(4)}, "step": 3}, TrainConfig(), record)
    return contents(folder)["last.ckpt"]


def test_a_whole_state_is_read(strange: Strange, state: bytes) -> None:
    strange.whole("state of a run", {"last.ckpt": state})


@fuzzed(60)
@given(data=st.data())
def test_a_damaged_state(strange: Strange, state: bytes, data: st.DataObject) -> None:
    strange.read("state of a run", {"last.ckpt": data.draw(damaged(state))})


@pytest.mark.parametrize("config", [None, 3, "{", "[]", "[" * 100_000, '{"model": 3}', b"x", ["a"]])
def test_a_state_whose_config_is_none(strange: Strange, config: Any) -> None:
    for content in ({"format": 1, "config": config}, {"format": 1}, {"format": [1]}, {"format": torch.zeros(2)}):
        assert strange.read("state of a run", {"last.ckpt": saved(content)}).kind == "refused"


# --- exported networks


onnx = pytest.importorskip("onnx", reason="needs the extra onnxruntime")
openvino = pytest.importorskip("openvino", reason="needs the extra openvino")


def graph() -> Any:
    """Return a network of one 1x1 convolution."""
    helper, numbers = onnx.helper, np.linspace(-1, 1, 4, dtype=np.float32).reshape(4, 1, 1, 1)
    model = helper.make_model(
        helper.make_graph(
            [helper.make_node("Conv", ["depth", "weights"], ["maps"], "conv")],
            "one",
            [helper.make_tensor_value_info("depth", onnx.TensorProto.FLOAT, [1, 1, 32, 32])],
            [helper.make_tensor_value_info("maps", onnx.TensorProto.FLOAT, [1, 4, 32, 32])],
            [onnx.numpy_helper.from_array(numbers, "weights")],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
    )
    model.ir_version = 8
    return model


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Dict[str, bytes]:
    """Return the same network in both formats."""
    folder, metadata = tmp_path_factory.mktemp("exported"), Metadata("mine", "0123456789abcdef", "float32", TRAINED, {})
    write_onnx(graph(), metadata, folder / "net.onnx")
    write_openvino(openvino_core().read_model(graph().SerializeToString()), metadata, folder / "net.xml")
    return contents(folder)


def test_whole_exported_networks_are_read(strange: Strange, exported: Dict[str, bytes]) -> None:
    for name in ("net.onnx", "net.xml"):
        strange.whole("exported network", exported, name)


@fuzzed(60)
@given(data=st.data())
def test_a_damaged_onnx_file(strange: Strange, exported: Dict[str, bytes], data: st.DataObject) -> None:
    strange.read("exported network", {"net.onnx": data.draw(damaged(exported["net.onnx"]))})


@fuzzed(40)
@given(data=st.data())
def test_an_onnx_file_whose_metadata_lie(strange: Strange, exported: Dict[str, bytes], data: st.DataObject) -> None:
    model = onnx.load_model_from_string(exported["net.onnx"])
    tree = json.loads(model.metadata_props[0].value)
    model.metadata_props[0].value = json.dumps(data.draw(changed(tree)))
    strange.read("exported network", {"net.onnx": model.SerializeToString()})


def test_a_name_that_is_no_text_is_refused(strange: Strange, exported: Dict[str, bytes]) -> None:
    file = exported["net.onnx"].replace(b"\x05depth\n", b"\x05\x80epth\n", 1)
    assert strange.read("exported network", {"net.onnx": file}).kind == "refused"


@pytest.mark.parametrize("text", ["[" * 900 + "]" * 900, json.dumps({**TRAINED.to_tree(), "fingerprint": nested(300)})])
def test_metadata_too_deep_to_be_shown_are_refused(strange: Strange, text: str) -> None:
    model = graph()
    entry = model.metadata_props.add()
    entry.key, entry.value = "pspgrasp", text
    assert strange.read("exported network", {"net.onnx": model.SerializeToString()}).kind == "refused"


@fuzzed(60)
@given(data=st.data())
def test_a_damaged_openvino_file(strange: Strange, exported: Dict[str, bytes], data: st.DataObject) -> None:
    text = data.draw(retold(exported["net.xml"].decode()) | damaged(exported["net.xml"]))
    strange.read("exported network", {"net.xml": text, "net.bin": exported["net.bin"]}, "net.xml")


@fuzzed(10)
@given(data=st.data())
def test_damaged_weights_of_an_openvino_file(strange: Strange, exported: Dict[str, bytes], data: st.DataObject) -> None:
    weights = data.draw(damaged(exported["net.bin"]).filter(lambda found: found != exported["net.bin"]))
    assert strange.read("exported network", {**exported, "net.bin": weights}, "net.xml").kind == "refused"


def test_the_files_of_these_tests_are_small(exported: Dict[str, bytes]) -> None:
    assert max(len(CHECKPOINT), len(GGCNN), *map(len, exported.values())) < 1 << 19
    assert Path("net.bin").stem == "net"
