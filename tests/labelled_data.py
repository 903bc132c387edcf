"""Write small data sets, each in its own format."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

import cv2
import numpy as np

from pspgrasp.data.jacquard import jacquard_line
from pspgrasp.rectangle import GraspRectangle

RECTANGLE = GraspRectangle(60.0, 40.0, 0.3, 30.0, 12.0)


def scene_m(shape: Sequence[int] = (90, 120), far_m: float = 0.8) -> np.ndarray:
    """Return a table (H, W) float32 [m] with a box on it and one pixel that was not measured."""
    depth_m = np.full(tuple(shape), far_m, np.float32)
    depth_m[shape[0] // 3 : shape[0] // 2, shape[1] // 3 : shape[1] // 2] -= np.float32(0.05)
    depth_m[0, 0] = 0.0
    return depth_m


def corner_lines(rectangles: Sequence[GraspRectangle]) -> str:
    """Return rectangles as Cornell writes them."""
    return "".join(f"{u:.6f} {v:.6f} \n" for r in rectangles for u, v in r.corners())


def write_png(path: Path, depth_m: np.ndarray, unit_m: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.rint(depth_m / unit_m).astype(np.uint16))


def write_tiff(path: Path, depth_m: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), depth_m.astype(np.float32))


def write_cornell(
    folder: Path,
    numbers: Sequence[int],
    rectangles: Sequence[GraspRectangle] = (RECTANGLE,),
    depth_m: np.ndarray = None,
    png: bool = False,
) -> None:
    """Write Cornell's layout: pcdNNNNcpos.txt and depth; two images an object in objects.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    depth_m = scene_m() if depth_m is None else depth_m
    for number in numbers:
        (folder / f"pcd{number:04d}cpos.txt").write_text(corner_lines(rectangles))
        if png:
            write_png(folder / f"pcd{number:04d}d.png", depth_m, 0.0001)
        else:
            write_tiff(folder / f"pcd{number:04d}d.tiff", depth_m)
    table = "".join(f"{number:04d},{number // 2},thing\n" for number in numbers)
    (folder / "objects.csv").write_text("pcd,object_id,object_name\n" + table)


def write_jacquard(
    folder: Path, views: int, thing: str, rectangles: Sequence[GraspRectangle], png: bool = False
) -> None:
    """Write Jacquard's layout: OBJECT/N_OBJECT_grasps.txt and both depths, 1024x1024."""
    for view in range(views):
        stem = folder / thing / f"{view}_{thing}"
        for kind, far_m in (("perfect", 1.5), ("stereo", 1.51)):
            depth_m = scene_m((1024, 1024), far_m)
            if png:
                write_png(Path(f"{stem}_{kind}_depth.png"), depth_m, 0.0001)
            else:
                write_tiff(Path(f"{stem}_{kind}_depth.tiff"), depth_m)
        Path(f"{stem}_grasps.txt").write_text("".join(jacquard_line(r) + "\n" for r in rectangles))
