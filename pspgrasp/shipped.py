"""The checkpoints that ship with the package, by name, and any other by path."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Dict

from pspgrasp.checkpoint import Checkpoint, load_checkpoint
from pspgrasp.errors import CheckpointError, unknown_name

WEIGHTS = Path(__file__).parent / "weights"
DEFAULT = "efficientnet_lite0"


def shipped_checkpoints() -> Dict[str, Path]:
    """Return name -> file of the checkpoints that ship; a name is that of the backbone or baseline."""
    return {path.stem: path for path in sorted(WEIGHTS.glob("*.safetensors"))}


def find_checkpoint(name_or_path: str) -> Checkpoint:
    """Return the checkpoint of a shipped name, or of a file.

    Raises:
        CheckpointError: Neither is there (lists the shipped names), or the file is broken.
    """
    shipped = shipped_checkpoints()
    if name_or_path in shipped:
        return load_checkpoint(shipped[name_or_path])
    # timm's names have dots, too: only a slash or the suffix makes a path.
    if "/" in name_or_path or name_or_path.endswith(".safetensors"):
        # Unlike Path's, this expanduser leaves an unknown user's ~ alone.
        return load_checkpoint(Path(os.path.expanduser(name_or_path)))
    raise CheckpointError(
        f"{unknown_name('checkpoint', name_or_path, shipped)}; trained weights ship for: {', '.join(shipped)}; "
        "any other is given as the path of a .safetensors file"
    )
