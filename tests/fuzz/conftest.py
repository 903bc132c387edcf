"""A process that reads, for all tests of this folder; and, where many cases are asked for, how many there were."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Iterator

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "bag"))  # what writes bags

from strange_files import CASES, TRIED, Process, Strange


@pytest.fixture(scope="session")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """Return the process."""
    process = Process(tmp_path_factory.mktemp("cache"))
    yield process
    process.end()


@pytest.fixture(scope="session")
def strange(reading: Process, tmp_path_factory: pytest.TempPathFactory) -> Strange:
    """Return what holds the law."""
    return Strange(reading, tmp_path_factory.mktemp("strange") / "files")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how often each reader was asked."""
    if CASES and TRIED:
        terminalreporter.section(f"fuzz: {sum(TRIED.values())} cases")
        for reader, count in sorted(TRIED.items()):
            terminalreporter.write_line(f"{reader:24} {count:8d}")
