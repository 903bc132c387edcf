"""A frame as a line of JSON, with all that came of it: there and back."""

from __future__ import annotations

import json
import math
from typing import Any, Dict, Mapping, Sequence, Union

from pspgrasp.bag.recording import Fault
from pspgrasp.bag.results.frame import FoundGrasp, FrameResult, SeenFrame

Judged = Union[FrameResult, str]  # a string says why the model failed


def frame_line(recording: str, seen: SeenFrame, models: Sequence[str], judged: Sequence[Judged]) -> bytes:
    """Return what came of a frame; NaN is null."""
    tree = {
        "recording": recording,
        **seen._asdict(),
        "camera": vars(seen.camera),
        "change": known(seen.change),
        "drift": known(seen.drift),
        "models": {name: _judged_tree(one) for name, one in zip(models, judged)},
    }
    return _line(tree)


def fault_line(recording: str, fault: Fault) -> bytes:
    """Return what couldn't be read."""
    return _line({"recording": recording, "number": fault.number, "fault": fault.kind, "detail": fault.detail})


def judged_of(line: bytes) -> Dict[str, Judged]:
    """Return model -> what it made of a frame, of its line."""
    tree = json.loads(line)
    return {name: _judged_of(one, tree["number"], tree["stamp_ns"]) for name, one in tree["models"].items()}


def known(value: Any) -> Any:
    """Return a value as JSON has it, which knows neither NaN nor infinity."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _line(tree: Mapping[str, Any]) -> bytes:
    return json.dumps(tree, allow_nan=False).encode("ascii") + b"\n"


def _judged_tree(one: Judged) -> Mapping[str, Any]:
    if isinstance(one, str):
        return {"error": one}
    return {
        "grasps": [vars(grasp) for grasp in one.grasps],
        "nothing": one.nothing,
        "refused": one.refused,
        "stages_ms": one.stages_ms,
        "missing_share": one.missing_share,
    }


def _judged_of(tree: Mapping[str, Any], number: int, stamp_ns: int) -> Judged:
    if "error" in tree:
        return str(tree["error"])
    grasps = tuple(FoundGrasp(**{**one, "position_m": tuple(one["position_m"])}) for one in tree["grasps"])
    return FrameResult(**{**tree, "number": number, "stamp_ns": stamp_ns, "grasps": grasps})
