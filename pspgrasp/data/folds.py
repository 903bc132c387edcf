"""Splits of a data set for cross-validation: by image, or by object, so that no object is in two folds."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Fold:
    """One fold of several. What it leaves out is trained on, what it holds is judged, and the other way round.

    Attributes:
        number: Which, from 0.
        count: How many there are.
        split: `image` or `object`.
        seed: Another seed deals differently.
    """

    number: int
    count: int
    split: str = "object"
    seed: int = 0

    @classmethod
    def parse(cls, text: str, split: str = "object", seed: int = 0) -> Fold:
        """Return the fold that "0/2" means: the first of two.

        Raises:
            DataError: It is not written so, or there is no such fold.
        """
        found = re.fullmatch(r"(\d{1,4})/(\d{1,4})", text)
        if not found or not int(found[1]) < int(found[2]):
            raise DataError(f"a fold is written 0/2 for the first of two, 1/2 for the second; got {text!r}")
        return cls(int(found[1]), int(found[2]), split, seed)

    def inside(self, entries: Sequence[SampleEntry]) -> Tuple[SampleEntry, ...]:
        """Return the entries of this fold."""
        return tuple(e for e, fold in zip(entries, self._dealt(entries)) if fold == self.number)

    def outside(self, entries: Sequence[SampleEntry]) -> Tuple[SampleEntry, ...]:
        """Return the entries of all other folds."""
        return tuple(e for e, fold in zip(entries, self._dealt(entries)) if fold != self.number)

    def _dealt(self, entries: Sequence[SampleEntry]) -> Tuple[int, ...]:
        return folds(entries, self.split, self.count, self.seed)


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
