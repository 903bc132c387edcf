"""The network as Lightning trains it: loss, optimiser, moving average, validation figures."""

from __future__ import annotations

import math
from typing import Any, Dict, List, Optional, Tuple

import numpy as np
import torch
from lightning.pytorch import LightningModule
from torch import nn
from typing_extensions import override

from pspgrasp.errors import ConfigError, NetworkError
from pspgrasp.training.average import MovingAverage
from pspgrasp.training.batches import CountedBatch
from pspgrasp.training.config import TrainConfig
from pspgrasp.training.figures import map_hit
from pspgrasp.training.loss import grasp_loss, loss_parts, on_grid_of
from pspgrasp.training.schedule import rate_factor


class GraspModule(LightningModule):
    """A network in training.

    Attributes:
        step: Steps that are done, those before a resumed run too.
        parts: The parts of the loss at the last step, by name; and "loss", their sum.
        figures: Of the last validation, by name.
    """

    def __init__(self, network: nn.Module, config: TrainConfig) -> None:
        super().__init__()
        self.network, self.config = network, config
        self.average = MovingAverage(network, config.optimisation.average_decay) if _averages(config) else None
        self.step = 0
        self.parts: Dict[str, torch.Tensor] = {}
        self.figures: Dict[str, float] = {}
        self._unseen: Tuple[int, Dict[str, torch.Tensor]] = (0, {})
        self._restored: Optional[Dict[str, Any]] = None
        self._totals: Dict[str, torch.Tensor] = {}

    @property
    def judged(self) -> nn.Module:
        """The network that is validated and kept: the moving average, if there is one."""
        return self.average.network if self.average is not None else self.network

    @override
    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return the optimiser, as it was where a run is resumed."""
        optimiser = build_optimiser(self.network, self.config)
        if self._restored:
            optimiser.load_state_dict(self._restored["optimiser"])
        return optimiser

    @override
    def on_train_batch_start(self, batch: CountedBatch, index: int) -> None:
        """Set what depends on the step alone: the rate, and the seed of dropout."""
        config = self.config.optimisation
        for group in self._optimiser().param_groups:
            group["lr"] = group["full_rate"] * rate_factor(self.step, self.config.max_steps, config)
        torch.manual_seed(_step_seed(self.config.seed, self.step, self.global_rank))

    @override
    def training_step(self, batch: CountedBatch, index: int) -> torch.Tensor:
        """Return the loss.

        Raises:
            NetworkError: That of the step before was not finite; names the step and the part.
        """
        image = batch.image
        if self.config.machine.channels_last:
            image = image.contiguous(memory_format=torch.channels_last)
        parts = loss_parts(self.network, image, batch.target, self.config.loss)
        loss = torch.stack(list(parts.values())).sum()
        # To look at a figure is to wait for the GPU. So it is looked at when the next step is on its way.
        self._refuse_nonfinite()
        self.parts = {name: part.detach() for name, part in {**parts, "loss": loss}.items()}
        self._unseen = self.step, {name: self.parts[name] for name in parts}
        return loss

    @override
    def on_train_batch_end(self, outputs: Any, batch: CountedBatch, index: int) -> None:
        """Count the step, and take its weights into the average."""
        if self.average is not None:
            self.average.update(self.network, self.step)
        self.step += 1

    @override
    def on_validation_epoch_start(self) -> None:
        """Forget the last validation.

        Raises:
            NetworkError: The loss of the last step was not finite.
        """
        self._refuse_nonfinite()
        self._totals = {}

    @override
    def validation_step(self, batch: CountedBatch, index: int) -> None:
        """Add up loss and hits of the samples that count."""
        output = self.judged(batch.image)
        target = on_grid_of(output, batch.target)
        hits, possible = map_hit(output.float(), target)
        totals = {**grasp_loss(output, target, self.config.loss), "hits": hits, "possible": possible}
        totals["samples"] = torch.ones_like(batch.counted)
        for name, values in totals.items():
            total = (values.double() * batch.counted.double()).sum()
            self._totals[name] = self._totals.get(name, 0) + total

    @override
    def on_validation_epoch_end(self) -> None:
        """Work out the figures of all processes together.

        Raises:
            NetworkError: One is not finite.
        """
        sums = self.trainer.strategy.reduce(torch.stack(list(self._totals.values())), reduce_op="sum").tolist()
        totals = dict(zip(self._totals, sums))
        hits, possible, samples = (totals.pop(name) for name in ("hits", "possible", "samples"))
        parts = {name: total / samples for name, total in totals.items()}
        if not math.isfinite(sum(parts.values())):
            raise NetworkError(_nonfinite(f"the validation loss after step {self.step}", parts))
        self.figures = {**parts, "loss": sum(parts.values()), "map_hit": hits / possible if possible else 0.0}

    def state(self) -> Dict[str, Any]:
        """Return all that a resumed run needs: plain values and tensors."""
        return {
            "step": self.step,
            "network": self.network.state_dict(),
            "average": self.average.state_dict() if self.average is not None else {},
            "optimiser": self._optimiser().state_dict(),
            "precision": self.trainer.precision_plugin.state_dict(),
        }

    def restore(self, state: Dict[str, Any]) -> None:
        """Go on where `state` was taken; before the run begins."""
        self.network.load_state_dict(state["network"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.step, self._restored = state["step"], state

    @override
    def on_fit_start(self) -> None:
        """Restore the loss scale of 16-bit training."""
        if self._restored:
            self.trainer.precision_plugin.load_state_dict(self._restored["precision"])

    def _optimiser(self) -> torch.optim.Optimizer:
        optimiser = self.optimizers(use_pl_optimizer=False)
        assert isinstance(optimiser, torch.optim.Optimizer)
        return optimiser

    def _refuse_nonfinite(self) -> None:
        step, parts = self._unseen
        self._unseen = step, {}
        values = torch.stack(list(parts.values())).tolist() if parts else []
        if not all(math.isfinite(value) for value in values):
            raise NetworkError(_nonfinite(f"the loss at step {step}", dict(zip(parts, values))))


def _step_seed(seed: int, step: int, rank: int) -> int:
    """Return a seed for one step of one process, so that dropout after a resumed run is what it would have been."""
    return int(np.random.SeedSequence((seed, step, rank)).generate_state(1, np.uint64)[0])


def _averages(config: TrainConfig) -> bool:
    return config.optimisation.average_decay > 0


def _nonfinite(what: str, parts: Dict[str, float]) -> str:
    broken = ", ".join(f"{name} is {value}" for name, value in parts.items() if not math.isfinite(value))
    return (
        f"{what} is not finite ({broken}); the checkpoints on disk are as they were. A lower optimisation/rate, more "
        "warmup_steps, a smaller clip_norm or precision 32 may cure it"
    )


def build_optimiser(network: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """Return the optimiser over a network's parameters; each group knows its full rate.

    Raises:
        ConfigError: A factor for new modules, and a network without a backbone.
    """
    settings = config.optimisation
    groups = [
        {"params": parameters, "lr": rate, "full_rate": rate}
        for parameters, rate in _rates(network, settings)
        if parameters
    ]
    if settings.optimiser == "adamw":
        return torch.optim.AdamW(groups, weight_decay=settings.weight_decay)
    return torch.optim.SGD(groups, momentum=settings.momentum, weight_decay=settings.weight_decay)


def _rates(network: nn.Module, settings: Any) -> List[Tuple[List[nn.Parameter], float]]:
    if settings.new_module_rate == 1:
        return [(list(network.parameters()), settings.rate)]
    backbone = getattr(network, "backbone", None)
    if backbone is None:
        raise ConfigError(
            f"new_module_rate {settings.new_module_rate:g} sets new modules apart from a backbone, "
            f"and a {type(network).__name__} has none; make it 1"
        )
    old = {id(parameter) for parameter in backbone.parameters()}
    new = [parameter for parameter in network.parameters() if id(parameter) not in old]
    return [(list(backbone.parameters()), settings.rate), (new, settings.rate * settings.new_module_rate)]
