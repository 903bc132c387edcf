"""A folder of labelled depth images, in any layout that is known."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional, Tuple

from pspgrasp.data.cornell import cornell_entries, read_cornell
from pspgrasp.data.depth_file import check_unit
from pspgrasp.data.graspnet import graspnet_entries, read_graspnet
from pspgrasp.data.jacquard import DEPTHS, jacquard_entries, read_jacquard
from pspgrasp.data.ocid_grasp import ocid_entries, read_ocid
from pspgrasp.data.sample import GraspSample, SampleEntry
from pspgrasp.errors import DataError, unknown_name


@dataclass(frozen=True)
class Reader:
    """How one layout is read.

    Attributes:
        layout: What it looks like, for people.
        png_unit_m: Metres a step of its PNGs, unless told otherwise.
        entries: Folder -> what is there; empty where the layout is another.
        read: Entry, metres a step, which depth -> sample.
    """

    layout: str
    png_unit_m: float
    entries: Callable[[Path], List[SampleEntry]]
    read: Callable[[SampleEntry, float, str], GraspSample]


#: Every layout that can be read; a new data set is a file and a line here.
READERS: Dict[str, Reader] = {
    "cornell": Reader("pcdNNNNcpos.txt with pcdNNNNd.tiff, d.png or .txt", 0.0001, cornell_entries, read_cornell),
    "jacquard": Reader(
        "N_OBJECT_grasps.txt with N_OBJECT_perfect_depth.tiff or .png", 0.0001, jacquard_entries, read_jacquard
    ),
    "ocid_grasp": Reader("Annotations/NAME.txt with depth/NAME.png", 0.001, ocid_entries, read_ocid),
    "graspnet": Reader("rect/NNNN.npy with depth/NNNN.png", 0.001, graspnet_entries, read_graspnet),
}


@dataclass(frozen=True)
class GraspDataset:
    """The labelled images of a folder; each is read when it is asked for.

    Attributes:
        folder: Where they are.
        layout: Which of `READERS` reads them.
        entries: What is there, sorted by name.
        png_unit_m: Metres a step of a PNG.
        depth: Of Jacquard: `perfect` or `stereo`.
    """

    folder: Path
    layout: str
    entries: Tuple[SampleEntry, ...]
    png_unit_m: float
    depth: str = "perfect"

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[GraspSample]:
        return (self.read(entry) for entry in self.entries)

    def read(self, entry: SampleEntry) -> GraspSample:
        """Return the sample of an entry.

        Raises:
            DataError: It is malformed; names the file, and the line where there is one.
        """
        return READERS[self.layout].read(entry, self.png_unit_m, self.depth)


def open_dataset(
    folder: Path, layout: str = "", png_unit_m: Optional[float] = None, depth: str = "perfect"
) -> GraspDataset:
    """Return what a folder holds; nothing but the names is read.

    Args:
        folder: The data set, or a part of it.
        layout: One of `READERS`; "" recognises it.
        png_unit_m: Metres a step of a PNG; None is the layout's own.
        depth: Of Jacquard: `perfect` or `stereo`.

    Raises:
        DataError: No such folder, layout or depth, nothing labelled in it, or two layouts at once.
    """
    if layout and layout not in READERS:
        raise DataError(unknown_name("layout", layout, READERS))
    if depth not in DEPTHS:
        raise DataError(unknown_name("Jacquard depth", depth, DEPTHS))
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder")
    found = {name: reader.entries(folder) for name, reader in READERS.items() if layout in ("", name)}
    found = {name: entries for name, entries in found.items() if entries}
    if len(found) != 1:
        raise DataError(_unrecognised(folder, layout, {name: len(entries) for name, entries in found.items()}))
    name, entries = next(iter(found.items()))
    unit_m = READERS[name].png_unit_m if png_unit_m is None else png_unit_m
    check_unit(unit_m)
    return GraspDataset(folder, name, tuple(entries), unit_m, depth)


def _unrecognised(folder: Path, layout: str, found: Dict[str, int]) -> str:
    if found:
        counts = ", ".join(f"{count} images of {name}" for name, count in found.items())
        return f"{folder} holds {counts}; choose one by --layout"
    kinds = Counter(path.suffix or "without suffix" for path in folder.rglob("*") if path.is_file())
    there = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(4)) or "nothing"
    known = "; ".join(f"{name}: {READERS[name].layout}" for name in ([layout] if layout else READERS))
    return f"{folder} holds no labelled images, but {there}; a data set looks like this: {known}"
