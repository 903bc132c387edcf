"""A cache of the tests' own, and checkpoints to run."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from pspgrasp.checkpoint import Checkpoint
from pspgrasp.config import PreprocessConfig
from pspgrasp.models import ModelConfig, build_model

TINY = {
    "architecture": "pspgraspnet",
    "network": {"backbone": "test_efficientnet", "head_channels": 16, "lateral_channels": 8, "refine_channels": 8},
}


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a cache that all tests share: what one has exported, another reads."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def cache(kept: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep engines in the shared cache, never in the user's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(kept))
    return kept


@pytest.fixture
def empty_cache(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep engines in a cache of this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def tiny() -> Checkpoint:
    """Return a small network with a pyramid, weights drawn by chance, norms as if it had seen data."""
    model = ModelConfig.from_tree(TINY)
    torch.manual_seed(0)
    network = build_model(model)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -0.5, 0.5)
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.uniform_(module.bias, -0.5, 0.5)
    return Checkpoint("tiny", model, network.state_dict(), PreprocessConfig(96), 150.0, {"by": "a test"}, "contact")
