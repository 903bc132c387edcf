"""What came of a recording: plain values, one entry a frame and model, from which all figures are worked out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Mapping, NamedTuple, Optional, Tuple

from pspgrasp.bag.recording import Fault, RecordedGrasp
from pspgrasp.camera import PinholeCamera


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
        refused: Reason -> how many peaks the limits refused.
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


@dataclass(frozen=True)
class ModelResult:
    """What one model made of one recording.

    Attributes:
        model: Its name; unique within a run.
        protocol: How depth became grasps, in words.
        frames: One for each frame that could be judged, in order.
        errors: Frame number -> why the model failed on it (a network's output that isn't finite, say).
    """

    model: str
    protocol: str
    frames: Tuple[FrameResult, ...]
    errors: Mapping[int, str]


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


@dataclass(frozen=True)
class RecordingResult:
    """What all models made of one recording. All of them saw the same frames.

    Attributes:
        recording: Its name.
        description: What was read.
        models: In the user's order; the others are compared with the first.
        faults: What couldn't be read.
        expected: Images the recording says it has, within what was selected.
        read: Images that were judged.
        interrupted: Whether the user stopped it.
        read_s: Time that reading and decoding took [s].
        wall_s: Time that all of it took [s].
        seen: One for each frame that was judged, in order.
        recorded: Grasps of the robot's own detector.
    """

    recording: str
    description: str
    models: Tuple[ModelResult, ...]
    faults: Tuple[Fault, ...]
    expected: int
    read: int
    interrupted: bool
    read_s: float
    wall_s: float
    seen: Tuple[SeenFrame, ...] = ()
    recorded: Tuple[RecordedGrasp, ...] = ()

    def of(self, model: str) -> ModelResult:
        """Return the result of a model."""
        return next(result for result in self.models if result.model == model)

    def fault_counts(self) -> Dict[str, int]:
        """Return kind of fault -> how many."""
        kinds = [fault.kind for fault in self.faults]
        return {kind: kinds.count(kind) for kind in sorted(set(kinds))}
