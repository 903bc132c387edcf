"""Every error a user can meet, under one base, so that one line can be caught and shown."""

from __future__ import annotations

import difflib
from typing import Iterable


class PspGraspError(Exception):
    """Base of all errors that say what was wrong and what would be right."""


class ConfigError(PspGraspError):
    """A parameter is unknown, ill-typed or out of range."""


class DepthError(PspGraspError):
    """A depth image or its camera cannot be used."""


class DataError(PspGraspError):
    """A data set, one of its images or its labels cannot be used."""


class CheckpointError(PspGraspError):
    """A checkpoint is missing, broken, untrained or does not fit its own architecture."""


class NetworkError(PspGraspError):
    """A network cannot be built, or what it put out is not finite."""


def unknown_name(kind: str, name: object, valid: Iterable[str]) -> str:
    """Return the message for an unknown name: the near misses first, else all that is valid."""
    names = sorted(valid)
    near = difflib.get_close_matches(str(name), names, n=3)
    if near:
        return f"unknown {kind} {name!r}; did you mean {' or '.join(repr(n) for n in near)}?"
    return f"unknown {kind} {name!r}; there are: {', '.join(names) or 'none'}"
