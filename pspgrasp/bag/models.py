"""What is judged: a checkpoint on our own road, or on that of one of GG-CNN's nodes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Dict, List, Protocol, Sequence, Tuple

import numpy as np

from pspgrasp.bag.recording import RecordedFrame
from pspgrasp.bag.results import FoundGrasp, FrameResult
from pspgrasp.bag.stopwatch import Stopwatch
from pspgrasp.config import CropConfig
from pspgrasp.crop import SquareCrop
from pspgrasp.depth import DepthFrame
from pspgrasp.errors import ConfigError, unknown_name
from pspgrasp.ggcnn_api import SIDE_PX, Pixel, check_map_size
from pspgrasp.ggcnn_stream import JUMP_HEIGHT_M, PRESETS, GgcnnOutput, GgcnnStream
from pspgrasp.grasp import wrap_half_turn
from pspgrasp.node_config import NodeConfig
from pspgrasp.predictor import GraspPredictor, Prediction
from pspgrasp.preprocess import within_range
from pspgrasp.shipped import find_checkpoint

ARM_HEIGHT_M = JUMP_HEIGHT_M + 0.5  # the tool's, which no recording tells: so high, kinova takes the best peak


class Model(Protocol):
    """The contract of whatever is judged."""

    @property
    def name(self) -> str:
        """For reports; unique within a run."""

    @property
    def protocol(self) -> str:
        """How depth becomes grasps, in words."""

    def warm_up(self) -> None:
        """Run once, so that the first frame doesn't pay for what is set up lazily."""

    def judged(self, recorded: RecordedFrame) -> FrameResult:
        """Return what it makes of a frame.

        Raises:
            PspGraspError: It fails on it.
        """

    def quality(self, frame: DepthFrame) -> Tuple[np.ndarray, SquareCrop]:
        """Return the quality (S, S) from which grasps are taken, and where it lies; for pictures."""


@dataclass(frozen=True)
class ModelSpec:
    """What is needed to build a model, in any process.

    Attributes:
        name: For reports.
        checkpoint: Name of one that ships, or a file.
        preset: GG-CNN's node whose road it walks; "" is our own.
        config: Of the node: crop, detection, limits, quirks, device.
    """

    name: str
    checkpoint: str
    preset: str
    config: NodeConfig

    def build(self) -> Model:
        """Load the checkpoint.

        Raises:
            CheckpointError: No such checkpoint, it is broken, or it doesn't suit GG-CNN's road.
            ConfigError: No such device.
        """
        checkpoint, config = find_checkpoint(self.checkpoint), self.config
        predictor = GraspPredictor.from_checkpoint(
            checkpoint, config.device, config.crop, config.detection, config.limits
        )
        if self.preset:
            return GgcnnModel(self.name, predictor, self.preset, config.quirks)
        return PredictorModel(self.name, predictor)


def specs_of(named: Sequence[str], config: NodeConfig) -> List[ModelSpec]:
    """Return what names on a command line stand for.

    Args:
        named: `CHECKPOINT`, or `CHECKPOINT@PRESET` for the road of one of GG-CNN's nodes; nothing is what the node's
            parameters name, with their preset beside it.
        config: Of the node.

    Raises:
        ConfigError: Unknown preset, or one is named twice.
    """
    if not named:
        own = config.checkpoint or config.backbone
        named = [own] if config.ggcnn == "off" else [own, f"{own}@{config.ggcnn}"]
    twice = [name for name, times in Counter(named).items() if times > 1]
    if twice:
        raise ConfigError(f"{twice[0]} is named twice; each model is judged once")
    short = Counter(_short(name) for name in named)
    return [_spec(name, _short(name) if short[_short(name)] == 1 else name, config) for name in named]


def _spec(named: str, name: str, config: NodeConfig) -> ModelSpec:
    checkpoint, at, preset = named.rpartition("@")
    if not at:
        return ModelSpec(name, named, "", config)
    if preset not in PRESETS:
        raise ConfigError(f"{unknown_name('preset of GG-CNN', preset, PRESETS)} (in {named})")
    return ModelSpec(name, checkpoint, preset, config)


def _short(named: str) -> str:
    checkpoint, at, preset = named.rpartition("@")
    path = Path(checkpoint if at else named)
    stem = path.stem if path.suffix == ".safetensors" else path.name
    return f"{stem}@{preset}" if at else stem


class PredictorModel:
    """Our own road, as the live node walks it.

    Attributes:
        name: For reports.
        predictor: Whose.
    """

    def __init__(self, name: str, predictor: GraspPredictor) -> None:
        self._watch = Stopwatch()
        self.name, self.predictor = name, replace(predictor, stage_done=self._watch.stage_done)

    @property
    def protocol(self) -> str:
        """Say how depth becomes grasps."""
        crop, detection, limits = self.predictor.crop, self.predictor.detection, self.predictor.limits
        return (
            f"pspgrasp: the middle {crop.size_px} px, {crop.near_m:g} to {crop.far_m:g} m; quality from "
            f"{detection.min_quality:g}; opening {1000 * limits.min_width_m:g} to {1000 * limits.max_width_m:g} mm"
        )

    def warm_up(self) -> None:
        """See `Model`."""
        self.predictor.warm_up()

    def judged(self, recorded: RecordedFrame) -> FrameResult:
        """See `Model`."""
        self._watch.start()
        prediction = self.predictor.predict(recorded.frame)
        stages_ms = self._watch.stop()
        return FrameResult(
            recorded.number,
            recorded.frame.stamp_ns,
            _found(prediction),
            prediction.nothing.value if prediction.nothing else "",
            _refused(prediction),
            stages_ms,
            missing_share(recorded.frame, prediction.crop, self.predictor.crop),
        )

    def quality(self, frame: DepthFrame) -> Tuple[np.ndarray, SquareCrop]:
        """See `Model`."""
        prediction = self.predictor.predict(frame)
        side_px = prediction.crop.out_px
        maps = prediction.maps
        return (np.zeros((side_px, side_px), np.float32) if maps is None else maps.quality), prediction.crop


def _found(prediction: Prediction) -> Tuple[FoundGrasp, ...]:
    return tuple(
        FoundGrasp(
            place.u,
            place.v,
            place.angle_rad,
            place.width_px,
            grasp.width_m,
            grasp.quality,
            (float(grasp.position_m[0]), float(grasp.position_m[1]), float(grasp.position_m[2])),
        )
        for place, grasp in zip(prediction.image_grasps, prediction.grasps)
    )


def _refused(prediction: Prediction) -> Dict[str, int]:
    return dict(Counter(rejection.reason.value for rejection in prediction.rejections))


def missing_share(frame: DepthFrame, place: SquareCrop, window: CropConfig) -> float:
    """Return the share of a window's pixels without depth in the working range."""
    depth_m = within_range(place.cut(frame.depth_m), window.near_m, window.far_m)
    return float(np.isnan(depth_m).mean())


class GgcnnModel:
    """The road of one of GG-CNN's nodes, to the letter, with the arm above: the best peak of each frame.

    Attributes:
        name: For reports.
        predictor: Its network stands in GG-CNN's place.
    """

    def __init__(self, name: str, predictor: GraspPredictor, preset: str, quirks: str = "strict") -> None:
        """Walk the road of `preset`.

        Raises:
            CheckpointError: The network's maps aren't of GG-CNN's size.
        """
        check_map_size(predictor)
        self._watch, self._stream = Stopwatch(), GgcnnStream(preset, quirks)
        self.name, self.predictor = name, replace(predictor, stage_done=self._watch.stage_done)
        self._preset, self._quirks = preset, quirks

    @property
    def protocol(self) -> str:
        """Say how depth becomes grasps."""
        preset = PRESETS[self._preset]
        up = f", {preset.up_px} px up" if preset.up_px else ""
        return (
            f"GG-CNN's node {self._preset}, {self._quirks}: the middle {preset.crop_px} px{up}; the best peak, "
            "whatever the gripper's limits; width by the pinhole"
        )

    def warm_up(self) -> None:
        """See `Model`."""
        self.predictor.warm_up()

    def judged(self, recorded: RecordedFrame) -> FrameResult:
        """See `Model`."""
        frame = recorded.frame
        self._watch.start()
        output = self._stream.update(frame, self.predictor, ARM_HEIGHT_M)
        stages_ms = self._watch.stop()
        grasps = () if output.silence or output.peak is None else (self._grasp(output, output.peak, frame),)
        missing = float(np.isnan(self._place(frame).cut(frame.depth_m)).mean())
        return FrameResult(recorded.number, frame.stamp_ns, grasps, output.silence, {}, stages_ms, missing)

    def quality(self, frame: DepthFrame) -> Tuple[np.ndarray, SquareCrop]:
        """See `Model`."""
        return self._stream.update(frame, self.predictor, ARM_HEIGHT_M).quality, self._place(frame)

    def _place(self, frame: DepthFrame) -> SquareCrop:
        preset, (height_px, width_px) = self._stream.preset, frame.depth_m.shape
        left_px, top_px = (width_px - preset.crop_px) // 2, (height_px - preset.crop_px) // 2 - preset.up_px
        return SquareCrop(left_px, top_px, preset.crop_px, SIDE_PX)

    def _grasp(self, output: GgcnnOutput, peak: Pixel, frame: DepthFrame) -> FoundGrasp:
        x_m, y_m, z_m, angle_rad, width_px, _ = output.command
        # A strict command's width is in pixels of the map.
        width_px = max(0.0, width_px) * (self._stream.preset.crop_px / SIDE_PX if self._stream.strict else 1.0)
        u, v = frame.camera.project(np.array((x_m, y_m, z_m)))
        quality = min(1.0, max(0.0, float(output.quality[peak])))
        angle_rad = wrap_half_turn(angle_rad)
        width_m = frame.camera.length_m(width_px, angle_rad, z_m)
        return FoundGrasp(u, v, angle_rad, width_px, width_m, quality, (float(x_m), float(y_m), float(z_m)))
