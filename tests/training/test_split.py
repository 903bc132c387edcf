"""Images that are held out for validation."""

from __future__ import annotations

from pathlib import Path
from typing import List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pspgrasp.data.sample import SampleEntry
from pspgrasp.errors import DataError
from pspgrasp.training.split import held_out


def entries(objects: List[str]) -> List[SampleEntry]:
    return [SampleEntry(f"image{number}", name, Path("labels")) for number, name in enumerate(objects)]


@given(st.lists(st.sampled_from("abcdef"), min_size=8, max_size=40), st.floats(0, 0.4), st.integers(0, 9))
def test_objects_are_in_one_part_and_nothing_is_lost(objects: list, share: float, seed: int) -> None:
    images = entries(objects)
    try:
        kept, held = held_out(images, share, seed)
    except DataError:
        assert len(set(objects)) <= 2 or max(map(objects.count, objects)) > 0.5 * len(objects)
        return
    assert sorted([*kept, *held], key=images.index) == images
    assert not {e.object_id for e in kept} & {e.object_id for e in held}
    assert len(held) >= share * len(images)
    assert kept


def test_it_depends_on_names_and_seed_not_on_order() -> None:
    images = entries(list("aabbccddeeff"))
    assert set(held_out(images, 0.3, 0)[1]) == set(held_out(images[::-1], 0.3, 0)[1])
    assert len({held_out(images, 0.3, seed)[1] for seed in range(20)}) > 3


def test_an_image_of_an_unknown_object_stands_for_itself() -> None:
    kept, held = held_out(entries([""] * 10), 0.2, 0)
    assert (len(kept), len(held)) == (8, 2)


def test_nothing_held_out_is_possible() -> None:
    images = entries(["a", "a"])
    assert held_out(images, 0.0, 0) == (tuple(images), ())


def test_one_object_cannot_be_split() -> None:
    with pytest.raises(DataError, match=r"3 images of 1 object\(s\) can't be split: .* set data/held_out to 0"):
        held_out(entries(["a"] * 3), 0.2, 0)
