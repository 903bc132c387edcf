"""The node with what hangs or fails as drivers do: by the depth of flat images, and by the names of networks."""

from __future__ import annotations

import ctypes
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pspgrasp.predictor import GraspPredictor, Prediction
from pspgrasp.ros import node, watchdog
from pspgrasp.ros.start import main
from pspgrasp.runtimes.start import Started

HANGS_M, NO_MEMORY_M, GPU_LOST_M, FREEZES_M = 0.2, 0.25, 0.3, 0.35
FAILS_TO_LOAD, FAILS_TO_WARM_UP = "fails_to_load", "fails_to_warm_up"
REPORT_S = 0.2  # between two messages on /diagnostics, so that tests needn't wait for them
FROZEN_S = 3.0
predict, start, warm_up = GraspPredictor.predict, node.start, GraspPredictor.warm_up
lost = threading.Event()  # as a GPU that has failed answers every call with the same error


def out_of_memory() -> torch.cuda.OutOfMemoryError:
    return torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")


def hold_the_interpreter() -> None:
    """Return never, and let no other thread get on, as a driver may."""
    ctypes.PyDLL(None).sleep(3600)


def predict_or_fail(self: GraspPredictor, frame: Any, table: Any = None) -> Prediction:
    """Judge a frame as ever, fail as CUDA does, or wait for what never comes."""
    farthest_m = round(float(np.nanmax(frame.depth_m, initial=0.0)), 2)
    if farthest_m == HANGS_M:
        threading.Event().wait()
    if farthest_m == FREEZES_M:
        hold_the_interpreter()
    if farthest_m == NO_MEMORY_M:
        raise out_of_memory()
    if farthest_m == GPU_LOST_M:
        lost.set()
    if lost.is_set():
        raise RuntimeError("CUDA error: an illegal memory access was encountered")
    return predict(self, frame, table)


def start_or_fail(checkpoint: str, *how: str) -> Started:
    """Load a network as ever, or fail as CUDA does."""
    if FAILS_TO_LOAD in checkpoint:
        raise out_of_memory()
    return start(checkpoint, *how)


def warm_up_or_fail(self: GraspPredictor) -> None:
    """Warm up as ever, or fail as CUDA does."""
    if FAILS_TO_WARM_UP in self.name:
        raise out_of_memory()
    warm_up(self)


if __name__ == "__main__":
    sys.path.pop(0)  # this folder
    sys.argv[0] = str(Path(sys.argv[0]).with_name("grasp_detector"))
    node.REPORT_S, watchdog.FROZEN_S = REPORT_S, FROZEN_S
    node.start = start_or_fail
    GraspPredictor.predict = predict_or_fail  # type: ignore[method-assign]
    GraspPredictor.warm_up = warm_up_or_fail  # type: ignore[method-assign]
    main()
