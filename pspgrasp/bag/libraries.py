"""Libraries that are installed by the extra `bag`."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from pspgrasp.errors import PspGraspError

PYTHON = (3, 10)  # which rosbags asks for
#: Name by which it is imported -> by which it is installed; the last three come with the others.
NEEDED = {
    "mcap": "mcap",
    "rich": "rich",
    "rosbags": "rosbags>=0.11",
    "yaml": "PyYAML",
    "apsw": "apsw",
    "lz4": "lz4",
    "zstandard": "zstandard",
}


def check_libraries() -> None:
    """Say in one line what is missing.

    Raises:
        PspGraspError: Something is not installed.
    """
    if sys.version_info < PYTHON:
        wanted, found = (".".join(map(str, version[:2])) for version in (PYTHON, sys.version_info))
        raise PspGraspError(f"`pspgrasp bag` needs Python {wanted} or later, this is {found}")
    missing = [installed for name, installed in NEEDED.items() if find_spec(name) is None]
    if missing:
        raise PspGraspError(f"`pspgrasp bag` needs {', '.join(missing)}: pip install 'pspgrasp[bag]'")
