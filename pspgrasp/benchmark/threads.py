"""How many threads of the CPU a row gets: OpenCV's, torch's, and those of runtimes that are opened meanwhile."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import Iterator

import cv2
import torch

VARIABLE = "OMP_NUM_THREADS"  # runtimes ask `machine.thread_count` when they are opened


def use_threads(count: int) -> None:
    """Let what follows have so many threads."""
    os.environ[VARIABLE] = str(count)
    if torch.get_num_threads() != count:
        torch.set_num_threads(count)
    if cv2.getNumThreads() != count:  # a change builds its pool anew
        cv2.setNumThreads(count)


@contextmanager
def threads_kept() -> Iterator[None]:
    """Put back at the end how many threads there were."""
    told, of_torch, of_opencv = os.environ.get(VARIABLE), torch.get_num_threads(), cv2.getNumThreads()
    try:
        yield
    finally:
        torch.set_num_threads(of_torch)
        cv2.setNumThreads(of_opencv)
        if told is None:
            os.environ.pop(VARIABLE, None)
        else:
            os.environ[VARIABLE] = told
