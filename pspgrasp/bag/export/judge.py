"""What models make of a frame, with what exporters need of it."""

from __future__ import annotations

from typing import Dict, List, Sequence, Tuple

from pspgrasp.bag.export.exporter import Judged
from pspgrasp.bag.judging.ggcnn_model import ARM_HEIGHT_M, GgcnnModel
from pspgrasp.bag.judging.model import Model
from pspgrasp.bag.judging.specs import ModelSpec
from pspgrasp.bag.recording import Fault, RecordedFrame
from pspgrasp.errors import PspGraspError
from pspgrasp.ggcnn_stream import GgcnnStream


class Judge:
    """The models of an export."""

    def __init__(self, specs: Sequence[ModelSpec], quality: bool, commands: bool) -> None:
        """Build them.

        Args:
            specs: The models.
            quality: Whether maps are wanted.
            commands: Whether GG-CNN's commands are.

        Raises:
            PspGraspError: A model can't be built.
        """
        self._quality = quality
        self._models: List[Model] = [spec.build() for spec in specs]
        self._streams: Dict[str, GgcnnStream] = {
            spec.name: GgcnnStream(spec.preset, spec.config.quirks) for spec in specs if commands and spec.preset
        }

    def judged(self, recorded: RecordedFrame) -> Tuple[List[Judged], List[Fault]]:
        """Return what the models make of a frame, and which of them fail on it."""
        found, failures = [], []
        for model in self._models:
            try:
                found.append(self._one(model, recorded))
            except PspGraspError as error:
                failures.append(Fault(recorded.number, f"{model.name} failed", str(error)))
        return found, failures

    def _one(self, model: Model, recorded: RecordedFrame) -> Judged:
        result = model.judged(recorded)
        quality = model.quality(recorded.frame) if self._quality else None
        return Judged(model.name, result, quality, self._command(model, recorded))

    def _command(self, model: Model, recorded: RecordedFrame) -> Tuple[float, ...]:
        if model.name not in self._streams or not isinstance(model, GgcnnModel):
            return ()
        output = self._streams[model.name].update(recorded.frame, model.predictor, ARM_HEIGHT_M)
        return () if output.silence else output.command
