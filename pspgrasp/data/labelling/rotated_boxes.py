"""Rotated boxes that were drawn in another tool become labels: Label Studio's JSON, CVAT's XML for images.

A box's width, the side that runs along the image's rows before the turn, is the opening; its height is the jaw.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Callable, Dict, Iterable, List, Tuple

from pspgrasp.data.labelling.label_folder import LabelFolder
from pspgrasp.errors import DataError
from pspgrasp.grasp import wrap_half_turn
from pspgrasp.rectangle import GraspRectangle


@dataclass(frozen=True)
class BoxedImage:
    """The boxes of one image.

    Attributes:
        name: As the tool knows it, maybe a path, maybe a picture of another format.
        size_px: Width and height.
        rectangles: In pixels of the image.
    """

    name: str
    size_px: Tuple[int, int]
    rectangles: Tuple[GraspRectangle, ...]


def box_about_centre(
    centre_px: Tuple[float, float], size_px: Tuple[float, float], clockwise_deg: float
) -> GraspRectangle:
    """Return the rectangle of a box.

    Args:
        centre_px: (x, y) as the tools count: the image begins at 0, where we begin at -0.5.
        size_px: Width, which is the opening, and height, the jaw.
        clockwise_deg: Its turn, as both tools count it.

    Raises:
        ValueError: Not finite, or without area.
    """
    numbers = (*centre_px, *size_px, clockwise_deg)
    if not all(math.isfinite(number) for number in numbers) or min(size_px) <= 0:
        raise ValueError(f"a box needs finite numbers and an area; got centre, size and turn {numbers}")
    angle_rad = wrap_half_turn(-math.radians(clockwise_deg))
    return GraspRectangle(centre_px[0] - 0.5, centre_px[1] - 0.5, angle_rad, *size_px)


def import_boxes(folder: LabelFolder, file: Path) -> Dict[str, int]:
    """Write the boxes of an export as labels; return name of each image -> how many.

    Nothing is written before everything was checked.

    Raises:
        DataError: The export is malformed or of another kind, names an image that isn't there, of another size, or one
            that has labels already.
    """
    readers = _readers()
    if file.suffix.lower() not in readers:
        raise DataError(f"{file} is neither Label Studio's .json nor CVAT's .xml")
    try:
        data = file.read_bytes()
    except OSError as error:
        raise DataError(f"{file} can't be read: {error.strerror or error}") from error
    try:
        labels = _by_image(folder, readers[file.suffix.lower()](data))
    except DataError as error:
        raise DataError(f"{file}: {error}") from error
    for name, rectangles in labels.items():
        folder.save(name, rectangles)
    return {name: len(rectangles) for name, rectangles in labels.items()}


def _readers() -> Dict[str, Callable[[bytes], List[BoxedImage]]]:
    from pspgrasp.data.labelling.cvat import read_cvat
    from pspgrasp.data.labelling.label_studio import read_label_studio

    return {".json": read_label_studio, ".xml": read_cvat}


def _by_image(folder: LabelFolder, boxed: Iterable[BoxedImage]) -> Dict[str, List[GraspRectangle]]:
    """Return name of an image -> its labels, checked."""
    labels: Dict[str, List[GraspRectangle]] = {}
    for image in boxed:
        if not image.rectangles:
            continue
        name = _known(folder, image.name)
        height_px, width_px = folder.depth_m(name).shape
        if image.size_px != (width_px, height_px):
            boxes_px, depth_px = ("{}x{}".format(*size) for size in (image.size_px, (width_px, height_px)))
            raise DataError(f"boxes of {image.name} are for {boxes_px} px, but {name} has {depth_px}")
        if folder.label_path(name).exists():
            raise DataError(f"{name} has labels already, in {folder.label_path(name)}; move that file away first")
        labels.setdefault(name, []).extend(image.rectangles)
        folder.check(name, image.rectangles)
    if not labels:
        raise DataError("there is no box in it")
    return labels


def _known(folder: LabelFolder, name: str) -> str:
    """Return the image that a tool's name means: the same name, or the same but for its suffix, as of a picture."""
    base = PurePosixPath(name.replace("\\", "/")).name
    by_stem = {Path(known).stem: known for known in folder.images}
    if base in folder.images:
        return base
    if PurePosixPath(base).stem in by_stem:
        return by_stem[PurePosixPath(base).stem]
    raise DataError(f"{base} is none of the {len(folder.images)} images, such as {next(iter(folder.images))}")
