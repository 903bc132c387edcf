"""ONNX files with metadata: written by us, read from anybody."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Iterator

from pspgrasp.errors import CheckpointError
from pspgrasp.network_file.metadata import KEY, Metadata, Shapes, spoken
from pspgrasp.whole_file import whole_file


def write_onnx(model: Any, metadata: Metadata, path: Path) -> None:
    """Write an ONNX model (onnx.ModelProto) with its metadata, whole or not at all.

    Raises:
        PspGraspError: It can't be written.
    """
    del model.metadata_props[:]
    entry = model.metadata_props.add()
    entry.key, entry.value = KEY, metadata.to_text()
    with whole_file(path) as part:
        part.write_bytes(model.SerializeToString())


def read_onnx(path: Path) -> Metadata:
    """Return the metadata of an ONNX file that nobody vouches for, once it is seen to be whole and one of ours.

    Raises:
        CheckpointError: It is broken, not one of ours, keeps weights in other files, or its input or output is not
            what its metadata says.
    """
    model = _parsed(path)
    texts = [entry.value for entry in model.metadata_props if entry.key == KEY]
    if len(texts) != 1:
        raise CheckpointError(f"{path} is a foreign ONNX file: it doesn't say what its input and output mean; "
                              "`pspgrasp export CHECKPOINT --to onnx` makes one that does")  # fmt: skip
    _check_self_contained(model, path)
    metadata = Metadata.from_text(texts[0], str(path))
    _check_shapes("input", model.graph.input, metadata.inputs, path)
    _check_shapes("output", model.graph.output, metadata.outputs, path)
    return metadata


def _parsed(path: Path) -> Any:
    import onnx
    from google.protobuf.message import DecodeError

    try:
        return onnx.load_model_from_string(path.read_bytes())
    except (OSError, DecodeError) as error:
        raise CheckpointError(f"{path} is broken, or no ONNX file: {error}") from error


def _check_self_contained(model: Any, path: Path) -> None:
    """Refuse weights in other files: a path in a file of unknown origin leads anywhere."""
    import onnx

    if model.functions or any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in _tensors(model.graph)):
        raise CheckpointError(f"{path} keeps weights or functions outside its graph; an export holds all in one graph")
    try:
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, ValueError) as error:
        what = str(error).strip().splitlines() or [type(error).__name__]
        raise CheckpointError(f"{path} is broken: {what[0]}") from error


def _tensors(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)
            for inner in (attribute.g, *attribute.graphs):
                yield from _tensors(inner)


def _check_shapes(what: str, found: Any, wanted: Shapes, path: Path) -> None:
    import onnx

    places = [(one.name, [size.dim_value for size in one.type.tensor_type.shape.dim]) for one in found]
    floats = all(one.type.tensor_type.elem_type == onnx.TensorProto.FLOAT for one in found)
    if places != wanted or not floats:
        raise CheckpointError(f"{path}: its {what} must be float32 {spoken(wanted)}, got {places!r:.200}")
