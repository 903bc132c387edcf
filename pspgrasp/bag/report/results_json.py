"""What a run came to, for programs: figures, comparisons and faults, as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Dict, Sequence

from pspgrasp import __version__
from pspgrasp.bag.figures.compare import Comparison
from pspgrasp.bag.figures.figure import Figure, figures_of
from pspgrasp.bag.figures.remarks import remarks
from pspgrasp.bag.results.lines import known
from pspgrasp.bag.results.result import ModelResult, RecordingResult
from pspgrasp.bag.run import Run
from pspgrasp.config import to_tree as config_tree
from pspgrasp.whole_file import whole_file

VERSION = 2  # every frame is in frames.jsonl


def write_results(run: Run, path: Path) -> None:
    """Write a run as JSON.

    Raises:
        PspGraspError: It can't be written.
    """
    with whole_file(path) as part:
        part.write_text(json.dumps(run_tree(run), allow_nan=False, indent=1) + "\n", encoding="utf-8")


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
        "figures": {model: _figure_trees(figures) for model, figures in run.figures.items()},
        "remarks": remarks(run.results, run.selection),
        "comparisons": [_comparison_tree(one) for one in run.comparisons],
        "recordings": [_recording_tree(result, run) for result in run.results],
    }


def _recording_tree(result: RecordingResult, run: Run) -> Dict[str, Any]:
    return {
        "recording": result.recording,
        "description": result.description,
        "has_guessed_camera": result.has_guessed_camera,
        "expected": result.expected,
        "read": result.read,
        "interrupted": result.interrupted,
        "read_s": result.read_s,
        "wall_s": result.wall_s,
        "fault_counts": result.faults.counts,
        "first_faults": [fault._asdict() for fault in result.faults.first],
        "models": [_model_tree(model, result, run) for model in result.models],
    }


def _model_tree(model: ModelResult, result: RecordingResult, run: Run) -> Dict[str, Any]:
    # The figures of the only recording are those of the run.
    figures = run.figures[model.model] if len(run.results) == 1 else figures_of([result], model.model, run.gripper)
    return {
        "name": model.model,
        "protocol": model.protocol,
        "failed": len(model.failures),
        "figures": _figure_trees(figures) if result.read else [],
    }


def _comparison_tree(one: Comparison) -> Dict[str, Any]:
    return {
        **asdict(one),
        "differences": _figure_trees(one.differences),
        "agreement": _figure_trees(one.agreement),
    }


def _figure_trees(figures: Sequence[Figure]) -> Sequence[Dict[str, Any]]:
    return [{name: known(value) for name, value in asdict(figure).items()} for figure in figures]
