"""What was decided on this machine, kept so that a second start takes no time.

A decision holds as long as the checkpoint, what was asked for, the machine, its libraries and its engines are the
same: all of them are in the name of its file.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Optional

from pspgrasp import __version__
from pspgrasp.runtimes.engines import cache_folder, made_folder
from pspgrasp.runtimes.machine import key_of
from pspgrasp.whole_file import sha256_of, whole_file


@dataclass(frozen=True)
class Decision:
    """Which runtime, and why, in words."""

    runtime: str
    why: str


def kept_decision(key: str) -> Optional[Decision]:
    """Return what was decided under a key; None if nothing was, or the file is damaged."""
    try:
        told = json.loads(_decision_path(key).read_text(encoding="utf-8"))
        return Decision(str(told["runtime"]), str(told["why"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None  # whoever asks decides anew


def keep_decision(key: str, decision: Decision) -> None:
    """Keep a decision.

    Raises:
        PspGraspError: It can't be written.
    """
    _keep(_decision_path(key), asdict(decision))


def kept_fingerprint(path: Path) -> Optional[str]:
    """Return the fingerprint of a checkpoint's file, if these very bytes were loaded before: it saves loading torch."""
    try:
        told = json.loads(_file_path(path).read_text(encoding="utf-8"))
        return str(told["fingerprint"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep_fingerprint(path: Path, fingerprint: str) -> None:
    """Keep the fingerprint of a checkpoint's file.

    Raises:
        PspGraspError: It can't be written.
    """
    _keep(_file_path(path), {"fingerprint": fingerprint})


def _keep(path: Path, tree: Any) -> None:
    made_folder(path.parent)
    with whole_file(path) as part:
        part.write_text(json.dumps(tree), encoding="utf-8")


def _decision_path(key: str) -> Path:
    return cache_folder() / "decisions" / f"{key}.json"


def _file_path(path: Path) -> Path:
    digest = sha256_of(path)
    return cache_folder() / "files" / f"{key_of(digest, __version__)}.json"
