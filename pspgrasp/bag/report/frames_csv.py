"""A line for every frame and model, as a table."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any, Iterator, List, Sequence

import numpy as np

from pspgrasp.bag.results.result import ModelResult, RecordingResult
from pspgrasp.bag.results.rows import FAILED, SAID_NOTHING, STAGES
from pspgrasp.whole_file import whole_file

GRASP = ("u", "v", "angle_rad", "width_px", "width_m", "quality")
COLUMNS = (
    *("recording", "model", "number", "stamp_ns", "grasps", "nothing", "error"),
    *("u_px", "v_px", "angle_rad", "width_px", "width_m", "quality", "x_m", "y_m", "z_m"),
    *(f"{stage}_ms" for stage in STAGES),
    *("missing_share", "change", "drift"),
)


def write_frames(results: Sequence[RecordingResult], path: Path) -> None:
    """Write a line for every frame and model, as CSV; the grasp is the best one.

    Raises:
        PspGraspError: It can't be written.
    """
    with whole_file(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for result in results:
            for model in result.models:
                table.writerows(_lines(result, model))


def _lines(result: RecordingResult, model: ModelResult) -> Iterator[List[Any]]:
    row = 0
    for some_seen, some_best in zip(result.seen.pieces(), model.best.pieces()):
        for seen, best in zip(some_seen, some_best):
            said = [_nothing(model, best), _error(result, model, row) if best["found"] == FAILED else ""]
            numbers = [*_numbers(best), seen["change"], seen["drift"]]
            head = [result.recording, model.model, seen["number"], seen["stamp_ns"], max(0, best["found"])]
            yield [*head, *said, *("" if math.isnan(number) else number for number in numbers)]
            row += 1


def _numbers(best: np.void) -> List[float]:
    places = [*(best[name] for name in GRASP), *best["position_m"], *best["stages_ms"], best["missing_share"]]
    return [float(number) for number in places]


def _nothing(model: ModelResult, best: np.void) -> str:
    return "" if best["nothing"] == SAID_NOTHING else model.reasons[best["nothing"]]


def _error(result: RecordingResult, model: ModelResult, row: int) -> str:
    return str(result.frame(row)[model.model])
