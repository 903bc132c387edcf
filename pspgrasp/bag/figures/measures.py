"""What is measured of each frame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import List, Sequence, Tuple

import numpy as np

from pspgrasp.bag.figures.agreement import agreement
from pspgrasp.bag.figures.bootstrap import MEAN
from pspgrasp.bag.figures.series import (
    LATENCY,
    NO_GRASP,
    QUALITY,
    QUARTILES,
    TIMES,
    Series,
    joined,
    share,
    with_values,
    without_lengths,
)
from pspgrasp.bag.figures.steadiness import jitter, stability
from pspgrasp.bag.results.columns import Columns
from pspgrasp.bag.results.frame import TOTAL
from pspgrasp.bag.results.result import ModelResult, RecordingResult
from pspgrasp.bag.results.rows import REFUSALS, STAGES
from pspgrasp.config import LimitsConfig


@dataclass(frozen=True)
class Gripper:
    """Against which openings are counted.

    Attributes:
        min_width_m: Smallest opening [m].
        max_width_m: Largest opening [m].
    """

    min_width_m: float = LimitsConfig.min_width_m
    max_width_m: float = LimitsConfig.max_width_m

    @property
    def is_any(self) -> bool:
        """Whether nobody has told any limit."""
        return self == Gripper()

    def __str__(self) -> str:
        """Say it for people."""
        if self.is_any:
            return "any opening; --gripper MIN MAX or --params tells its limits"
        return f"{1000 * self.min_width_m:.0f} to {1000 * self.max_width_m:.0f} mm"


def all_series(results: Sequence[RecordingResult], model: str, gripper: Gripper) -> Tuple[Series, ...]:
    """Return what is measured of a model's frames in all recordings, as if they were one behind the other."""
    return joined([series_of(result, model, gripper) for result in results])


def series_of(result: RecordingResult, model: str, gripper: Gripper) -> Tuple[Series, ...]:
    """Return what is measured of a model's frames, all of the same N frames."""
    made, best, seen = result.of(model), result.of(model).best, result.seen
    every = (
        *with_values([_stage(best, stage) for stage in STAGES]),
        *_outcomes(made),
        Series(QUALITY, "0 to 1", partial(best.__getitem__, "quality"), QUARTILES),
        *_widths(best, gripper),
        Series("missing depth", "%", lambda: 100 * best["missing_share"]),
        *jitter(best, seen),
        *stability(best, seen),
        *agreement(best, result),
    )
    return tuple(without_lengths(every, result.has_guessed_camera))


def judged_only(best: Columns, values: np.ndarray) -> np.ndarray:
    """Return values (N,), NaN where the model failed."""
    return np.where(best["found"] < 0, np.nan, values)


def _stage(best: Columns, stage: str) -> Series:
    name, place = LATENCY if stage == TOTAL else f"{LATENCY}, {stage}", STAGES.index(stage)
    return Series(name, "ms", lambda: best["stages_ms"][:, place], TIMES)


def _outcomes(made: ModelResult) -> List[Series]:
    best = made.best
    refused = np.flatnonzero(sum((piece["refused"].sum(0) for piece in best.pieces()), np.zeros(len(REFUSALS))))
    return [
        share(NO_GRASP, lambda: judged_only(best, best["found"] == 0)),
        *(_nothing(best, why, made.reasons.index(why)) for why in sorted(made.reasons)),
        *([share("failed", lambda: best["found"] < 0, counts=True)] if len(made.failures) else []),
        Series("grasps", "a frame", lambda: judged_only(best, best["found"]), (MEAN,)),
        *(_refused(best, place) for place in sorted(refused, key=lambda place: REFUSALS[place])),
    ]


def _nothing(best: Columns, why: str, place: int) -> Series:
    return share(f"{NO_GRASP}: {why}", lambda: judged_only(best, best["nothing"] == place), counts=True)


def _refused(best: Columns, place: int) -> Series:
    name = f"refused: {REFUSALS[place]}"
    return Series(name, "a frame", lambda: judged_only(best, best["refused"][:, place]), (MEAN,), counts=True)


def _widths(best: Columns, gripper: Gripper) -> List[Series]:
    def beyond(limit_m: float, sign: float) -> np.ndarray:
        width_m = best["width_m"]
        return np.where(np.isnan(width_m), np.nan, sign * width_m > sign * limit_m)

    opening = Series("opening", "mm", lambda: 1000 * best["width_m"], QUARTILES, metric=True)
    if gripper.is_any:
        return [opening]
    return [
        opening,
        share("opening above the gripper's", partial(beyond, gripper.max_width_m, 1.0), metric=True),
        share("opening below the gripper's", partial(beyond, gripper.min_width_m, -1.0), metric=True),
    ]
