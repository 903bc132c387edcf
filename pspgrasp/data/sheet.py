"""Pictures of labelled images: a tile each, and many tiles on one sheet."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import List, Sequence, Tuple

import cv2
import numpy as np

from pspgrasp.data.sample import GraspSample
from pspgrasp.errors import PspGraspError
from pspgrasp.overlay import colour_depth

TILE_PX, CAPTION_PX, GAP_PX = 300, 22, 4
MARGIN = 0.5  # around the labels, as a share of their extent
SMALLEST_PX = 160  # window of the image that a tile shows at least
BACKGROUND, TEXT_BGR, LABEL_BGR = 30, (235, 235, 235), (255, 255, 255)
SUBPIXEL_BITS = 4  # cv2 draws in sixteenths of a pixel
MOST_LABELS = 40  # more hide the object; every n-th is drawn then

Colour = Tuple[int, int, int]


@dataclass(frozen=True)
class Tile:
    """A square window of a depth image, in colour, on which is drawn in pixels of the image.

    Attributes:
        picture: (S, S, 3) uint8 BGR.
        left_px: First column of the window in the image.
        top_px: First row.
        scale: Tile pixels per image pixel.
        caption: Written below.
        colour: Of the caption.
    """

    picture: np.ndarray
    left_px: int
    top_px: int
    scale: float
    caption: str
    colour: Colour = TEXT_BGR

    def draw(self, corners_px: np.ndarray, colour: Colour, thickness: int) -> None:
        """Draw a rectangle (4, 2) (u, v) [image px]; its jaws, edges 1 to 2 and 3 to 0, twice as thick."""
        places = (corners_px - (self.left_px, self.top_px) + 0.5) * self.scale - 0.5
        a, b, c, d = (tuple(int(n) for n in corner) for corner in np.rint(places * 2**SUBPIXEL_BITS))
        for start, stop, broad in ((a, b, 1), (c, d, 1), (b, c, 2), (d, a, 2)):
            cv2.line(self.picture, start, stop, colour, thickness * broad, cv2.LINE_AA, SUBPIXEL_BITS)

    def with_caption(self) -> np.ndarray:
        """Return the picture (S + 22, S, 3) with its caption below."""
        strip = np.full((CAPTION_PX, self.picture.shape[1], 3), BACKGROUND, np.uint8)
        write(strip, self.caption, self.colour)
        return np.vstack([self.picture, strip])


def tile_around(sample: GraspSample, more_px: np.ndarray, caption: str, colour: Colour = TEXT_BGR) -> Tile:
    """Return the part of an image where its labels and `more_px` (N, 2) are, nothing drawn on it."""
    left, top, size = _window(np.vstack([sample.corners_px.reshape(-1, 2), more_px]), sample.depth_m.shape)
    window_m = sample.depth_m[top : top + size, left : left + size]
    level_m = levelled(window_m)
    coloured = colour_depth(level_m, level_m)
    picture = cv2.resize(
        coloured, (TILE_PX, TILE_PX), interpolation=cv2.INTER_AREA if size > TILE_PX else cv2.INTER_CUBIC
    )
    return Tile(picture, left, top, TILE_PX / size, caption, colour)


def levelled(depth_m: np.ndarray) -> np.ndarray:
    """Return depth (H, W) [m] without its tilt, so that flat things on a tilted table show.

    The plane is fitted twice, the second time without what stands off the first: things on the table.
    """
    rows, columns = np.indices(depth_m.shape)
    plane = np.stack([rows.ravel(), columns.ravel(), np.ones(depth_m.size)], axis=1)[:: max(1, depth_m.size // 20000)]
    sampled_m = depth_m.ravel()[:: max(1, depth_m.size // 20000)]
    used = ~np.isnan(sampled_m)
    for _ in range(2):
        slope = np.linalg.lstsq(plane[used], sampled_m[used], rcond=None)[0]
        off_m = np.abs(sampled_m - plane @ slope)
        used = off_m <= np.nanmedian(off_m)  # False where nothing was measured
    tilt_m = rows * slope[0] + columns * slope[1]
    return (depth_m - tilt_m + tilt_m.mean()).astype(np.float32)


def _window(places_px: np.ndarray, shape: Tuple[int, ...]) -> Tuple[int, int, int]:
    """Return left, top and side of a square about places (N, 2), inside an image (H, W)."""
    low, high = places_px.min(axis=0), places_px.max(axis=0)
    size = int(min(max(SMALLEST_PX, (1 + 2 * MARGIN) * float((high - low).max())), *shape))
    left, top = (round(float(middle) - size / 2) for middle in (low + high) / 2)
    return max(0, min(left, shape[1] - size)), max(0, min(top, shape[0] - size)), size


def draw_labels(tile: Tile, sample: GraspSample) -> None:
    """Draw an image's labels, thin and half transparent; of very many every n-th."""
    clean = tile.picture.copy()
    for corners_px in sample.corners_px[:: math.ceil(len(sample.corners_px) / MOST_LABELS)]:
        tile.draw(corners_px, LABEL_BGR, 1)
    cv2.addWeighted(tile.picture, 0.6, clean, 0.4, 0.0, dst=tile.picture)


def labelled_tile(sample: GraspSample) -> Tile:
    """Return an image with its labels."""
    tile = tile_around(sample, np.zeros((0, 2)), f"{short_name(sample.name)}  {len(sample.rectangles)} labels")
    draw_labels(tile, sample)
    return tile


def contact_sheet(tiles: Sequence[Tile], title: str, columns: int = 0) -> np.ndarray:
    """Return tiles side by side under a title, (H, W, 3) uint8 BGR; `columns` 0 makes it about square."""
    columns = columns or max(1, math.ceil(math.sqrt(1.3 * len(tiles))))
    pictures = [tile.with_caption() for tile in tiles]
    height_px, width_px = TILE_PX + CAPTION_PX + GAP_PX, TILE_PX + GAP_PX
    rows = math.ceil(len(tiles) / columns)
    sheet = np.full((rows * height_px + CAPTION_PX + GAP_PX, columns * width_px + GAP_PX, 3), BACKGROUND, np.uint8)
    write(sheet[:CAPTION_PX], title, TEXT_BGR)
    for index, picture in enumerate(pictures):
        row, column = divmod(index, columns)
        top, left = CAPTION_PX + GAP_PX + row * height_px, GAP_PX + column * width_px
        sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return sheet


def write(strip: np.ndarray, text: str, colour: Colour) -> None:
    """Write a line of text onto a strip of a picture."""
    cv2.putText(strip, text, (4, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, 1, cv2.LINE_AA)


def short_name(name: str) -> str:
    """Return the last part of an image's name, cut to what a caption holds."""
    last = name.rpartition("/")[2]
    return last if len(last) <= 16 else last[:14] + ".."


def evenly(items: Sequence[int], most: int) -> List[int]:
    """Return at most `most` of the items, evenly spaced, in order."""
    if len(items) <= most:
        return list(items)
    return [items[int(place)] for place in np.linspace(0, len(items) - 1, most).round()]


def write_picture(path: Path, picture: np.ndarray) -> None:
    """Write a picture.

    Raises:
        PspGraspError: It can't be written.
    """
    try:
        written = cv2.imwrite(str(path), picture)
    except cv2.error:  # a suffix that OpenCV knows no format for
        written = False
    if not written:
        raise PspGraspError(f"{path} can't be written; is it a .png in a folder that is there?")
