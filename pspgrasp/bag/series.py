"""What is measured of each frame: one number a frame, from which figures, charts and comparisons are made."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Callable, List, Mapping, Optional, Sequence, Tuple, TypeVar

import numpy as np

from pspgrasp.bag.bootstrap import MAX, MEAN
from pspgrasp.bag.recording import RecordedGrasp
from pspgrasp.bag.results import FoundGrasp, FrameResult, ModelResult, RecordingResult, SeenFrame
from pspgrasp.bag.still import still
from pspgrasp.bag.stopwatch import TOTAL
from pspgrasp.grasp import wrap_half_turn

SHARE = "share"
STAGES = (TOTAL, "prepare", "network", "maps", "detect")
JUMP_PX = 20.0  # between the best grasps of two frames, beyond which it is another one
JUMP_MM = 30.0  # the same in a frame that stands still
SAME_MM, SAME_DEG = 10.0, 30.0  # within which two grasps are one
MOST_LAG_S = 0.5  # between an image and a grasp without its stamp that was worked out from it
TIMES, TYPICAL, QUARTILES = ("p50", "p95", "p99", MAX), ("p50", "p95"), ("p25", "p50", "p75")

Frames = Sequence[Optional[FrameResult]]  # None where the model failed
Grasps = Sequence[Optional[FoundGrasp]]  # the best of each frame; None where there is none
Item = TypeVar("Item")

LATENCY, NO_GRASP, QUALITY = "latency", "no grasp", "quality"


@dataclass(frozen=True)
class Series:
    """One number a frame.

    Attributes:
        name: Of what; unique within a model.
        unit: Of the values, for people; "%" for shares.
        values: (N,), one for each frame that was judged, NaN where it doesn't count; 0 or 1 for shares.
        statistics: What is told of them: p50, p95, p99, max, mean, share...
        counts: Whether it counts something, so that where nobody speaks of it there was none.
    """

    name: str
    unit: str
    values: np.ndarray
    statistics: Tuple[str, ...] = TYPICAL
    counts: bool = False


@dataclass(frozen=True)
class Gripper:
    """Against which openings are counted.

    Attributes:
        min_width_m: Smallest opening [m].
        max_width_m: Largest opening [m].
    """

    min_width_m: float = 0.0
    max_width_m: float = 10.0


def series_of(result: RecordingResult, model: str, gripper: Gripper) -> Tuple[Series, ...]:
    """Return what is measured of a model's frames, all of the same N frames."""
    found, seen = by_frame(result, model), result.seen
    best = [frame.grasps[0] if frame and frame.grasps else None for frame in found]
    return (
        *_latency(found),
        *_outcomes(found, result.of(model)),
        Series(QUALITY, "0 to 1", _numbers(best, lambda grasp: grasp.quality), QUARTILES),
        *_widths(best, gripper),
        Series("missing depth", "%", 100 * _numbers(found, lambda frame: frame.missing_share)),
        *_jitter(best, seen),
        *_stability(best, seen),
        *_agreement(best, found, result),
    )


def by_frame(result: RecordingResult, model: str) -> List[Optional[FrameResult]]:
    """Return a model's result for each frame that was judged; None where it failed."""
    found = {frame.number: frame for frame in result.of(model).frames}
    return [found.get(seen.number) for seen in result.seen]


def frame_period_s(seen: Sequence[SeenFrame]) -> float:
    """Return the median time between frames [s]; NaN for fewer than two."""
    stamps_s = 1e-9 * np.array([one.stamp_ns for one in seen], float)
    return float(np.median(np.abs(np.diff(stamps_s)))) if len(seen) > 1 else math.nan


# --- of single frames


def _latency(found: Frames) -> List[Series]:
    every = [_stage(found, stage) for stage in STAGES]
    return [series for series in every if not np.isnan(series.values).all()]


def _stage(found: Frames, stage: str) -> Series:
    name = LATENCY if stage == TOTAL else f"{LATENCY}, {stage}"
    return Series(name, "ms", _numbers(found, lambda frame: frame.stages_ms.get(stage)), TIMES)


def _outcomes(found: Frames, model: ModelResult) -> List[Series]:
    silent = sorted({frame.nothing for frame in found if frame and frame.nothing})
    refused = sorted({why for frame in found if frame for why in frame.refused})
    return [
        _share(NO_GRASP, _numbers(found, lambda frame: not frame.grasps)),
        *(_silent(found, why) for why in silent),
        *([_failed(found)] if model.errors else []),
        Series("grasps", "a frame", _numbers(found, lambda frame: len(frame.grasps)), (MEAN,)),
        *(_refused(found, why) for why in refused),
    ]


def _failed(found: Frames) -> Series:
    return Series("failed", "%", np.array([float(frame is None) for frame in found]), (SHARE,), counts=True)


def _silent(found: Frames, why: str) -> Series:
    values = _numbers(found, lambda frame: frame.nothing == why)
    return Series(f"{NO_GRASP}: {why}", "%", values, (SHARE,), counts=True)


def _refused(found: Frames, why: str) -> Series:
    values = _numbers(found, lambda frame: frame.refused.get(why, 0))
    return Series(f"refused: {why}", "a frame", values, (MEAN,), counts=True)


def _widths(best: Grasps, gripper: Gripper) -> List[Series]:
    return [
        Series("opening", "mm", 1000 * _numbers(best, lambda grasp: grasp.width_m), QUARTILES),
        _share("opening above the gripper's", _numbers(best, lambda grasp: grasp.width_m > gripper.max_width_m)),
        _share("opening below the gripper's", _numbers(best, lambda grasp: grasp.width_m < gripper.min_width_m)),
    ]


# --- of frames and those before them


def _jitter(best: Grasps, seen: Sequence[SeenFrame]) -> List[Series]:
    """Measure the best grasp of a frame against that of the frame before, where nothing moved between them."""
    stands = still(seen)
    apart = [
        between(before, now) if still_now and before and now else None
        for before, now, still_now in zip([None, *best], best, stands)
    ]
    told = np.where(np.arange(len(seen)) > 0, stands, np.nan)
    return [
        _share("still scene", told),
        *(replace(series, name=f"jitter, {series.name}") for series in apart_series(apart)),
        _share("jumps", _numbers(apart, lambda one: one.distance_px > JUMP_PX)),
    ]


def _stability(best: Grasps, seen: Sequence[SeenFrame]) -> List[Series]:
    """Measure the best grasp in a frame that stands still, where the camera's pose is known."""
    if all(one.pose is None for one in seen):
        return []
    places_m = np.full((len(seen), 3), np.nan)
    for n, (grasp, one) in enumerate(zip(best, seen)):
        if grasp and one.pose is not None:
            pose = np.array(one.pose).reshape(3, 4)
            places_m[n] = pose[:, :3] @ np.array(grasp.position_m) + pose[:, 3]
    steps_mm = 1000 * np.linalg.norm(np.diff(places_m, axis=0), axis=1)
    jumps = np.where(np.isnan(steps_mm), np.nan, steps_mm > JUMP_MM)
    spread_mm = 1000 * _spread_m(places_m, np.array([one.stamp_ns for one in seen]) // 10**9)
    return [
        Series("spread in a second, fixed frame", "mm", spread_mm),
        _share("jumps, fixed frame", np.append(np.nan, jumps)),
    ]


def _spread_m(places_m: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """Return how far each place (N, 3) is from the median of those of its second (N,)."""
    spread_m = np.full(len(places_m), np.nan)
    for second in np.unique(seconds):
        mine = (seconds == second) & ~np.isnan(places_m[:, 0])
        if np.count_nonzero(mine) > 1:
            spread_m[mine] = np.linalg.norm(places_m[mine] - np.median(places_m[mine], axis=0), axis=1)
    return spread_m


# --- two grasps


@dataclass(frozen=True)
class Apart:
    """How far two grasps are from each other.

    Attributes:
        distance_px: In the image [px].
        angle_deg: Between their directions, which are the same after half a turn: 0 to 90 [deg].
        distance_mm: In space [mm].
        width_mm: Between their openings [mm]; NaN where one isn't known in metres.
    """

    distance_px: float
    angle_deg: float
    distance_mm: float
    width_mm: float

    @property
    def same(self) -> bool:
        """Whether the two are one grasp to a robot."""
        return self.distance_mm <= SAME_MM and self.angle_deg <= SAME_DEG


def between(one: FoundGrasp, other: FoundGrasp) -> Apart:
    """Return how far two grasps of the detectors are from each other."""
    return Apart(
        math.hypot(one.u - other.u, one.v - other.v),
        math.degrees(abs(wrap_half_turn(one.angle_rad - other.angle_rad))),
        1000 * math.dist(one.position_m, other.position_m),
        1000 * abs(one.width_m - other.width_m),
    )


def apart_series(apart: Sequence[Optional[Apart]]) -> List[Series]:
    """Return distance, angle and difference in opening of pairs of grasps; None doesn't count."""
    return [
        Series("distance", "px", _numbers(apart, lambda one: one.distance_px)),
        Series("angle", "deg", _numbers(apart, lambda one: one.angle_deg)),
        Series("distance in space", "mm", _numbers(apart, lambda one: one.distance_mm)),
        Series("opening", "mm", _numbers(apart, lambda one: one.width_mm)),
    ]


# --- the robot's own detector


def _agreement(best: Grasps, found: Frames, result: RecordingResult) -> List[Series]:
    """Measure the best grasp against what the robot's own detector published for the same frame, topic by topic."""
    lines: List[Series] = []
    for topic in sorted({grasp.topic for grasp in result.recorded}):
        recorded = matched([grasp for grasp in result.recorded if grasp.topic == topic], result.seen)
        mine = _of_topic(best, found, recorded, result.seen)
        lines += [replace(series, name=f"{topic}: {series.name}") for series in mine]
    return [series for series in lines if not np.isnan(series.values).all()]


def _of_topic(
    best: Grasps,
    found: Frames,
    recorded: Sequence[Optional[RecordedGrasp]],
    seen: Sequence[SeenFrame],
) -> List[Series]:
    apart = [
        _against(grasp, there, view) if grasp and there else None for grasp, there, view in zip(best, recorded, seen)
    ]
    # Where the robot's own detector found one, and this model none, the two don't agree.
    asked = [None if frame is None else bool(one and one.same) for frame, one in zip(found, apart)]
    same = np.array(
        [math.nan if there is None or said is None else float(said) for there, said in zip(recorded, asked)]
    )
    pixels = [
        abs(grasp.width_px - there.width) if grasp and there and there.width_unit == "px" else None
        for grasp, there in zip(best, recorded)
    ]
    opening = Series("opening, pixels", "px", _numbers(pixels, float))
    return [*apart_series(apart), opening, _share("same grasp", same)]


def matched(recorded: Sequence[RecordedGrasp], seen: Sequence[SeenFrame]) -> List[Optional[RecordedGrasp]]:
    """Return the recorded grasp for each frame; None where there is none.

    A grasp with its image's stamp belongs to the frame with the nearest one, at most half a frame period off. One
    without was written after the image that it was worked out from: the last one before it.
    """
    matches: List[Optional[RecordedGrasp]] = [None] * len(seen)
    if not seen:
        return matches
    period_s = frame_period_s(seen)
    most_ns = 1e9 * (MOST_LAG_S if math.isnan(period_s) else period_s) / 2
    stamps_ns = np.array([one.stamp_ns for one in seen])
    written_ns = np.array([one.recorded_ns for one in seen])
    for grasp in recorded:
        since_ns = grasp.stamp_ns - (stamps_ns if grasp.exact else written_ns)
        apart_ns = np.abs(since_ns) if grasp.exact else np.where(since_ns >= 0, since_ns, np.iinfo(np.int64).max)
        place = int(np.argmin(apart_ns))
        if apart_ns[place] <= (most_ns if grasp.exact else 1e9 * MOST_LAG_S) and matches[place] is None:
            matches[place] = grasp  # of several for one image the first one is the best
    return matches


def _against(grasp: FoundGrasp, there: RecordedGrasp, seen: SeenFrame) -> Apart:
    u, v = seen.camera.project(there.position_m)
    return Apart(
        math.hypot(grasp.u - u, grasp.v - v),
        math.degrees(abs(wrap_half_turn(grasp.angle_rad - there.angle_rad))),
        1000 * float(np.linalg.norm(np.array(grasp.position_m) - there.position_m)),
        1000 * abs(grasp.width_m - there.width) if there.width_unit == "m" else math.nan,
    )


def _numbers(items: Sequence[Optional[Item]], number: Callable[[Item], Optional[float]]) -> np.ndarray:
    """Return (N,): a number of each item, NaN where the item or the number is None."""
    told = (None if item is None else number(item) for item in items)
    return np.array([math.nan if value is None else value for value in told], float)


def _share(name: str, values: np.ndarray) -> Series:
    return Series(name, "%", values, (SHARE,))


def joined(every: Sequence[Sequence[Series]]) -> Tuple[Series, ...]:
    """Return the series of several recordings, one behind the other; what one doesn't have doesn't count there."""
    tables = [{one.name: one for one in series} for series in every]
    known = {one.name: one for series in every for one in series}
    return tuple(
        replace(one, values=np.concatenate([values_in(table, one) for table in tables])) for one in known.values()
    )


def values_in(table: Mapping[str, Series], one: Series) -> np.ndarray:
    """Return the values (N,) of a series in another table of series: NaN where it isn't there, 0 for counts."""
    if one.name in table:
        return table[one.name].values
    judged = np.where(np.isnan(table[NO_GRASP].values), np.nan, 0.0)
    return judged if one.counts else np.full_like(judged, np.nan)
