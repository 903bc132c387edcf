"""From a trained checkpoint and a few labelled frames of one's own to a training run."""

from __future__ import annotations

from typing import Tuple

from pspgrasp.checkpoint import Checkpoint
from pspgrasp.data.labelled import LabelledConfig
from pspgrasp.training.config import DataConfig, OptimisationConfig, TrainConfig, ValidationConfig

RATE = 3e-4
STEPS = 400
BATCH = 16
VALIDATE_EVERY = 50


def fine_tuning_config(checkpoint: Checkpoint, folders: Tuple[LabelledConfig, ...]) -> TrainConfig:
    """Return a run that goes on from a checkpoint with labelled folders and, half of each batch, generated scenes.

    The scenes keep what the network knows of other cameras and things. They are labelled with contact widths, so a
    network that puts out openings learns from the folders alone. A fifth of the images, whole objects, choose the best.
    """
    scenes = checkpoint.width == "contact"
    return TrainConfig(
        model=checkpoint.model,
        preprocess=checkpoint.preprocess,
        width_scale_px=checkpoint.width_scale_px,
        width=checkpoint.width,
        batch_size=BATCH,
        max_steps=STEPS,
        validate_every=VALIDATE_EVERY,
        data=DataConfig(sum(folder.share for folder in folders) if scenes else 0.0, labelled=folders),
        validation=ValidationConfig(scenes=0),
        optimisation=OptimisationConfig(rate=RATE, warmup_steps=STEPS // 20, average_decay=0.99),
    )
