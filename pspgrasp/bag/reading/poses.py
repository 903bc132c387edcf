"""Where a camera was while a bag was recorded. Samples are read in step with the images: memory stays flat."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from typing import Callable, Dict, Iterator, List, Optional, Set, Tuple, Union

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from pspgrasp.bag.reading.transforms import Sample, bare
from pspgrasp.bag.recording import Fault
from pspgrasp.errors import DataError

WINDOW_NS = 10 * 10**9  # about a time, within which its samples are looked for

Span = Tuple[int, int]
Source = Callable[[], Iterator[Union[Sample, Fault]]]  # reads the samples, from the first one on


class Track:
    """A frame that moves: its samples about the time that is asked for; between two of them it is interpolated."""

    def __init__(self) -> None:
        """Begin without any."""
        self._stamps_ns: List[int] = []
        self._samples: List[Sample] = []

    @property
    def newest_ns(self) -> int:
        """Stamp of the newest sample [ns]; before all times where there is none."""
        return self._stamps_ns[-1] if self._stamps_ns else -(2**63)

    def add(self, sample: Sample) -> None:
        """Take in a sample; of two with one stamp the first counts."""
        place = bisect_left(self._stamps_ns, sample.stamp_ns)
        if self._stamps_ns[place : place + 1] != [sample.stamp_ns]:
            self._stamps_ns.insert(place, sample.stamp_ns)
            self._samples.insert(place, sample)

    def forget_before(self, stamp_ns: int) -> None:
        """Drop the samples that are older."""
        count = bisect_left(self._stamps_ns, stamp_ns)
        del self._stamps_ns[:count], self._samples[:count]

    def at(self, stamp_ns: int) -> np.ndarray:
        """Return (4, 4), the frame in its parent.

        Raises:
            DataError: There is no sample at that time, nor one before and one behind it.
        """
        place = bisect_left(self._stamps_ns, stamp_ns)
        if self._stamps_ns[place : place + 1] == [stamp_ns]:
            return matrix_of(self._samples[place])
        if place in (0, len(self._samples)):
            raise DataError(f"the frame isn't known at {stamp_ns / 1e9:.3f} s")
        return _between(self._samples[place - 1], self._samples[place], stamp_ns)


class Chain:
    """Poses one behind the other, from a fixed frame to a camera; times are asked for as they come in a recording."""

    def __init__(self, links: List[str], fixed: Dict[str, np.ndarray], samples: Iterator[Sample], span: Span) -> None:
        """Begin.

        Args:
            links: The frames, from the fixed one's child to the last.
            fixed: Those that never move, in their parents.
            samples: Of the others.
            span: Their first and last stamp [ns].
        """
        self._links, self._fixed, self._span = links, fixed, span
        self._tracks = {link: Track() for link in links if link not in fixed}
        self._samples = samples
        self._ahead: Optional[Sample] = None

    def at(self, stamp_ns: int) -> np.ndarray:
        """Return (4, 4), the last frame in the fixed one.

        Raises:
            DataError: One of the poses isn't known at that time.
        """
        if self._span[0] <= stamp_ns <= self._span[1]:  # else it would be looked for in all that follows
            self._read_until(stamp_ns)
        matrix = np.eye(4)
        for link in self._links:
            matrix = matrix @ (self._fixed[link] if link in self._fixed else self._tracks[link].at(stamp_ns))
        return matrix

    def _read_until(self, stamp_ns: int) -> None:
        for track in self._tracks.values():
            track.forget_before(stamp_ns - WINDOW_NS)
        while any(track.newest_ns < stamp_ns for track in self._tracks.values()):
            sample = self._ahead or next(self._samples, None)
            is_far = sample is not None and sample.stamp_ns > stamp_ns + WINDOW_NS
            self._ahead = sample if is_far else None
            if sample is None or is_far:
                return
            if sample.stamp_ns >= stamp_ns - WINDOW_NS:
                self._tracks[sample.child].add(sample)


class TransformTree:
    """The frames of a bag, and how they hang on each other."""

    def __init__(self, source: Source) -> None:
        """Take the samples, which are gone through once, at the latest when somebody asks for a frame."""
        self._source, self._is_read = source, False
        self._parents: Dict[str, str] = {}
        self._fixed: Dict[str, np.ndarray] = {}
        self._wrong: Dict[str, str] = {}
        self._first: Dict[str, Tuple[float, ...]] = {}
        self._moving: Set[str] = set()
        self._span: Span = (2**63, -(2**63))

    def read(self) -> Iterator[Fault]:
        """Go through the samples, unless that is done; yield what can't be read."""
        try:
            for one in () if self._is_read else self._source():
                if isinstance(one, Fault):
                    yield one
                else:
                    self._note(one)
        finally:  # what was met until Ctrl-C, or until the disk was gone, is what is known
            self._is_read = True

    def _note(self, sample: Sample) -> None:
        parent = self._parents.setdefault(sample.child, sample.parent)
        if parent != sample.parent:
            self._wrong[sample.child] = f"TF hangs {sample.child!r} on {parent!r} and on {sample.parent!r}"
        elif not sample.is_pose:
            self._wrong[sample.child] = (
                f"the pose of {sample.child!r} is none: a number isn't finite, or its rotation is zero"
            )
        elif sample.is_static:
            self._fixed.setdefault(sample.child, matrix_of(sample))
        else:
            self._span = min(self._span[0], sample.stamp_ns), max(self._span[1], sample.stamp_ns)
            # Not all that is told again and again moves: the first TF knew nothing static.
            pose = (*sample.position_m, *sample.turn)
            if self._first.setdefault(sample.child, pose) != pose:
                self._moving.add(sample.child)

    def knows(self, frame: str) -> bool:
        """Tell whether a frame hangs on another."""
        deque(self.read(), maxlen=0)
        return bare(frame) in self._parents

    def is_more_than(self, frame: str) -> bool:
        """Tell whether anything moves in the tree of a frame, as it doesn't within a camera: TF knows what is about it.

        Raises:
            DataError: See `path`.
        """
        root = self.path(frame)[0]
        return any(root in self._above(child) for child in self._moving)

    def path(self, frame: str, fixed: str = "") -> List[str]:
        """Return the frames from one that stands still, the root unless it is named, to a frame, both included.

        Raises:
            DataError: They go round in a circle, one hangs on two others, a pose of one is none, or the fixed one isn't
                among them.
        """
        frames = self._from_root(frame)
        if not fixed:
            return frames
        if bare(fixed) not in frames:
            raise DataError(f"TF doesn't hang {bare(frame)!r} on {bare(fixed)!r}, but on: {', '.join(frames[:-1])}")
        return frames[frames.index(bare(fixed)) :]

    def _above(self, frame: str) -> List[str]:
        try:
            return self._from_root(frame)
        except DataError:
            return []

    def _from_root(self, frame: str) -> List[str]:
        deque(self.read(), maxlen=0)
        frames = [bare(frame)]
        while frames[-1] in self._parents:
            if frames[-1] in self._wrong:
                raise DataError(self._wrong[frames[-1]])
            frames.append(self._parents[frames[-1]])
            if len(frames) > len(self._parents) + 1:
                raise DataError(f"TF goes round in a circle at {frame!r}")
        return frames[::-1]

    def poses(self, frame: str, fixed: str = "") -> Chain:
        """Return the poses of a frame in one that stands still; they are read from the first sample on.

        Raises:
            DataError: See `path`.
        """
        links = self.path(frame, fixed)[1:]
        moving = {link for link in links if link not in self._fixed}
        samples = (one for one in self._source() if isinstance(one, Sample) and one.child in moving)
        return Chain(links, self._fixed, samples, self._span)


def matrix_of(sample: Sample) -> np.ndarray:
    """Return (4, 4), child in parent."""
    return _matrix(Rotation.from_quat(sample.turn), np.array(sample.position_m))


def _between(before: Sample, behind: Sample, stamp_ns: int) -> np.ndarray:
    share = (stamp_ns - before.stamp_ns) / (behind.stamp_ns - before.stamp_ns)
    turn = Slerp([0.0, 1.0], Rotation.from_quat([before.turn, behind.turn]))(share)
    places_m = np.array([before.position_m, behind.position_m])
    return _matrix(turn, (1 - share) * places_m[0] + share * places_m[1])


def _matrix(turn: Rotation, position_m: np.ndarray) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn.as_matrix(), position_m
    return matrix
