"""What became of a frame, as a kind that programs can act on; knows no ROS."""

from __future__ import annotations

from enum import Enum

from pspgrasp.errors import DepthError, NetworkError, PspGraspError
from pspgrasp.predictor import NoGrasp


class Outcome(Enum):
    """What became of a frame, in words. Its numbers stand in FrameStatus.msg, by the same names."""

    GRASPS = "it gave grasps"
    NO_DEPTH = NoGrasp.NO_DEPTH.value
    NO_PEAK = NoGrasp.NO_PEAK.value
    ALL_REFUSED = NoGrasp.ALL_REFUSED.value
    GGCNN_SILENT = "GG-CNN would publish nothing"
    TOO_OLD = "it was too old when its grasps were ready"
    STAMP_WENT_BACK = "it is stamped before the one that came before it"
    NO_CAMERA_INFO = "its camera_info has not come"
    BAD_IMAGE = "the image or its camera_info cannot be used"
    NO_TRANSFORM = "TF does not know where the camera stood"
    BAD_NETWORK = "what the network put out cannot be used"
    UNEXPECTED = "an error that no camera can make"
    IN_FUTURE = "it is stamped in the future"


class FrameError(PspGraspError):
    """A frame cannot be judged, or what was found can't be published.

    Attributes:
        outcome: Which kind of failure it is.
    """

    def __init__(self, outcome: Outcome, message: str) -> None:
        super().__init__(message)
        self.outcome = outcome


def outcome_of(error: Exception) -> Outcome:
    """Return which kind of failure an error is."""
    if isinstance(error, FrameError):
        return error.outcome
    if isinstance(error, DepthError):
        return Outcome.BAD_IMAGE
    return Outcome.BAD_NETWORK if isinstance(error, NetworkError) else Outcome.UNEXPECTED
