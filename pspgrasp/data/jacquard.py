"""The Jacquard dataset (Depierre et al. 2018), and Jacquard V2, whose folders lie one or two deeper.

`N_OBJECT_grasps.txt` holds a line `x;y;theta;opening;jaw` a grasp, in pixels of the 1024x1024 image and in degrees,
theta of the opposite sign to ours. Beside it lie `N_OBJECT_perfect_depth.tiff` and `_stereo_depth.tiff` (float
metres), or the same as .png (uint16).
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import List, Tuple

from pspgrasp.data.depth_file import read_depth
from pspgrasp.data.sample import GraspSample, SampleEntry
from pspgrasp.errors import DataError
from pspgrasp.grasp import wrap_half_turn
from pspgrasp.rectangle import GraspRectangle

IMAGE_PX = 1024  # side of Jacquard's images, in which its labels are
SUFFIX = "_grasps.txt"
DEPTHS = ("perfect", "stereo")


def jacquard_entries(folder: Path) -> List[SampleEntry]:
    """Return the labelled images below a folder, however deep, sorted; the object is told by the file's name."""
    files = sorted(folder.rglob(f"*{SUFFIX}"))
    return [SampleEntry(str(file.relative_to(folder))[: -len(SUFFIX)], _object(file), file) for file in files]


def _object(file: Path) -> str:
    found = re.fullmatch(r"\d+_(.+)", file.name[: -len(SUFFIX)])
    return found[1] if found else file.parent.name


def read_jacquard(entry: SampleEntry, png_unit_m: float, depth: str) -> GraspSample:
    """Return a sample of the Jacquard layout; `depth` is `perfect` (rendered) or `stereo` (as a sensor sees it).

    Raises:
        DataError: Labels or depth are missing, malformed or of another size; names the file and the line.
    """
    rectangles, skipped = read_jacquard_labels(entry.labels)
    stem = f"{str(entry.labels)[: -len(SUFFIX)]}_{depth}_depth"
    path = Path(stem + ".png") if Path(stem + ".png").exists() else Path(stem + ".tiff")
    depth_m = read_depth(path, png_unit_m)
    if depth_m.shape != (IMAGE_PX, IMAGE_PX):
        raise DataError(
            f"{path} is {depth_m.shape[1]}x{depth_m.shape[0]} px; Jacquard's labels are pixels of "
            f"{IMAGE_PX}x{IMAGE_PX}, so keep the original size"
        )
    return GraspSample(depth_m, rectangles, entry.name, entry.object_id, skipped)


def read_jacquard_labels(path: Path) -> Tuple[Tuple[GraspRectangle, ...], Tuple[str, ...]]:
    """Return the rectangles of a label file, and what was left out: not finite, or without area.

    Raises:
        DataError: A line is not five numbers; names it.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} can't be read as text: {error}") from error
    rectangles: List[GraspRectangle] = []
    skipped: List[str] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        u, v, theta_deg, opening_px, jaw_px = numbers = _numbers(path, number, line)
        if not all(math.isfinite(n) for n in numbers) or opening_px <= 0 or jaw_px <= 0:
            skipped.append(f"{path}:{number}: not finite, or without area: {line.strip()}")
            continue
        angle_rad = wrap_half_turn(-math.radians(theta_deg))
        rectangles.append(GraspRectangle(u, v, angle_rad, opening_px, jaw_px))
    return tuple(rectangles), tuple(skipped)


def _numbers(path: Path, number: int, line: str) -> List[float]:
    try:
        numbers = [float(word) for word in line.strip().strip(";").split(";")]
    except ValueError:
        numbers = []
    if len(numbers) != 5:
        raise DataError(f"{path}:{number}: expected 'x;y;theta;opening;jaw', got {line.strip()[:60]!r}")
    return numbers


def jacquard_line(rectangle: GraspRectangle) -> str:
    """Return a grasp as Jacquard writes it, `x;y;theta;opening;jaw`, the inverse of reading.

    Args:
        rectangle: In pixels of the 1024x1024 image.
    """
    theta_deg = -math.degrees(rectangle.angle_rad)
    numbers = (rectangle.u, rectangle.v, theta_deg, rectangle.opening_px, rectangle.jaw_px)
    return ";".join(f"{number:.2f}" for number in numbers)
