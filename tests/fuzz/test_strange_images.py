"""Depth images of nobody knows whom: messages, PNG and TIFF files, folders of them, and what claims to be large."""

from __future__ import annotations

import contextlib
import json
import struct
import zlib
from typing import Any, Dict

import cv2
import numpy as np
import pytest
from damage import NUMBERS, WORDS, changed, damaged, retold
from hypothesis import example, given
from hypothesis import strategies as st
from labelled_data import scene_m
from strange_files import TRIED, Strange, fuzzed

from pspgrasp.compressed_depth import HEADER
from pspgrasp.depth import DEPTH_ENCODINGS, decode_depth
from pspgrasp.errors import DepthError

STEPS = np.rint(scene_m((48, 64)) * 1000).astype(np.uint16)
PNG = cv2.imencode(".png", STEPS)[1].tobytes()
TIFF = cv2.imencode(".tiff", scene_m((48, 64)))[1].tobytes()
FORMATS = ["16UC1; compressedDepth", "32FC1; compressedDepth png"]
CAMERA = {"K": [62.0, 63.0, 31.5, 23.5], "depth_unit_m": 0.001, "frame_id": "camera", "fps": 30.0}


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def claiming(width_px: int, height_px: int, body: bytes = b"") -> bytes:
    """Return a PNG whose head is true to its checksum and says what it likes of its size."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width_px, height_px, 16, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", body or zlib.compress(bytes(100))) + chunk(b"IEND", b"")


#: Every row of it is there, packed to a thousandth.
LARGE = claiming(30_000, 30_000, zlib.compress(bytes((1 + 2 * 30_000) * 1000)) * 30)
#: A chunk of half a gigabyte, of which nothing is there; OpenCV makes room for it.
LONG = PNG[:33] + struct.pack(">I4s", 1 << 29, b"IDAT") + PNG[41:]
CLAIMS = [
    claiming(30_000, 30_000),
    claiming(2**31 - 1, 2**31 - 1),
    claiming(1 << 20, 1 << 10),
    claiming(0, 0),
    LARGE,
    LONG,
]


def large_tiff(width: int, height: int) -> bytes:
    """Return a TIFF whose directory says what it likes of its size."""
    whole = bytearray(TIFF)
    (directory,) = struct.unpack_from("<I", whole, 4)
    (entries,) = struct.unpack_from("<H", whole, directory)
    for at in range(directory + 2, directory + 2 + 12 * entries, 12):
        tag = struct.unpack_from("<H", whole, at)[0]
        if tag in (256, 257, 278):  # width, height, rows a strip
            struct.pack_into("<HHII", whole, at, tag, 4, 1, width if tag == 256 else height)
    return bytes(whole)


@pytest.mark.parametrize("image_format", FORMATS)
def test_a_whole_message_is_read(strange: Strange, image_format: str) -> None:
    strange.whole("compressedDepth", {"message": HEADER.pack(0, 1200.0, 2.0) + PNG}, "", image_format)


@fuzzed(80)
@given(damaged(PNG), st.sampled_from(FORMATS), st.floats(width=32), st.floats(width=32))
def test_a_damaged_message(strange: Strange, png: bytes, image_format: str, a: float, b: float) -> None:
    strange.read("compressedDepth", {"message": HEADER.pack(0, a, b) + png}, "", image_format)


@fuzzed(20)
@given(st.binary(max_size=40), st.text(max_size=20) | st.sampled_from([*FORMATS, *WORDS]))
def test_a_message_of_nothing(strange: Strange, data: bytes, image_format: str) -> None:
    strange.read("compressedDepth", {"message": data}, "", image_format)


@pytest.mark.parametrize("png", CLAIMS, ids=len)
def test_a_message_that_claims_enormous_images_is_refused_without_room_for_them(strange: Strange, png: bytes) -> None:
    assert strange.read("compressedDepth", {"message": bytes(HEADER.size) + png}, "", FORMATS[0]).kind == "refused"


def test_whole_images_are_read(strange: Strange) -> None:
    strange.whole("depth image", {"depth.png": PNG})
    strange.whole("depth image", {"depth.tiff": TIFF})


@fuzzed(60)
@given(damaged(PNG) | damaged(TIFF), st.sampled_from(["depth.png", "depth.tiff"]))
def test_a_damaged_image(strange: Strange, image: bytes, name: str) -> None:
    strange.read("depth image", {name: image})


@pytest.mark.parametrize("image", [*CLAIMS, large_tiff(30_000, 30_000), large_tiff(2**32 - 1, 2**32 - 1)], ids=len)
def test_an_image_that_claims_to_be_enormous_is_refused_without_room_for_it(strange: Strange, image: bytes) -> None:
    assert strange.read("depth image", {"depth.png": image}).kind == "refused"


@fuzzed(20)
@given(damaged(PNG))
@example(LARGE)
@example(LONG)
@example(claiming(2**31 - 1, 2**31 - 1))
def test_a_folder_with_a_damaged_image(strange: Strange, image: bytes) -> None:
    strange.read("recording", {"depth_1.png": PNG, "depth_2.png": image}, ".")


@fuzzed(60)
@given(changed(CAMERA))
@example({"K": [[0] * 1000]})
def test_a_folder_whose_camera_lies(strange: Strange, camera: Any) -> None:
    strange.read("recording", {"depth_1.png": PNG, "camera.json": json.dumps(camera).encode()}, ".")


@fuzzed(60)
@given(retold("K: [62.0, 63.0, 31.5, 23.5]\ndepth_unit_m: 0.001\nframe_id: camera\nfps: 30\n"))
@example(b"K: " + b"[" * 1000)
@example(b"fps: 2001-99-99")
@example(b"fps: !!bool x")
@example(b"fps: !!int ''")
@example(b"fps: 0x" + b"f" * 5000)
def test_a_folder_whose_camera_is_no_yaml(strange: Strange, camera: bytes) -> None:
    strange.read("recording", {"depth_1.png": PNG, "camera.yaml": camera}, ".")


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"K": ' + "9" * 5000 + "}", "\ud800", '{"files": {"K": 3}}', '{"files": 3}']
)
def test_a_folder_whose_camera_is_no_json(strange: Strange, text: str) -> None:
    data = text.encode("utf-8", "surrogatepass")
    strange.read("recording", {"depth_1.png": PNG, "camera.json": data}, ".")
    strange.read("recording", {"files/depth_1.png": PNG, "meta.json": data}, "files")


@pytest.mark.parametrize(
    "name", ["depth1²2.png", "depth" + "9" * 200 + ".png", "depth٣.png", "depth-1.png", "depth_\u2028.png"]
)
def test_a_folder_of_strange_names_is_read(strange: Strange, name: str) -> None:
    files: Dict[str, bytes] = {name: PNG, "depth_2.png": PNG}
    strange.whole("recording", files, ".")


@fuzzed(200)
@given(
    st.binary(max_size=200), st.sampled_from([*DEPTH_ENCODINGS, "rgb8", ""]),
    *[st.integers(-3, 20) | st.sampled_from([*NUMBERS, -(2**63)])] * 3, st.booleans(),
)  # fmt: skip
def test_an_image_message_that_lies_about_its_size(
    data: bytes, encoding: str, height_px: int, width_px: int, step_bytes: int, is_bigendian: bool
) -> None:
    TRIED["image message"] += 1
    with contextlib.suppress(DepthError):
        depth_m = decode_depth(data, encoding, height_px, width_px, step_bytes, is_bigendian)
        assert depth_m.shape == (height_px, width_px)
        assert depth_m.size <= len(data)
