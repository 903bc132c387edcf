"""The law of all readers, and the process in which they read: see strange_readers.py."""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Union

from hypothesis import HealthCheck, settings

#: Cases of each test; by `make fuzz` many, and others each time.
CASES = int(os.environ.get("PSPGRASP_FUZZ", "0"))
MOST_MEMORY = 512 << 20  # that a file of a few kilobytes may take, beside the libraries that read it [bytes]
LONGEST_S = 60.0  # that one file may take; all take milliseconds, but on a machine that is busy
#: Reader -> how often it was asked.
TRIED: Counter = Counter()

settings.register_profile(
    "ci",
    max_examples=40,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.register_profile("fuzz", settings.get_profile("ci"), max_examples=max(1, CASES), derandomize=False)


def fuzzed(ci: int = 40) -> settings:
    """Return the settings of a test: how many cases in CI; `make fuzz` says itself how many."""
    return settings(settings.get_profile("fuzz")) if CASES else settings(settings.get_profile("ci"), max_examples=ci)


class Answer(NamedTuple):
    """What came of a file.

    Attributes:
        kind: value, refused or crashed.
        said: The error's text.
        memory_bytes: That reading took.
    """

    kind: str
    said: str
    memory_bytes: int


class Process:
    """A process that reads; one that dies or hangs is replaced."""

    def __init__(self, folder: Path) -> None:
        """Say where it keeps what it caches."""
        self._environment = {
            **os.environ,
            "XDG_CACHE_HOME": str(folder),
            "OMP_NUM_THREADS": "1",
            "CUDA_VISIBLE_DEVICES": "",
        }
        self._running: Union[subprocess.Popen, None] = None

    def read(self, reader: str, path: Path, *arguments: Any, limited: bool = True) -> Answer:
        """Return what a reader makes of a file."""
        process = self._started()
        assert process.stdin
        assert process.stdout
        TRIED[reader] += 1
        process.stdin.write(json.dumps([reader, str(path), arguments, limited]) + "\n")
        process.stdin.flush()
        if not select.select([process.stdout], [], [], LONGEST_S)[0]:
            self.end()
            return Answer("crashed", f"{reader} hangs", 0)
        line = process.stdout.readline()
        if not line:
            self.end()
            return Answer("crashed", f"{reader} died: exit status {process.returncode}", 0)
        return Answer(*json.loads(line))

    def end(self) -> None:
        """End the process, if there is one."""
        if self._running:
            self._running.kill()
            self._running.wait()
        self._running = None

    def _started(self) -> subprocess.Popen:
        if self._running is None:
            program = Path(__file__).with_name("strange_readers.py")
            self._running = subprocess.Popen(
                [sys.executable, str(program)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env=self._environment,
            )
        return self._running


class Strange:
    """Writes files, lets them be read, and holds the law: a value, or an error of ours that names the file."""

    def __init__(self, process: Process, folder: Path) -> None:
        self._process, self._folder = process, folder

    def whole(self, reader: str, files: Dict[str, bytes], opened: str = "", *arguments: Any) -> None:
        """Hold that files as we write them are read: fuzzing begins behind the reader's front door."""
        answer = self._read(reader, files, opened, *arguments, limited=False)
        assert answer.kind == "value", answer.said

    def read(self, reader: str, files: Dict[str, bytes], opened: str = "", *arguments: Any) -> Answer:
        """Hold the law.

        Args:
            reader: Which.
            files: Name -> content; of a folder that holds nothing else.
            opened: Which of them is read; "" is the first, "." the folder.
            arguments: Of the reader.
        """
        answer = self._read(reader, files, opened, *arguments, limited=True)
        assert answer.kind != "crashed", answer.said
        assert answer.memory_bytes < MOST_MEMORY, f"{reader} took {answer.memory_bytes >> 20} MiB: {answer.said}"
        if answer.kind == "refused":
            stems = [Path(name).stem for name in files]
            names = [self._folder.name, *stems, *(re.sub(r"(?<=\d)\D+$", "", stem) for stem in stems)]  # pcd0100cpos
            assert "\n" not in answer.said, answer.said
            assert reader == "compressedDepth" or any(name in answer.said for name in names), answer.said
        return answer

    def _read(self, reader: str, files: Dict[str, bytes], opened: str, *arguments: Any, limited: bool) -> Answer:
        shutil.rmtree(self._folder, ignore_errors=True)
        for name, content in files.items():
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return self._process.read(reader, self._folder / (opened or next(iter(files))), *arguments, limited=limited)


def contents(folder: Path) -> Dict[str, bytes]:
    """Return name -> content of the files below a folder."""
    files: List[Path] = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
