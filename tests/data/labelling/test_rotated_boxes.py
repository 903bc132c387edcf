"""Boxes of Label Studio and of CVAT, in files of their formats, become labels in the same place."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, Dict, List, Tuple

import labelled_data
import numpy as np
import pytest

from pspgrasp.data.labelling.label_folder import LabelFolder, open_label_folder
from pspgrasp.data.labelling.rotated_boxes import import_boxes
from pspgrasp.errors import DataError
from pspgrasp.rectangle import GraspRectangle, angle_distance_rad

SIZE_PX = (120, 90)
RECTANGLE = labelled_data.RECTANGLE
UPRIGHT = GraspRectangle(19.5, 29.5, 0.0, 20.0, 10.0)  # from 10 to 30 and from 25 to 35, as the tools count


@pytest.fixture
def folder(tmp_path: Path) -> LabelFolder:
    for name in ("left_1.png", "left_2.png"):
        labelled_data.write_png(tmp_path / "recording" / name, labelled_data.scene_m(), 0.001)
    return open_label_folder(tmp_path / "recording", tmp_path / "out")


def studio_box(rectangle: GraspRectangle, **more: Any) -> Dict[str, Any]:
    """Return a box as Label Studio exports it: its first corner, its sides and its clockwise turn, in per cent."""
    u, v = rectangle.corners()[0] + 0.5
    width_px, height_px = SIZE_PX
    value = {
        "x": 100 * u / width_px,
        "y": 100 * v / height_px,
        "width": 100 * rectangle.opening_px / width_px,
        "height": 100 * rectangle.jaw_px / height_px,
        "rotation": -math.degrees(rectangle.angle_rad) % 360,
        "rectanglelabels": ["grasp"],
    }
    sizes = {"original_width": width_px, "original_height": height_px, "image_rotation": 0}
    return {
        "id": "a1",
        "type": "rectanglelabels",
        "from_name": "label",
        "to_name": "image",
        "value": value,
        **sizes,
        **more,
    }


def studio(*tasks: Tuple[str, List[Dict[str, Any]]]) -> str:
    return json.dumps(
        [
            {"id": n, "data": {"image": image}, "annotations": [{"id": n, "was_cancelled": False, "result": boxes}]}
            for n, (image, boxes) in enumerate(tasks)
        ]
    )


def cvat_box(rectangle: GraspRectangle, turn: bool = True) -> str:
    """Return a box as CVAT exports it: its sides before the turn about its centre, clockwise."""
    half_u, half_v = rectangle.opening_px / 2, rectangle.jaw_px / 2
    u, v = rectangle.u + 0.5, rectangle.v + 0.5
    sides = f'xtl="{u - half_u:.4f}" ytl="{v - half_v:.4f}" xbr="{u + half_u:.4f}" ybr="{v + half_v:.4f}"'
    turned = f' rotation="{-math.degrees(rectangle.angle_rad) % 360:.4f}"' if turn else ""
    return f'<box label="grasp" source="manual" occluded="0" {sides}{turned} z_order="0"></box>'


def cvat(*images: Tuple[str, str], head: str = '<?xml version="1.0" encoding="utf-8"?>\n') -> str:
    width_px, height_px = SIZE_PX
    entries = "".join(
        f'<image id="{n}" name="{name}" width="{width_px}" height="{height_px}">{boxes}</image>'
        for n, (name, boxes) in enumerate(images)
    )
    return f"{head}<annotations><version>1.1</version><meta><task><id>1</id></task></meta>{entries}</annotations>"


def write(folder: LabelFolder, name: str, text: str) -> Path:
    path = folder.output.parent / name
    path.write_text(text, encoding="utf-8")
    return path


def same(found: GraspRectangle, wanted: GraspRectangle) -> bool:
    numbers = [(r.u, r.v, r.opening_px, r.jaw_px) for r in (found, wanted)]
    turned_rad = angle_distance_rad(np.array(found.angle_rad), np.array(wanted.angle_rad))
    return bool(np.allclose(*numbers, atol=2e-3) and turned_rad < 1e-3)


@pytest.mark.parametrize("angle_rad", [0.0, 0.3, 1.2, -0.7, -math.pi / 2])
@pytest.mark.parametrize("tool", ["studio", "cvat"])
def test_a_box_becomes_the_label_at_its_place_with_its_width_as_opening(
    folder: LabelFolder, tool: str, angle_rad: float
) -> None:
    wanted = GraspRectangle(50.0, 40.0, angle_rad, 31.0, 12.0)
    text = studio(("left_1.png", [studio_box(wanted)])) if tool == "studio" else cvat(("left_1.png", cvat_box(wanted)))
    file = write(folder, "export.json" if tool == "studio" else "export.xml", text)
    assert import_boxes(folder, file) == {"left_1.png": 1}
    (found,) = folder.labels("left_1.png")
    assert same(found, wanted)


def test_pixels_count_from_the_image_s_edge_in_the_tools_and_from_centres_here(folder: LabelFolder) -> None:
    value = {"x": 100 * 10 / 120, "y": 100 * 25 / 90, "width": 100 * 20 / 120, "height": 100 * 10 / 90}
    box = {**studio_box(UPRIGHT), "value": value}
    import_boxes(folder, write(folder, "a.json", studio(("left_1.png", [box]))))
    plain = '<box label="grasp" xtl="10" ytl="25" xbr="30" ybr="35"></box>'
    import_boxes(folder, write(folder, "a.xml", cvat(("left_2.png", plain))))
    for name in folder.images:
        (found,) = folder.labels(name)
        assert same(found, UPRIGHT)


@pytest.mark.parametrize(
    "image",
    [
        "/data/upload/3/0a1b2c3d-left_1.png",
        "/data/local-files/?d=recording/left_1.png",
        "s3://bucket/left_1.jpg",
        "https://example.org/left_1.jpg?size=2",
        "left_1.png",
    ],
)
def test_the_image_is_found_by_its_name(folder: LabelFolder, image: str) -> None:
    assert import_boxes(folder, write(folder, "a.json", studio((image, [studio_box(RECTANGLE)])))) == {"left_1.png": 1}


def test_many_boxes_many_images_and_what_is_no_box(folder: LabelFolder) -> None:
    other = {"type": "choices", "value": {"choices": ["good"]}}
    tasks = json.loads(
        studio(
            ("left_1.png", [studio_box(RECTANGLE), other, studio_box(UPRIGHT)]), ("left_2.png", [studio_box(UPRIGHT)])
        )
    )
    cancelled = {"was_cancelled": True, "result": [studio_box(UPRIGHT)]}
    tasks[1]["annotations"].append(cancelled)
    tasks.append({"data": {"image": "elsewhere.png"}, "annotations": []})
    assert import_boxes(folder, write(folder, "a.json", json.dumps(tasks))) == {"left_1.png": 2, "left_2.png": 1}
    found = folder.labels("left_1.png")
    assert same(found[0], RECTANGLE)
    assert same(found[1], UPRIGHT)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.json", "{", 'expected Label Studio\'s export "JSON"'),
        ("a.json", "{}", "a list of tasks"),
        ("a.json", "[" * 100_000, "a list of tasks"),
        ("a.json", "[1]", "task 1: expected"),
        ("a.json", "[]", "there is no box in it"),
        ("a.json", studio(("x.png", [studio_box(RECTANGLE)])), "x.png is none of the 2 images, such as left_1.png"),
        (
            "a.json",
            studio(("left_1.png", [studio_box(RECTANGLE, original_width=640)])),
            "for 640x90 px, but left_1.png",
        ),
        (
            "a.json",
            studio(("left_1.png", [studio_box(RECTANGLE, image_rotation=90)])),
            "was turned in Label Studio by 90",
        ),
        ("a.json", studio(("left_1.png", [studio_box(RECTANGLE, value={"x": 1})])), "KeyError: 'width'"),
        ("a.json", studio(("left_1.png", [studio_box(GraspRectangle(50, 40, 0, 0, 9))])), "a box needs finite numbers"),
        ("a.json", studio(("left_1.png", [studio_box(GraspRectangle(500, 40, 0, 9, 9))])), "outside the 120x90 px"),
        ("a.xml", "<annotations>", 'expected CVAT\'s export "CVAT for images 1.1"'),
        ("a.xml", "<coco></coco>", "got <coco>"),
        ("a.xml", cvat(), "there is no box in it"),
        ("a.xml", cvat(("left_1.png", '<box xtl="1" ytl="2" xbr="3"/>')), "image 'left_1.png': expected"),
        ("a.xml", cvat(("left_1.png", '<box xtl="1" ytl="2" xbr="nan" ybr="9"/>')), "a box needs finite numbers"),
        ("a.csv", "", "is neither Label Studio's .json nor CVAT's .xml"),
    ],
)
def test_exports_that_can_t_be_used_are_told_and_nothing_is_written(
    folder: LabelFolder, name: str, text: str, said: str
) -> None:
    with pytest.raises(DataError) as caught:
        import_boxes(folder, write(folder, name, text))
    assert said in str(caught.value)
    assert name in str(caught.value)
    assert not folder.output.exists()


@pytest.mark.parametrize(
    "declared",
    ['<!DOCTYPE a [<!ENTITY b "cccc">]>', '<!DOCTYPE a SYSTEM "file:///etc/passwd">', "<!DOCTYPE annotations>"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_is_not_read(folder: LabelFolder, declared: str, encoding: str) -> None:
    text = cvat(("left_1.png", cvat_box(RECTANGLE)), head=f'<?xml version="1.0" encoding="{encoding}"?>{declared}')
    file = folder.output.parent / "a.xml"
    file.write_bytes(text.encode(encoding))
    with pytest.raises(DataError, match="a document type or an entity is declared"):
        import_boxes(folder, file)


def test_one_fault_keeps_all_from_being_written_and_labels_are_not_replaced(folder: LabelFolder) -> None:
    good, bad = studio_box(RECTANGLE), studio_box(GraspRectangle(500, 40, 0, 9, 9))
    with pytest.raises(DataError, match="outside"):
        import_boxes(folder, write(folder, "a.json", studio(("left_1.png", [good]), ("left_2.png", [bad]))))
    assert not folder.output.exists()
    folder.save("left_2.png", [UPRIGHT])
    with pytest.raises(DataError, match=r"left_2\.png has labels already, in .*pcdleft_2cpos\.txt"):
        import_boxes(folder, write(folder, "a.json", studio(("left_1.png", [good]), ("left_2.png", [good]))))
    assert folder.labels("left_1.png") == ()
    assert same(folder.labels("left_2.png")[0], UPRIGHT)
    with pytest.raises(DataError, match=r"nowhere\.json can't be read"):
        import_boxes(folder, folder.output / "nowhere.json")
