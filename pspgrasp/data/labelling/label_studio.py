"""Label Studio's export "JSON": tasks with annotations, its boxes in per cent, turned about their first corner."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Dict, List, Tuple
from urllib.parse import parse_qs, unquote, urlsplit

from pspgrasp.data.labelling.rotated_boxes import BoxedImage, box_about_centre
from pspgrasp.errors import DataError
from pspgrasp.rectangle import GraspRectangle

KIND = "rectanglelabels"
UPLOAD = re.compile(r"^[0-9a-f]{8}-(?=.)")  # what Label Studio puts before the name of an uploaded file
WANTED = 'expected Label Studio\'s export "JSON": a list of tasks with data and annotations'


def read_label_studio(data: bytes) -> List[BoxedImage]:
    """Return the boxes of an export, an entry a task; annotations that were cancelled don't count.

    Raises:
        DataError: Not such an export, or a box that lacks a number.
    """
    try:
        tasks = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{WANTED} ({error})") from error
    if not isinstance(tasks, list):
        raise DataError(WANTED)
    return [_image(task, f"task {number}") for number, task in enumerate(tasks, 1)]


def _image(task: Any, place: str) -> BoxedImage:
    try:
        name = _name(task["data"]["image"])
        drawn = [annotation["result"] for annotation in task["annotations"] if not annotation.get("was_cancelled")]
        boxes = [entry for result in drawn for entry in result if entry.get("type") == KIND]
        sizes_px = {_size_px(name, entry) for entry in boxes}
        if len(sizes_px) > 1:
            raise ValueError(f"boxes for images of {len(sizes_px)} sizes")
        return BoxedImage(name, next(iter(sizes_px), (0, 0)), tuple(_rectangle(entry) for entry in boxes))
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise DataError(f"{place}: {WANTED} ({type(error).__name__}: {error})") from error


def _name(address: str) -> str:
    """Return the name of the file behind an address: an upload, or a local file "...?d=folder/name"."""
    parts = urlsplit(address)
    local = parse_qs(parts.query).get("d")
    return UPLOAD.sub("", (local[0] if local else unquote(parts.path)).rpartition("/")[2])


def _size_px(name: str, entry: Dict[str, Any]) -> Tuple[int, int]:
    if entry.get("image_rotation"):
        raise DataError(f"{name} was turned in Label Studio by {entry['image_rotation']} degrees; depth was not")
    return int(entry["original_width"]), int(entry["original_height"])


def _rectangle(entry: Dict[str, Any]) -> GraspRectangle:
    value = entry["value"]
    x, opening_px = (float(value[key]) / 100 * entry["original_width"] for key in ("x", "width"))
    y, jaw_px = (float(value[key]) / 100 * entry["original_height"] for key in ("y", "height"))
    clockwise_deg = float(value.get("rotation", 0.0))
    # x and y are the first corner, about which the box is turned: its centre is half a width and half a height on.
    c, s = math.cos(math.radians(clockwise_deg)), math.sin(math.radians(clockwise_deg))
    centre_px = (x + (c * opening_px - s * jaw_px) / 2, y + (s * opening_px + c * jaw_px) / 2)
    return box_about_centre(centre_px, (opening_px, jaw_px), clockwise_deg)
