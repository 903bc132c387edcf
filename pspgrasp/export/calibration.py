"""Network inputs from which a quantised network takes its ranges: recorded depth, or generated scenes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional

import numpy as np
import torch

from pspgrasp.config import CropConfig, PreprocessConfig
from pspgrasp.crop import SquareCrop
from pspgrasp.data.depth_file import read_depth
from pspgrasp.data.progress import with_progress
from pspgrasp.data.sheet import evenly
from pspgrasp.data.synthetic.source import SyntheticConfig, SyntheticSource
from pspgrasp.errors import DataError
from pspgrasp.preprocess import prepare, within_range

SEED = 1  # of the scenes: one that training may have seen, too, and the check never sees
WIDTH_SCALE_PX = 150.0  # of labels that nobody reads


@dataclass(frozen=True)
class Calibration:
    """Where inputs come from.

    Attributes:
        count: How many, at most.
        folder: With depth images, 16-bit PNG; None takes generated scenes.
        unit_m: Metres per step of a PNG.
        focal_px: Of their camera; 0 is not known, and does for networks that don't need it.
    """

    count: int
    folder: Optional[Path] = None
    unit_m: float = 0.001
    focal_px: float = 0.0

    def inputs(self, config: PreprocessConfig) -> List[np.ndarray]:
        """Return network inputs (C, S, S) float32, made as `config` says.

        Raises:
            DataError: The folder holds no depth image, one is broken, or the focal length is needed.
        """
        return self._generated(config) if self.folder is None else self._recorded(self.folder, config)

    def _generated(self, config: PreprocessConfig) -> List[np.ndarray]:
        source = SyntheticSource(SyntheticConfig(), config, WIDTH_SCALE_PX, SEED)
        numbers = with_progress(range(self.count), self.count, "generated")
        return [source.batch([number], torch.device("cpu")).image[0].numpy() for number in numbers]

    def _recorded(self, folder: Path, config: PreprocessConfig) -> List[np.ndarray]:
        files = sorted(folder.rglob("*.png")) if folder.is_dir() else []
        if not files:
            raise DataError(f"{folder} holds no PNG; give a folder of recorded depth images")
        if config.pixel_size_channel and self.focal_px <= 0:
            raise DataError("this network takes the size of a pixel: give the recording's focal length [px]")
        taken = [files[place] for place in evenly(range(len(files)), self.count)]
        return [self._input(read_depth(file, self.unit_m), config) for file in taken]

    def _input(self, depth_m: np.ndarray, config: PreprocessConfig) -> np.ndarray:
        window = CropConfig()
        depth_m = within_range(depth_m, window.near_m, window.far_m)
        crop = SquareCrop.placed(window, depth_m.shape, config.input_size_px)
        cut_m = crop.extract(depth_m)
        if np.isnan(cut_m).all():
            raise DataError("a recorded image measures nothing in its middle between 0.1 and 2 m; leave it out")
        return prepare(cut_m, config, self.focal_px / crop.scale or None)[0]
