"""The rectangle labels of GraspNet-1Billion (Fang et al. 2020).

A camera's folder of a scene, `scene_NNNN/kinect` or `/realsense`, holds `rect/NNNN.npy` (N, 7): centre u, v; u, v of
the middle of one jaw, so half an opening away; jaw; score; object. `depth/NNNN.png` is uint16, millimetres.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import List, Tuple

import numpy as np

from pspgrasp.data.depth_file import read_depth
from pspgrasp.data.sample import GraspSample, SampleEntry
from pspgrasp.errors import DataError
from pspgrasp.grasp import wrap_half_turn
from pspgrasp.rectangle import GraspRectangle


def graspnet_entries(folder: Path) -> List[SampleEntry]:
    """Return the labelled images below a folder, sorted; a scene shows one set of objects."""
    files = sorted(folder.rglob("rect/*.npy"))
    return [_entry(file, file.parent.parent, folder) for file in files]


def _entry(file: Path, camera: Path, folder: Path) -> SampleEntry:
    return SampleEntry(str(camera.relative_to(folder) / file.stem), camera.resolve().parent.name, file)


def read_graspnet(entry: SampleEntry, png_unit_m: float, _depth: str) -> GraspSample:
    """Return a sample of the GraspNet layout.

    Raises:
        DataError: Labels or depth are missing or malformed; names the file.
    """
    rectangles, skipped = read_rectangles(entry.labels)
    depth_m = read_depth(entry.labels.parent.parent / "depth" / f"{entry.labels.stem}.png", png_unit_m)
    return GraspSample(depth_m, rectangles, entry.name, entry.object_id, skipped)


def read_rectangles(path: Path) -> Tuple[Tuple[GraspRectangle, ...], Tuple[str, ...]]:
    """Return the rectangles of a label file, and what was left out: not finite, or without area.

    Raises:
        DataError: Not an array (N, 7) of numbers.
    """
    try:
        # Mapped, since numpy makes room for as many numbers as the file claims.
        labels = np.load(str(path), mmap_mode="r", allow_pickle=False)
    except Exception as error:
        # numpy reads its header as Python, and raises what that makes it raise.
        raise DataError(f"{path} is no array of numbers ({type(error).__name__})") from error
    if not isinstance(labels, np.ndarray):
        raise DataError(f"{path} is an archive; rectangle labels are one array (N, 7)")
    if labels.ndim != 2 or labels.shape[1] != 7 or labels.dtype.kind not in "fiu":
        raise DataError(f"{path} holds {labels.shape} of {labels.dtype}; rectangle labels are (N, 7) numbers")
    usable = np.isfinite(labels).all(axis=1) & (labels[:, 4] > 0) & (labels[:, :2] != labels[:, 2:4]).any(axis=1)
    skipped = tuple(f"{path}:row {row}: not finite, or without area" for row in np.flatnonzero(~usable))
    return tuple(_rectangle(*(float(n) for n in row[:5])) for row in labels[usable]), skipped


def _rectangle(u: float, v: float, open_u: float, open_v: float, jaw_px: float) -> GraspRectangle:
    angle_rad = wrap_half_turn(math.atan2(v - open_v, open_u - u))
    return GraspRectangle(u, v, angle_rad, 2 * math.hypot(open_u - u, open_v - v), jaw_px)
