"""The contract of whatever is judged."""

from __future__ import annotations

from typing import Protocol, Tuple

import numpy as np

from pspgrasp.bag.recording import RecordedFrame
from pspgrasp.bag.results.frame import FrameResult
from pspgrasp.crop import SquareCrop
from pspgrasp.depth import DepthFrame


class Model(Protocol):
    """A network, and the road on which it is judged."""

    @property
    def name(self) -> str:
        """For reports; unique within a run."""

    @property
    def protocol(self) -> str:
        """How depth becomes grasps, in words."""

    def warm_up(self) -> None:
        """Get ready for a recording: run once, so that its first frame doesn't pay for what is set up lazily."""

    def judged(self, recorded: RecordedFrame) -> FrameResult:
        """Return what it makes of a frame.

        Raises:
            PspGraspError: It fails on it.
        """

    def quality(self, frame: DepthFrame) -> Tuple[np.ndarray, SquareCrop]:
        """Return the quality (S, S) from which grasps are taken, and where it lies; for pictures."""
