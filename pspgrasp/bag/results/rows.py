"""A frame as a row of numbers, from which figures are worked out."""

from __future__ import annotations

from typing import Dict, Optional, Tuple

import numpy as np

from pspgrasp.bag.recording import RecordedGrasp
from pspgrasp.bag.results.frame import TOTAL, FoundGrasp, FrameResult, SeenFrame
from pspgrasp.detect import Reason

STAGES = (TOTAL, "prepare", "network", "maps", "detect")
REFUSALS = tuple(reason.value for reason in Reason)
FAILED, SAID_NOTHING = -1, -1

#: Of a frame, see `SeenFrame`; `line` is where its line of JSON begins.
SEEN = np.dtype(
    [
        ("number", "<i4"),
        ("line", "<i8"),
        ("stamp_ns", "<i8"),
        ("recorded_ns", "<i8"),
        ("camera", "<f8", 4),  # fx, fy, cx, cy [px]
        ("change", "<f8"),
        ("drift", "<f8"),
    ]
)
#: What one model made of a frame, with its best grasp; NaN where there is none.
BEST = np.dtype(
    [
        ("found", "<i4"),  # how many grasps; FAILED where the model failed
        ("nothing", "<i2"),  # which of the model's reasons for none; SAID_NOTHING where there is a grasp
        ("u", "<f8"),
        ("v", "<f8"),
        ("angle_rad", "<f8"),
        ("width_px", "<f8"),
        ("width_m", "<f8"),
        ("quality", "<f8"),
        ("position_m", "<f8", 3),
        ("fixed_m", "<f8", 3),  # the same place in a frame that stands still, where the camera's pose is known
        ("has_firsts", "<f8"),  # whether one of its grasps is the first model's best, 0 or 1; NaN where one has none
        ("stages_ms", "<f8", len(STAGES)),
        ("missing_share", "<f8"),
        ("refused", "<i4", len(REFUSALS)),
    ]
)
#: A grasp that the robot's own detector published.
RECORDED = np.dtype(
    [
        ("stamp_ns", "<i8"),
        ("exact", "?"),
        ("position_m", "<f8", 3),
        ("angle_rad", "<f8"),
        ("width_m", "<f8"),  # NaN where it is in pixels
        ("width_px", "<f8"),  # NaN where it is in metres
    ]
)


def seen_row(seen: SeenFrame, line: int) -> bytes:
    """Return a row of `SEEN`."""
    lens = (seen.camera.fx, seen.camera.fy, seen.camera.cx, seen.camera.cy)
    row = (seen.number, line, seen.stamp_ns, seen.recorded_ns, lens, seen.change, seen.drift)
    return np.array(row, SEEN).tobytes()


def best_row(result: FrameResult, seen: SeenFrame, has_firsts: float, reasons: Dict[str, int]) -> bytes:
    """Return a row of `BEST`.

    Args:
        result: What the model made of the frame.
        seen: What is known of it.
        has_firsts: As in `BEST`.
        reasons: Reason for no grasp -> its number; a new one is added.
    """
    row = _empty()
    row["found"] = len(result.grasps)
    row["nothing"] = reasons.setdefault(result.nothing, len(reasons)) if result.nothing else SAID_NOTHING
    if result.grasps:
        _enter(row, result.grasps[0], seen.pose)
    row["has_firsts"], row["missing_share"] = has_firsts, result.missing_share
    row["stages_ms"] = [result.stages_ms.get(stage, np.nan) for stage in STAGES]
    row["refused"] = [result.refused.get(reason, 0) for reason in REFUSALS]
    return row.tobytes()


def failed_row() -> bytes:
    """Return the row of `BEST` of a frame on which the model failed."""
    row = _empty()
    row["found"], row["nothing"] = FAILED, SAID_NOTHING
    return row.tobytes()


def recorded_row(grasp: RecordedGrasp) -> bytes:
    """Return a row of `RECORDED`."""
    width = (grasp.width, np.nan) if grasp.width_unit == "m" else (np.nan, grasp.width)
    row = (grasp.stamp_ns, grasp.exact, tuple(grasp.position_m), grasp.angle_rad, *width)
    return np.array(row, RECORDED).tobytes()


def _empty() -> np.ndarray:
    row = np.zeros((), BEST)
    for name in BEST.names or ():
        if row[name].dtype.kind == "f":
            row[name] = np.nan
    return row


def _enter(row: np.ndarray, best: FoundGrasp, pose: Optional[Tuple[float, ...]]) -> None:
    for name in ("u", "v", "angle_rad", "width_px", "width_m", "quality", "position_m"):
        row[name] = getattr(best, name)
    if pose is not None:
        matrix = np.array(pose).reshape(3, 4)
        row["fixed_m"] = matrix[:, :3] @ np.array(best.position_m) + matrix[:, 3]
