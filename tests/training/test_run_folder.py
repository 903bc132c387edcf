"""What a run leaves on disk: whole or not at all, and nothing in it is executed."""

from __future__ import annotations

import os
import resource
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

import pytest
import torch
from bars import bars_config

from pspgrasp.checkpoint import Checkpoint
from pspgrasp.errors import CheckpointError, ConfigError, PspGraspError
from pspgrasp.models import build_model
from pspgrasp.training.config import read_config
from pspgrasp.training.run_folder import RunFolder, begun, config_of, refuse_other_config

CONFIG = bars_config()
BEGUN = {"command": "pspgrasp train x.yaml", "origin": "random", "seed": 0}
STATE = {"step": 3, "network": {"weight": torch.arange(20_000.0)}, "optimiser": {"state": {0: {"step": 1}}}}


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "deep" / "run")
    folder.start(CONFIG)
    folder.save_state(STATE, CONFIG, BEGUN)
    return folder


@contextmanager
def full_disk() -> Iterator[None]:
    """Let no file grow beyond 10 kB, as a full disk does; not for longer, or pytest can't write its report."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_state_comes_back_as_it_was(folder: RunFolder) -> None:
    state = folder.load_state()
    assert torch.equal(state["network"]["weight"], STATE["network"]["weight"])
    assert (state["step"], state["optimiser"]) == (3, STATE["optimiser"])
    assert begun(state) == {"command": "pspgrasp train x.yaml", "origin": "random"}
    assert config_of(state) == CONFIG


def test_its_config_is_readable_and_runs_again(folder: RunFolder) -> None:
    assert read_config(folder.path / "config.yaml") == CONFIG


def test_a_full_disk_is_told_and_the_last_state_stays(folder: RunFolder) -> None:
    with full_disk(), pytest.raises(CheckpointError, match=r"last.ckpt can't be written \(File too large\)"):
        folder.save_state({**STATE, "step": 6}, CONFIG, BEGUN)
    assert folder.load_state()["step"] == 3
    assert sorted(path.name for path in folder.path.iterdir()) == ["config.yaml", "last.ckpt"]


def test_a_full_disk_leaves_the_best_checkpoint(folder: RunFolder) -> None:
    first, second = (build_model(CONFIG.model).state_dict() for _ in range(2))
    folder.save_best(Checkpoint("best", CONFIG.model, first, training={"steps": 1}))
    with full_disk(), pytest.raises(CheckpointError, match=r"best.safetensors can't be written"):
        folder.save_best(Checkpoint("best", CONFIG.model, second, training={"steps": 2}))
    held = folder.load_best()
    assert held is not None
    assert held.training["steps"] == 1
    assert all(torch.equal(tensor, first[name]) for name, tensor in held.weights.items())


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PspGraspError, match=r"file/run can't be written: Not a directory"):
        RunFolder(tmp_path / "file" / "run").start(CONFIG)


@pytest.mark.parametrize("content", [b"", b"no state", b"PK\x03\x04 cut short"])
def test_a_broken_state_is_told(folder: RunFolder, content: bytes) -> None:
    folder.last.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"last.ckpt is broken: "):
        folder.load_state()


def test_a_state_cut_short_is_told(folder: RunFolder) -> None:
    whole = folder.last.read_bytes()
    folder.last.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match=r"last.ckpt is broken: "):
        folder.load_state()


class Malicious:
    def __reduce__(self):
        return os.mkdir, ("executed",)


def test_nothing_in_a_state_is_executed(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.path)
    torch.save({"format": 1, "step": Malicious()}, folder.last)
    with pytest.raises(CheckpointError, match=r"last\.ckpt is broken"):
        folder.load_state()
    assert not (folder.path / "executed").exists()


def test_a_state_of_another_kind_is_told(folder: RunFolder) -> None:
    torch.save({"state_dict": {}}, folder.last)
    with pytest.raises(CheckpointError, match="not the state of a run that this version can resume"):
        folder.load_state()


def test_an_other_config_is_refused_and_the_same_is_not(folder: RunFolder) -> None:
    refuse_other_config(CONFIG, folder.load_state(), folder.path)
    with pytest.raises(ConfigError, match="batch_size: 8, not 4"):
        refuse_other_config(bars_config(batch_size=8), folder.load_state(), folder.path)
