"""The images that every row gets: generated, some with large holes, or recorded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import List, Sequence

import cv2
import numpy as np

from pspgrasp.config import CropConfig
from pspgrasp.crop import SquareCrop
from pspgrasp.data.tabletop import tabletop_frames
from pspgrasp.depth import DepthFrame
from pspgrasp.errors import DataError
from pspgrasp.ggcnn_stream import PRESETS

FRAMES = 12
SEED = 3
HOLED_EVERY, MISSING = 3, 0.2  # each so many-th image lacks that share of the window
WINDOW_PX = PRESETS["kinova"].crop_px  # the middle; ours lies inside it
RADII_PX = (8, 28)


def generated_frames(count: int = FRAMES) -> List[DepthFrame]:
    """Return frames of 640x480 with a stereo camera's noise; of each third a fifth of the window is missing."""
    frames = [frame for frame, _ in tabletop_frames(SEED, count)]
    return [
        with_holes(frame, MISSING, number) if number % HOLED_EVERY == HOLED_EVERY - 1 else frame
        for number, frame in enumerate(frames)
    ]


def with_holes(frame: DepthFrame, share: float, seed: int) -> DepthFrame:
    """Return a frame with discs cut out until that share of the middle `WINDOW_PX` has no measurement."""
    rng, depth_m = np.random.default_rng(seed), frame.depth_m.copy()
    top, left = ((side - WINDOW_PX) // 2 for side in depth_m.shape)
    window_m = depth_m[top : top + WINDOW_PX, left : left + WINDOW_PX]
    while np.isnan(window_m).mean() < share:
        hole = np.zeros(window_m.shape, np.uint8)
        middle = (int(rng.integers(WINDOW_PX)), int(rng.integers(WINDOW_PX)))
        cv2.circle(hole, middle, int(rng.integers(*RADII_PX)), (1,), cv2.FILLED)
        window_m[hole > 0] = np.nan
    return replace(frame, depth_m=depth_m)


def recorded_frames(paths: Sequence[Path], count: int = FRAMES) -> List[DepthFrame]:
    """Return the first frames of recordings that show anything in our window, so many at most, of each as many.

    Args:
        paths: Folders of depth PNGs, bags, or folders of them.
        count: At most.

    Raises:
        DataError: They can't be read, or show nothing.
        PspGraspError: What reads them isn't installed.
    """
    from pspgrasp.bag.libraries import check_libraries

    check_libraries()
    from pspgrasp.bag.reading.open import open_recordings
    from pspgrasp.bag.recording import RecordedFrame, Selection

    recordings = open_recordings(paths, Selection(most=count))
    each = max(1, count // len(recordings))
    found: List[DepthFrame] = []
    for recording in recordings:
        read = (item.frame for item in recording if isinstance(item, RecordedFrame))
        found += [frame for frame in read if _shows_something(frame)][:each]
    if not found:
        raise DataError(f"{', '.join(map(str, paths))}: no image has depth in the window")
    return found[:count]


def _shows_something(frame: DepthFrame) -> bool:
    """Tell whether our window has depth in the working range; without it a road ends early."""
    from pspgrasp.bag.judging.predictor_model import missing_share

    window = CropConfig()
    return missing_share(frame, SquareCrop.placed(window, frame.depth_m.shape, window.size_px), window) < 1
