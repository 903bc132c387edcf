"""How many images a second are made, how many are trained on, how many in a run, and how long the device waits."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any, List, Sequence, Tuple

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from typing_extensions import override

from pspgrasp.data.batch import GraspBatch
from pspgrasp.training.batches import Batches, CountedBatch, GraspBatches, Mixture, Share
from pspgrasp.training.config import TrainConfig
from pspgrasp.training.fit import build_trainer, chosen_device, chosen_workers, first_network, fit_quietly
from pspgrasp.training.module import GraspModule
from pspgrasp.training.plan import TrainingPlan

WARM_UP = 4  # steps that don't count: processes start, libraries choose their algorithms


@dataclass(frozen=True)
class Speed:
    """What was measured.

    Attributes:
        device: Where the network was trained.
        loading_images_s: Images a second that are made alone.
        training_images_s: That are trained on, always the same batch.
        both_images_s: In a run, that makes and trains.
        waiting: Share of a run's time between a step's end and the next one's begin.
    """

    device: str
    loading_images_s: float
    training_images_s: float
    both_images_s: float
    waiting: float

    def lines(self) -> List[str]:
        """Return it for people."""
        return [
            f"device      {self.device}",
            f"loading     {self.loading_images_s:.1f} images/s, made or read, alone",
            f"training    {self.training_images_s:.1f} images/s, alone, on one batch",
            f"both        {self.both_images_s:.1f} images/s",
            f"waiting     {100 * self.waiting:.1f} % of the time, training waits for samples",
        ]


class Fixed:
    """A `BatchSource` that gives the samples of one batch again and again."""

    def __init__(self, batch: GraspBatch) -> None:
        self._batch = batch

    def batch(self, indices: Sequence[int], device: torch.device) -> GraspBatch:
        """Return as many samples as asked for."""
        return GraspBatch(*(tensor[: len(indices)].to(device) for tensor in self._batch))


class Stopwatch(Callback):
    """Times steps, and what lies between them, from the end of the warm-up on."""

    def __init__(self) -> None:
        self.waiting_s = self.working_s = 0.0
        self._told_s = 0.0

    @override
    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Count the time since the last step as waiting."""
        now_s = _now_s(pl_module.device)
        if batch_idx >= WARM_UP:
            self.waiting_s += now_s - self._told_s
        self._told_s = now_s

    @override
    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count the time of the step as work."""
        now_s = _now_s(pl_module.device)
        if batch_idx >= WARM_UP:
            self.working_s += now_s - self._told_s
        self._told_s = now_s


def _now_s(device: torch.device) -> float:
    """Return the time when all that was asked of the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.monotonic()


def benchmark(config: TrainConfig, training: Tuple[Share, ...], steps: int) -> Speed:
    """Measure so many steps of each.

    Raises:
        PspGraspError: As in `train`.
    """
    device = chosen_device(config.machine)
    workers = chosen_workers(config.machine, list(training))
    batch, loading_s = _load(training, steps, workers, device)
    fixed = (Share("fixed", Fixed(GraspBatch(batch.image, batch.target)), config.batch_size, on_device=True),)
    _, training_s = _train(config, fixed, fixed, steps, workers=0)
    waiting_s, working_s = _train(config, training, fixed, steps, workers)
    images = steps * config.batch_size
    both_s = waiting_s + working_s
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    return Speed(name, images / loading_s, images / training_s, images / both_s, waiting_s / both_s)


def _load(training: Tuple[Share, ...], steps: int, workers: int, device: torch.device) -> Tuple[CountedBatch, float]:
    """Return the last batch, and how long it took to make them [s]."""
    mixture = Mixture(training, TrainingPlan(tuple(share.samples for share in training)))
    batches = iter(Batches(mixture, range(WARM_UP + steps), workers, device))
    batch = [next(batches) for _ in range(WARM_UP)][-1]
    start_s = _now_s(device)
    for made in batches:
        batch = made
    return batch, _now_s(device) - start_s


def _train(
    config: TrainConfig, training: Tuple[Share, ...], fixed: Tuple[Share, ...], steps: int, workers: int
) -> Tuple[float, float]:
    """Return how long the steps waited, and worked [s]; one batch of validation, which Lightning wants, isn't timed."""
    steps += WARM_UP
    stopwatch, module = Stopwatch(), GraspModule(first_network(config, None), config)
    one = (replace(fixed[0], samples=1),)
    trainer = build_trainer(config, steps, [stopwatch], logger=False)
    fit_quietly(trainer, module, GraspBatches(training, one, steps, steps, workers))
    return stopwatch.waiting_s, stopwatch.working_s
