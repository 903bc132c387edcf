"""The Cornell Grasp Dataset (Jiang et al. 2011), and anything else that is labelled as it is.

`pcdNNNNcpos.txt` holds four lines "u v" a rectangle, edge 0 to 1 along the opening; some corners are NaN. Depth is, by
the first of these that is there: `pcdNNNNd.tiff` (float metres), `pcdNNNNd.png` (uint16), `pcdNNNN.txt` (the point
cloud [mm], 640x480, without the points that were not measured). Of a cloud it is the range, the distance from the
camera, as GG-CNN's tool makes its `d.tiff` of it.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

import numpy as np

from pspgrasp.data.depth_file import read_depth
from pspgrasp.data.sample import GraspSample, SampleEntry
from pspgrasp.errors import DataError
from pspgrasp.rectangle import GraspRectangle

CLOUD_PX = (480, 640)  # rows and columns of the point clouds
SUFFIX = "cpos.txt"


def cornell_entries(folder: Path) -> List[SampleEntry]:
    """Return the labelled images below a folder, sorted.

    Objects are told by a table `objects.csv` (pcd, object_id, ...), in the folder, beside the images or one above.
    """
    files = sorted(folder.rglob(f"pcd*{SUFFIX}"))
    objects: Dict[str, str] = {}
    for place in sorted({folder.resolve().parent, folder, *(file.parent for file in files)}):
        objects.update(_objects(place / "objects.csv"))
    return [_entry(file, folder, objects) for file in files]


def _entry(file: Path, folder: Path, objects: Dict[str, str]) -> SampleEntry:
    number = file.name[len("pcd") : -len(SUFFIX)]
    return SampleEntry(str(file.relative_to(folder))[: -len(SUFFIX)], objects.get(number, ""), file)


def _objects(path: Path) -> Dict[str, str]:
    """Return the number of an image -> the id of its object, as a table tells it; {} without one."""
    if not path.is_file():
        return {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} can't be read as a table: {error}") from error
    for line, row in enumerate(rows, 2):
        if not row.get("pcd") or not row.get("object_id"):
            raise DataError(f"{path}:{line}: expected columns pcd and object_id, got {dict(row)}")
    return {row["pcd"]: row["object_id"] for row in rows}


def read_cornell(entry: SampleEntry, png_unit_m: float, _depth: str) -> GraspSample:
    """Return a sample of the Cornell layout.

    Raises:
        DataError: Labels or depth are missing or malformed; names the file and the line.
    """
    rectangles, corners_px, skipped = read_corner_labels(entry.labels)
    stem = str(entry.labels)[: -len(SUFFIX)]
    depth_m = _depth_m(stem, png_unit_m)
    return GraspSample(depth_m, rectangles, entry.name, entry.object_id, skipped, corners_px)


def _depth_m(stem: str, png_unit_m: float) -> np.ndarray:
    for path in (Path(stem + "d.tiff"), Path(stem + "d.png")):
        if path.exists():
            return read_depth(path, png_unit_m)
    cloud = Path(stem + ".txt")
    if cloud.exists():
        return read_cloud_range(cloud)
    raise DataError(f"{stem}d.tiff is missing, and so are {Path(stem).name}d.png and {cloud.name}; labels need depth")


def read_cloud_range(path: Path) -> np.ndarray:
    """Return the range (480, 640) float32 [m] of a point cloud, NaN = no point.

    After the line DATA there are lines "x y z rgb index" [mm]; index = row * 640 + column.

    Raises:
        DataError: Not such a file.
    """
    try:
        _, body = path.read_text(encoding="ascii", errors="replace").split("DATA ascii", 1)
        points = np.array(body.split(), float).reshape(-1, 5)
        index = points[:, 4].astype(int)
        range_m = np.full(CLOUD_PX[0] * CLOUD_PX[1], np.nan, np.float32)
        range_m[index] = np.linalg.norm(points[:, :3], axis=1) / 1000
    except (ValueError, IndexError) as error:
        raise DataError(f"{path} is no point cloud of lines 'x y z rgb index' after 'DATA ascii': {error}") from error
    return range_m.reshape(CLOUD_PX)


def read_corner_labels(path: Path) -> Tuple[Tuple[GraspRectangle, ...], np.ndarray, Tuple[str, ...]]:
    """Return rectangles, their corners (N, 4, 2) as drawn, and what was left out, of a file of lines "u v".

    A rectangle with a corner that is not finite, or without area, is left out.

    Raises:
        DataError: A line is not two numbers, or their count is no multiple of four; names the line.
    """
    rectangles: List[GraspRectangle] = []
    kept: List[np.ndarray] = []
    skipped: List[str] = []
    for line, corners in _quadruples(path):
        if not np.isfinite(corners).all():
            skipped.append(f"{path}:{line}: a corner is not a number")
            continue
        try:
            rectangles.append(GraspRectangle.from_corners(corners))
        except DataError as error:
            skipped.append(f"{path}:{line}: {error}")
            continue
        kept.append(corners)
    return tuple(rectangles), np.array(kept).reshape(-1, 4, 2), tuple(skipped)


def _quadruples(path: Path) -> Iterator[Tuple[int, np.ndarray]]:
    """Yield the first line and the corners (4, 2) of each rectangle."""
    points = [(number, _point(path, number, line)) for number, line in _lines(path)]
    if len(points) % 4:
        raise DataError(
            f"{path}:{points[-1][0]}: {len(points)} corners are no whole number of rectangles; each has four lines"
        )
    for first in range(0, len(points), 4):
        yield points[first][0], np.array([point for _, point in points[first : first + 4]])


def _lines(path: Path) -> List[Tuple[int, str]]:
    """Return number and text of the lines that are not empty."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} can't be read as text: {error}") from error
    return [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]


def _point(path: Path, number: int, line: str) -> Tuple[float, float]:
    try:
        u, v = (float(word) for word in line.split())
    except ValueError:
        raise DataError(f"{path}:{number}: expected a corner 'u v', got {line.strip()[:60]!r}") from None
    return u, v
