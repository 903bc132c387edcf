"""Keep some of a folder's images for validation: whole objects, so that none is in both parts."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Sequence, Tuple

from pspgrasp.data.sample import SampleEntry
from pspgrasp.errors import DataError

Entries = Tuple[SampleEntry, ...]


def held_out(entries: Sequence[SampleEntry], share: float, seed: int) -> Tuple[Entries, Entries]:
    """Return the images to learn from, and those that are held out.

    The order in which objects are held out comes from a hash of their names and the seed: it is the same on every
    machine, for any order of the entries. An image whose object isn't known stands for itself.

    Args:
        entries: Of a folder.
        share: Of the images, held out at least; 0 is none.
        seed: Another seed holds out others.

    Raises:
        DataError: Nothing would be left to learn from.
    """
    sizes = Counter(_object(entry) for entry in entries)
    held, images = set(), 0
    for name in sorted(sizes, key=lambda name: hashlib.sha256(f"{seed}/{name}".encode()).digest()):
        if images >= share * len(entries):
            break
        held.add(name)
        images += sizes[name]
    if len(held) == len(sizes):
        raise DataError(
            f"{len(entries)} images of {len(sizes)} object(s) can't be split: holding out {share:g} of them leaves "
            "none to learn from; set data/held_out to 0 and name other images in validation/labelled"
        )
    kept = tuple(entry for entry in entries if _object(entry) not in held)
    return kept, tuple(entry for entry in entries if _object(entry) in held)


def _object(entry: SampleEntry) -> str:
    return f"object {entry.object_id}" if entry.object_id else f"image {entry.name}"
