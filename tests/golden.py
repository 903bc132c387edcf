"""Read the golden values of the original GG-CNN and the frames that they were made from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List

import cv2
import numpy as np

from pspgrasp.camera import PinholeCamera
from pspgrasp.depth import DepthFrame


def runs(data: Path) -> Dict[str, List[Dict[str, Any]]]:
    """Return run name -> entries, in the order in which the original saw them."""
    return json.loads((data / "golden" / "commands.json").read_text())["runs"]


def recorded_depth_m(data: Path, frame: str, unit_m: float) -> np.ndarray:
    """Return a frame of the recordings, "sawyermade_remote/000", (H, W) float32 [m], 0 = no measurement."""
    return cv2.imread(str(data / "recordings" / f"{frame}_depth.png"), -1).astype(np.float32) * np.float32(unit_m)


def made_up_depth_m(data: Path, expression: str) -> np.ndarray:
    """Return the image (480, 640) float32 [m] that an edge case's numpy expression describes."""
    names = {"np": np, "abs": abs, "png": lambda name: cv2.imread(str(data / "recordings" / name), -1)}
    return np.asarray(eval(expression, {"__builtins__": {}}, names), np.float32)


def frame(data: Path, entry: Dict[str, Any]) -> DepthFrame:
    """Return the depth frame of a golden entry."""
    if "synthetic" in entry:
        depth_m = made_up_depth_m(data, entry["synthetic"])
    else:
        depth_m = recorded_depth_m(data, entry["id"], entry["depth_unit_m"])
    fx, fy, cx, cy = entry["K"]
    return DepthFrame(depth_m, PinholeCamera(depth_m.shape[1], depth_m.shape[0], fx, fy, cx, cy))


def transforms(data: Path) -> Dict[str, Any]:
    """Return name -> pose of the camera in the base frame in the service runs."""
    return json.loads((data / "golden" / "commands.json").read_text())["meta"]["transforms"]
