"""A run that is interrupted and resumed gives the same numbers as one that is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Iterator, Tuple

import pytest
import torch
from bars import bars_config, bars_run

from pspgrasp.checkpoint import load_checkpoint
from pspgrasp.errors import CheckpointError, ConfigError
from pspgrasp.training.fit import train
from pspgrasp.training.run_folder import RunFolder

#: With batch norm, dropout, momentum, an average and a schedule: all that a resumed run must find again.
NETWORK = {"backbone": "test_efficientnet", "relief_boxes_px": [15], "dropout": 0.5, "auxiliary_channels": 8}
CONFIG = bars_config(model={"architecture": "pspgraspnet", "network": NETWORK})


def tensors(tree: Any, place: str = "") -> Iterator[Tuple[str, Any]]:
    """Yield the leaves of a tree with their places."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from tensors(value, f"{place}/{key}")
    elif isinstance(tree, (list, tuple)):
        for number, value in enumerate(tree):
            yield from tensors(value, f"{place}/{number}")
    else:
        yield place, tree


def same(first: Any, second: Any) -> bool:
    return torch.equal(first, second) if isinstance(first, torch.Tensor) else first == second


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    train(bars_run(folder, CONFIG))
    return folder


@pytest.fixture(scope="module")
def resumed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six steps in two pieces: a piece ends after the first validation later than its minutes."""
    folder = tmp_path_factory.mktemp("resumed")
    train(bars_run(folder, CONFIG, minutes=1e-9))
    assert RunFolder(folder).load_state()["step"] == 3, "the first piece ends half-way"
    train(bars_run(folder, CONFIG, resume=True))
    return folder


def test_weights_average_and_optimiser_are_equal_to_the_last_bit(whole: Path, resumed: Path) -> None:
    states: Dict[str, Any] = {path: dict(tensors(RunFolder(path).load_state())) for path in (whole, resumed)}
    assert list(states[whole]) == list(states[resumed])
    assert states[whole]["/step"] == 6
    assert [place for place in states[whole] if not same(states[whole][place], states[resumed][place])] == []
    assert len([place for place in states[whole] if place.startswith("/optimiser/state")]) > 20


def test_the_best_checkpoints_are_equal_too(whole: Path, resumed: Path) -> None:
    first, second = load_checkpoint(whole / "best.safetensors"), load_checkpoint(resumed / "best.safetensors")
    assert first.training["figures"] == second.training["figures"]
    assert first.training["steps"] == second.training["steps"]
    assert all(torch.equal(tensor, second.weights[name]) for name, tensor in first.weights.items())


def test_a_run_at_its_end_has_nothing_to_do(whole: Path) -> None:
    before = (whole / "last.ckpt").stat().st_mtime_ns
    assert train(bars_run(whole, CONFIG, resume=True)) == {}
    assert (whole / "last.ckpt").stat().st_mtime_ns == before


def test_another_config_is_refused_with_what_differs(whole: Path) -> None:
    other = replace(CONFIG, seed=1, optimisation=replace(CONFIG.optimisation, rate=0.5))
    with pytest.raises(ConfigError) as caught:
        train(bars_run(whole, other, resume=True))
    assert "seed: 1, not 0; optimisation/rate: 0.5, not 0.001" in str(caught.value)


def test_another_machine_is_not_another_config(whole: Path) -> None:
    other = replace(CONFIG, machine=replace(CONFIG.machine, workers=3))
    assert train(bars_run(whole, other, resume=True)) == {}


def test_a_folder_that_holds_a_run_is_not_begun_anew(whole: Path) -> None:
    before = (whole / "best.safetensors").read_bytes()
    with pytest.raises(ConfigError, match=r"holds a run already \(best.safetensors, last.ckpt\); --resume goes on"):
        train(bars_run(whole, CONFIG))
    assert (whole / "best.safetensors").read_bytes() == before


def test_nothing_to_resume_is_told(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no run to resume in .*last.ckpt is missing"):
        train(bars_run(tmp_path, CONFIG, resume=True))
    assert list(tmp_path.iterdir()) == []
