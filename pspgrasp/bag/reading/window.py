"""Which images of a recording are read."""

from __future__ import annotations

import math
from typing import Iterable, Iterator, Protocol, Tuple, TypeVar, Union

from pspgrasp.bag.recording import Fault, Selection


class Numbered(Protocol):
    """An image before it is decoded: its place among the images of its recording, and when it was recorded [ns]."""

    @property
    def number(self) -> int:
        """Its place, from 0."""

    @property
    def recorded_ns(self) -> int:
        """When it was recorded [ns]."""


Image = TypeVar("Image", bound=Numbered)


def within(images: Iterable[Union[Image, Fault]], selection: Selection) -> Iterator[Union[Image, Fault]]:
    """Yield the images that are asked for, and all faults until the last of them."""
    first_ns, inside, taken = -1, 0, 0
    for image in images:
        if isinstance(image, Fault):
            yield image
            continue
        first_ns = image.recorded_ns if first_ns < 0 else first_ns
        start_ns, stop_ns = span_ns(first_ns, selection)
        if image.recorded_ns >= stop_ns:
            return
        if image.recorded_ns >= start_ns:
            if inside % selection.every == 0:
                yield image
                taken += 1
            inside += 1
        if taken == selection.most > 0:
            return


def span_ns(first_ns: int, selection: Selection) -> Tuple[int, int]:
    """Return from when to when images are taken [ns], counted from the first of them."""
    start_ns = first_ns + round(selection.start_s * 1e9)
    return start_ns, start_ns + round(selection.seconds * 1e9) if selection.seconds else 2**63 - 1


def thinned(images: int, selection: Selection) -> int:
    """Return how many of the images in the span are taken."""
    taken = math.ceil(images / selection.every)
    return min(taken, selection.most) if selection.most else taken
