"""Things to be grasped, as a physics engine takes them."""

from __future__ import annotations

from typing import List, NamedTuple, Tuple

import numpy as np

from pspgrasp.data.synthetic.scenes import Thing
from pspgrasp.data.synthetic.solids import Part
from pspgrasp.sim.hulls import hulls


class SimObject(NamedTuple):
    """One thing.

    Attributes:
        name: For reports: of its family, or of its file.
        shape: Exact, a list of parts or a mesh (T, 3, 3) [m].
        pieces: Points (K, 3) [m] in the same coordinates; the union of their convex hulls is the shape, about.
    """

    name: str
    shape: Thing
    pieces: Tuple[np.ndarray, ...]

    def moved(self, rotation: np.ndarray, shift_m: np.ndarray) -> SimObject:
        """Return the thing after x -> rotation x + shift [m]."""
        if isinstance(self.shape, np.ndarray):
            shape: Thing = self.shape @ rotation.T + shift_m
        else:
            shape = [part.turned(rotation, shift_m) for part in self.shape]
        return SimObject(self.name, shape, tuple(piece @ rotation.T + shift_m for piece in self.pieces))


def of_parts(parts: List[Part], name: str = "parts") -> SimObject:
    """Return a thing of parts."""
    return SimObject(name, parts, tuple(piece for part in parts for piece in hulls(part)))
