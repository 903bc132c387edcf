"""OCID_grasp (Ainetter and Fraundorfer 2021): Cornell's rectangles on the cluttered scenes of OCID.

A sequence's folder holds `Annotations/NAME.txt` (four lines "u v" a rectangle, edge 0 to 1 along the opening) and
`depth/NAME.png` (uint16, millimetres).
"""

from __future__ import annotations

from pathlib import Path
from typing import List

from pspgrasp.data.cornell import read_corner_labels
from pspgrasp.data.depth_file import read_depth
from pspgrasp.data.sample import GraspSample, SampleEntry


def ocid_entries(folder: Path) -> List[SampleEntry]:
    """Return the labelled images below a folder, sorted; a sequence shows one set of objects."""
    files = sorted(folder.rglob("Annotations/*.txt"))
    return [_entry(file, file.parent.parent.relative_to(folder)) for file in files]


def _entry(file: Path, sequence: Path) -> SampleEntry:
    return SampleEntry(str(sequence / file.stem), str(sequence), file)


def read_ocid(entry: SampleEntry, png_unit_m: float, _depth: str) -> GraspSample:
    """Return a sample of the OCID_grasp layout.

    Raises:
        DataError: Labels or depth are missing or malformed; names the file and the line.
    """
    rectangles, corners_px, skipped = read_corner_labels(entry.labels)
    depth_m = read_depth(entry.labels.parent.parent / "depth" / f"{entry.labels.stem}.png", png_unit_m)
    return GraspSample(depth_m, rectangles, entry.name, entry.object_id, skipped, corners_px)
