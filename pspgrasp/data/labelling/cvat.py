"""CVAT's export "CVAT for images 1.1": boxes in pixels, turned about their centre."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from typing import Any, List
from xml.parsers import expat

from pspgrasp.data.labelling.rotated_boxes import BoxedImage, box_about_centre
from pspgrasp.errors import DataError
from pspgrasp.rectangle import GraspRectangle

WANTED = 'expected CVAT\'s export "CVAT for images 1.1": <annotations> with <image> and <box>'


def read_cvat(data: bytes) -> List[BoxedImage]:
    """Return the boxes of an export, an entry an image.

    Raises:
        DataError: Not such an export, a box that lacks a number, or a document type: CVAT writes none, and one could
            make a small file enormous.
    """
    try:
        _refuse_document_type(data)
        root = ElementTree.fromstring(data)
    except (ElementTree.ParseError, expat.ExpatError, LookupError, ValueError) as error:  # LookupError: an encoding
        raise DataError(f"{WANTED} ({error})") from error
    if root.tag != "annotations":
        raise DataError(f"{WANTED}; got <{root.tag}>")
    return [_boxed(image) for image in root.iter("image")]


def _refuse_document_type(data: bytes) -> None:
    def refuse(*_declared: Any) -> None:
        raise DataError("a document type or an entity is declared in it, which no export needs; it is not read")

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.Parse(data, True)


def _boxed(image: ElementTree.Element) -> BoxedImage:
    name = image.get("name", "")
    try:
        size_px = (int(image.attrib["width"]), int(image.attrib["height"]))
        return BoxedImage(name, size_px, tuple(_rectangle(box) for box in image.iter("box")))
    except (KeyError, ValueError) as error:
        raise DataError(f"image {name!r}: {WANTED} ({type(error).__name__}: {error})") from error


def _rectangle(box: ElementTree.Element) -> GraspRectangle:
    left, top, right, bottom = (float(box.attrib[side]) for side in ("xtl", "ytl", "xbr", "ybr"))
    clockwise_deg = float(box.get("rotation", "0"))
    return box_about_centre(((left + right) / 2, (top + bottom) / 2), (right - left, bottom - top), clockwise_deg)
