"""Where a camera was while a bag was recorded: by TF, or by the PoseStamped messages of a topic."""

from __future__ import annotations

from array import array
from typing import Any, Dict, List, Sequence, Set, Tuple, Union

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from pspgrasp.bag.bag_messages import stamp_ns
from pspgrasp.errors import DataError

STATIC = "tf_static"


class Samples:
    """Poses with their stamps: 64 bytes each, since TF may come a thousand times a second."""

    def __init__(self) -> None:
        self._stamps_ns, self._values = array("q"), array("d")

    def add(self, stamp: int, position: Any, turn: Any) -> None:
        """Take in a Point or Vector3 [m], and a Quaternion."""
        self._stamps_ns.append(stamp)
        self._values.extend((position.x, position.y, position.z, turn.x, turn.y, turn.z, turn.w))

    def __len__(self) -> int:
        """How many there are."""
        return len(self._stamps_ns)

    def by_time(self) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return stamps (N,) int64 [ns], positions (N, 3) [m] and quaternions (N, 4), one for each time."""
        stamps_ns, kept = np.unique(np.array(self._stamps_ns, np.int64), return_index=True)
        values = np.array(self._values).reshape(-1, 7)[kept]
        return stamps_ns, values[:, :3], values[:, 3:]


class Track:
    """One pose over time, interpolated between samples; at other times it isn't known."""

    def __init__(self, name: str, samples: Samples, static: bool = False) -> None:
        """Take samples in any order.

        Raises:
            DataError: One is no pose.
        """
        self._name, self._static = name, static
        self._stamps_ns, self._positions_m, quaternions = samples.by_time()
        try:
            rotations = Rotation.from_quat(quaternions)
        except ValueError as error:
            raise DataError(f"{name}: a rotation is none: {error}") from error
        self._first = rotations[0].as_matrix()
        self._turn = Slerp(self._seconds(self._stamps_ns), rotations) if len(self._stamps_ns) > 1 else None

    def at(self, stamp_ns: int) -> np.ndarray:
        """Return (4, 4).

        Raises:
            DataError: The time lies before the first sample or behind the last.
        """
        if self._static or stamp_ns == self._stamps_ns[0]:
            return _matrix(self._first, self._positions_m[0])
        if not self._stamps_ns[0] <= stamp_ns <= self._stamps_ns[-1] or self._turn is None:
            raise DataError(f"{self._name} isn't known at {stamp_ns / 1e9:.3f} s")
        at_s = self._seconds(np.array([stamp_ns], np.int64))
        known_s = self._seconds(self._stamps_ns)
        position_m = [np.interp(at_s, known_s, self._positions_m[:, axis])[0] for axis in range(3)]
        return _matrix(self._turn(at_s).as_matrix()[0], np.array(position_m))

    def _seconds(self, stamps_ns: np.ndarray) -> np.ndarray:
        # From the first sample, as a float can't tell nanoseconds of the epoch apart.
        return (stamps_ns - self._stamps_ns[0]) / 1e9


class Chain:
    """Poses one behind the other, from a fixed frame to a camera."""

    def __init__(self, tracks: Sequence[Track]) -> None:
        self._tracks = tuple(tracks)

    def at(self, stamp_ns: int) -> np.ndarray:
        """Return (4, 4), the last frame in the first.

        Raises:
            DataError: One of the poses isn't known at that time.
        """
        matrix = np.eye(4)
        for track in self._tracks:
            matrix = matrix @ track.at(stamp_ns)
        return matrix


class TransformTree:
    """The frames of a bag's TF."""

    def __init__(self) -> None:
        """Begin without frames."""
        self._parents: Dict[str, str] = {}
        self._samples: Dict[str, Samples] = {}
        self._static: Set[str] = set()
        self._contradiction = ""

    def add(self, topic: str, msg: Any) -> None:
        """Take in a TFMessage."""
        for transform in msg.transforms:
            parent, child = _bare(transform.header.frame_id), _bare(transform.child_frame_id)
            if self._parents.setdefault(child, parent) != parent:
                self._contradiction = f"TF hangs {child!r} on {self._parents[child]!r} and on {parent!r}"
            shift, turn = transform.transform.translation, transform.transform.rotation
            self._samples.setdefault(child, Samples()).add(stamp_ns(transform), shift, turn)
            if topic.endswith(STATIC):
                self._static.add(child)

    def knows(self, frame: str) -> bool:
        """Tell whether a frame hangs on another."""
        return _bare(frame) in self._parents

    def path(self, frame: str) -> List[str]:
        """Return the frames from the root to a frame, both included.

        Raises:
            DataError: They go round in a circle, or one hangs on two others.
        """
        if self._contradiction:
            raise DataError(self._contradiction)
        frames = [_bare(frame)]
        while frames[-1] in self._parents:
            frames.append(self._parents[frames[-1]])
            if len(frames) > len(self._parents) + 1:
                raise DataError(f"TF goes round in a circle at {frame!r}")
        return frames[::-1]

    def poses(self, frame: str) -> Chain:
        """Return the poses of a frame in the root of its tree.

        Raises:
            DataError: TF contradicts itself, or a rotation in it is none.
        """
        return Chain([self._track(link) for link in self.path(frame)[1:]])

    def camera_poses(self, optical_frame: str) -> Union[Chain, None]:
        """Return the poses of a camera in the root of its tree; None where TF doesn't say.

        A root whose name begins like the camera's is a part of it: then TF says how it is built, not where it is.

        Raises:
            DataError: TF contradicts itself, or a rotation in it is none.
        """
        if not self.knows(optical_frame) or _is_own_part(self.path(optical_frame)[0], optical_frame):
            return None
        return self.poses(optical_frame)

    def _track(self, frame: str) -> Track:
        return Track(f"frame {frame!r} in TF", self._samples[frame], frame in self._static)


def _matrix(rotation: np.ndarray, position_m: np.ndarray) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation, position_m
    return matrix


def _bare(frame: str) -> str:
    """Return a frame as TF 2 spells it: the first TF put a slash before it."""
    return frame.lstrip("/")


def _is_own_part(root: str, optical_frame: str) -> bool:
    return root.split("_")[0] == _bare(optical_frame).split("_")[0]
