"""Inputs on which runtimes are compared."""

from __future__ import annotations

from typing import Iterator, List

import numpy as np

from pspgrasp.config import CropConfig, PreprocessConfig
from pspgrasp.crop import SquareCrop
from pspgrasp.data.tabletop import tabletop_frames
from pspgrasp.preprocess import prepare


def seen(config: PreprocessConfig) -> Iterator[np.ndarray]:
    """Yield network inputs of what a camera sees, holes and all."""
    for frame, _ in tabletop_frames(5, 2):
        crop = SquareCrop.placed(CropConfig(), frame.depth_m.shape, config.input_size_px)
        yield prepare(crop.extract(frame.depth_m), config, frame.camera.focal_px / crop.scale)[0]


def images(config: PreprocessConfig) -> List[np.ndarray]:
    """Return network inputs: seen ones, and noise."""
    noise = np.random.default_rng(1).normal(0, 0.1, (config.channels, config.input_size_px, config.input_size_px))
    return [*seen(config), noise.astype(np.float32)]
