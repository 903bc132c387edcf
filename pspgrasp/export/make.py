"""Make an export, check it against torch, and write it only if it passes."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional

from pspgrasp.config import CropConfig, DetectionConfig, LimitsConfig
from pspgrasp.errors import ConfigError, NetworkError, unknown_name
from pspgrasp.export.calibration import Calibration
from pspgrasp.export.quantise import check_quantiser, quantised
from pspgrasp.export.score import score
from pspgrasp.network_file import read_network_file
from pspgrasp.network_file.metadata import Metadata, RoadConfig
from pspgrasp.network_file.onnx_file import write_onnx
from pspgrasp.network_file.openvino_file import openvino_core, write_openvino
from pspgrasp.predictor import GraspPredictor
from pspgrasp.runtimes import Runtime
from pspgrasp.runtimes.engines import keep_network
from pspgrasp.runtimes.machine import DISTRIBUTIONS, versions
from pspgrasp.runtimes.onnx_graph import onnx_graph, road_graph
from pspgrasp.runtimes.opening import check_installed, exported, open_runtime
from pspgrasp.runtimes.parity import check_road, parity, probe_depth_m
from pspgrasp.runtimes.start import Started
from pspgrasp.runtimes.table import RUNTIMES
from pspgrasp.shipped import Network, find_weights

if TYPE_CHECKING:
    from pspgrasp.checkpoint import Checkpoint

ONNX, OPENVINO, TENSORRT = "onnx", "openvino", "tensorrt"
SUFFIXES = {ONNX: ".onnx", OPENVINO: ".xml"}
CHECKED_BY = {ONNX: "onnxruntime", OPENVINO: "openvino"}  # the runtime that each format is for
BEST = DetectionConfig(min_quality=0.0, max_grasps=1)  # the best grasp, however good


@dataclass(frozen=True)
class ExportJob:
    """What is to be made.

    Attributes:
        checkpoint: Name of one that ships, or a file with weights.
        to: ONNX, OPENVINO or TENSORRT.
        int8: Whether it is quantised.
        output: The file; None is the user's cache, where runtimes look.
        calibration: From which a quantised network takes its ranges.
        scenes: Generated scenes on which a quantised network, or one in half precision, is judged.
        labelled: A labelled data set in their place.
        road: Whether all from depth to the places of grasps is built in.
    """

    checkpoint: str
    to: str
    int8: bool
    output: Optional[Path]
    calibration: Calibration
    scenes: int
    labelled: Optional[Path] = None
    road: bool = False

    def __post_init__(self) -> None:
        """Check what goes together.

        Raises:
            ConfigError: It doesn't.
        """
        if self.to not in (*SUFFIXES, TENSORRT):
            raise ConfigError(unknown_name("format", self.to, (*SUFFIXES, TENSORRT)))
        if self.to == TENSORRT and (self.int8 or self.output):
            raise ConfigError(
                "an engine of TensorRT is in fp16 and for this machine alone: it is kept in the cache, "
                "without --int8 and --output"
            )
        if self.road and (self.to == TENSORRT or not self.output):
            raise ConfigError(
                "--with-postprocess goes with --to onnx or openvino and an --output; "
                "TensorRT runs such an ONNX file by onnxruntime-tensorrt"
            )
        if self.output and self.output.suffix != SUFFIXES[self.to]:
            raise ConfigError(f"--output must end in {SUFFIXES[self.to]} for --to {self.to}, got {self.output}")


def export(job: ExportJob) -> List[str]:
    """Make and check an export, and write it if it passes; return what is to be said.

    Raises:
        ConfigError: Something isn't installed.
        NetworkError: It can't be made, or doesn't pass its check.
        PspGraspError: It can't be written.
    """
    if job.output and not job.output.parent.is_dir():
        raise ConfigError(f"--output {job.output}: there is no folder {job.output.parent}")
    if job.int8:
        check_quantiser()
    name = TENSORRT if job.to == TENSORRT else CHECKED_BY[job.to]
    check_installed(name, RUNTIMES[name])
    checkpoint = find_weights(job.checkpoint)
    return _engine(job, checkpoint) if job.to == TENSORRT else _file(job, checkpoint)


def _file(job: ExportJob, checkpoint: Checkpoint) -> List[str]:
    precision = "int8" if job.int8 else "float32"
    metadata = Metadata(checkpoint.name, checkpoint.fingerprint, precision, checkpoint.header, {})
    graph = onnx_graph(checkpoint)
    if job.int8:
        graph = quantised(graph, job.calibration.inputs(checkpoint.preprocess))
    to = job.to if job.output else ONNX  # the one format that all runtimes read from the cache
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / f"draft{SUFFIXES[to]}"
        _write(graph, metadata, draft)
        runtime = open_runtime(CHECKED_BY[job.to], read_network_file(draft), "cpu")
        found = checked(job, checkpoint, runtime, precision)
    metadata = replace(metadata, notes=found.notes)
    if job.road:
        metadata = replace(metadata, road=RoadConfig())
        graph = road_graph(graph, metadata)
        found.lines.append(_checked_road(job, checkpoint, graph, metadata, runtime))
    if job.output:
        _write(graph, metadata, job.output)
        place = job.output
    else:
        place = keep_network(metadata, lambda path: _write(graph, metadata, path)).path
    return [f"{place}: {checkpoint.name} in {precision}", *found.lines]


def _checked_road(job: ExportJob, checkpoint: Checkpoint, graph: Any, metadata: Metadata, runtime: Runtime) -> str:
    """Return in words how the road of a graph compares with ours, with the same network.

    Raises:
        NetworkError: It leads elsewhere.
    """
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / f"draft{SUFFIXES[job.to]}"
        _write(graph, metadata, draft)
        network = read_network_file(draft)
        predictor = _predictor(network, open_runtime(CHECKED_BY[job.to], network, "cpu"))
        depth_m, focal_px = probe_depth_m(network.preprocess.input_size_px), float(network.preprocess.input_size_px)
        ours = _predictor(checkpoint, runtime).looked_here(depth_m, focal_px)
        check_road(ours, predictor.looked(depth_m, focal_px), "float32", predictor.runtime.name)
    return "all from depth to the places of grasps is built in; they are the same"


def _engine(job: ExportJob, checkpoint: Checkpoint) -> List[str]:
    from pspgrasp.runtimes.tensor_rt import build_engine

    path = build_engine(exported(checkpoint), "cuda:0")
    try:
        runtime = open_runtime(TENSORRT, checkpoint, "cuda:0")
        found = checked(job, checkpoint, runtime, RUNTIMES[TENSORRT].precision)
    except BaseException:  # also when stopped: an engine that nobody checked is not kept
        path.unlink()
        raise
    return [f"{path}: {checkpoint.name} for this machine", *found.lines]


@dataclass(frozen=True)
class Checked:
    """What the check of an export came to: for people, and for its metadata."""

    lines: List[str]
    notes: Dict[str, Any]


def checked(job: ExportJob, checkpoint: Checkpoint, runtime: Runtime, precision: str) -> Checked:
    """Return how an export, as a runtime runs it, compares with torch.

    Raises:
        NetworkError: It doesn't pass.
    """
    reference = open_runtime("torch", checkpoint, "cpu")
    found = parity(reference, runtime, checkpoint.preprocess, precision)
    if found.objection:
        raise NetworkError(f"not written, since by {runtime.name} {found.objection}")
    notes: Dict[str, Any] = {"checked_by": runtime.name, "off_by": found.error, "versions": versions(DISTRIBUTIONS)}
    lines = [f"maps by {runtime.name}: off by {found.error:.1g} of their spread"]
    if precision == "float32":
        return Checked([f"{lines[0]}; the grasps are the same"], notes)
    judged = score(_predictor(checkpoint, reference), _predictor(checkpoint, runtime), job.scenes, job.labelled)
    if judged.lost:
        raise NetworkError(f"not written, since its grasps are worse; {judged.line()}")
    return Checked([*lines, judged.line()], {**notes, "score": judged.to_tree()})


def _predictor(network: Network, runtime: Runtime) -> GraspPredictor:
    return GraspPredictor.started(Started(network, runtime, ""), CropConfig(), BEST, LimitsConfig())


def _write(graph: Any, metadata: Metadata, path: Path) -> None:
    if path.suffix == SUFFIXES[ONNX]:
        write_onnx(graph, metadata, path)
        return
    model = openvino_core().read_model(graph.SerializeToString())
    write_openvino(model, metadata, path)
