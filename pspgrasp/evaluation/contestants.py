"""From names on a command line to what is judged."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Optional, Tuple

from pspgrasp.config import CropConfig, DetectionConfig, LimitsConfig
from pspgrasp.evaluation.ggcnn_protocol import GgcnnProtocol
from pspgrasp.evaluation.options import LABELS, TOP_OF_A_SCENE
from pspgrasp.evaluation.sources import GraspSource, LabelSource, PredictorSource
from pspgrasp.evaluation.synthetic_scenes import SceneLabels, ScenePredictor, SceneSource
from pspgrasp.network_file import NetworkFile
from pspgrasp.predictor import GraspPredictor
from pspgrasp.shipped import Network, find_checkpoint


@dataclass(frozen=True)
class Contestant:
    """Something that is judged on images.

    Attributes:
        name: For reports.
        source: Makes the grasps.
        parameters: Of its network; None where it has none.
    """

    name: str
    source: GraspSource
    parameters: Optional[int] = None


@dataclass(frozen=True)
class SceneContestant:
    """The same on generated scenes."""

    name: str
    source: SceneSource
    parameters: Optional[int] = None


def contestant(name: str, parsed: argparse.Namespace, whole: bool) -> Contestant:
    """Return what a name stands for, on images.

    Args:
        name: Of a checkpoint that ships, a file, or `labels`.
        parsed: The command line.
        whole: Whether images are taken whole, unless it says otherwise.

    Raises:
        CheckpointError: No such checkpoint, or it is broken.
        DataError: Unknown window, or the checkpoint needs a focal length.
        ConfigError: No such device, or the checkpoint doesn't suit the protocol.
    """
    if name == LABELS:
        return Contestant(LABELS, LabelSource())
    detection = DetectionConfig(min_quality=parsed.min_quality, max_grasps=parsed.top or 1)
    predictor, parameters = _predictor(name, parsed, CropConfig(size_px=parsed.window_size), detection)
    if parsed.protocol == "ggcnn":
        return Contestant(predictor.name, GgcnnProtocol(predictor, whole, parsed.top or 1), parameters)
    window = parsed.window or ("whole" if whole else "labels")
    return Contestant(predictor.name, PredictorSource(predictor, window, parsed.focal), parameters)


def scene_contestant(name: str, parsed: argparse.Namespace) -> SceneContestant:
    """Return what a name stands for, on generated scenes.

    Raises:
        CheckpointError: No such checkpoint, or it is broken.
        ConfigError: No such device.
    """
    detection = DetectionConfig(
        min_quality=parsed.min_quality, max_grasps=parsed.top or TOP_OF_A_SCENE, clearance_m=parsed.clearance_m
    )
    limits = LimitsConfig() if parsed.max_width is None else LimitsConfig(max_width_m=parsed.max_width)
    if name == LABELS:
        return SceneContestant(LABELS, SceneLabels(detection, limits))
    predictor, parameters = _predictor(name, parsed, CropConfig(), detection, limits)
    return SceneContestant(predictor.name, ScenePredictor(predictor), parameters)


def _predictor(
    name: str,
    parsed: argparse.Namespace,
    crop: CropConfig,
    detection: DetectionConfig,
    limits: LimitsConfig = LimitsConfig(),
) -> Tuple[GraspPredictor, Optional[int]]:
    checkpoint = find_checkpoint(name)
    predictor = GraspPredictor.from_checkpoint(checkpoint, parsed.device, crop, detection, limits, parsed.runtime)
    return predictor, _parameters(checkpoint)


def _parameters(checkpoint: Network) -> Optional[int]:
    """Return how many parameters a network has; an exported one doesn't tell."""
    if isinstance(checkpoint, NetworkFile):
        return None
    return sum(parameter.numel() for parameter in checkpoint.network().parameters())
