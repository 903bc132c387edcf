#!/usr/bin/env python3
"""Draw docs/pictures/grasps.gif, the animated picture of the README, from a film of `pspgrasp bag export --to video`.

scripts/pictures.sh makes the film of the demo's own recording and calls this.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import List

import av
from PIL import Image

from pspgrasp.overlay import BEST_BGR, OTHER_BGR

PICTURE = Path(__file__).parent / "pictures" / "grasps.gif"
FRAME_MS = 200
COLOURS = 64
SWATCH_PX = 20


def frames(film: Path, every: int, width_px: int) -> List[Image.Image]:
    """Return every so many pictures of a film, made smaller to a width."""
    with av.open(str(film)) as container:
        pictures = [frame.to_image() for index, frame in enumerate(container.decode(video=0)) if index % every == 0]
    size_px = (width_px, round(width_px * pictures[0].height / pictures[0].width))
    return [picture.resize(size_px, Image.Resampling.LANCZOS) for picture in pictures]


def write(pictures: List[Image.Image], path: Path) -> None:
    """Write pictures as one that moves for ever, all in the colours of the first and the last, and of what is drawn."""
    width_px, height_px = pictures[0].size
    sample = Image.new("RGB", (width_px, 2 * height_px + 2 * SWATCH_PX))
    for top_px, picture in ((0, pictures[0]), (height_px, pictures[-1])):
        sample.paste(picture, (0, top_px))
    for row, bgr in enumerate((BEST_BGR, OTHER_BGR)):  # thin lines, which would else get no colour of their own
        top_px = 2 * height_px + row * SWATCH_PX
        sample.paste(bgr[::-1], (0, top_px, width_px, top_px + SWATCH_PX))
    palette = sample.quantize(COLOURS)
    first, *rest = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    first.save(path, save_all=True, append_images=rest, duration=FRAME_MS, loop=0, optimize=True)


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("film", type=Path, help="MP4 to read")
    parser.add_argument("--output", type=Path, default=PICTURE, help="GIF to write")
    parser.add_argument("--every", type=int, default=4, help="take each N-th picture (default: 4)")
    parser.add_argument("--width", type=int, default=720, help="of the picture [px] (default: 720)")
    parsed = parser.parse_args()
    write(frames(parsed.film, parsed.every, parsed.width), parsed.output)


if __name__ == "__main__":
    main()
