"""The table of faults in docs/reliability.md: what was done, as a test's docstring says, and what the test saw."""

from __future__ import annotations

import ast
import os
import re
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Iterator, List, Optional

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
TESTS = Path(__file__).resolve().parent
BEGIN, END = "<!-- faults -->\n", "<!-- /faults -->"
HEAD = "| what is done | what is seen | good again after |\n|---|---|---|\n"
WRITE = bool(os.environ.get("PSPGRASP_WRITE_FAULTS"))


@dataclass
class Fault:
    """One row, written by the test that tries it.

    Attributes:
        done: What is done to the node.
        seen: What held, in words.
        again_s: How long it took until the node did well again [s]; None where it never did otherwise.
    """

    done: str
    seen: List[str] = field(default_factory=list)
    again_s: Optional[float] = None

    def sees(self, words: str, holds: object) -> None:
        """Hold that something is so, and say it in the table."""
        assert holds, words
        self.seen.append(words)

    @contextmanager
    def until_good(self) -> Iterator[None]:
        """Take the time from where the fault is over, or a new process is started, to where the node does well."""
        began_s = time.monotonic()
        yield
        self.again_s = max(self.again_s or 0.0, time.monotonic() - began_s)

    @property
    def row(self) -> str:
        """The row of the table."""
        again = "" if self.again_s is None else f"{self.again_s:.1f} s"
        return f"| {self.done} | {'; '.join(self.seen)} | {again} |\n"


def declared() -> List[str]:
    """Return what is done in each test that asks for the fixture `fault`, in the order of the tests."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in sorted(TESTS.rglob("test_*.py"))]
    tests = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return [ast.get_docstring(test) or test.name for test in tests if "fault" in [a.arg for a in test.args.args]]


def rows() -> Dict[str, str]:
    """Return the rows of the page by what is done in them."""
    table = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    found = re.findall(r"^\| (.*?) \| .*\n", table.partition(HEAD)[2], re.MULTILINE)
    lines = table.partition(HEAD)[2].splitlines(keepends=True)
    return dict(zip(found, lines))


def without_time(row: str) -> str:
    """Return a row without its last cell, which is another one each time."""
    return row.rpartition("| ")[0].rpartition("| ")[0]


def write(faults: List[Fault]) -> None:
    """Put rows into the page, in place of the same ones of before; rows of tests that are gone are left out."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    known = {**rows(), **{fault.done: fault.row for fault in faults}}
    table = "".join(known[done] for done in declared() if done in known)
    PAGE.write_text(before + BEGIN + HEAD + table + END + rest.partition(END)[2], encoding="utf-8")
