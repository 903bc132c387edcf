"""The contract of the kinds of files to which recordings are exported."""

from __future__ import annotations

from types import TracebackType
from typing import NamedTuple, Optional, Protocol, Sequence, Tuple, Type

import numpy as np

from pspgrasp.bag.recording import RecordedFrame
from pspgrasp.bag.results.frame import FrameResult
from pspgrasp.crop import SquareCrop


class Judged(NamedTuple):
    """What one model made of one frame.

    Attributes:
        model: Its name.
        result: Its grasps.
        quality: (S, S) and the window that it is of; None where the exporter has no use for it.
        command: GG-CNN's six floats, as its node publishes them; () on our own road, or where it is silent.
    """

    model: str
    result: FrameResult
    quality: Optional[Tuple[np.ndarray, SquareCrop]]
    command: Tuple[float, ...]


class Exporter(Protocol):
    """The contract of a kind of file. It is a context: at its end the file is complete."""

    def add(self, recorded: RecordedFrame, judged: Sequence[Judged], pose: Optional[np.ndarray]) -> None:
        """Write a frame, what models made of it, and where the camera was: (4, 4), in a frame that stands still."""

    def __enter__(self) -> Exporter: ...

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> Optional[bool]: ...
