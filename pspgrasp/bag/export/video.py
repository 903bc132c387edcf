"""A recording as a film: the grasps of each model on depth, and its quality beside it."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Optional, Sequence, Type

import cv2
import numpy as np

from pspgrasp.bag.export.exporter import Judged
from pspgrasp.bag.pictures import beside
from pspgrasp.bag.recording import RecordedFrame
from pspgrasp.evaluation.film import Film

HEIGHT_PX, LOWER_PX = 480, 360  # of one model, and of each of several
WHITE_BGR, BLACK_BGR = (255, 255, 255), (0, 0, 0)


class VideoExport:
    """See `pspgrasp.bag.export.exporter.Exporter`."""

    def __init__(self, part: Path, models: Sequence[str], fps: int) -> None:
        """Begin a film.

        Raises:
            PspGraspError: PyAV is not installed, or the file can't be written.
        """
        self._models, self._height_px = tuple(models), HEIGHT_PX if len(models) == 1 else LOWER_PX
        self._film = Film(part, fps)

    def __enter__(self) -> VideoExport:
        self._film.__enter__()
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._film.__exit__(kind, error, trace)

    def add(self, recorded: RecordedFrame, judged: Sequence[Judged], pose: Optional[np.ndarray]) -> None:  # noqa: ARG002 (a film has no frames of reference)
        """See `Exporter`."""
        rows = {one.model: self._row(recorded, one) for one in judged}
        blank = np.zeros_like(next(iter(rows.values()))) if rows else self._blank(recorded)
        self._film.add(np.vstack([_titled(rows.get(model, blank), model) for model in self._models]))

    def _row(self, recorded: RecordedFrame, one: Judged) -> np.ndarray:
        assert one.quality is not None
        return beside(recorded.frame, one.result, one.quality, self._height_px)

    def _blank(self, recorded: RecordedFrame) -> np.ndarray:
        """Return a row for a model that failed."""
        height_px, width_px = recorded.frame.depth_m.shape
        return np.zeros(
            (self._height_px, 2 * round(width_px * self._height_px / height_px / 2) + self._height_px, 3), np.uint8
        )


def _titled(picture: np.ndarray, title: str) -> np.ndarray:
    picture, place = picture.copy(), (10, picture.shape[0] - 12)
    for colour, thickness in ((BLACK_BGR, 3), (WHITE_BGR, 1)):
        picture = cv2.putText(picture, title, place, cv2.FONT_HERSHEY_SIMPLEX, 0.55, colour, thickness, cv2.LINE_AA)
    return picture
