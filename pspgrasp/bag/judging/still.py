"""Did anything move between two depth frames? Noise stays what it is however long one waits; a motion grows.

Changes are averaged over blocks of the window, in which noise evens out. They are compared with those between frames
that are further apart: in a still scene both are the same noise.
"""

from __future__ import annotations

from collections import deque
from typing import Deque, Tuple

import cv2
import numpy as np
from scipy import ndimage

from pspgrasp.config import CropConfig
from pspgrasp.crop import SquareCrop
from pspgrasp.depth import DepthFrame
from pspgrasp.preprocess import within_range

BLOCKS = 15  # a side of the window
ENOUGH_PX = 150  # of a side that are looked at: noise is smooth, and this is done for every frame
PERCENTILE = 95  # of the blocks' changes: what moves may fill a small part of the window
FAR = 10  # frames between those whose change tells motion from noise
NOISE = 0.01  # changes above this share of the depth are no noise of a depth camera at work
GROWTH = 1.5  # of the change over `FAR` frames, beyond which it is a motion
RESOLUTION = 5e-4  # changes below this share of the depth can't be told from none
NEARBY = 9  # frames over which the noise is taken


class Stillness:
    """Compares each frame with those before it."""

    def __init__(self, window: CropConfig) -> None:
        """Look at a window of the image."""
        self._window = window
        self._before: Deque[np.ndarray] = deque(maxlen=FAR)

    def seen(self, frame: DepthFrame) -> Tuple[float, float]:
        """Return change and drift of the next frame, see `SeenFrame`; NaN for the first."""
        place = SquareCrop.placed(self._window, frame.depth_m.shape, BLOCKS)
        step = max(1, place.size_px // ENOUGH_PX)
        now_m = within_range(place.cut(frame.depth_m)[::step, ::step], self._window.near_m, self._window.far_m)
        near, far = (change(self._before[n], now_m) if self._before else np.nan for n in (-1, 0))
        self._before.append(now_m)
        return near, far


def change(before_m: np.ndarray, now_m: np.ndarray) -> float:
    """Return how much depth (S, S) [m] has changed: the 95th percentile of blocks, as a share of the depth.

    A block counts where at least half of it is measured in both; where none does, the change is 1.
    """
    if before_m.shape != now_m.shape:
        return 1.0
    shares, size = now_m / before_m - 1, (BLOCKS, BLOCKS)
    missing = np.isnan(shares)
    sums = cv2.resize(np.where(missing, np.float32(0), shares), size, interpolation=cv2.INTER_AREA)
    known = 1 - cv2.resize(missing.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    counted = known >= 0.5
    return float(np.percentile(np.abs(sums[counted] / known[counted]), PERCENTILE)) if counted.any() else 1.0


def still(change: np.ndarray, drift: np.ndarray) -> np.ndarray:
    """Return (N,) bool: whether nothing moved between a frame and the one before; never for the first.

    Args:
        change: (N,), see `SeenFrame`.
        drift: (N,), the same.
    """
    if len(change) < 2:
        return np.zeros(len(change), bool)
    near, far = change.copy(), drift.copy()
    near[0] = far[0] = near[1]
    noise = ndimage.median_filter(near, min(NEARBY, len(near)), mode="nearest")
    found = (near <= NOISE) & (far <= np.maximum(GROWTH * noise, RESOLUTION))
    # At the beginning nothing lies far behind: what the first drift over the whole distance says holds for them.
    found[:FAR] &= found[min(FAR, len(found) - 1)]
    found[0] = False
    return np.asarray(found)
