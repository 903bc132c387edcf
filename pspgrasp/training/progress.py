"""Say how far a run has got, and how long it will take: on stderr, and as curves in TensorBoard."""

from __future__ import annotations

import sys
import time
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from typing_extensions import override

from pspgrasp.data.progress import EVERY_S, EVERY_S_IN_A_LOG, spoken_time
from pspgrasp.training.keeping import Keeping

CURVE_POINT_EVERY = 10  # steps


class Progress(Callback):
    """A line that tells step, loss, images a second and the time left, and a line for each validation."""

    def __init__(self, keeping: Keeping) -> None:
        self.keeping = keeping
        self._on_terminal = sys.stderr.isatty()
        self._start_s = self._told_s = time.monotonic()
        self._start_step = 0

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        module: Any = pl_module
        self._start_s = self._told_s = time.monotonic()
        self._start_step = module.step

    @override
    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Tell, now and then. The module counts its step after this."""
        module: Any = pl_module
        step = module.step + 1
        if step % CURVE_POINT_EVERY == 0:
            self._draw_curves(trainer, module, step)
        now_s = time.monotonic()
        if trainer.is_global_zero and now_s - self._told_s >= (EVERY_S if self._on_terminal else EVERY_S_IN_A_LOG):
            self._say(self._line(module, step, now_s - self._start_s), "\r" if self._on_terminal else "\n")
            self._told_s = now_s

    @override
    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Tell what a validation came to; `Keeping`, which comes before, has judged it."""
        module: Any = pl_module
        for logger in trainer.loggers:
            logger.log_metrics({f"validation/{name}": value for name, value in module.figures.items()}, module.step)
        if trainer.is_global_zero:
            best = ", the best so far" if self.keeping.best_step == module.step else ""
            figures = f"loss {module.figures['loss']:.4f}, map_hit {module.figures['map_hit']:.3f}"
            self._say(f"validation after step {module.step}: {figures}{best}", "\n")

    @override
    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Tell who stops a run how to go on with it."""
        module: Any = pl_module
        if isinstance(exception, (KeyboardInterrupt, SystemExit)) and trainer.is_global_zero:
            saved = self.keeping.saved_step
            way_on = (
                f"--resume goes on after step {saved}" if saved else "nothing was saved before the first validation"
            )
            self._say(f"stopped at step {module.step}; {way_on}", "\n")

    def _line(self, module: Any, step: int, spent_s: float) -> str:
        done, goal = step - self._start_step, module.config.max_steps
        left = spoken_time(spent_s / done * (goal - step))
        images_s = done * module.config.batch_size / spent_s
        speed = f"{images_s:.0f}" if images_s >= 10 else f"{images_s:.1f}"
        return f"step {step}/{goal}, loss {float(module.parts['loss']):.4f}, {speed} images/s, {left} left"

    def _say(self, text: str, end: str) -> None:
        sys.stderr.write((f"{text:<79}" if self._on_terminal else text) + end)
        sys.stderr.flush()

    def _draw_curves(self, trainer: Trainer, module: Any, step: int) -> None:
        curves = {f"training/{name}": float(part) for name, part in module.parts.items()}
        curves["rate"] = module.optimizers(use_pl_optimizer=False).param_groups[0]["lr"]
        for logger in trainer.loggers:
            logger.log_metrics(curves, step)
