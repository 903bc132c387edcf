"""A network as a file that runs without torch: a checkpoint like any other, but nothing to train on.

To add a format, write its reader and a line in `READERS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Mapping, Optional, Tuple

from pspgrasp.config import PreprocessConfig
from pspgrasp.errors import CheckpointError, unknown_name
from pspgrasp.header import NetworkHeader
from pspgrasp.network_file.metadata import Metadata, RoadConfig
from pspgrasp.network_file.onnx_file import read_onnx
from pspgrasp.network_file.openvino_file import read_openvino

#: suffix -> reader of its metadata, the packages that it needs, and the extra that installs them
READERS: Dict[str, Tuple[Callable[[Path], Metadata], str, str]] = {
    ".onnx": (read_onnx, "onnx", "onnxruntime"),
    ".xml": (read_openvino, "openvino", "openvino"),
}


@dataclass(frozen=True)
class NetworkFile:
    """A network that a runtime other than torch can run.

    Attributes:
        name: What people call it; the stem of its file.
        path: The file.
        fingerprint: Of the checkpoint that it was made of, its precision, and whether it is of the whole road.
        precision: float32 or int8.
        header: How its input is made, what its output means, what made its weights.
        road: What is built in, if it is of the whole road, from depth to the places of grasps.
    """

    name: str
    path: Path
    fingerprint: str
    precision: str
    header: NetworkHeader
    road: Optional[RoadConfig] = None

    @classmethod
    def of(cls, metadata: Metadata, path: Path, name: str) -> NetworkFile:
        """Return the network of a file with this metadata."""
        form = ("" if metadata.precision == "float32" else f"-{metadata.precision}") + (
            "-road" if metadata.road else ""
        )
        return cls(name, path, metadata.fingerprint + form, metadata.precision, metadata.header, metadata.road)

    @property
    def preprocess(self) -> PreprocessConfig:
        """How its input is made."""
        return self.header.preprocess

    @property
    def width_scale_px(self) -> float:
        """Width map = output * width_scale_px [px of the input]."""
        return self.header.width_scale_px

    @property
    def width(self) -> str:
        """What the width map means: `opening` or `contact`."""
        return self.header.width

    @property
    def training(self) -> Mapping[str, Any]:
        """What made the weights."""
        return self.header.training


def read_network_file(path: Path) -> NetworkFile:
    """Return the network of an exported file that nobody vouches for.

    Raises:
        CheckpointError: The file is missing, broken or not one of ours, or what reads it isn't installed.
    """
    if path.suffix not in READERS:
        raise CheckpointError(f"{path}: {unknown_name('kind of file', path.suffix, READERS)}")
    if not path.is_file():
        raise CheckpointError(f"checkpoint {path} is not a file")
    read, package, extra = READERS[path.suffix]
    try:
        return NetworkFile.of(read(path), path, path.stem)
    except ModuleNotFoundError as error:
        raise CheckpointError(
            f"{path} needs {package}, which isn't installed: pip install 'pspgrasp[{extra}]' ({error})"
        ) from error
