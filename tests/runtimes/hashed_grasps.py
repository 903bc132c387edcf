"""Prints, as JSON, runtime -> digests of network output, maps and grasps of a generated frame, seen twice.

A program of its own, so that each run has a fresh process: `python hashed_grasps.py RUNTIME...`.
"""

from __future__ import annotations

import hashlib
import json
import sys
from typing import Dict, List

import numpy as np

from pspgrasp.crop import SquareCrop
from pspgrasp.data.tabletop import tabletop_frames
from pspgrasp.predictor import GraspPredictor
from pspgrasp.preprocess import prepare
from pspgrasp.runtimes.opening import open_runtime
from pspgrasp.shipped import find_checkpoint


def digest(*arrays: np.ndarray) -> str:
    """Return 16 hex digits that change with any bit."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()[:16]


def digests(predictor: GraspPredictor) -> List[str]:
    """Return the digests of a frame, seen twice."""
    told = []
    for frame, _ in list(tabletop_frames(3, 1)) * 2:
        crop = SquareCrop.placed(predictor.crop, frame.depth_m.shape, predictor.preprocess.input_size_px)
        image, _ = prepare(crop.extract(frame.depth_m), predictor.preprocess, frame.camera.focal_px / crop.scale)
        found = predictor.predict(frame)
        assert found.maps
        assert found.grasps
        maps = (found.maps.quality, found.maps.cos_2phi, found.maps.sin_2phi, found.maps.width_px)
        grasps = repr([(one.position_m.tolist(), one.angle_rad, one.width_m, one.quality) for one in found.grasps])
        told += [digest(predictor.runtime(image)), digest(*maps), hashlib.sha256(grasps.encode()).hexdigest()[:16]]
    return told


def main(runtimes: List[str]) -> None:
    """Print the digests of these runtimes."""
    checkpoint = find_checkpoint("efficientnet_lite0")
    plain = GraspPredictor.from_checkpoint(checkpoint, "cpu")
    told: Dict[str, List[str]] = {}
    for name in runtimes:
        runtime = open_runtime(name, checkpoint, "cpu")
        told[name] = digests(GraspPredictor(plain.name, runtime, plain.preprocess, plain.width_scale_px, plain.width))
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1:])
