"""How a command ends: SIGTERM is as Ctrl-C, and nobody has to read its output to the end."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Iterator, List, Optional

if TYPE_CHECKING:
    from rich.console import RenderableType


@contextmanager
def stopped_by_sigterm() -> Iterator[None]:
    """Let SIGTERM, by which systems stop what runs, do what Ctrl-C does at that moment."""

    def stop(_number: int, frame: Optional[FrameType]) -> None:
        heard = signal.getsignal(signal.SIGINT)
        if not callable(heard):  # what a shell starts in the background is deaf to Ctrl-C
            raise KeyboardInterrupt
        heard(signal.SIGINT, frame)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def held_back() -> Iterator[None]:
    """Let Ctrl-C wait until what is under way is done; it should be short."""
    heard: List[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: heard.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if heard:
        raise KeyboardInterrupt


def say(*lines: RenderableType, columns: int = 0) -> None:
    """Print lines on standard output; where nobody reads them any more, as behind `| head`, go on in silence.

    Args:
        lines: Texts and tables.
        columns: That they need: a file or a pipe has no width of its own.
    """
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, columns)
    with console.capture() as told:
        for line in lines:
            console.print(line, soft_wrap=True, highlight=False, markup=False)
    try:
        sys.stdout.write(told.get())
        sys.stdout.flush()
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)  # for what is flushed at the very end
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
