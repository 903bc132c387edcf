"""Folds: every image in one, no object in two, the same everywhere."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from pathlib import Path
from typing import List

import pytest

from pspgrasp.data.folds import SPLITS, Fold, folds
from pspgrasp.data.sample import SampleEntry
from pspgrasp.errors import DataError


def entries(images: int, images_an_object: int = 3) -> List[SampleEntry]:
    return [SampleEntry(f"i{n:03d}", f"thing{n // images_an_object}", Path("x")) for n in range(images)]


@pytest.mark.parametrize("split", SPLITS)
def test_every_image_is_in_one_fold_and_folds_are_even(split: str) -> None:
    sizes = Counter(folds(entries(60), split, 5))
    assert sorted(sizes) == [0, 1, 2, 3, 4]
    assert max(sizes.values()) - min(sizes.values()) <= (1 if split == "image" else 3)


def test_no_object_is_in_two_folds() -> None:
    places = defaultdict(set)
    some = entries(50, 7)
    for entry, fold in zip(some, folds(some, "object", 4)):
        places[entry.object_id].add(fold)
    assert all(len(found) == 1 for found in places.values())
    by_image = defaultdict(set)
    for entry, fold in zip(some, folds(some, "image", 4)):
        by_image[entry.object_id].add(fold)
    assert any(len(found) > 1 for found in by_image.values())


@pytest.mark.parametrize("split", SPLITS)
def test_the_order_of_the_images_does_not_matter_and_the_seed_does(split: str) -> None:
    some = entries(40)
    shuffled = random.Random(3).sample(some, len(some))
    straight = dict(zip([e.name for e in some], folds(some, split, 4, seed=1)))
    assert straight == dict(zip([e.name for e in shuffled], folds(shuffled, split, 4, seed=1)))
    assert straight != dict(zip([e.name for e in some], folds(some, split, 4, seed=2)))


def test_the_folds_are_the_same_on_every_machine() -> None:
    assert folds(entries(12), "object", 2) == (1,) * 6 + (0,) * 6


def test_what_can_not_be_split_is_told() -> None:
    with pytest.raises(DataError, match="did you mean 'object'"):
        folds(entries(9), "objects", 2)
    with pytest.raises(DataError, match="4 folds of 3 objects are not possible; choose 2 to 3"):
        folds(entries(9), "object", 4)
    with pytest.raises(DataError, match="1 folds"):
        folds(entries(9), "image", 1)
    with pytest.raises(DataError, match=r"the object of a is not known.*objects\.csv"):
        folds([SampleEntry("a", "", Path("x"))] * 3, "object", 2)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("count", [2, 3])
def test_a_fold_and_what_it_leaves_out_are_the_whole(split: str, count: int) -> None:
    some = entries(30)
    for number in range(count):
        fold = Fold.parse(f"{number}/{count}", split)
        inside, outside = fold.inside(some), fold.outside(some)
        assert sorted([*inside, *outside], key=lambda e: e.name) == some
        assert inside
        assert not set(inside) & set(outside)
        if split == "object":
            assert not {e.object_id for e in inside} & {e.object_id for e in outside}
    every = [entry for number in range(count) for entry in Fold(number, count, split).inside(some)]
    assert sorted(every, key=lambda e: e.name) == some


@pytest.mark.parametrize("text", ["", "2/2", "1", "a/b", "-1/2", "0/0", "0/2/3"])
def test_what_is_no_fold_is_refused_with_how_one_is_written(text: str) -> None:
    with pytest.raises(DataError, match="a fold is written 0/2 for the first of two"):
        Fold.parse(text)
