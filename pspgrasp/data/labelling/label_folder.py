"""Depth images that are to be labelled, and their labels in Cornell's layout."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

import cv2
import numpy as np

from pspgrasp.data.cornell import SUFFIX, read_corner_labels
from pspgrasp.data.dataset import READERS
from pspgrasp.data.depth_file import check_unit, read_depth
from pspgrasp.data.sheet import levelled
from pspgrasp.errors import DataError
from pspgrasp.overlay import colour_depth
from pspgrasp.rectangle import GraspRectangle

CORNELL_DEPTH = ("d.png", "d.tiff")  # after pcdNNNN
FRAME_UNIT_M = 0.001  # of a camera's PNG: 16UC1 is millimetres
PNG_HEADER = struct.Struct(">8s4x4s8xBB")  # signature, first chunk, bits a sample, colour type
SIXTEEN_BIT_GREY = (b"\x89PNG\r\n\x1a\n", b"IHDR", 16, 0)


@dataclass(frozen=True)
class LabelFolder:
    """Images of one folder, and where their labels go.

    Labels lie beside depth, as Cornell's reader wants it. Images that are named as Cornell's, pcdNAMEd.png or .tiff,
    can be labelled where they are. Into another folder goes a copy of each image, with its first label: pcdNAMEd.tiff,
    in metres, since a PNG doesn't tell its unit and Cornell's is another than a camera's.

    Attributes:
        images: Name of a file -> the file; nothing else is ever read.
        output: Where labels are written.
        unit_m: Metres a step of a PNG.
    """

    images: Dict[str, Path]
    output: Path
    unit_m: float

    def depth_m(self, name: str) -> np.ndarray:
        """Return the depth (H, W) float32 [m] of an image, NaN = no measurement.

        Raises:
            DataError: No such image, or a broken one.
        """
        return read_depth(self._image(name), self.unit_m)

    def picture_png(self, name: str) -> bytes:
        """Return an image in colour as a PNG, as a contact sheet shows it: without the table's tilt, near is warm.

        Raises:
            DataError: No such image, or a broken one.
        """
        level_m = levelled(self.depth_m(name))
        return cv2.imencode(".png", colour_depth(level_m, level_m))[1].tobytes()

    def labels(self, name: str) -> Tuple[GraspRectangle, ...]:
        """Return the labels of an image, none where it has no file of labels.

        Raises:
            DataError: No such image, or its file of labels is malformed.
        """
        path = self.label_path(name)
        return read_corner_labels(path)[0] if path.exists() else ()

    def check(self, name: str, rectangles: Sequence[GraspRectangle]) -> None:
        """Refuse what can't be saved.

        Raises:
            DataError: No such image, a broken one, a label centred outside of it, a malformed file of labels, which is
                somebody's work and isn't replaced, or depth of another image in the place of the copy.
        """
        depth_m, copy = self.depth_m(name), self._copy(name)
        self.labels(name)
        _check_inside(name, rectangles, depth_m.shape)
        if copy.exists() and not np.array_equal(read_depth(copy, self.unit_m), depth_m, equal_nan=True):
            raise DataError(f"{copy} is a copy of another image than {self.images[name]}; give another --output")

    def save(self, name: str, rectangles: Sequence[GraspRectangle]) -> None:
        """Replace the labels of an image; without any, its file of labels goes.

        Raises:
            DataError: `check` refuses it, or a file can't be written; the labels are what they were then.
        """
        self.check(name, rectangles)
        path, copy = self.label_path(name), self._copy(name)
        try:
            if not rectangles:
                path.unlink(missing_ok=True)
                return
            self.output.mkdir(parents=True, exist_ok=True)
            if not copy.exists():
                _write_whole(copy, cv2.imencode(".tiff", self.depth_m(name))[1].tobytes())
            _write_whole(path, corner_lines(rectangles).encode("ascii"))
        except OSError as error:
            raise DataError(f"{path} can't be written: {error.strerror or error}") from error

    def label_path(self, name: str) -> Path:
        """Return the file of an image's labels, whether it is there or not.

        Raises:
            DataError: No such image.
        """
        copy = self._copy(name)
        return copy.with_name(copy.name[: copy.name.rindex("d.")] + SUFFIX)

    def _image(self, name: str) -> Path:
        if name not in self.images:
            raise DataError(f"{name!r} is none of the {len(self.images)} images that are labelled here")
        return self.images[name]

    def _copy(self, name: str) -> Path:
        """Return the depth beside which an image's labels lie."""
        image = self._image(name)
        if self.output.resolve() == image.parent.resolve():
            return image
        return self.output / (f"{image.stem}.tiff" if is_cornell_depth(image) else f"pcd{image.stem}d.tiff")


def open_label_folder(folder: Path, output: Optional[Path] = None, unit_m: Optional[float] = None) -> LabelFolder:
    """Return the depth images that lie in a folder: 16-bit PNG of one channel, and TIFF.

    Args:
        folder: Where they are.
        output: Where labels go, and copies of images that aren't named as Cornell's; None is the folder itself, of
            which only images in Cornell's names are taken then.
        unit_m: Metres a step of a PNG; None is a millimetre, and for labels in place that of Cornell's layout.

    Raises:
        DataError: No such folder, no image in it, or two whose labels would meet in one file.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder")
    in_place = output is None or output.resolve() == folder.resolve()
    found = [path for path in sorted(folder.iterdir()) if is_depth_image(path)]
    images = [path for path in found if is_cornell_depth(path)] if in_place else found
    if not images:
        raise DataError(_nothing(folder, len(found)))
    unit_m = unit_m or (READERS["cornell"].png_unit_m if in_place else FRAME_UNIT_M)
    check_unit(unit_m)
    labelled = LabelFolder({path.name: path for path in images}, output or folder, unit_m)
    _check_apart(labelled)
    return labelled


def _nothing(folder: Path, others: int) -> str:
    if others:
        return (
            f"the {others} depth images of {folder} aren't named as Cornell's, pcdNAMEd.png; give --output FOLDER, "
            "which gets a copy of each that is labelled"
        )
    return f"{folder} holds no depth image: a 16-bit PNG of one channel, or a TIFF"


def _check_apart(folder: LabelFolder) -> None:
    owners: Dict[Path, str] = {}
    for name in folder.images:
        path = folder.label_path(name)
        if path in owners:
            raise DataError(f"the labels of {owners[path]} and of {name} would both be {path}; rename one of them")
        owners[path] = name


def is_cornell_depth(path: Path) -> bool:
    """Tell whether a file is named as depth in Cornell's layout."""
    return path.name.startswith("pcd") and path.name.endswith(CORNELL_DEPTH)


def is_depth_image(path: Path) -> bool:
    """Tell whether a file is a TIFF by its name, or a 16-bit PNG of one channel by its first bytes."""
    if path.suffix.lower() in (".tiff", ".tif"):
        return path.is_file()
    if path.suffix.lower() != ".png" or not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(PNG_HEADER.size)
    return len(head) == PNG_HEADER.size and PNG_HEADER.unpack(head) == SIXTEEN_BIT_GREY


def corner_lines(rectangles: Sequence[GraspRectangle]) -> str:
    """Return rectangles as Cornell writes them: a line "u v" a corner, four a rectangle."""
    lines: List[str] = [f"{u:.3f} {v:.3f}\n" for r in rectangles for u, v in r.corners()]
    return "".join(lines)


def _check_inside(name: str, rectangles: Sequence[GraspRectangle], shape: Tuple[int, ...]) -> None:
    for r in rectangles:
        if not (-0.5 <= r.u <= shape[1] - 0.5 and -0.5 <= r.v <= shape[0] - 0.5):
            raise DataError(
                f"{name}: a label is centred on ({r.u:.0f}, {r.v:.0f}), outside the {shape[1]}x{shape[0]} px image"
            )


def _write_whole(path: Path, data: bytes) -> None:
    """Write a file; it appears whole or not at all."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(data)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
