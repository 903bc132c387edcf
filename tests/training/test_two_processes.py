"""Two processes that share a batch take the steps of one that has it all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from bars import bars_config, bars_run
from two_processes import CONFIG

from pspgrasp.checkpoint import load_checkpoint
from pspgrasp.errors import ConfigError
from pspgrasp.training.batches import GraspBatches
from pspgrasp.training.fit import first_network, train


@pytest.mark.slow
def test_two_processes_have_the_gradients_and_the_figures_of_one(tmp_path: Path) -> None:
    script = Path(__file__).with_name("two_processes.py")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, str(tmp_path / "two")], env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("validation after step 2") == 1, "one process speaks"
    train(bars_run(tmp_path / "one", CONFIG))
    one, two = (load_checkpoint(tmp_path / name / "best.safetensors") for name in ("one", "two"))
    first = first_network(CONFIG, None).state_dict()
    for name, weight in one.weights.items():
        moved = (weight - first[name]).abs().max()
        assert moved > 0
        assert torch.allclose(two.weights[name], weight, atol=1e-4 * float(moved)), name
    for name, figure in one.training["figures"].items():
        assert two.training["figures"][name] == pytest.approx(figure, abs=2e-6), name


def test_a_batch_that_cannot_be_dealt_is_told(tmp_path: Path) -> None:
    run = bars_run(tmp_path, bars_config())
    batches = GraspBatches(run.training, run.validation, 3, 6)

    class trainer:  # noqa: N801
        global_rank, world_size = 0, 3

    batches.trainer = trainer
    with pytest.raises(ConfigError, match="batch_size 4 can't be dealt to 3 processes; make it a multiple"):
        batches.setup("fit")
