"""What is judged: a checkpoint on our own road, or on that of one of GG-CNN's nodes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import List, Sequence

from pspgrasp.bag.judging.ggcnn_model import GgcnnModel
from pspgrasp.bag.judging.model import Model
from pspgrasp.bag.judging.predictor_model import PredictorModel
from pspgrasp.errors import ConfigError, unknown_name
from pspgrasp.ggcnn_stream import PRESETS
from pspgrasp.node_config import NodeConfig
from pspgrasp.predictor import GraspPredictor
from pspgrasp.shipped import find_checkpoint


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
        predictor = config.of_robot(
            GraspPredictor.from_checkpoint(
                checkpoint, config.device, config.crop, config.detection, config.limits, config.runtime
            )
        )
        if self.preset:
            return GgcnnModel(self.name, predictor, self.preset, config.quirks)
        return PredictorModel(self.name, predictor, config.tracking)


def specs_of(named: Sequence[str], config: NodeConfig) -> List[ModelSpec]:
    """Return what names on a command line stand for.

    Args:
        named: `CHECKPOINT`, or `CHECKPOINT@PRESET` for the road of one of GG-CNN's nodes; nothing is what the node's
            parameters name, with their preset beside it.
        config: Of the node.

    Raises:
        ConfigError: Unknown preset, one is named twice, or the parameters ask for a table that only a robot knows.
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
    if not at and config.table.plane == "base":
        raise ConfigError(
            "table/plane is 'base', a height in the robot's base frame, which isn't looked up in recordings; 'given' "
            "tells the same plane, and with 'fitted' grasps may differ from the robot's"
        )
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
