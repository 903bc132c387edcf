"""What a data set holds, and what is broken in it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Dict, Iterable, List, Sequence, Tuple

import numpy as np

from pspgrasp.data.dataset import GraspDataset
from pspgrasp.data.sample import GraspSample, SampleEntry
from pspgrasp.errors import DataError


@dataclass(frozen=True)
class DataCheck:
    """What was found.

    Attributes:
        images: That can be used.
        rectangles: Usable labels.
        objects: Different ones; 0 where none is known.
        sizes: "640x480" -> images of that size.
        missing_share: Of pixels without measurement, mean over images.
        median_depth_m: Smallest, median and largest of the images' median depths [m].
        opening_px: 5th, 50th and 95th percentile of the labels' openings.
        jaw_px: The same of their jaws.
        skipped: Labels that were left out: file, line and why.
        broken: Images that can't be used: file, line where there is one, and why.
    """

    images: int
    rectangles: int
    objects: int
    sizes: Dict[str, int]
    missing_share: float
    median_depth_m: Tuple[float, ...]
    opening_px: Tuple[float, ...]
    jaw_px: Tuple[float, ...]
    skipped: Tuple[str, ...]
    broken: Tuple[str, ...]

    def lines(self) -> List[str]:
        """Return the findings for people, without the lists of what is broken and left out."""
        sizes = ", ".join(f"{count} of {size} px" for size, count in self.sizes.items()) or "none"
        lines = [f"images      {self.images}: {sizes}", f"objects     {self.objects or 'not known'}"]
        if self.images:
            low, middle, high = self.median_depth_m
            lines += [
                f"depth       median {middle:.2f} m ({low:.2f} to {high:.2f}), {self.missing_share:.1%} missing",
                f"labels      {self.rectangles}, {self.rectangles / self.images:.1f} an image",
                "opening     {:.0f} / {:.0f} / {:.0f} px (5th, 50th, 95th percentile)".format(*self.opening_px),
                "jaw         {:.0f} / {:.0f} / {:.0f} px".format(*self.jaw_px),
            ]
        return [*lines, f"left out    {len(self.skipped)} labels", f"broken      {len(self.broken)} images"]


@dataclass(frozen=True)
class _Image:
    """What is kept of an image once it was read."""

    size: str
    object_id: str
    median_m: float
    missing_share: float
    openings_px: Tuple[float, ...]
    jaws_px: Tuple[float, ...]


def check(dataset: GraspDataset, entries: Iterable[SampleEntry]) -> DataCheck:
    """Read entries of a data set and return what is there; what is broken is counted, and the rest is read."""
    images: List[_Image] = []
    skipped: List[str] = []
    broken: List[str] = []
    for entry in entries:
        try:
            sample = dataset.read(entry)
        except DataError as error:
            broken.append(str(error))
            continue
        images.append(_image(sample))
        skipped += sample.skipped
    openings_px = [n for image in images for n in image.openings_px]
    return DataCheck(
        len(images),
        len(openings_px),
        len({image.object_id for image in images} - {""}),
        dict(Counter(image.size for image in images)),
        float(np.mean([image.missing_share for image in images])) if images else 0.0,
        _percentiles([image.median_m for image in images], (0, 50, 100)),
        _percentiles(openings_px, (5, 50, 95)),
        _percentiles([n for image in images for n in image.jaws_px], (5, 50, 95)),
        tuple(skipped),
        tuple(broken),
    )


def _image(sample: GraspSample) -> _Image:
    height_px, width_px = sample.depth_m.shape
    missing_share = float(np.isnan(sample.depth_m).mean())
    openings_px, jaws_px = zip(*((r.opening_px, r.jaw_px) for r in sample.rectangles))
    median_m = float(np.nanmedian(sample.depth_m))
    return _Image(f"{width_px}x{height_px}", sample.object_id, median_m, missing_share, openings_px, jaws_px)


def _percentiles(numbers: Sequence[float], shares: Sequence[float]) -> Tuple[float, ...]:
    return tuple(float(n) for n in np.percentile(numbers, shares)) if numbers else ()
