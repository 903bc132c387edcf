"""How far a recording has got: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import Callable, Iterator, Optional

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from pspgrasp.bag.recording import Told, silent

EVERY_S_IN_A_LOG = 15.0
FRAMES, BESIDE, PICTURES = "frames", "messages of TF", "frames for pictures"
TellsOf = Callable[[str, str], Told]  # of which recording, and what of it is counted


def in_silence(_recording: str, _what: str) -> Told:
    """Tell nobody."""
    return silent


class Speed(ProgressColumn):
    """How many a second."""

    def render(self, task: Task) -> Text:
        """Return it for people."""
        return Text(f"{task.speed:.1f} {task.fields['what']}/s" if task.speed else "")


@contextmanager
def progress(console: Console) -> Iterator[TellsOf]:
    """Yield what tells of the progress of a recording."""
    if not console.is_terminal:
        yield lambda recording, what: _Log(console, recording, what)
        return
    name, count = TextColumn("{task.description}", markup=False), TextColumn("{task.completed:.0f}/{task.total:.0f}")
    with Progress(name, BarColumn(), count, Speed(), TimeRemainingColumn(), console=console, transient=True) as bars:
        yield lambda recording, what: _Bar(bars, recording, what)


class _Bar:
    """Is there from the first time that something is done."""

    def __init__(self, bars: Progress, name: str, what: str) -> None:
        self._bars, self._name, self._what = bars, name, what
        self._bar: Optional[TaskID] = None

    def __call__(self, done: int, expected: int) -> None:
        if self._bar is None:
            self._bar = self._bars.add_task(self._name, total=max(done, expected), what=self._what)
        self._bars.update(self._bar, completed=done, total=max(done, expected))


class _Log:
    def __init__(self, console: Console, name: str, what: str) -> None:
        self._console, self._name, self._what = console, name, what
        self._start_s = self._told_s = time.monotonic()

    def __call__(self, done: int, expected: int) -> None:
        now_s = time.monotonic()
        if now_s - self._told_s < EVERY_S_IN_A_LOG:
            return
        self._told_s, rate = now_s, done / (now_s - self._start_s)
        left_s = max(0, expected - done) / rate
        told = f"{self._name} {done}/{expected}, {rate:.1f} {self._what}/s, {left_s:.0f} s left"
        self._console.print(told, soft_wrap=True, markup=False)
