"""Train many networks side by side on the same batches: what differs between them is the network alone."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Dict, Iterable, Mapping, Union

import torch
from torch import nn

from pspgrasp.config import PreprocessConfig
from pspgrasp.data.batch import BatchSource, GraspBatch
from pspgrasp.errors import NetworkError
from pspgrasp.models import ModelConfig, build_model
from pspgrasp.models.resample import interpolate
from pspgrasp.training.average import MovingAverage
from pspgrasp.training.batches import Batches, CountedBatch, Mixture, Share
from pspgrasp.training.config import TrainConfig
from pspgrasp.training.figures import map_hit
from pspgrasp.training.fit import chosen_workers
from pspgrasp.training.loss import grasp_loss, loss_parts
from pspgrasp.training.module import build_optimiser
from pspgrasp.training.plan import TrainingPlan
from pspgrasp.training.schedule import rate_factor


class Learner:
    """One network in training."""

    def __init__(self, model: ModelConfig, config: TrainConfig, preprocess: PreprocessConfig, device: torch.device):
        torch.manual_seed(config.seed)
        self.channels = model.in_channels
        self.config = replace(config, model=model, preprocess=preprocess_for(preprocess, self.channels))
        self.network = build_model(model).to(device).train()
        self.average = MovingAverage(self.network, config.optimisation.average_decay)
        self._optimiser = build_optimiser(self.network, self.config)
        self._device = device

    def learn(self, batch: Union[GraspBatch, CountedBatch], step: int) -> float:
        """Take a step on a batch and return its loss.

        Raises:
            NetworkError: The loss is not finite.
        """
        settings = self.config.optimisation
        for group in self._optimiser.param_groups:
            group["lr"] = group["full_rate"] * rate_factor(step, self.config.max_steps, settings)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._device.type == "cuda"):
            parts = loss_parts(self.network, batch.image[:, : self.channels], batch.target, self.config.loss)
            loss = torch.stack(list(parts.values())).sum()
        value = float(loss.detach())
        if not math.isfinite(value):
            raise NetworkError(f"the loss at step {step} is {value}; a lower optimisation/rate may cure it")
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if settings.clip_norm:
            nn.utils.clip_grad_norm_(self.network.parameters(), settings.clip_norm)
        self._optimiser.step()
        self.average.update(self.network, step)
        return value

    def judged(self) -> nn.Module:
        """Return the network as it is judged: its moving average, with maps of the input's size."""
        return FullSize(self.average.network, self.channels).eval()


class FullSize(nn.Module):
    """A network whose maps are brought to the size of its input, and which takes as many channels as it knows."""

    def __init__(self, network: nn.Module, channels: int) -> None:
        super().__init__()
        self.network, self.channels = network, channels

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return the maps (B, 4, N, N) of an image (B, C, N, N)."""
        maps = self.network(image[:, : self.channels])
        return maps if maps.shape[-1] == image.shape[-1] else interpolate(maps, image.shape[-1])


def preprocess_for(preprocess: PreprocessConfig, channels: int) -> PreprocessConfig:
    """Return the preprocessing of a network that takes so many channels."""
    return replace(preprocess, pixel_size_channel=channels == 2)


def batches_of(source: BatchSource, config: TrainConfig, device: torch.device) -> Batches:
    """Return the batches of all steps, made ahead: step s takes the numbers s * batch_size and on."""
    share = Share("generated scenes", source, config.batch_size, on_device=device.type == "cuda")
    mixture = Mixture((share,), TrainingPlan((config.batch_size,)))
    workers = chosen_workers(config.machine, [share])
    return Batches(mixture, range(config.max_steps), workers, device)


def train_side_by_side(
    models: Mapping[str, ModelConfig],
    config: TrainConfig,
    preprocess: PreprocessConfig,
    batches: Iterable[Union[GraspBatch, CountedBatch]],
    device: torch.device,
) -> Dict[str, nn.Module]:
    """Return the networks, trained from the config's seed on the same batches in the same order.

    Args:
        models: The networks, by name.
        config: Loss, optimiser, batch size, seed.
        preprocess: Of the batches.
        batches: One a step.
        device: Where they are trained.
    """
    learners = {name: Learner(model, config, preprocess, device) for name, model in models.items()}
    for step, batch in enumerate(batches):
        for number, learner in enumerate(learners.values()):
            torch.manual_seed((config.seed * 1_000_003 + step) * 4096 + number)  # of dropout
            learner.learn(batch, step)
    return {name: learner.judged() for name, learner in learners.items()}


@dataclass(frozen=True)
class MapFigures:
    """How near a network's maps are to the targets of held-out scenes.

    Attributes:
        loss: Mean over scenes.
        map_hit: Share of scenes with a grasp whose best pixel holds a good one.
    """

    loss: float
    map_hit: float


@torch.no_grad()
def map_figures(network: nn.Module, batches: Iterable[GraspBatch], config: TrainConfig) -> MapFigures:
    """Return the figures of a network over held-out batches."""
    losses, hits, possible = 0.0, 0, 0
    count = 0
    for batch in batches:
        output = network(batch.image).float()
        losses += float(torch.stack(list(grasp_loss(output, batch.target, config.loss).values())).sum())
        hit, can = map_hit(output, batch.target)
        hits, possible, count = hits + int(hit.sum()), possible + int(can.sum()), count + len(output)
    return MapFigures(losses / max(1, count), hits / max(1, possible))
