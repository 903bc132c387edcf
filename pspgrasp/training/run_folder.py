"""The folder of a run: its config, the best checkpoint, and the state from which it can be resumed.

The state is tensors and plain values, read by torch without unpickling anything else.
"""

from __future__ import annotations

import io
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Mapping, Optional

import torch

from pspgrasp.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from pspgrasp.config import to_tree, to_yaml
from pspgrasp.errors import CheckpointError, ConfigError, PspGraspError
from pspgrasp.training.config import TrainConfig, decisive, differences, told, train_config

FORMAT = 1  # of the state; another is refused


@dataclass(frozen=True)
class RunFolder:
    """Where a run keeps what it makes."""

    path: Path

    @property
    def best(self) -> Path:
        """The best checkpoint, by validation."""
        return self.path / "best.safetensors"

    @property
    def last(self) -> Path:
        """The state after the last validation."""
        return self.path / "last.ckpt"

    @property
    def tensorboard(self) -> Path:
        """Curves and pictures."""
        return self.path / "tensorboard"

    def start(self, config: TrainConfig) -> None:
        """Make the folder for a new run.

        Raises:
            ConfigError: It holds a run already.
            PspGraspError: It can't be written.
        """
        held = [path.name for path in (self.best, self.last) if path.exists()]
        if held:
            raise ConfigError(
                f"{self.path} holds a run already ({', '.join(held)}); --resume goes on with it, "
                "and another --output starts a new one"
            )
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            (self.path / "config.yaml").write_text(to_yaml(config) + "\n", encoding="utf-8")
        except OSError as error:
            raise PspGraspError(f"{self.path} can't be written: {error.strerror or error}") from error

    def save_state(self, state: Dict[str, Any], config: TrainConfig, record: Mapping[str, Any]) -> None:
        """Write the state; the file is replaced as a whole or stays as it was.

        Args:
            state: Of the module.
            config: The run.
            record: How it was begun, of which command and origin are kept for its later pieces.

        Raises:
            CheckpointError: It can't be written.
        """
        whole = {"format": FORMAT, "config": json.dumps(to_tree(config)), **begun(record), **state}
        # Into memory first: torch's own writer ends some errors of the disk by ending the process.
        buffer = io.BytesIO()
        torch.save(whole, buffer)
        part = self.last.with_name(self.last.name + ".part")
        try:
            _write_through(part, buffer.getbuffer())
            os.replace(part, self.last)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise CheckpointError(
                f"{self.last} can't be written ({error.strerror or error}); what was there is as it was"
            ) from error

    def load_state(self) -> Dict[str, Any]:
        """Return the state of the run.

        Raises:
            CheckpointError: There is none, or it is broken or holds more than tensors and plain values.
        """
        if not self.last.is_file():
            raise CheckpointError(f"there is no run to resume in {self.path}: {self.last.name} is missing")
        try:
            state = torch.load(self.last, map_location="cpu", weights_only=True)
        except Exception as error:
            # torch raises whatever the bytes make it raise.
            first_line = (str(error).splitlines() or [type(error).__name__])[0]
            raise CheckpointError(f"{self.last} is broken: {first_line}") from error
        told = state.get("format") if isinstance(state, dict) else None
        if not isinstance(told, int) or told != FORMAT:
            raise CheckpointError(f"{self.last} is not the state of a run that this version can resume")
        try:
            config_of(state)
        except ConfigError as error:
            raise CheckpointError(f"{self.last}: {error}") from error
        return state

    def save_best(self, checkpoint: Checkpoint) -> None:
        """Write the best checkpoint.

        Raises:
            CheckpointError: It can't be written; what was there is as it was.
        """
        save_checkpoint(checkpoint, self.best)

    def load_best(self) -> Optional[Checkpoint]:
        """Return the best checkpoint so far, None where there is none.

        Raises:
            CheckpointError: It is broken.
        """
        return load_checkpoint(self.best) if self.best.exists() else None


def _write_through(path: Path, content: memoryview) -> None:
    """Write a file onto the disk, so that a power cut after it is renamed leaves no empty one."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def begun(record: Mapping[str, Any]) -> Dict[str, str]:
    """Return the part of a record, or of a state, that tells how the run was begun."""
    return {name: str(record[name]) for name in ("command", "origin")}


def config_of(state: Dict[str, Any]) -> TrainConfig:
    """Return the config of a run's state.

    Raises:
        ConfigError: This version doesn't know it.
    """
    try:
        return train_config(json.loads(state["config"]))
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"the state of a run must hold its config as JSON ({type(error).__name__})") from error


def refuse_other_config(asked: TrainConfig, state: Dict[str, Any], folder: Path) -> None:
    """Compare what is asked for with the run to be resumed; only `machine` may differ.

    Raises:
        ConfigError: Names what differs.
    """
    lines = differences(decisive(asked), decisive(config_of(state)))
    if lines:
        raise ConfigError(
            f"the run in {folder} was started with another config ({told(lines)}); "
            "resume it with its own, or start another with --output"
        )
