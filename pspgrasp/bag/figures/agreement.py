"""The best grasp against what the robot's own detector published for the same frame."""

from __future__ import annotations

from typing import List

import numpy as np

from pspgrasp.bag.figures.period import image_period_s
from pspgrasp.bag.figures.series import Series, apart_series, share, with_values
from pspgrasp.bag.results.apart import Apart
from pspgrasp.bag.results.columns import Columns
from pspgrasp.bag.results.result import RecordingResult

MOST_LAG_S = 0.5  # between an image and a grasp without its stamp that was worked out from it
NOBODY = -1  # for a frame for which no grasp was recorded


def agreement(best: Columns, result: RecordingResult) -> List[Series]:
    """Measure topic by topic."""
    every = [_of_topic(topic, best, recorded, result.seen) for topic, recorded in sorted(result.recorded.items())]
    return [series for some in every for series in with_values(some)]


def _of_topic(topic: str, best: Columns, recorded: Columns, seen: Columns) -> List[Series]:
    theirs = Matched(recorded, seen)
    apart = Apart(best, theirs)

    def same() -> np.ndarray:
        # Where the robot's own detector found one, and this model none, the two don't agree.
        asked = (theirs.places != NOBODY) & (best["found"] >= 0)
        return np.where(asked, apart.same, np.nan)

    return [
        *apart_series(apart, f"{topic}: "),
        Series(f"{topic}: opening, pixels", "px", lambda: np.abs(best["width_px"] - theirs["width_px"])),
        share(f"{topic}: same grasp", same, metric=True),
    ]


class Matched:
    """For each frame the grasp that was recorded for it, as `Apart` wants them; NaN where there is none.

    Attributes:
        places: (N,) which row of those that were recorded; `NOBODY` where there is none.
    """

    def __init__(self, recorded: Columns, seen: Columns) -> None:
        self._recorded, self._seen = recorded, seen
        self.places = matched(recorded, seen)

    def __getitem__(self, name: str) -> np.ndarray:
        """Return a column; the pixels u and v are those in which the frame's camera sees the grasp."""
        return self._pixels("uv".index(name)) if name in ("u", "v") else self._of_frames(name)

    def _of_frames(self, name: str) -> np.ndarray:
        values = self._recorded[name][self.places]
        values[self.places == NOBODY] = np.nan
        return values

    def _pixels(self, axis: int) -> np.ndarray:
        place_m, lens = self._of_frames("position_m"), self._seen["camera"]
        return place_m[:, axis] / place_m[:, 2] * lens[:, axis] + lens[:, 2 + axis]


def is_grasp(recorded: Columns) -> np.ndarray:
    """Return (M,) bool: whether a message says where to grasp. GG-CNN's own node sends z = 0 where depth is missing."""
    return np.asarray(recorded["position_m"][:, 2] > 0)


def matched(recorded: Columns, seen: Columns) -> np.ndarray:
    """Return (N,): which recorded grasp belongs to each frame; `NOBODY` where there is none.

    A grasp with its image's stamp belongs to the image with the nearest one, at most half an image period off. One
    without was written after the image that it was worked out from: the last one before it. Images that weren't judged
    keep their grasps to themselves.
    """
    found = np.full(len(seen), NOBODY)
    if len(seen):
        stamps_ns = recorded["stamp_ns"]
        places = np.where(recorded["exact"], _nearest(stamps_ns, seen), _before(stamps_ns, seen))
        grasps = np.flatnonzero((places != NOBODY) & is_grasp(recorded))
        frames, firsts = np.unique(places[grasps], return_index=True)
        found[frames] = grasps[firsts]  # of several for one image the first one is the best
    return found


def _nearest(stamps_ns: np.ndarray, seen: Columns) -> np.ndarray:
    """Return (M,): the frame with the nearest stamp; `NOBODY` where none is near."""
    most_ns = 1e9 * _known(image_period_s(seen)) / 2
    known_ns, frames = np.unique(seen["stamp_ns"], return_index=True)
    behind = np.searchsorted(known_ns, stamps_ns)
    near = np.stack([np.maximum(behind - 1, 0), np.minimum(behind, len(known_ns) - 1)])
    apart_ns = np.abs(known_ns[near] - stamps_ns)
    best = np.argmin(apart_ns, axis=0), np.arange(len(stamps_ns))
    return np.where(apart_ns[best] <= most_ns, frames[near[best]], NOBODY)


def _before(stamps_ns: np.ndarray, seen: Columns) -> np.ndarray:
    """Return (M,): the last frame that was written before; `NOBODY` where that is long ago."""
    known_ns, frames = np.unique(seen["recorded_ns"], return_index=True)
    last = np.searchsorted(known_ns, stamps_ns, side="right") - 1
    late_ns = stamps_ns - known_ns[np.maximum(last, 0)]
    # Where the next image wasn't judged, a grasp that comes when it was there already may be that image's.
    next_judged = np.append(np.diff(seen["number"]) == 1, False)
    period_s = min(MOST_LAG_S, _known(image_period_s(seen, "recorded_ns")))
    most_ns = 1e9 * np.where(next_judged, MOST_LAG_S, period_s)[frames[np.maximum(last, 0)]]
    return np.where((last >= 0) & (late_ns <= most_ns), frames[np.maximum(last, 0)], NOBODY)


def _known(period_s: float) -> float:
    return MOST_LAG_S if np.isnan(period_s) else period_s
