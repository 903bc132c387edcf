"""Follow one grasp from frame to frame: the nearest peak, as GG-CNN's closed loop does."""

from __future__ import annotations

from typing import Sequence, Tuple

import numpy as np

Pixel = Tuple[float, float]


class GraspTracker:
    """Keeps a point and picks the peak nearest to it (Morrison et al. 2018, section VI-C).

    The point follows the picked peak by a share of the way, so that one false peak can't carry it off.

    Attributes:
        point: (row, column) now.
    """

    def __init__(self, start: Pixel, share: float = 0.25, whole_pixels: bool = False) -> None:
        """Start at `start`; follow by `share` (0 to 1) of the way; `whole_pixels` truncates, as GG-CNN does."""
        self._start, self._share, self._whole_pixels = start, share, whole_pixels
        self.point = start

    def reset(self) -> None:
        """Go back to the start."""
        self.point = self._start

    def jump(self, peak: Pixel) -> None:
        """Go to a peak at once."""
        self.point = peak

    def select(self, peaks: Sequence[Pixel]) -> int:
        """Return the index of the peak (row, column) nearest to the point, and follow it; `peaks` isn't empty."""
        places = np.asarray(peaks, dtype=float)
        nearest = int(np.argmin(np.linalg.norm(places - np.asarray(self.point), axis=1)))
        row, column = self._share * places[nearest] + (1 - self._share) * np.asarray(self.point)
        self.point = (int(row), int(column)) if self._whole_pixels else (float(row), float(column))
        return nearest
