"""Every error a user can meet, under one base, so that one line can be caught and shown."""

from __future__ import annotations

import difflib
import reprlib
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


MOST_NAMES = 50  # that one message lists

_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxother, _SHORT.maxlong = 3, 120, 120, 60


def shown(value: object) -> str:
    """Return a value of unknown origin for a message, on one line and short, however large or deep it is."""
    try:
        return _SHORT.repr(value)
    except ValueError:  # Python doesn't write out whole numbers of thousands of digits
        return f"a {type(value).__name__} of too many digits"


def unknown_name(kind: str, name: object, valid: Iterable[str]) -> str:
    """Return the message for an unknown name: the near misses first, else all that is valid."""
    names = sorted(valid)
    near = difflib.get_close_matches(name if isinstance(name, str) else shown(name), names, n=3)
    if near:
        return f"unknown {kind} {shown(name)}; did you mean {' or '.join(repr(n) for n in near)}?"
    more = [f"and {len(names) - MOST_NAMES} more"] if len(names) > MOST_NAMES else []
    return f"unknown {kind} {shown(name)}; there are: {', '.join([*names[:MOST_NAMES], *more]) or 'none'}"
