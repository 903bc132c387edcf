"""Plain values in files of unknown origin: JSON and YAML."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pspgrasp.errors import ConfigError


def read_tree(path: Path) -> Any:
    """Return the plain values that a file holds: JSON by its suffix, else YAML; None of an empty one.

    Raises:
        ConfigError: It can't be read, or is none; names the file.
    """
    is_json = path.suffix == ".json"
    parse = json.loads if is_json else _yaml().safe_load
    try:
        return parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror or error}") from error
    except Exception as error:
        # PyYAML raises what a file makes it raise: KeyError of `!!bool x`, ValueError of a 13th month.
        what = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise ConfigError(f"{path} is no {'JSON' if is_json else 'YAML'}: {what:.300}") from error


def _yaml() -> Any:
    try:
        import yaml
    except ImportError as error:
        raise ConfigError("reading YAML needs PyYAML: pip install PyYAML") from error
    return yaml
