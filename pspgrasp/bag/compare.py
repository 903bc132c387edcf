"""Models side by side, paired frame by frame with the first."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np

from pspgrasp.bag.bootstrap import MEAN, difference_intervals, statistics_of
from pspgrasp.bag.figures import Figure, all_series, block_of, rows_of
from pspgrasp.bag.results import FrameResult, RecordingResult
from pspgrasp.bag.series import SHARE, Apart, Gripper, Series, apart_series, between, by_frame, values_in

LISTED = 12  # frames on which two models differ most
SPACING_S = 1.0  # between two of them: neighbours show the same
WINDOW_PX = 300.0  # by which a grasp of full quality that the other one lacks counts as apart


@dataclass(frozen=True)
class Differing:
    """A frame on which two models differ.

    Attributes:
        recording: Its recording.
        number: Of the frame.
        stamp_ns: Of the image [ns].
        apart: By how much: px between the two, or the quality of a grasp that just one finds times 300 px.
        why: In words.
    """

    recording: str
    number: int
    stamp_ns: int
    apart: float
    why: str


@dataclass(frozen=True)
class Comparison:
    """How a model differs from the first.

    Attributes:
        first: The first model.
        other: The model that is compared with it.
        differences: Of each figure, other minus first; `count` frames count for both.
        agreement: How far their best grasps are from each other.
        only_first: Frames where the first alone finds a grasp.
        only_other: Frames where the other alone finds one.
        both: Frames where both do.
        neither: Frames where none does.
        most: Frames on which they differ most.
    """

    first: str
    other: str
    differences: Tuple[Figure, ...]
    agreement: Tuple[Figure, ...]
    only_first: int
    only_other: int
    both: int
    neither: int
    most: Tuple[Differing, ...]


def comparisons(results: Sequence[RecordingResult], gripper: Gripper) -> Tuple[Comparison, ...]:
    """Return how each other model differs from the first; () where there is just one."""
    if not results:
        return ()
    first, *others = [model.model for model in results[0].models]
    return tuple(compare(results, first, other, gripper) for other in others)


def compare(results: Sequence[RecordingResult], first: str, other: str, gripper: Gripper) -> Comparison:
    """Return how a model differs from another one on the frames that both have judged."""
    pairs = [_pairs(result, first, other) for result in results]
    every = [pair for some in pairs for pair in some]
    found = [(bool(one.grasps), bool(two.grasps)) for one, two in every if one and two]
    return Comparison(
        first,
        other,
        _differences(results, first, other, gripper),
        _agreement(every, block_of(results)),
        found.count((True, False)),
        found.count((False, True)),
        found.count((True, True)),
        found.count((False, False)),
        _most([_differing(result, some, first, other) for result, some in zip(results, pairs)]),
    )


Pair = Tuple[Optional[FrameResult], Optional[FrameResult]]


def _pairs(result: RecordingResult, first: str, other: str) -> List[Pair]:
    return list(zip(by_frame(result, first), by_frame(result, other)))


# --- figures


def _differences(results: Sequence[RecordingResult], first: str, other: str, gripper: Gripper) -> Tuple[Figure, ...]:
    block = block_of(results)
    mine, theirs = ({one.name: one for one in all_series(results, model, gripper)} for model in (first, other))
    return tuple(
        figure
        for series in {**theirs, **mine}.values()
        for figure in _difference(series, values_in(mine, series), values_in(theirs, series), block)
    )


def _difference(series: Series, before: np.ndarray, after: np.ndarray, block: int) -> List[Figure]:
    """Return the differences of the statistics; resamples draw the same frames of both."""
    shares = series.statistics == (SHARE,)
    statistics, scale = ((MEAN,), 100.0) if shares else (series.statistics, 1.0)
    one, other = scale * before, scale * after
    of_one, of_other = statistics_of(one, statistics), statistics_of(other, statistics)
    spans = difference_intervals(one, other, statistics, block)
    count = int(np.count_nonzero(~np.isnan(one) & ~np.isnan(other)))
    told, unit = (SHARE, "points") if shares else ("", series.unit)
    return [
        Figure(series.name, told or name, of_other[name] - of_one[name], unit, *spans[name], count)
        for name in statistics
    ]


def _agreement(pairs: Sequence[Pair], block: int) -> Tuple[Figure, ...]:
    apart = [_apart(pair) for pair in pairs]
    judged = [one is not None and two is not None for one, two in pairs]
    both = np.array([math.nan if not known else float(one is not None) for known, one in zip(judged, apart)])
    same = np.array([math.nan if one is None else float(one.same) for one in apart])
    among = np.array([math.nan if one is None else float(_among(pair)) for pair, one in zip(pairs, apart)])
    lines = [
        Series("both find a grasp", "%", both, (SHARE,)),
        Series("same grasp, of those", "%", same, (SHARE,)),
        Series("first's best among the other's", "%", among, (SHARE,)),
    ]
    return tuple(figure for series in [*lines, *apart_series(apart)] for figure in rows_of(series, block))


def _apart(pair: Pair) -> Optional[Apart]:
    one, two = pair
    return between(one.grasps[0], two.grasps[0]) if one and two and one.grasps and two.grasps else None


def _among(pair: Pair) -> bool:
    """Tell whether the other model finds the first one's best grasp, too, best or not."""
    one, two = pair
    return bool(one and two and any(between(one.grasps[0], grasp).same for grasp in two.grasps))


# --- frames


def _differing(result: RecordingResult, pairs: Sequence[Pair], first: str, other: str) -> List[Differing]:
    lines = []
    for one, two in pairs:
        if one and two and (one.grasps or two.grasps):
            apart, why = _why(one, two, first, other)
            lines.append(Differing(result.recording, one.number, one.stamp_ns, apart, why))
    return lines


def _why(one: FrameResult, two: FrameResult, first: str, other: str) -> Tuple[float, str]:
    if one.grasps and two.grasps:
        apart = between(one.grasps[0], two.grasps[0])
        return apart.distance_px, (
            f"{apart.distance_px:.0f} px ({apart.distance_mm:.0f} mm) apart, turned by {apart.angle_deg:.0f} deg"
        )
    finder, found, silent = (first, one, two) if one.grasps else (other, two, one)
    quality = found.grasps[0].quality
    return WINDOW_PX * quality, f"only {finder} finds a grasp, of quality {quality:.2f}; the other: {silent.nothing}"


def _most(every: Sequence[Sequence[Differing]]) -> Tuple[Differing, ...]:
    """Return the frames that differ most, no two of one recording within a second."""
    kept: List[Differing] = []
    stamps_ns: Dict[str, List[int]] = {}
    for one in sorted((one for some in every for one in some if one.apart > 0), key=lambda one: -one.apart):
        near = stamps_ns.setdefault(one.recording, [])
        if all(abs(one.stamp_ns - stamp_ns) >= 1e9 * SPACING_S for stamp_ns in near):
            near.append(one.stamp_ns)
            kept.append(one)
        if len(kept) == LISTED:
            break
    return tuple(kept)
