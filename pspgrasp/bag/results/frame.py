"""What came of one frame: plain values, never an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, NamedTuple, Optional, Tuple

from pspgrasp.camera import PinholeCamera

TOTAL = "total"  # of all stages


@dataclass(frozen=True)
class FoundGrasp:
    """One grasp of one frame.

    Attributes:
        u: Column in the full image [px].
        v: Row [px].
        angle_rad: As in `ImageGrasp`.
        width_px: Opening in the full image [px].
        width_m: Opening [m].
        quality: 0 to 1.
        position_m: (x, y, z), in the optical frame [m].
    """

    u: float
    v: float
    angle_rad: float
    width_px: float
    width_m: float
    quality: float
    position_m: Tuple[float, float, float]


@dataclass(frozen=True)
class FrameResult:
    """What one model made of one frame.

    Attributes:
        number: Of the frame in its recording.
        stamp_ns: Of the image [ns].
        grasps: Best first.
        nothing: Why there is none, in words; "" where there is one.
        refused: Reason, one of `pspgrasp.detect.Reason` -> how many peaks the limits refused.
        stages_ms: Stage -> how long it took [ms]: prepare, network, maps, detect; `total` is all of them.
        missing_share: Of the window's pixels that have no depth.
    """

    number: int
    stamp_ns: int
    grasps: Tuple[FoundGrasp, ...]
    nothing: str
    refused: Mapping[str, int]
    stages_ms: Mapping[str, float]
    missing_share: float


class SeenFrame(NamedTuple):
    """What is known of a frame that was judged, whatever a model made of it.

    Attributes:
        number: Of the frame in its recording.
        stamp_ns: Of the image [ns].
        recorded_ns: When it was written [ns].
        camera: Its camera.
        change: Depth against the frame before, as a share of it; see still.py. NaN for the first.
        drift: The same against a frame a little longer ago.
        pose: Optical frame in a frame that stands still, the first three rows one after the other [m]; None where the
            recording doesn't say.
    """

    number: int
    stamp_ns: int
    recorded_ns: int
    camera: PinholeCamera
    change: float
    drift: float
    pose: Optional[Tuple[float, ...]]
