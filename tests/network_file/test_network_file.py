"""An exported network tells what it is; a file that lies, is cut, foreign or torn is one line."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pspgrasp.config import PreprocessConfig
from pspgrasp.errors import CheckpointError, PspGraspError
from pspgrasp.header import NetworkHeader
from pspgrasp.network_file import NetworkFile, read_network_file
from pspgrasp.network_file import openvino_file as openvino_module
from pspgrasp.network_file.metadata import KEY, Metadata
from pspgrasp.network_file.onnx_file import write_onnx
from pspgrasp.network_file.openvino_file import openvino_core, write_openvino
from pspgrasp.shipped import find_checkpoint, find_weights

onnx = pytest.importorskip("onnx", reason="needs the extra onnxruntime")
openvino = pytest.importorskip("openvino", reason="needs the extra openvino")

SIDE = 32
HEADER = NetworkHeader(PreprocessConfig(SIDE, 0.5), 75.0, {"data": "scenes", "steps": 3}, "contact")
METADATA = Metadata("mine", "0123456789abcdef", "float32", HEADER, {"off_by": 1e-6})


def graph(
    channels: int = 1, out: int = 4, name: str = "depth", kind: int = onnx.TensorProto.FLOAT, side: Any = SIDE
) -> Any:
    """Return a network of one 1x1 convolution."""
    helper = onnx.helper
    numbers = np.linspace(-1, 1, out * channels, dtype=helper.tensor_dtype_to_np_dtype(kind))
    weights = numbers.reshape(out, channels, 1, 1)
    model = helper.make_model(
        helper.make_graph(
            [helper.make_node("Conv", [name, "weights"], ["maps"], "conv")],
            "one",
            [helper.make_tensor_value_info(name, kind, [1, channels, side, side])],
            [helper.make_tensor_value_info("maps", kind, [1, out, side, side])],
            [onnx.numpy_helper.from_array(weights, "weights")],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
    )
    model.ir_version = 8
    return model


@pytest.fixture
def onnx_file(tmp_path: Path) -> Path:
    write_onnx(graph(), METADATA, tmp_path / "a.onnx")
    return tmp_path / "a.onnx"


@pytest.fixture
def openvino_file(tmp_path: Path) -> Path:
    model = openvino_core().read_model(graph().SerializeToString())
    write_openvino(model, METADATA, tmp_path / "a.xml")
    return tmp_path / "a.xml"


@pytest.fixture(params=["onnx_file", "openvino_file"])
def file(request: pytest.FixtureRequest) -> Path:
    """Return an exported network, in each format."""
    return request.getfixturevalue(request.param)


def test_a_file_tells_what_its_checkpoint_told(file: Path) -> None:
    network = find_checkpoint(str(file))
    assert isinstance(network, NetworkFile)
    assert (network.name, network.path, network.precision) == ("a", file, "float32")
    assert network.fingerprint == METADATA.fingerprint
    assert (network.preprocess, network.width_scale_px) == (HEADER.preprocess, HEADER.width_scale_px)
    assert (network.width, network.training) == ("contact", HEADER.training)


def test_metadata_go_there_and_back() -> None:
    assert Metadata.from_text(METADATA.to_text(), "x") == METADATA


def test_a_quantised_network_has_a_fingerprint_of_its_own(tmp_path: Path) -> None:
    write_onnx(graph(), replace(METADATA, precision="int8"), tmp_path / "b.onnx")
    assert read_network_file(tmp_path / "b.onnx").fingerprint == "0123456789abcdef-int8"


@pytest.mark.parametrize("size", [0, 1, 100, -20, -200])
def test_a_cut_file_is_one_line(file: Path, size: int) -> None:
    file.write_bytes(file.read_bytes()[:size])
    with pytest.raises(CheckpointError, match=rf"{file.name} is (broken|a foreign)") as caught:
        read_network_file(file)
    assert "\n" not in str(caught.value)


def test_a_foreign_file_is_told_what_would_do(tmp_path: Path) -> None:
    onnx.save(graph(), str(tmp_path / "foreign.onnx"))
    model = openvino_core().read_model(graph().SerializeToString())
    openvino.save_model(model, str(tmp_path / "foreign.xml"))
    for name, to in (("foreign.onnx", "onnx"), ("foreign.xml", "openvino")):
        with pytest.raises(CheckpointError, match=f"is a foreign .*`pspgrasp export CHECKPOINT --to {to}` makes one"):
            read_network_file(tmp_path / name)


@pytest.mark.parametrize("suffix", [".onnx", ".xml"])
@pytest.mark.parametrize("content", [b"", b"hello", b"<net/>", b"\x08\x08", bytes(range(256)) * 8])
def test_what_is_no_network_at_all_is_one_line(suffix: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"x{suffix}"
    path.write_bytes(content)
    path.with_suffix(".bin").write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"is broken|is a foreign") as caught:
        read_network_file(path)
    assert "\n" not in str(caught.value)


def test_weights_outside_the_file_are_refused(tmp_path: Path) -> None:
    model = graph()
    entry = model.metadata_props.add()
    entry.key, entry.value = KEY, METADATA.to_text()
    onnx.save(model, str(tmp_path / "split.onnx"), save_as_external_data=True, size_threshold=0, location="weights.bin")
    assert (tmp_path / "weights.bin").is_file()
    with pytest.raises(CheckpointError, match="keeps weights or functions outside its graph"):
        read_network_file(tmp_path / "split.onnx")


def test_weights_outside_the_file_are_found_inside_branches_too(tmp_path: Path) -> None:
    model = graph()
    tensor = onnx.TensorProto(name="secret", data_type=1, dims=[1], data_location=onnx.TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="../../etc/passwd")
    inner = onnx.helper.make_graph([onnx.helper.make_node("Constant", [], ["c"], value=tensor)], "inner", [], [])
    model.graph.node.append(onnx.helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner))
    write_onnx(model, METADATA, tmp_path / "hidden.onnx")
    with pytest.raises(CheckpointError, match="keeps weights or functions outside its graph"):
        read_network_file(tmp_path / "hidden.onnx")


@pytest.mark.parametrize(
    "wrong",
    [
        {"channels": 2}, {"out": 3}, {"name": "image"}, {"kind": onnx.TensorProto.DOUBLE}, {"side": 64}, {"side": "N"}
    ],
    ids=str,
)  # fmt: skip
def test_an_input_or_output_that_is_not_what_the_metadata_say_is_refused(wrong: Dict[str, Any], tmp_path: Path) -> None:
    write_onnx(graph(**wrong), METADATA, tmp_path / "a.onnx")
    model = openvino_core().read_model(graph(**wrong).SerializeToString())
    write_openvino(model, METADATA, tmp_path / "a.xml")
    for suffix in (".onnx", ".xml"):
        with pytest.raises(CheckpointError, match=rf"a{suffix}: its (input|output) must be float32"):
            read_network_file(tmp_path / f"a{suffix}")


def lying(change: Callable[[Dict[str, Any]], Any]) -> str:
    tree = json.loads(METADATA.to_text())
    change(tree)
    return json.dumps(tree)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "its metadata is no JSON"),
        ("[" * 100_000, "its metadata is no JSON"),
        ("[]", "its metadata must be a mapping, got \\[\\]"),
        (lying(lambda tree: tree.pop("fingerprint")), "fingerprint must be 16 hex digits, got None"),
        (lying(lambda tree: tree.update(fingerprint="../../../../x")), "fingerprint must be 16 hex digits"),
        (lying(lambda tree: tree.update(precision="int9")), "unknown precision 'int9'; did you mean 'int8'"),
        (lying(lambda tree: tree.update(channels=["quality"])), "the channels quality, cos_2phi, sin_2phi, width"),
        (lying(lambda tree: tree.update(width_scale_px=-1)), "width_scale_px must be a positive number, got -1"),
        (lying(lambda tree: tree.update(training={})), "no training record; untrained weights"),
        (lying(lambda tree: tree.update(width="wide")), "unknown width 'wide'"),
        (lying(lambda tree: tree["preprocess"].update(input_size_px=1)), "input_size_px must lie in"),
        (lying(lambda tree: tree["preprocess"].update(shell="rm")), "unknown parameter 'shell'"),
    ],
)
def test_metadata_that_lie_are_one_line(text: str, said: str) -> None:
    with pytest.raises(CheckpointError, match=said) as caught:
        Metadata.from_text(text, "x.onnx")
    assert str(caught.value).startswith("x.onnx")
    assert "\n" not in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=300, deadline=None)
@given(name=st.sampled_from(sorted(json.loads(METADATA.to_text()))), value=JSON)
def test_whatever_stands_in_the_metadata_it_is_read_or_refused(name: str, value: Any) -> None:
    text = lying(lambda tree: tree.update({name: value}))
    with suppress(CheckpointError):
        assert Metadata.from_text(text, "x").fingerprint == METADATA.fingerprint


@pytest.mark.parametrize("change", ["lost", "another", "cut"])
def test_an_xml_without_its_own_weights_is_refused(openvino_file: Path, change: str) -> None:
    weights = openvino_file.with_suffix(".bin")
    if change == "lost":
        weights.unlink()
    else:
        content = weights.read_bytes()
        weights.write_bytes(bytes(len(content)) if change == "another" else content[:-1])
    with pytest.raises(CheckpointError, match=r"copy both files together|is broken"):
        read_network_file(openvino_file)


def test_a_file_that_cannot_be_written_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    model = openvino_core().read_model(graph().SerializeToString())
    (tmp_path / "b.bin").mkdir()
    for write, path in (
        (lambda path: write_onnx(graph(), METADATA, path), tmp_path / "no" / "a.onnx"),
        (lambda path: write_openvino(model, METADATA, path), tmp_path / "no" / "a.xml"),
        (lambda path: write_openvino(model, METADATA, path), tmp_path / "b.xml"),
    ):
        with pytest.raises(PspGraspError, match="can't be written"):
            write(path)
    assert [path.name for path in tmp_path.iterdir()] == ["b.bin"]


@pytest.mark.parametrize(("name", "extra"), [("a.onnx", "onnxruntime"), ("a.xml", "openvino")])
def test_what_reads_a_file_and_is_not_installed_is_named_with_its_extra(
    name: str, extra: str, onnx_file: Path, openvino_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openvino_module, "openvino_core", openvino_core.__wrapped__)  # as in a process without one yet
    monkeypatch.setitem(__import__("sys").modules, "onnx" if name.endswith("onnx") else "openvino", None)
    with pytest.raises(CheckpointError, match=rf"isn't installed: pip install 'pspgrasp\[{extra}\]'"):
        read_network_file(onnx_file.with_name(name))


def test_an_exported_network_is_nothing_to_train_on(onnx_file: Path) -> None:
    with pytest.raises(CheckpointError, match=r"is an exported network; give the \.safetensors file"):
        find_weights(str(onnx_file))


@pytest.mark.parametrize("name", ["absent.onnx", "absent.xml", "./absent.onnx"])
def test_a_file_that_is_not_there_is_told(name: str) -> None:
    with pytest.raises(CheckpointError, match="is not a file"):
        find_checkpoint(name)


def test_a_file_may_be_moved_and_its_stem_is_its_name(onnx_file: Path, tmp_path: Path) -> None:
    moved = shutil.move(str(onnx_file), str(tmp_path / "other.name.onnx"))
    assert find_checkpoint(moved).name == "other.name"
