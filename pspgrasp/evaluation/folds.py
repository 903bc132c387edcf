"""Splits of a data set for cross-validation: by image, or by object, so that no object is in two folds."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Dict, List, Sequence, Tuple

from pspgrasp.data.sample import SampleEntry
from pspgrasp.errors import DataError, unknown_name

SPLITS = ("image", "object")


def folds(entries: Sequence[SampleEntry], split: str, count: int, seed: int = 0) -> Tuple[int, ...]:
    """Return the fold, 0 to count - 1, of each entry.

    The order in which images and objects are dealt out comes from a hash of their names and the seed, so it is the
    same on every machine and for any order of the entries. Folds differ by one image at most; those by object are as
    even as whole objects allow.

    Args:
        entries: The data set.
        split: `image` or `object`.
        count: Of folds, at least 2.
        seed: Another seed deals differently.

    Raises:
        DataError: Unknown split, too few images or objects, or an image whose object is not known.
    """
    if split not in SPLITS:
        raise DataError(unknown_name("split", split, SPLITS))
    groups = [_group(entry, split) for entry in entries]
    sizes = Counter(groups)
    if not 2 <= count <= len(sizes):
        raise DataError(f"{count} folds of {len(sizes)} {split}s are not possible; choose 2 to {len(sizes)}")
    fold_of = _deal(sizes, count, seed)
    return tuple(fold_of[group] for group in groups)


def _group(entry: SampleEntry, split: str) -> str:
    if split == "image":
        return entry.name
    if not entry.object_id:
        raise DataError(
            f"the object of {entry.name} is not known, so there is no split by object; "
            "for Cornell a table objects.csv (columns pcd, object_id) tells it"
        )
    return entry.object_id


def _deal(sizes: Dict[str, int], count: int, seed: int) -> Dict[str, int]:
    """Return group -> fold: the largest first, each into the fold that has least."""
    images_in: List[int] = [0] * count
    fold_of = {}
    for group in sorted(sizes, key=lambda name: (-sizes[name], _digest(name, seed))):
        fold_of[group] = images_in.index(min(images_in))
        images_in[fold_of[group]] += sizes[group]
    return fold_of


def _digest(name: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}/{name}".encode()).digest()
