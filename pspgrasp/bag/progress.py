"""How far a recording has got: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from pspgrasp.bag.judging.judge import Told
from pspgrasp.bag.recording import Recording

EVERY_S_IN_A_LOG = 15.0
TellsOf = Callable[[Recording], Told]


class Speed(ProgressColumn):
    """Frames a second."""

    def render(self, task: Task) -> Text:
        """Return it for people."""
        return Text(f"{task.speed:.1f} frames/s" if task.speed else "")


@contextmanager
def progress(console: Console) -> Iterator[TellsOf]:
    """Yield what tells of the progress of a recording."""
    if not console.is_terminal:
        yield lambda recording: _Log(console, recording.name)
        return
    name, count = TextColumn("{task.description}", markup=False), TextColumn("{task.completed:.0f}/{task.total:.0f}")
    with Progress(name, BarColumn(), count, Speed(), TimeRemainingColumn(), console=console, transient=True) as bars:

        def bar_of(recording: Recording) -> Told:
            bar = bars.add_task(recording.name, total=len(recording))
            return lambda done, expected: bars.update(bar, completed=done, total=max(done, expected))

        yield bar_of


class _Log:
    def __init__(self, console: Console, name: str) -> None:
        self._console, self._name = console, name
        self._start_s = self._told_s = time.monotonic()

    def __call__(self, done: int, expected: int) -> None:
        now_s = time.monotonic()
        if now_s - self._told_s < EVERY_S_IN_A_LOG:
            return
        self._told_s, rate = now_s, done / (now_s - self._start_s)
        left_s = max(0, expected - done) / rate
        told = f"{self._name} {done}/{expected}, {rate:.1f} frames/s, {left_s:.0f} s left"
        self._console.print(told, soft_wrap=True, markup=False)
