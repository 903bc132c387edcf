"""Engines that are kept: exported networks, and what a runtime makes of them on this machine.

Under the user's cache, a folder for each checkpoint's fingerprint. A file is used only if its bytes are those that
this version wrote: beside it stands a JSON file with their hash and the network's metadata.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Callable, Optional

from pspgrasp import __version__
from pspgrasp.errors import CheckpointError, PspGraspError
from pspgrasp.network_file import NetworkFile
from pspgrasp.network_file.metadata import Metadata
from pspgrasp.runtimes.machine import key_of, machine
from pspgrasp.whole_file import sha256_of, whole_file


def cache_folder() -> Path:
    """Return the folder of all that is kept; it need not be there."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "pspgrasp" / "engines"


def made_folder(path: Path) -> Path:
    """Return a folder of the cache, made if need be.

    Raises:
        PspGraspError: It can't be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PspGraspError(
            f"engines are kept in {path}, which can't be made ({error.strerror or error}); "
            "set XDG_CACHE_HOME to a folder that can be written"
        ) from error
    return path


def engine_path(fingerprint: str, precision: str) -> Path:
    """Return where the exported network of a checkpoint is kept."""
    return cache_folder() / fingerprint / f"{precision}.onnx"


def machine_engine(fingerprint: str, runtime: str, device: str) -> Path:
    """Return where a runtime keeps what it builds of a network for this machine: another GPU or version, another place.

    Args:
        fingerprint: Of the network.
        runtime: Its name.
        device: "cuda:0".
    """
    return cache_folder() / fingerprint / f"{runtime}-{key_of(machine(), device)}"


def kept_network(fingerprint: str, precision: str) -> Optional[NetworkFile]:
    """Return the exported network that is kept of a checkpoint; None where there is none, or it is damaged or stale."""
    path = engine_path(fingerprint, precision)
    try:
        told = json.loads(_beside(path).read_text(encoding="utf-8"))
        if told["made_by"] != __version__ or sha256_of(path) != told["sha256"]:
            return None
        metadata = Metadata.from_text(told["metadata"], str(path))
    except (OSError, ValueError, KeyError, TypeError, CheckpointError):
        return None  # whoever asks makes it anew
    return NetworkFile.of(metadata, path, metadata.name)


def keep_network(metadata: Metadata, write: Callable[[Path], None]) -> NetworkFile:
    """Keep an exported network, and return it.

    Args:
        metadata: Its own.
        write: Writes it to a path, whole or not at all.

    Raises:
        PspGraspError: It can't be written.
    """
    path = engine_path(metadata.fingerprint, metadata.precision)
    made_folder(path.parent)
    write(path)
    digest = sha256_of(path)
    told = {"made_by": __version__, "sha256": digest, "metadata": metadata.to_text()}
    with whole_file(_beside(path)) as part:
        part.write_text(json.dumps(told), encoding="utf-8")
    return NetworkFile.of(metadata, path, metadata.name)


def _beside(path: Path) -> Path:
    return path.with_suffix(".json")
