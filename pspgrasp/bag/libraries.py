"""Libraries that are installed by an extra."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Sequence

from pspgrasp.errors import PspGraspError

NEEDED = ("rich", "rosbags")  # of the extra `bag`, by every command


def check_libraries(needed: Sequence[str], extra: str) -> None:
    """Say in one line what is missing.

    Args:
        needed: Names by which they are imported.
        extra: That installs them.

    Raises:
        PspGraspError: One is not installed.
    """
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        raise PspGraspError(f"`pspgrasp bag` needs {' and '.join(missing)}: pip install 'pspgrasp[{extra}]'")
