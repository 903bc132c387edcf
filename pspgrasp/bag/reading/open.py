"""From what a user names, files and folders, to recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Iterator, List, Mapping, Sequence, Union

from pspgrasp.bag.formats.container import Container
from pspgrasp.bag.formats.mcap import McapBag
from pspgrasp.bag.formats.ros1 import Ros1Bag
from pspgrasp.bag.formats.rosbag2 import METADATA, Rosbag2, messages_are_compressed
from pspgrasp.bag.reading.bag import BagRecording
from pspgrasp.bag.reading.image_folder import ImageFolder, is_image_folder
from pspgrasp.bag.recording import Fault, RecordedFrame, RecordedGrasp, Recording, Selection, Told, silent
from pspgrasp.errors import DataError

FILES: Mapping[str, Callable[[Path], Container]] = {".bag": Ros1Bag, ".mcap": McapBag, ".db3": Rosbag2}
READABLE = "a ROS 1 .bag, a rosbag2 folder, an .mcap or .db3 file, or a folder of depth PNGs"


class Unreadable:
    """One of several inputs that can't be opened: a recording without images, so that the others can be judged."""

    def __init__(self, name: str, why: str) -> None:
        self.name, self._why, self.has_guessed_camera = name, why, False

    @property
    def description(self) -> str:
        """Say why nothing is read."""
        return self._why

    def __len__(self) -> int:
        """No image is known of."""
        return 0

    def __iter__(self) -> Iterator[Union[RecordedFrame, Fault]]:
        """Yield why it can't be opened."""
        yield Fault(-1, "unreadable", self._why)

    def look_beside(self, told: Told = silent) -> Iterator[Fault]:  # noqa: ARG002 (there is nothing)
        """Yield none: nothing can be read."""
        return iter(())

    def grasps(self) -> Iterator[Union[RecordedGrasp, Fault]]:
        """Yield none."""
        return iter(())

    def poses(self) -> None:
        """Return none."""


def open_recordings(inputs: Sequence[Path], selection: Selection) -> List[Recording]:
    """Return the recordings of files and folders, in the order they are given; those of a folder by name.

    What can't be opened beside others that can becomes a recording without images and with one fault.

    Args:
        inputs: Bags, folders of depth PNGs, or folders of any of them.
        selection: Which part of each is read.

    Raises:
        DataError: Nothing can be opened, or one of the inputs is nothing that could be.
    """
    paths = [path for given in inputs for path in sources(given)]
    if len(paths) == 1:
        return [open_recording(paths[0], selection)]
    opened = [_opened(path, selection, name) for path, name in zip(paths, distinct_names(paths))]
    if all(isinstance(recording, Unreadable) for recording in opened):
        raise DataError(f"none of {len(paths)} recordings can be opened; the first: {opened[0].description}")
    return opened


def open_recording(path: Path, selection: Selection, name: str = "") -> Recording:
    """Return the recording of a bag or of a folder of images, under a name or that of its path.

    Raises:
        DataError: It can't be read.
    """
    try:
        if path.is_dir() and is_image_folder(path):
            return ImageFolder(path, selection, name or path.name)
        return BagRecording(open_bag(path), selection, name or path.name)
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror or error}") from error


def distinct_names(paths: Sequence[Path]) -> List[str]:
    """Return the end of each path, as short as tells them apart."""
    longest = max(len(path.parts) for path in paths)
    for parts in range(1, longest):
        names = ["/".join(path.parts[-parts:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    return [f"{path} ({place})" if paths.count(path) > 1 else str(path) for place, path in enumerate(paths, 1)]


def open_bag(path: Path) -> Container:
    """Return a bag.

    Raises:
        DataError: It can't be read.
    """
    if path.is_file() and not path.stat().st_size:
        raise DataError(f"{path} is empty")
    if path.is_dir():
        return _open_folder(path)
    return FILES.get(path.suffix, Ros1Bag)(path)


def _open_folder(path: Path) -> Container:
    """Return a rosbag2. One file says all by itself: MCAP is read so, and SQLite where the metadata are damaged."""
    mcaps, databases = sorted(path.glob("*.mcap")), sorted(path.glob("*.db3"))
    if len(mcaps) == 1 and not messages_are_compressed(path / METADATA):
        return McapBag(mcaps[0], path)
    try:
        return Rosbag2(path)
    except DataError as error:
        if len(databases) != 1:
            raise
        return Rosbag2(databases[0], (Fault(-1, "index damaged", str(error)),))


def sources(path: Path) -> List[Path]:
    """Return the bags and folders of images that a path means: itself, or all below it.

    Raises:
        DataError: There is none.
    """
    if not path.exists():
        raise DataError(f"{path} doesn't exist; what can be read: {READABLE}")
    found = list(_sources(path))
    if not found:
        holds = "holds nothing that can be read" if path.is_dir() else "isn't known"
        raise DataError(f"{path} {holds}; what can be read: {READABLE}")
    return found


def _sources(path: Path) -> Iterator[Path]:
    if path.is_file():
        if path.suffix in FILES or path.name.endswith(".bag.active"):
            yield path
    elif (path / METADATA).is_file() or is_image_folder(path):
        yield path
    else:
        for inside in sorted(path.iterdir()):
            yield from _sources(inside)


def _opened(path: Path, selection: Selection, name: str) -> Recording:
    try:
        return open_recording(path, selection, name)
    except DataError as error:
        return Unreadable(name, str(error))
