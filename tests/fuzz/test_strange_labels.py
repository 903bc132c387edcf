"""Labels, point clouds, boxes of other tools and meshes of nobody knows whom."""

from __future__ import annotations

import io
import json
import struct
from typing import Any, Dict

import cv2
import numpy as np
import pytest
from damage import changed, damaged, retold
from hypothesis import example, given
from hypothesis import strategies as st
from labelled_data import RECTANGLE, corner_lines, scene_m
from strange_files import Strange, fuzzed

from pspgrasp.data.jacquard import jacquard_line

DEPTH = cv2.imencode(".tiff", scene_m())[1].tobytes()
STEPS = cv2.imencode(".png", np.rint(scene_m() * 1000).astype(np.uint16))[1].tobytes()
CORNERS, OBJECTS = corner_lines([RECTANGLE]), "pcd,object_id,object_name\n0100,1,thing\n"
CLOUD = "# .PCD v.7\nPOINTS 3\nDATA ascii\n" + "".join(f"{n}.5 -20.1 750.3 0 {640 * n + 70}\n" for n in range(30, 60))
VIEW = jacquard_line(RECTANGLE) + "\n"


def cornell(**changes: bytes) -> Dict[str, bytes]:
    """Return a data set of one image; `labels`, `depth`, `objects` in its place."""
    return {
        "pcd0100cpos.txt": changes.get("labels", CORNERS.encode()),
        "objects.csv": changes.get("objects", OBJECTS.encode()),
        **({"pcd0100.txt": changes["cloud"]} if "cloud" in changes else {"pcd0100d.tiff": changes.get("depth", DEPTH)}),
    }


def npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def npy_of(header: str, data: bytes = b"", version: int = 1) -> bytes:
    """Return an array file with any header."""
    text = header.encode() + b"\n"
    size = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + size + text + data


ROWS = np.array([[60, 40, 75, 40, 12, 0.5, 1.0]])


def graspnet(labels: bytes) -> Dict[str, bytes]:
    return {"scene_1/kinect/rect/0001.npy": labels, "scene_1/kinect/depth/0001.png": STEPS}


def test_whole_data_sets_are_read(strange: Strange) -> None:
    strange.whole("labelled images", cornell(), ".")
    strange.whole("labelled images", cornell(cloud=CLOUD.encode()), ".")
    strange.whole("labelled images", graspnet(npy(ROWS)), ".")
    strange.whole("labelled images", {"a/Annotations/x.txt": CORNERS.encode(), "a/depth/x.png": STEPS}, ".")


@fuzzed(60)
@given(retold(CORNERS) | damaged(CORNERS.encode()))
@example(b"1e308 0\n-1e308 1e308\n0 -1e308\n1 1\n")
@example(b"1e200 0\n-1e200 0\n-1e200 9\n1e200 9\n")
def test_corners(strange: Strange, labels: bytes) -> None:
    strange.read("labelled images", cornell(labels=labels), ".")


@fuzzed(40)
@given(retold(OBJECTS) | damaged(OBJECTS.encode()))
@example(b"pcd,object_id\n" + b"x" * 200_000 + b",1\n")
@example(b"pcd,object_id\n\xff,1\n")
@example(b'pcd,object_id\n"0100\n')
@example(b"pcd,object_id\n0100,1\0\n")
def test_tables_of_objects(strange: Strange, objects: bytes) -> None:
    strange.read("labelled images", cornell(objects=objects), ".")


@fuzzed(40)
@given(retold(CLOUD) | damaged(CLOUD.encode()))
@example(b"DATA ascii\n1e308 1e308 1e308 0 70\n")
@example(b"DATA ascii\n1 1 1 0 nan\n")
def test_point_clouds(strange: Strange, cloud: bytes) -> None:
    strange.read("labelled images", cornell(cloud=cloud), ".")


@fuzzed(40)
@given(retold(VIEW) | damaged(VIEW.encode()))
def test_lines_of_jacquard(strange: Strange, labels: bytes) -> None:
    files = {"0_thing_grasps.txt": labels, "0_thing_perfect_depth.tiff": DEPTH}
    assert strange.read("labelled images", files, ".").kind == "refused"  # its depth isn't of Jacquard's size


@fuzzed(60)
@given(damaged(npy(ROWS)))
@example(npy_of("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 7)}"))
@example(npy_of("{'descr': '<f8', 'fortran_order': False, 'shape': (9" + "0" * 30 + ", 7)}"))
@example(npy_of("{'descr': '<f8', 'fortran_order': False, 'shape': (0, 7)}"))
@example(npy_of("{'descr': '|O', 'fortran_order': False, 'shape': (1, 7)}", b"cos\nsystem\n(S'ls'\ntR."))
@example(npy_of("{'descr': '<f8', 'fortran_order': False, 'shape': " + "(" * 900 + ")" * 900 + "}"))
@example(npy_of("{'a': (", b""))
@example(npy_of("{'descr': '<U1000000000', 'fortran_order': False, 'shape': (1, 7)}"))
@example(b"PK\x03\x04" + bytes(40))
@example(b"PK\x05\x06" + bytes(18))
@example(b"\x80\x04cos\nsystem\n(S'ls'\ntR.")
@example(npy(np.full((1, 7), 1e300)))
@example(npy(np.full((1, 7), 2**64 - 1, np.uint64)))
def test_arrays_of_labels(strange: Strange, labels: bytes) -> None:
    strange.read("labelled images", graspnet(labels), ".")


# --- boxes of other tools


STUDIO = [
    {
        "data": {"image": "/data/upload/1/0a1b2c3d-one.png"},
        "annotations": [
            {
                "was_cancelled": False,
                "result": [
                    {
                        "type": "rectanglelabels",
                        "original_width": 120,
                        "original_height": 90,
                        "image_rotation": 0,
                        "value": {"x": 40.0, "y": 40.0, "width": 20.0, "height": 10.0, "rotation": 30.0},
                    }
                ],
            }
        ],
    }
]
CVAT = """<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><image id="0" name="one.png" width="120" height="90">
<box label="grasp" xtl="40.0" ytl="30.0" xbr="70.0" ybr="42.0" rotation="30.0" z_order="0"></box></image></annotations>
"""
LAUGHS = '<!DOCTYPE a [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {name} "{f"&{last};" * 10}">' for last, name in zip("abcdefgh", "bcdefghi")
) + "]>\n<annotations>&i;</annotations>"  # fmt: skip


def test_whole_exports_are_read(strange: Strange) -> None:
    strange.whole("boxes of other tools", {"boxes.json": json.dumps(STUDIO).encode(), "one.png": STEPS})
    strange.whole("boxes of other tools", {"boxes.xml": CVAT.encode(), "one.png": STEPS})


@fuzzed(60)
@given(changed(STUDIO))
@example([{"data": {"image": "http://[x"}, "annotations": []}])
def test_label_studio(strange: Strange, tree: Any) -> None:
    strange.read("boxes of other tools", {"boxes.json": json.dumps(tree).encode(), "one.png": STEPS})


@fuzzed(60)
@given(retold(CVAT) | damaged(CVAT.encode()))
@example(LAUGHS.encode())
@example(CVAT.replace("<annotations>", "<annotations>" + "<a>" * 100_000).encode())
@example(CVAT.replace('utf-8"', 'utf-7"').encode())
@example(CVAT.replace('utf-8"', 'ttf-8"').encode())
@example(CVAT.replace('utf-8"', 'idna"').encode())
def test_cvat(strange: Strange, text: bytes) -> None:
    strange.read("boxes of other tools", {"boxes.xml": text, "one.png": STEPS})


# --- meshes


trimesh = pytest.importorskip("trimesh", reason="needs the extra meshes")
MESHES = {
    kind: data if isinstance(data, bytes) else data.encode()
    for kind in ("stl", "obj", "ply", "off")
    for data in [trimesh.creation.box((0.05, 0.03, 0.02)).export(file_type=kind)]
}
ASCII = trimesh.creation.box((0.05, 0.03, 0.02)).export(file_type="stl_ascii")


@pytest.mark.parametrize("kind", MESHES)
def test_whole_meshes_are_read(strange: Strange, kind: str) -> None:
    strange.whole("mesh", {f"thing.{kind}": MESHES[kind]})


@pytest.mark.parametrize("kind", MESHES)
@fuzzed(25)
@given(data=st.data())
def test_damaged_meshes(strange: Strange, kind: str, data: st.DataObject) -> None:
    strange.read("mesh", {f"thing.{kind}": data.draw(damaged(MESHES[kind]))})


@fuzzed(40)
@given(st.sampled_from(["stl", "obj", "off"]), st.data())
def test_meshes_in_words(strange: Strange, kind: str, data: st.DataObject) -> None:
    text = ASCII if kind == "stl" else MESHES[kind].decode()
    strange.read("mesh", {f"thing.{kind}": data.draw(retold(text))})


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.stl", bytes(80) + struct.pack("<I", 2**32 - 1) + bytes(500)),
        ("a.ply", b"ply\nformat binary_little_endian 1.0\nelement vertex 100000000000\nproperty float x\n"
                  b"property float y\nproperty float z\nend_header\n" + bytes(100)),
        ("a.ply", b"ply\nformat ascii 1.0\nelement vertex 100000000000\nproperty float x\nend_header\n0\n"),
        ("a.off", b"OFF\n100000000000 1 1\n0 0 0\n3 0 0 0\n"),
        ("a.obj", b"v 0 0 0\nf 1 1 99999999999\n"),
        ("a.obj", b"v\nv\nv\nf 1 2 3\n"),
    ],
)  # fmt: skip
def test_a_mesh_that_claims_to_be_enormous_is_refused_without_room_for_it(
    strange: Strange, name: str, data: bytes
) -> None:
    assert strange.read("mesh", {name: data}).kind == "refused"


@pytest.mark.parametrize("elsewhere", ["/dev/zero", "../secret.mtl", "secret.mtl"])
def test_a_mesh_that_names_other_files_reads_none_of_them(strange: Strange, elsewhere: str) -> None:
    """Of a material that isn't looked at, no picture is opened either: /dev/zero has no end."""
    material = b"newmtl a\nmap_Kd /dev/zero\n"
    text = f"mtllib {elsewhere}\nusemtl a\n".encode() + MESHES["obj"].replace(b"mtllib", b"#")
    strange.whole("mesh", {"thing.obj": text, "secret.mtl": material})
    ply = MESHES["ply"].replace(b"ply\n", f"ply\ncomment TextureFile {elsewhere}\n".encode(), 1)
    strange.whole("mesh", {"thing.ply": ply, "secret.mtl": material})
