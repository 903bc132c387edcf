"""The node with a network that never returns from an image on which nothing is farther than 0.3 m."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np

from pspgrasp.predictor import GraspPredictor, Prediction
from pspgrasp.ros.start import main

NEAR_M = 0.3
predict = GraspPredictor.predict


def predict_or_hang(self: GraspPredictor, frame: Any, table: Any = None) -> Prediction:
    """Judge a frame as ever, or wait for what never comes."""
    if np.nanmax(frame.depth_m) <= NEAR_M:
        threading.Event().wait()
    return predict(self, frame, table)


if __name__ == "__main__":
    sys.path.pop(0)  # this folder
    sys.argv[0] = str(Path(sys.argv[0]).with_name("grasp_detector"))
    GraspPredictor.predict = predict_or_hang  # type: ignore[method-assign]
    main()
