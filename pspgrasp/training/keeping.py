"""After each validation: keep the best checkpoint, save the state, and say when to stop."""

from __future__ import annotations

import time
from typing import Any, Dict

from lightning.pytorch import Callback, LightningModule, Trainer
from typing_extensions import override

from pspgrasp.training.config import TrainConfig
from pspgrasp.training.record import checkpoint_of
from pspgrasp.training.run_folder import RunFolder

LOWER_IS_BETTER = {"loss": True, "map_hit": False}


class Keeping(Callback):
    """Writes `best.safetensors` when a validation is better than all before, and `last.ckpt` after each.

    Attributes:
        best: Figure of the best checkpoint, None before the first.
        best_step: When it was.
        saved_step: After which the state was saved last.
    """

    def __init__(self, folder: RunFolder, config: TrainConfig, record: Dict[str, Any], minutes: float = 0.0) -> None:
        self.folder, self.config, self.record = folder, config, record
        self._end_s = time.monotonic() + 60 * minutes if minutes else float("inf")
        # The file itself tells what is best, so that nothing can overwrite it by a worse one.
        held = folder.load_best()
        self.best = held.training["figures"][f"validation_{config.monitor}"] if held else None
        self.best_step = int(held.training["steps"]) if held else 0
        self.saved_step = 0

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note what the run goes on from."""
        module: Any = pl_module
        self.saved_step = module.step

    @override
    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep what is worth keeping."""
        module: Any = pl_module
        figure = round(module.figures[self.config.monitor], 6)
        if trainer.is_global_zero:  # first, so that a checkpoint that can't be stored loses nothing
            self.folder.save_state(module.state(), self.config, self.record)
        if self._is_better(figure):
            self.best, self.best_step = figure, module.step
            if trainer.is_global_zero:
                self.folder.save_best(checkpoint_of(module, self.record))
        self.saved_step = module.step
        trainer.should_stop = trainer.should_stop or self._is_stale(module.step) or self._is_late(trainer)

    def _is_better(self, figure: float) -> bool:
        if self.best is None:
            return True
        return figure < self.best if LOWER_IS_BETTER[self.config.monitor] else figure > self.best

    def _is_stale(self, step: int) -> bool:
        waited = (step - self.best_step) // self.config.validate_every
        return 0 < self.config.patience <= waited

    def _is_late(self, trainer: Trainer) -> bool:
        """Tell whether the time is up; the first process's clock counts for all."""
        return bool(trainer.strategy.broadcast(time.monotonic() >= self._end_s))
