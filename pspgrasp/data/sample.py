"""One labelled depth image, whatever data set it comes from."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Tuple

import numpy as np

from pspgrasp.depth import measured
from pspgrasp.errors import DataError, DepthError
from pspgrasp.rectangle import GraspRectangle


@dataclass(frozen=True)
class SampleEntry:
    """Where a sample is, before it is read.

    Attributes:
        name: Of the image within its data set: "01/pcd0100".
        object_id: What an object-wise split keeps together; "" where it is not known.
        labels: The file with its rectangles.
    """

    name: str
    object_id: str
    labels: Path


@dataclass(frozen=True)
class GraspSample:
    """A depth image with its labels.

    Attributes:
        depth_m: (H, W) float32 [m], NaN = no measurement; read-only.
        rectangles: Its labels in pixels of the depth image, at least one.
        name: Of the image within its data set.
        object_id: What an object-wise split keeps together; "" where it is not known.
        skipped: What the reader left out, one line each: file, line and why.
        corners_px: (N, 4, 2) float64 (u, v), the labels as they were drawn; where a data set lists centre and
            angle, the corners of `rectangles`.

    Raises:
        DataError: No usable label, a label centred outside the image, or no depth image.
    """

    depth_m: np.ndarray
    rectangles: Tuple[GraspRectangle, ...]
    name: str
    object_id: str = ""
    skipped: Tuple[str, ...] = ()
    corners_px: np.ndarray = field(default_factory=lambda: np.zeros((0, 4, 2)))

    def __post_init__(self) -> None:
        try:
            depth_m = measured(self.depth_m)
        except DepthError as error:
            raise DataError(f"{self.name}: {error}") from error
        self._check_labels(depth_m.shape)
        depth_m.flags.writeable = False
        object.__setattr__(self, "depth_m", depth_m)
        if not len(self.corners_px):
            object.__setattr__(self, "corners_px", np.stack([r.corners() for r in self.rectangles]))

    def _check_labels(self, shape: Tuple[int, ...]) -> None:
        if not self.rectangles:
            left_out = f" ({len(self.skipped)} left out: {self.skipped[0]})" if self.skipped else ""
            raise DataError(f"{self.name}: no usable grasp rectangle{left_out}; an image needs at least one")
        for rectangle in self.rectangles:
            if not (-0.5 <= rectangle.u <= shape[1] - 0.5 and -0.5 <= rectangle.v <= shape[0] - 0.5):
                raise DataError(
                    f"{self.name}: a label is centred on ({rectangle.u:.0f}, {rectangle.v:.0f}), outside the "
                    f"{shape[1]}x{shape[0]} px depth image; labels and depth must be of one size"
                )
