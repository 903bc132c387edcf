"""What comes out of bags, for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Sequence

import numpy as np

from pspgrasp.bag.formats import ros1_records as records
from pspgrasp.bag.reading.open import open_recordings
from pspgrasp.bag.recording import Fault, RecordedFrame, Selection


def read(path: Path, **selection: Any) -> List[Any]:
    """Return the frames and faults of the only recording there is."""
    (recording,) = open_recordings([path], Selection(**selection))
    return list(recording)


def read_true(path: Path, images: Sequence[np.ndarray], **selection: Any) -> List[Any]:
    """Return the same; every frame that is given holds the image [mm] that was written under its number."""
    items = read(path, **selection)
    assert all(np.array_equal(millimetres(item), images[item.number]) for item in frames_of(items))
    return items


def frames_of(items: Sequence[Any]) -> List[RecordedFrame]:
    return [item for item in items if isinstance(item, RecordedFrame)]


def faults_of(items: Sequence[Any]) -> List[Fault]:
    return [item for item in items if isinstance(item, Fault)]


def numbers_of(items: Sequence[Any]) -> List[int]:
    """Return which frames came out."""
    return [item.number for item in frames_of(items)]


def kinds(items: Sequence[Any]) -> Dict[str, int]:
    """Return kind of fault -> how many."""
    names = [fault.kind for fault in faults_of(items)]
    return {name: names.count(name) for name in set(names)}


def millimetres(frame: RecordedFrame) -> np.ndarray:
    return np.rint(1000 * np.nan_to_num(frame.frame.depth_m)).astype(np.uint16)


def chunk_records(path: Path) -> List[records.Record]:
    """Return where the chunks of a whole bag of ROS 1 lie."""
    found, at = [], len(records.MAGIC)
    with path.open("rb") as file:
        while at < path.stat().st_size:
            file.seek(at)
            record = records.read_record(file)
            found += [record] if record.op == records.CHUNK else []
            at = record.end
    return found


def index_position(path: Path) -> int:
    """Return where the index of a bag of ROS 1 begins, by its own words."""
    with path.open("rb") as file:
        file.seek(len(records.MAGIC))
        return records.read_record(file).number("index_pos")


def change(path: Path, at: int, values: bytes) -> None:
    """Put other bytes into a file."""
    data = bytearray(path.read_bytes())
    data[at : at + len(values)] = values
    path.write_bytes(data)
