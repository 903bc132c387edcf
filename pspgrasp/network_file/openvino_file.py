"""OpenVINO's own files, .xml with its weights in .bin, with metadata: written by us, read from anybody."""

from __future__ import annotations

import os
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any, List, Tuple

from pspgrasp.errors import CheckpointError, PspGraspError
from pspgrasp.network_file.metadata import KEY, Metadata, Shapes, spoken
from pspgrasp.whole_file import sha256_of

WEIGHTS_KEY = "pspgrasp_weights"  # sha256 of the .bin: two files can be torn apart


def write_openvino(model: Any, metadata: Metadata, path: Path) -> None:
    """Write an OpenVINO model (openvino.Model) with its metadata: both files, or none.

    Raises:
        PspGraspError: They can't be written.
    """
    import openvino

    model.set_rt_info(metadata.to_text(), [KEY])
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.stem}-") as folder:
            part = Path(folder) / path.name
            openvino.save_model(model, str(part), compress_to_fp16=False)
            model.set_rt_info(sha256_of(part.with_suffix(".bin")), [WEIGHTS_KEY])
            openvino.save_model(model, str(part), compress_to_fp16=False)
            # The .xml comes last: a .bin without it is nothing, and one of another .xml is found out.
            os.replace(part.with_suffix(".bin"), path.with_suffix(".bin"))
            os.replace(part, path)
    except (OSError, RuntimeError) as error:
        raise PspGraspError(f"{path} can't be written: {error}") from error


def read_openvino(path: Path) -> Metadata:
    """Return the metadata of an .xml file that nobody vouches for, once it is seen to be whole and one of ours.

    Raises:
        CheckpointError: It is broken, not one of ours, its .bin isn't its own, or its input or output is not what its
            metadata says.
    """
    model = _parsed(path)
    if not (model.has_rt_info([KEY]) and model.has_rt_info([WEIGHTS_KEY])):
        raise CheckpointError(
            f"{path} is a foreign OpenVINO file: it doesn't say what its input and output mean; "
            "`pspgrasp export CHECKPOINT --to openvino` makes one that does"
        )
    weights = path.with_suffix(".bin")
    if sha256_of(weights) != model.get_rt_info([WEIGHTS_KEY]).astype(str):
        raise CheckpointError(f"{weights} is not what {path.name} was written with; copy both files together")
    metadata = Metadata.from_text(model.get_rt_info([KEY]).astype(str), str(path))
    _check_shapes("input", model.inputs, metadata.inputs, path)
    _check_shapes("output", model.outputs, metadata.outputs, path)
    return metadata


@lru_cache(maxsize=1)
def openvino_core() -> Any:
    """Return the process's openvino.Core, which is never let go.

    A Core sets the alternate stack on which signals are handled, and one that goes puts back what was there before it,
    which may be the freed stack of another: then the next signal kills the process.
    """
    import openvino

    return openvino.Core()


def _parsed(path: Path) -> Any:
    if not path.with_suffix(".bin").is_file():
        raise CheckpointError(f"{path} lacks its weights, {path.with_suffix('.bin').name}; copy both files together")
    try:
        return openvino_core().read_model(str(path))
    except RuntimeError as error:
        lines = str(error).strip().splitlines()
        raise CheckpointError(f"{path} is broken, or no OpenVINO file: {lines[-1] if lines else error}") from error


def _check_shapes(what: str, found: Any, wanted: Shapes, path: Path) -> None:
    if len(found) == len(wanted) and all(_is(*pair) for pair in zip(found, wanted)):
        return
    places = [f"{sorted(one.get_names())} {one.get_partial_shape()}" for one in found]
    raise CheckpointError(f"{path}: its {what} must be float32 {spoken(wanted)}, got {', '.join(places)}")


def _is(found: Any, wanted: Tuple[str, List[int]]) -> bool:
    """Tell whether an input or output is the wanted one."""
    name, shape = wanted
    if name not in found.get_names() or not found.get_partial_shape().is_static:
        return False
    return list(found.get_shape()) == shape and found.get_element_type().get_type_name() == "f32"
