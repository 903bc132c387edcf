"""The checkpoints that ship with the package, by name, and any other by path."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Dict, Union

from pspgrasp.errors import CheckpointError, unknown_name
from pspgrasp.network_file import READERS, NetworkFile, read_network_file

if TYPE_CHECKING:
    from pspgrasp.checkpoint import Checkpoint

WEIGHTS = Path(__file__).parent / "weights"
DEFAULT = "efficientnet_lite0"
SUFFIXES = (".safetensors", *READERS)

Network = Union["Checkpoint", NetworkFile]  # weights to build a network of, or a network that was exported


def shipped_checkpoints() -> Dict[str, Path]:
    """Return name -> file of the checkpoints that ship; a name is that of the backbone or baseline."""
    return {path.stem: path for path in sorted(WEIGHTS.glob("*.safetensors"))}


def checkpoint_path(name_or_path: str) -> Path:
    """Return the file of a shipped name, or the path itself, whether there is such a file or not.

    Raises:
        CheckpointError: It is neither (lists the shipped names).
    """
    shipped = shipped_checkpoints()
    if name_or_path in shipped:
        return shipped[name_or_path]
    # timm's names have dots, too: only a slash or a suffix makes a path.
    if "/" in name_or_path or name_or_path.endswith(SUFFIXES):
        # Unlike Path's, this expanduser leaves an unknown user's ~ alone.
        return Path(os.path.expanduser(name_or_path))
    raise CheckpointError(
        f"{unknown_name('checkpoint', name_or_path, shipped)}; trained weights ship for: {', '.join(shipped)}; "
        f"any other is given as the path of a .safetensors file, or of an exported one ({', '.join(READERS)})"
    )


def find_checkpoint(name_or_path: str) -> Network:
    """Return the checkpoint of a shipped name, or of a file; an exported network is one, too.

    Raises:
        CheckpointError: Neither is there (lists the shipped names), or the file is broken.
    """
    path = checkpoint_path(name_or_path)
    return read_network_file(path) if path.suffix in READERS else _loaded(path)


def find_weights(name_or_path: str) -> Checkpoint:
    """Return the checkpoint of a shipped name, or of a file, with its weights: to train on, or to build it anew.

    Raises:
        CheckpointError: As `find_checkpoint`, or it is an exported network.
    """
    path = checkpoint_path(name_or_path)
    if path.suffix in READERS:
        raise CheckpointError(f"{path} is an exported network; give the .safetensors file that it was made of")
    return _loaded(path)


def _loaded(path: Path) -> Checkpoint:
    from pspgrasp.checkpoint import load_checkpoint  # torch: a node that runs an exported network does without

    return load_checkpoint(path)
