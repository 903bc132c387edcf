"""A folder of depth PNGs as a recording.

The images are `*depth*.png`, 16 bits, 0 = no measurement, in the order of the numbers in their names. What they were
taken with stands in `camera.json` or `camera.yaml` beside them (the fields of `FolderConfig`), or in a `meta.json` one
level above that has an entry under the folder's name with `depth_unit_m` and `K` (fx, fy, cx, cy; null: not known).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, List, Mapping, NamedTuple, Optional, Tuple, Union

import numpy as np

from pspgrasp.bag.formats.rosbag2 import METADATA
from pspgrasp.bag.reading.window import span_ns, thinned, within
from pspgrasp.bag.recording import Fault, RecordedFrame, RecordedGrasp, Selection, Told, silent
from pspgrasp.camera import PinholeCamera
from pspgrasp.config import from_tree, setting
from pspgrasp.depth import DepthFrame, measured
from pspgrasp.errors import ConfigError, DataError, DepthError, shown
from pspgrasp.image_file import decode_uint16
from pspgrasp.tree_file import read_tree

IMAGES = "*depth*.png"
CAMERA_FILES = ("camera.json", "camera.yaml")
META = "meta.json"
TYPICAL_FOCAL = 615 / 640  # of the image's width: a RealSense D435 at 640x480
ASSUMED_FPS = 30.0


@dataclass(frozen=True)
class FolderConfig:
    """What a folder of images was taken with."""

    K: Tuple[float, ...] = setting((), "fx, fy, cx, cy [px], or the nine numbers of a camera matrix; () isn't known")
    depth_unit_m: float = setting(0.001, "metres a step of the PNG", 1e-6, 1.0)
    frame_id: str = setting("camera_depth_optical_frame", "name of the camera's optical frame")
    fps: float = setting(0.0, "images a second; 0 isn't known", 0.0, 1e4)

    def __post_init__(self) -> None:
        if len(self.K) not in (0, 4, 9):
            raise ConfigError(f"K must hold fx, fy, cx, cy or a matrix of nine numbers, got {len(self.K)}")

    @property
    def intrinsics(self) -> Optional[Tuple[float, ...]]:
        """Return fx, fy, cx, cy [px]; None where they aren't known."""
        if len(self.K) == 9:
            return self.K[0], self.K[4], self.K[2], self.K[5]
        return self.K or None


class _File(NamedTuple):
    number: int
    recorded_ns: int
    path: Path


class ImageFolder:
    """See `pspgrasp.bag.recording.Recording`."""

    kind = "folder of depth PNGs"

    def __init__(self, path: Path, selection: Selection, name: str) -> None:
        """Look at the names of the images, and read what they were taken with.

        Raises:
            DataError: There are no images, or a file beside them can't be understood.
        """
        self.name, self._selection = name, selection
        self._files = depth_files(path)
        if not self._files:
            raise DataError(f"{path} holds no {IMAGES}")
        self._config = folder_config(path)

    @property
    def description(self) -> str:
        """Say what is read, and what is taken for granted."""
        times = "" if self._config.fps else f", times not known: {ASSUMED_FPS:g} images/s"
        of = f"{len(self)} images of {self._config.depth_unit_m:g} m a step"
        return f"{self.kind}: {of}, camera {self.camera_source}{times}"

    @property
    def camera_source(self) -> str:
        """Where the camera comes from, in words."""
        if self._selection.camera:
            return "given"
        if self._config.intrinsics:
            return "recorded"
        return f"not known: fx = fy = {TYPICAL_FOCAL:.3f} of the width, as a RealSense's"

    @property
    def has_guessed_camera(self) -> bool:
        """Whether neither the user nor a file says what camera it was."""
        return not (self._selection.camera or self._config.intrinsics)

    @property
    def images(self) -> int:
        """How many there are, selected or not."""
        return len(self._files)

    @property
    def duration_s(self) -> float:
        """From the first image to the last [s]; NaN where times aren't known."""
        return (len(self._files) - 1) / (self._config.fps or math.nan)

    def __len__(self) -> int:
        """How many images of the selection there are."""
        start_ns, stop_ns = span_ns(0, self._selection)
        inside = sum(start_ns <= image.recorded_ns < stop_ns for image in self._images())
        return thinned(inside, self._selection)

    def __iter__(self) -> Iterator[Union[RecordedFrame, Fault]]:
        """Yield frames in the order of their names, and a fault for each file that is none."""
        for image in within(self._images(), self._selection):
            yield image if isinstance(image, Fault) else self._read(image)

    def look_beside(self, told: Told = silent) -> Iterator[Fault]:  # noqa: ARG002 (there is nothing)
        """Yield none: nothing lies beside the images."""
        return iter(())

    def grasps(self) -> Iterator[Union[RecordedGrasp, Fault]]:
        """Yield none: nobody recorded any."""
        return iter(())

    def poses(self) -> None:
        """Return none: nobody recorded any."""

    def _images(self) -> Iterator[_File]:
        for number, path in enumerate(self._files):
            yield _File(number, round(number * 1e9 / (self._config.fps or ASSUMED_FPS)), path)

    def _read(self, image: _File) -> Union[RecordedFrame, Fault]:
        try:
            depth_m = decode_png(image.path.read_bytes(), self._config.depth_unit_m)
            frame = DepthFrame(depth_m, self._camera(depth_m.shape), self._config.frame_id, image.recorded_ns)
        except (OSError, DepthError) as error:
            return Fault(image.number, "bad image", f"{image.path.name}: {error}")
        return RecordedFrame(image.number, frame, image.recorded_ns)

    def _camera(self, shape: Tuple[int, ...]) -> PinholeCamera:
        height_px, width_px = shape
        focal_px = TYPICAL_FOCAL * width_px
        typical = (focal_px, focal_px, width_px / 2, height_px / 2)
        return PinholeCamera(width_px, height_px, *(self._selection.camera or self._config.intrinsics or typical))


def is_image_folder(path: Path) -> bool:
    """Tell whether a folder holds depth PNGs, and isn't a rosbag2, in which they are strangers."""
    return any(path.glob(IMAGES)) and not (path / METADATA).is_file()


def depth_files(path: Path) -> List[Path]:
    """Return the depth images of a folder by the numbers in their names: 9 comes before 10."""
    return sorted(path.glob(IMAGES), key=lambda file: [_part(text) for text in re.split(r"(\d+)", file.name)])


def _part(text: str) -> Tuple[int, str]:
    return (int(text), "") if text.isdecimal() else (0, text)


def decode_png(data: bytes, unit_m: float) -> np.ndarray:
    """Return the depth (H, W) float32 [m], NaN = no measurement, of a PNG's bytes.

    Raises:
        DepthError: Broken, or not of 16 bits and one channel.
    """
    try:
        image = decode_uint16(data)
    except DepthError as error:
        raise DepthError(f"{error}; depth is a PNG of 16 bits and one channel") from error
    return measured(image.astype(np.float32) * np.float32(unit_m))


def folder_config(path: Path) -> FolderConfig:
    """Return what a folder's images were taken with, as far as a file says.

    Raises:
        DataError: That file can't be understood.
    """
    beside = [path / name for name in CAMERA_FILES if (path / name).is_file()]
    try:
        if beside:
            return from_tree(FolderConfig, _tree(beside[0]))
        above = path.resolve().parent / META
        entry = _tree(above).get(path.resolve().name) if above.is_file() else None
        return _from_meta(entry, above) if entry else FolderConfig()
    except ConfigError as error:
        raise DataError(f"{beside[0] if beside else above}: {error}") from error


def _from_meta(entry: Any, file: Path) -> FolderConfig:
    if not isinstance(entry, Mapping):
        raise DataError(f"{file}: an entry must be a mapping with depth_unit_m and K, got {shown(entry)}")
    known = {key: entry[key] for key in ("K", "depth_unit_m") if entry.get(key) is not None}
    return from_tree(FolderConfig, known)


def _tree(file: Path) -> Mapping[str, Any]:
    """Return what a JSON or YAML file holds."""
    try:
        tree = read_tree(file)
    except ConfigError as error:
        raise DataError(str(error)) from error
    if not isinstance(tree, Mapping):
        raise DataError(f'{file} must be a mapping, such as {{"K": [615, 615, 320, 240], "depth_unit_m": 0.001}}')
    return tree
