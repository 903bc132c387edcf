"""A checkpoint on the road of one of GG-CNN's nodes."""

from __future__ import annotations

from dataclasses import replace
from typing import Tuple

import numpy as np

from pspgrasp.bag.judging.protocol import opened_said, runtime_said, window_said
from pspgrasp.bag.judging.stopwatch import Stopwatch
from pspgrasp.bag.recording import RecordedFrame
from pspgrasp.bag.results.frame import FoundGrasp, FrameResult
from pspgrasp.config import CropConfig
from pspgrasp.crop import SquareCrop
from pspgrasp.depth import DepthFrame
from pspgrasp.ggcnn_api import SIDE_PX, Pixel, check_map_size
from pspgrasp.ggcnn_stream import JUMP_HEIGHT_M, PRESETS, GgcnnOutput, GgcnnStream
from pspgrasp.grasp import wrap_half_turn
from pspgrasp.predictor import GraspPredictor

ARM_HEIGHT_M = JUMP_HEIGHT_M + 0.5  # the tool's, which no recording tells: so high, kinova takes the best peak


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
        window = CropConfig(preset.crop_px, 0, -preset.up_px)
        said = [
            window_said(window),
            "the best peak, whatever the gripper's limits and what is in its way",
            "width by the pinhole",
            *([opened_said(self.predictor)] if self.predictor.width != "opening" else []),
            runtime_said(self.predictor.runtime),
        ]
        return f"GG-CNN's node {self._preset}, {self._quirks}: {'; '.join(said)}"

    def warm_up(self) -> None:
        """See `Model`."""
        self.predictor.warm_up()

    def judged(self, recorded: RecordedFrame) -> FrameResult:
        """See `Model`."""
        frame = recorded.frame
        self._watch.start()
        output = self._stream.update(frame, self.predictor, ARM_HEIGHT_M)
        stages_ms = self._watch.until_last()  # what the node draws for its listeners is no part of the way to a grasp
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
