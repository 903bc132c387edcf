"""Results on disk: all of them as JSON, and a table with a line for every frame and model."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from pspgrasp import __version__
from pspgrasp.bag.compare import Comparison
from pspgrasp.bag.figures import Figure, figures_of
from pspgrasp.bag.recording import Fault, RecordedGrasp
from pspgrasp.bag.results import FoundGrasp, FrameResult, ModelResult, RecordingResult, SeenFrame
from pspgrasp.bag.run import Run
from pspgrasp.bag.series import STAGES, Gripper
from pspgrasp.camera import PinholeCamera
from pspgrasp.config import to_tree as config_tree
from pspgrasp.data.output import whole_file
from pspgrasp.errors import DataError

VERSION = 1
COLUMNS = (
    *("recording", "model", "number", "stamp_ns", "grasps", "nothing", "error"),
    *("u_px", "v_px", "angle_rad", "width_px", "width_m", "quality", "x_m", "y_m", "z_m"),
    *(f"{stage}_ms" for stage in STAGES),
    *("missing_share", "change", "drift"),
)


def write_results(run: Run, path: Path) -> None:
    """Write a run as JSON.

    Raises:
        PspGraspError: It can't be written.
    """
    with whole_file(path) as part:
        part.write_text(json.dumps(run_tree(run), allow_nan=False) + "\n", encoding="utf-8")


def read_results(path: Path) -> Tuple[RecordingResult, ...]:
    """Return the results of a run that was written.

    Raises:
        DataError: The file can't be read, or holds no results.
    """
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
        return tuple(result_of(one) for one in tree["recordings"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} holds no results of `pspgrasp bag`: {error!r}") from error


def run_tree(run: Run) -> Dict[str, Any]:
    """Return a run as plain values, ready for JSON; NaN is null."""
    return {
        "version": VERSION,
        "pspgrasp": __version__,
        "command": run.command,
        "interrupted": run.interrupted,
        "models": [
            {
                "name": spec.name,
                "checkpoint": spec.checkpoint,
                "preset": spec.preset,
                "config": config_tree(spec.config),
            }
            for spec in run.specs
        ],
        "gripper": asdict(run.gripper),
        "figures": {model: [figure_tree(one) for one in figures] for model, figures in run.figures.items()},
        "comparisons": [_comparison_tree(one) for one in run.comparisons],
        "recordings": [_recording_tree(result, run) for result in run.results],
    }


def _recording_tree(result: RecordingResult, run: Run) -> Dict[str, Any]:
    alone = len(run.results) == 1  # its figures are those of the run
    figures = run.figures if alone else {spec.name: _figures(result, spec.name, run.gripper) for spec in run.specs}
    return {
        **result_tree(result),
        "fault_counts": result.fault_counts(),
        "figures": {model: [figure_tree(one) for one in rows] for model, rows in figures.items()},
    }


def _figures(result: RecordingResult, model: str, gripper: Gripper) -> Tuple[Figure, ...]:
    return figures_of([result], model, gripper) if result.seen else ()


def figure_tree(figure: Figure) -> Dict[str, Any]:
    """Return a figure as plain values."""
    return {name: _known(value) for name, value in asdict(figure).items()}


def _comparison_tree(one: Comparison) -> Dict[str, Any]:
    return {
        **asdict(one),
        "differences": [figure_tree(figure) for figure in one.differences],
        "agreement": [figure_tree(figure) for figure in one.agreement],
    }


# --- a recording's result, there and back


def result_tree(result: RecordingResult) -> Dict[str, Any]:
    """Return a recording's result as plain values, the inverse of `result_of`."""
    return {
        "recording": result.recording,
        "description": result.description,
        "expected": result.expected,
        "read": result.read,
        "interrupted": result.interrupted,
        "read_s": result.read_s,
        "wall_s": result.wall_s,
        "faults": [fault._asdict() for fault in result.faults],
        "seen": [_seen_tree(seen) for seen in result.seen],
        "recorded": [_recorded_tree(grasp) for grasp in result.recorded],
        "models": [_model_tree(model) for model in result.models],
    }


def result_of(tree: Mapping[str, Any]) -> RecordingResult:
    """Return the result of plain values."""
    return RecordingResult(
        tree["recording"],
        tree["description"],
        tuple(_model_of(one) for one in tree["models"]),
        tuple(Fault(**one) for one in tree["faults"]),
        tree["expected"],
        tree["read"],
        tree["interrupted"],
        tree["read_s"],
        tree["wall_s"],
        tuple(_seen_of(one) for one in tree["seen"]),
        tuple(_recorded_of(one) for one in tree["recorded"]),
    )


def _seen_tree(seen: SeenFrame) -> Dict[str, Any]:
    return {
        **seen._asdict(),
        "camera": asdict(seen.camera),
        "change": _known(seen.change),
        "drift": _known(seen.drift),
    }


def _seen_of(tree: Mapping[str, Any]) -> SeenFrame:
    numbers = {name: _number(tree[name]) for name in ("change", "drift")}
    pose = None if tree["pose"] is None else tuple(tree["pose"])
    return SeenFrame(**{**tree, **numbers, "camera": PinholeCamera(**tree["camera"]), "pose": pose})


def _recorded_tree(grasp: RecordedGrasp) -> Dict[str, Any]:
    tree = grasp._asdict()
    return {**tree, "position_m": [float(one) for one in grasp.position_m], "quality": _known(grasp.quality)}


def _recorded_of(tree: Mapping[str, Any]) -> RecordedGrasp:
    return RecordedGrasp(**{**tree, "position_m": np.array(tree["position_m"]), "quality": _number(tree["quality"])})


def _model_tree(model: ModelResult) -> Dict[str, Any]:
    return {
        "model": model.model,
        "protocol": model.protocol,
        "errors": {str(number): why for number, why in model.errors.items()},
        "frames": [asdict(frame) for frame in model.frames],
    }


def _model_of(tree: Mapping[str, Any]) -> ModelResult:
    frames = tuple(_frame_of(frame) for frame in tree["frames"])
    return ModelResult(tree["model"], tree["protocol"], frames, {int(n): why for n, why in tree["errors"].items()})


def _frame_of(tree: Mapping[str, Any]) -> FrameResult:
    grasps = tuple(FoundGrasp(**{**one, "position_m": tuple(one["position_m"])}) for one in tree["grasps"])
    return FrameResult(**{**tree, "grasps": grasps})


def _known(value: Any) -> Any:
    """Return a value as JSON has it, which knows neither NaN nor infinity."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _number(value: Optional[float]) -> float:
    return math.nan if value is None else value


# --- every frame


def write_frames(results: Sequence[RecordingResult], path: Path) -> None:
    """Write a line for every frame and model, as CSV; the grasp is the best one.

    Raises:
        PspGraspError: It can't be written.
    """
    with whole_file(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for result in results:
            table.writerows(_lines(result))


def _lines(result: RecordingResult) -> Iterator[List[Any]]:
    for model in result.models:
        frames = {frame.number: frame for frame in model.frames}
        for seen in result.seen:
            head, tail = [result.recording, model.model, seen.number, seen.stamp_ns], [seen.change, seen.drift]
            middle = _cells(frames.get(seen.number), model.errors.get(seen.number, ""))
            yield ["" if isinstance(cell, float) and math.isnan(cell) else cell for cell in [*head, *middle, *tail]]


def _cells(frame: Optional[FrameResult], error: str) -> List[Any]:
    if frame is None:
        return [0, "", error, *[""] * (len(COLUMNS) - 9)]
    best = frame.grasps[0] if frame.grasps else None
    grasp = (
        [*(best.u, best.v, best.angle_rad, best.width_px, best.width_m, best.quality), *best.position_m]
        if best
        else [""] * 9
    )
    stages_ms = [frame.stages_ms.get(stage, "") for stage in STAGES]
    return [len(frame.grasps), frame.nothing, "", *grasp, *stages_ms, frame.missing_share]
