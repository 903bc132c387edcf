"""Run by torchrun: two steps of plain SGD, the batch dealt to the processes. Argument: the folder of the run."""

from __future__ import annotations

import sys
from pathlib import Path

from bars import bars_config, bars_run

from pspgrasp.training.fit import train

#: Without momentum, clipping or average two steps show the gradients themselves; ggcnn has no batch norm.
CONFIG = bars_config(
    max_steps=2,
    validate_every=2,
    optimisation={"optimiser": "sgd", "rate": 0.1, "momentum": 0.0, "clip_norm": 0.0, "average_decay": 0.0},
)

if __name__ == "__main__":
    train(bars_run(Path(sys.argv[1]), CONFIG))
