"""docs/conventions.md, sentence by sentence: each test quotes the sentences that it holds."""

from __future__ import annotations

import importlib.util
import math
import re
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, Callable, Dict, List, TypeVar

import cv2
import numpy as np
import pytest

from pspgrasp.camera import PinholeCamera
from pspgrasp.clearance import ClearanceConfig, WayDown
from pspgrasp.config import CropConfig, DetectionConfig, LimitsConfig
from pspgrasp.crop import SquareCrop
from pspgrasp.data.tabletop import Body, Box, exact_depth
from pspgrasp.depth import DEPTH_ENCODINGS, DepthFrame, decode_depth
from pspgrasp.detect import depth_around, detect, grasp_at, lift
from pspgrasp.ggcnn_service import GgcnnServiceConfig, _service_point
from pspgrasp.ggcnn_stream import PRESETS, GgcnnStream
from pspgrasp.grasp import Grasp, ImageGrasp, wrap_half_turn
from pspgrasp.gripper import HandConfig
from pspgrasp.maps import GraspMaps
from pspgrasp.predictor import GraspPredictor
from pspgrasp.rectangle import GraspRectangle
from pspgrasp.shipped import find_checkpoint, shipped_checkpoints
from pspgrasp.table_plane import TablePlane

DOCS = Path(__file__).parents[1] / "docs"
CAMERA = PinholeCamera(640, 480, 600.0, 600.0, 319.5, 239.5)
QUOTED: Dict[int, List[str]] = {}
Test = TypeVar("Test", bound=Callable[..., Any])


def states(number: int, *sentences: str) -> Callable[[Test], Test]:
    """Mark a test as the one that holds these sentences of the page."""
    QUOTED.setdefault(number, []).extend(sentences)
    return lambda test: test


def conventions() -> Dict[int, str]:
    """Return number -> text of the page's numbered conventions."""
    page = (DOCS / "conventions.md").read_text(encoding="utf-8")
    found = re.findall(r"^(\d+)\. (.*(?:\n +.*)*)", page, re.MULTILINE)
    return {int(number): " ".join(text.split()) for number, text in found}


def test_conventions_are_numbered_without_a_gap() -> None:
    page = (DOCS / "conventions.md").read_text(encoding="utf-8")
    numbers = [int(number) for number in re.findall(r"^(\d+)\. ", page, re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) > 20


@pytest.mark.parametrize("number", sorted(conventions()))
def test_every_sentence_of_the_page_has_a_test(number: int) -> None:
    rest = conventions()[number]
    for sentence in QUOTED.get(number, []):
        assert sentence in rest, f"convention {number} doesn't say (any more): {sentence}"
        rest = rest.replace(sentence, "", 1)
    assert not rest.strip(), f"no test holds this part of convention {number}: {rest.strip()}"


def test_no_test_quotes_a_convention_that_is_not_on_the_page() -> None:
    assert set(QUOTED) == set(conventions())


def drawing() -> ModuleType:
    """Return the script that draws the picture."""
    spec = importlib.util.spec_from_file_location("draw_conventions", DOCS / "draw_conventions.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(not cv2.__version__.startswith("4."), reason="OpenCV 5 has other letters")
def test_the_picture_is_what_the_script_draws() -> None:
    on_disk, drawn = cv2.imread(str(DOCS / "pictures" / "conventions.png")), drawing().draw()
    assert on_disk.shape == drawn.shape
    # OpenCV's lines and letters differ a little from release to release.
    difference = np.abs(on_disk.astype(int) - drawn.astype(int))
    assert difference.mean() < 0.5, "run docs/draw_conventions.py"


# --- image


@states(
    1,
    "A place in an image is (u, v): u counts columns to the right, v counts rows downwards.",
    "An array is indexed the other way round, [row, column] = [v, u].",
)
def test_u_is_a_column_and_v_a_row() -> None:
    depth_m = np.full((480, 640), 1.0, np.float32)
    depth_m[120, 300] = 0.5
    assert depth_around(depth_m, 300.0, 120.0, 0) == 0.5
    maps = GraspMaps(*np.zeros((4, 30, 40), np.float32))
    place = grasp_at(maps, 12, 34)
    assert (place.u, place.v) == (34.0, 12.0)
    left_m, right_m = CAMERA.deproject(100.0, 50.0, 1.0), CAMERA.deproject(101.0, 50.0, 1.0)
    assert right_m[0] > left_m[0]
    assert CAMERA.deproject(100.0, 51.0, 1.0)[1] > left_m[1]


@states(2, "Pixel centres lie at whole numbers: the image begins at -0.5 and ends at its size - 0.5.")
def test_a_box_is_rendered_on_the_pixels_whose_centres_it_covers() -> None:
    camera = PinholeCamera(64, 48, 100.0, 100.0, 31.5, 23.5)
    # A sheet 1 m away, seen from u = 20.4 to 30.4 and over all v: it covers the centres 21 to 30.
    x_m = camera.deproject(25.4, 0.0, 1.0)[0]
    sheet = Body(Box((0.05, 1.0, 1e-6)), np.eye(3), np.array([x_m, 0.0, 1.0]))
    seen = np.isfinite(exact_depth((sheet,), camera, np.eye(4)))
    assert list(np.flatnonzero(seen[24])) == list(range(21, 31))
    whole = SquareCrop(0, 0, 48, 12)
    first, last = (whole.to_image(ImageGrasp(u, u, 0.0, 0.0, 1.0)).u for u in (-0.5, 11.5))
    assert (first, last) == pytest.approx((-0.5, 47.5))


@states(3, "Depth is in metres along the optical axis, not along the ray.")
def test_a_wall_across_the_axis_has_one_depth() -> None:
    wall = Body(Box((5.0, 5.0, 0.1)), np.eye(3), np.array([0.0, 0.0, 1.1]))
    np.testing.assert_allclose(exact_depth((wall,), CAMERA, np.eye(4)), 1.0, rtol=1e-5)
    corner_m = CAMERA.deproject(0.0, 0.0, 1.0)
    assert corner_m[2] == 1.0
    assert np.linalg.norm(corner_m) > 1.1


@states(4, 'Not finite, zero and negative depth all mean "no measurement", and are NaN from the moment they enter.')
def test_what_is_no_measurement_is_nan() -> None:
    raw = np.array([[0.5, math.nan, math.inf, -math.inf, 0.0, -0.0, -0.3]], np.float32)
    frame = DepthFrame(raw, PinholeCamera(7, 1, 5.0, 5.0, 3.0, 0.0))
    assert list(np.isnan(frame.depth_m[0])) == [False, *[True] * 6]


@states(5, "`16UC1` and `mono16` are millimetres, `32FC1` is metres.")
def test_units_of_the_encodings() -> None:
    millimetres, metres = np.array([1250], "<u2").tobytes(), np.array([1.25], "<f4").tobytes()
    for encoding, data in (("16UC1", millimetres), ("mono16", millimetres), ("32FC1", metres)):
        assert decode_depth(data, encoding, 1, 1, len(data))[0, 0] == pytest.approx(1.25)
    assert set(DEPTH_ENCODINGS) == {"16UC1", "mono16", "32FC1"}


# --- angle


@states(6, "The angle of a grasp is the direction in which the jaws close; at 0 they close along u.")
def test_at_zero_the_jaws_close_along_u() -> None:
    corners = GraspRectangle(100.0, 50.0, 0.0, opening_px=40.0, jaw_px=10.0).corners()
    np.testing.assert_allclose(corners[1] - corners[0], (40.0, 0.0), atol=1e-12)
    closing = Grasp(np.zeros(3), 0.0, 0.05, 1.0).rotation()[:, 0]
    np.testing.assert_allclose(closing, (1.0, 0.0, 0.0), atol=1e-12)


@states(7, "A positive angle is anticlockwise as seen on the screen: the direction is (cos, -sin) in (u, v).")
@pytest.mark.parametrize("degrees", [-80, -30, 0, 20, 60, 89])
def test_a_positive_angle_is_anticlockwise_as_seen(degrees: int) -> None:
    angle_rad = math.radians(degrees)
    corners = GraspRectangle(100.0, 50.0, angle_rad, opening_px=40.0, jaw_px=10.0).corners()
    np.testing.assert_allclose(corners[1] - corners[0], 40 * np.array([math.cos(angle_rad), -math.sin(angle_rad)]))
    up_on_the_screen = GraspRectangle(0.0, 0.0, math.pi / 4, 2.0, 1.0).corners()
    assert up_on_the_screen[1, 1] < up_on_the_screen[0, 1]


@states(8, "Half a turn is the same grasp, and angles of grasps lie in [-pi/2, pi/2).")
def test_angles_lie_in_half_a_turn() -> None:
    assert wrap_half_turn(math.pi / 2) == -math.pi / 2
    assert wrap_half_turn(-math.pi / 2) == -math.pi / 2
    assert wrap_half_turn(0.3 + math.pi) == pytest.approx(0.3)
    upright = GraspMaps(*(np.full((1, 1), value, np.float32) for value in (1.0, -1.0, 0.0, 0.2)))
    assert grasp_at(upright, 0, 0).angle_rad == -math.pi / 2
    one, other = (GraspRectangle(5.0, 5.0, angle, 4.0, 2.0).corners() for angle in (0.3, 0.3 + math.pi))
    np.testing.assert_allclose(one, np.roll(other, 2, axis=0), atol=1e-12)


# --- rectangles


@states(
    9,
    "The first edge of a grasp rectangle, p0 to p1, runs along the opening, and the second, p1 to p2, along the jaw.",
)
def test_the_edges_of_a_rectangle() -> None:
    corners = GraspRectangle(100.0, 50.0, 0.4, opening_px=40.0, jaw_px=10.0).corners()
    assert np.linalg.norm(corners[1] - corners[0]) == pytest.approx(40.0)
    assert np.linalg.norm(corners[2] - corners[1]) == pytest.approx(10.0)


@states(10, "Cornell lists its corners in this order: its edge p0 to p1 is the opening.")
def test_cornells_first_edge_straddles_the_object(data: Path) -> None:
    """Along an opening the surface falls away on both sides of the object, along a jaw it goes on."""
    along_first, along_second = [], []
    for labels in sorted((data / "cornell" / "01").glob("*cpos.txt")):
        depth_m = cv2.imread(str(labels).replace("cpos.txt", "d.png"), -1) * np.float32(1e-4)
        for corners in np.loadtxt(labels).reshape(-1, 4, 2):
            if not np.isnan(corners).any():
                centre = corners.mean(axis=0)
                along_first.append(falls_away(depth_m, centre, (corners[1] - corners[0]) / 2))
                along_second.append(falls_away(depth_m, centre, (corners[2] - corners[1]) / 2))
    assert len(along_first) > 200
    assert np.mean(along_first) > 5 * np.mean(along_second)


@states(
    11, "Jacquard lists `x;y;theta;opening;jaw` with theta in degrees and of the opposite sign: the angle is -theta."
)
def test_jacquards_opening_straddles_the_object_at_minus_theta(data: Path) -> None:
    shares = {}
    for sign in (-1, 1):
        hits = []
        for labels in sorted((data / "jacquard").glob("*/*_grasps.txt")):
            depth_m = cv2.imread(str(labels).replace("_grasps.txt", "_perfect_depth.png"), -1) * np.float32(1e-4)
            for u, v, theta_deg, opening_px, jaw_px in np.loadtxt(labels, delimiter=";")[::5]:
                corners = GraspRectangle(u, v, sign * math.radians(theta_deg), opening_px, jaw_px).corners()
                hits.append(falls_away(depth_m, corners.mean(axis=0), (corners[1] - corners[0]) / 2))
        shares[sign] = np.mean(hits)
    assert shares[-1] > 0.8
    assert shares[-1] > shares[1] + 0.1


def falls_away(depth_m: np.ndarray, centre: np.ndarray, half: np.ndarray) -> bool:
    """Tell whether the surface lies more than 2 mm deeper at both ends than at the centre."""

    def at(place: np.ndarray) -> float:
        row, column = (int(i) for i in np.clip(np.rint(place[::-1]), 0, np.array(depth_m.shape) - 1))
        return float(depth_m[row, column])

    return min(at(centre + half), at(centre - half)) - at(centre) > 0.002


# --- frames


@states(
    12,
    "The camera's optical frame has x to the right, y down and z forward; "
    "x = (u - cx) / fx * z, y = (v - cy) / fy * z.",
)
def test_the_optical_frame() -> None:
    camera = PinholeCamera(640, 480, 500.0, 400.0, 310.0, 230.0)
    np.testing.assert_allclose(camera.deproject(410.0, 330.0, 2.0), (100 / 500 * 2, 100 / 400 * 2, 2.0))


@states(
    13,
    "The gripper's frame has x in the direction in which the jaws close and z in that of the approach, "
    "which is the camera's z.",
    "Its y axis is z times x, right-handed.",
    'With `clearance/approach` "table" z is the table\'s normal, and the jaws close across it in the direction that '
    "looks the same.",
)
@pytest.mark.parametrize("degrees", [-90, -40, 0, 25, 80])
def test_the_grippers_frame(degrees: int) -> None:
    angle_rad = math.radians(degrees)
    x, y, z = Grasp(np.zeros(3), angle_rad, 0.05, 1.0).rotation().T
    # v points down as y does: what is (cos, -sin) in the image is so in space.
    np.testing.assert_allclose(x, (math.cos(angle_rad), -math.sin(angle_rad), 0.0), atol=1e-12)
    np.testing.assert_array_equal(z, (0.0, 0.0, 1.0))
    np.testing.assert_allclose(y, np.cross(z, x), atol=1e-12)
    grasp, table = Grasp(np.array([0.1, 0.0, 0.6]), angle_rad, 0.05, 1.0), TablePlane(np.array([0.3, -0.5, -1.0]), 0.6)
    taken = WayDown(HandConfig(), ClearanceConfig(approach="table"), table).taken(grasp)
    assert taken is not None
    x, y, z = taken.rotation().T
    np.testing.assert_allclose(z, -table.normal)
    assert x @ z == pytest.approx(0.0, abs=1e-12)
    (u, v), (ahead_u, ahead_v) = (CAMERA.project(place) for place in (grasp.position_m, grasp.position_m + 1e-6 * x))
    assert math.atan2(v - ahead_v, ahead_u - u) == pytest.approx(angle_rad, abs=1e-4)


@states(14, "The yaw about the camera's +z is -angle, since +z points away from the viewer.")
@pytest.mark.parametrize("degrees", [-80, -10, 45])
def test_yaw_is_minus_the_angle(degrees: int) -> None:
    rotation = Grasp(np.zeros(3), math.radians(degrees), 0.05, 1.0).rotation()
    assert math.degrees(math.atan2(rotation[1, 0], rotation[0, 0])) == pytest.approx(-degrees)


@states(
    15,
    "A grasp lies on the surface that the camera sees: its depth is the median of what is measured around it.",
    "How much deeper the fingertips go is the robot's affair; for what is checked, `gripper/insertion_m` and "
    "`gripper/insertion_share` say it.",
)
def test_a_grasp_lies_on_the_surface() -> None:
    depth_m = np.full((480, 640), 0.7, np.float32)
    depth_m[238:243, 318:323] = 0.6
    depth_m[240, 320] = math.nan
    quality = np.zeros((300, 300), np.float32)
    quality[150, 150] = 1.0
    maps = GraspMaps(quality, np.ones_like(quality), np.zeros_like(quality), np.full_like(quality, 30.0))
    crop = SquareCrop(170, 90, 300, 300)
    _, grasps, _ = detect(maps, crop, DepthFrame(depth_m, CAMERA), DetectionConfig(), LimitsConfig())
    np.testing.assert_allclose(grasps[0].position_m, CAMERA.deproject(320.0, 240.0, 0.6), rtol=1e-6)
    way = WayDown(HandConfig(insertion_m=0.03, insertion_share=0.5), ClearanceConfig())
    for above_table_m, deeper_m in ((0.02, 0.01), (0.2, 0.03)):
        table = TablePlane(np.array([0.0, 0.0, -1.0]), 0.6 + above_table_m)
        end = replace(way, table=table).end(grasps[0])
        assert end.tip_m[2] - grasps[0].position_m[2] == pytest.approx(deeper_m, abs=1e-6)


# --- width


@states(
    16,
    "A width of a grasp is the opening between the jaws, not the contact width of what is gripped.",
    "The networks that ship put out contact widths, as their checkpoints say, and `clearance_m` is added to them.",
)
@pytest.mark.parametrize("name", sorted(shipped_checkpoints()))
def test_a_width_is_an_opening_with_clearance(name: str) -> None:
    assert find_checkpoint(name).training["width"].startswith("contact width in px")
    rectangle = GraspRectangle.of_grasp(ImageGrasp(0.0, 0.0, 0.0, 42.0, 1.0), jaw_px=10.0)
    assert rectangle.opening_px == 42.0
    assert find_checkpoint(name).width == "contact"
    contact = GraspPredictor.from_checkpoint(find_checkpoint(name), "cpu")
    filled_m, focal_px = np.full((300, 300), 0.5, np.float32), 600.0
    opened, plain = (p.raw_maps(filled_m, focal_px).width_px for p in (contact, replace(contact, width="opening")))
    np.testing.assert_allclose(opened, np.maximum(plain, 0) + contact.detection.clearance_m * focal_px / 0.5, rtol=1e-5)


@states(
    17,
    "The width in metres is the distance at the grasp's depth between the two ends of the opening in the image.",
    "Along the table's normal it is larger: what is seen at a slant is longer than it looks.",
)
@pytest.mark.parametrize("angle_rad", [-1.2, 0.0, 0.7])
def test_a_width_in_meters_is_the_distance_of_its_ends(angle_rad: float) -> None:
    camera = PinholeCamera(640, 480, 600.0, 450.0, 319.5, 239.5)
    place = ImageGrasp(400.0, 100.0, angle_rad, 60.0, 1.0)
    corners = GraspRectangle.of_grasp(place, jaw_px=0.0).corners()
    one_m, other_m = (camera.deproject(u, v, 0.8) for u, v in corners[:2])
    grasp = lift(place, DepthFrame(np.full((480, 640), 0.8, np.float32), camera), 0.8)
    assert grasp.width_m == pytest.approx(float(np.linalg.norm(other_m - one_m)))
    middle = Grasp(np.array([0.0, 0.0, 0.8]), angle_rad, 0.05, 1.0)
    slant_rad = 0.9
    aslant = middle.towards(np.array([0.0, math.sin(slant_rad), math.cos(slant_rad)]))
    # A line that looks as long as 1 is 1 across the slant and 1 / cos(slant) along it.
    assert aslant.width_m == pytest.approx(
        0.05 * math.hypot(math.cos(angle_rad), math.sin(angle_rad) / math.cos(slant_rad))
    )


# --- maps


@states(18, "A network puts out four maps: quality, cos 2phi, sin 2phi, width.", "Their order is this one.")
def test_the_order_of_the_maps() -> None:
    output = np.arange(4, dtype=np.float32)[:, None, None] * np.ones((4, 2, 2), np.float32)
    maps = GraspMaps.decode(output, 10.0)
    assert [m[0, 0] for m in (maps.quality, maps.cos_2phi, maps.sin_2phi, maps.width_px)] == [0, 1, 2, 30]


@states(
    19,
    "A width map is the network's output times the checkpoint's `width_scale_px`, in pixels of the map; "
    "it is 150 in every checkpoint that ships.",
)
def test_the_scale_of_the_width_map(predictor: GraspPredictor) -> None:
    assert {find_checkpoint(name).width_scale_px for name in shipped_checkpoints()} == {150.0}
    assert predictor.width_scale_px == 150.0
    maps = GraspMaps.decode(np.full((4, 1, 1), 0.2, np.float32), 150.0)
    assert maps.width_px[0, 0] == pytest.approx(30.0)
    assert SquareCrop(0, 0, 600, 300).to_image(grasp_at(maps, 0, 0)).width_px == pytest.approx(60.0)


@states(20, "Quality lies in 0 to 1 and is 0 where nothing was measured.", "It ranks grasps; it is not a probability.")
def test_quality_is_zero_where_nothing_was_measured_and_clipped_in_a_grasp(predictor: GraspPredictor) -> None:
    output = np.full((4, 3, 3), 1.2, np.float32)
    maps = GraspMaps.decode(output, 150.0)
    assert grasp_at(maps, 0, 0).quality == 1.0
    missing = np.zeros((3, 3), bool)
    missing[1, 1] = True
    assert maps.without(missing).quality[1, 1] == 0.0
    definition = (DOCS.parent / "msg" / "Grasp.msg").read_text(encoding="utf-8")
    assert "0 to 1, a ranking, not a probability" in definition
    nothing = predictor.predict(DepthFrame(np.full((480, 640), math.nan), CAMERA))
    assert nothing.grasps == ()


@states(21, "Angles are smoothed as cos 2phi and sin 2phi, so that +1.52 and -1.52 rad do not average to 0.")
def test_the_angle_does_not_jump() -> None:
    angle_rad = np.where(np.arange(40) % 2, 1.52, -1.52).astype(np.float32) * np.ones((40, 1), np.float32)
    maps = GraspMaps(np.ones_like(angle_rad), np.cos(2 * angle_rad), np.sin(2 * angle_rad), np.ones_like(angle_rad))
    smoothed_rad = maps.smoothed(DetectionConfig()).angle_rad()
    assert np.abs(smoothed_rad).min() > 1.5
    assert abs(cv2.GaussianBlur(angle_rad, (0, 0), 2.0)[20, 20]) < 0.1, "as numbers they do"


# --- crop and image


@states(
    22,
    "Pixel k of a crop lies at left + (k + 0.5) * size / out - 0.5 of the image: centres are scaled, not corners.",
    "So the corners of crop and window coincide.",
)
@pytest.mark.parametrize(("size_px", "out_px"), [(400, 300), (300, 300), (240, 300), (360, 281)])
def test_centres_are_scaled(size_px: int, out_px: int) -> None:
    crop = SquareCrop.placed(CropConfig(size_px=size_px), (480, 640), out_px)
    for k in (0, 7, out_px - 1):
        place = crop.to_image(ImageGrasp(float(k), float(k), 0.0, 0.0, 1.0))
        assert place.u == pytest.approx(crop.left_px + (k + 0.5) * size_px / out_px - 0.5)
        assert place.v == pytest.approx(crop.top_px + (k + 0.5) * size_px / out_px - 0.5)
    corner = crop.to_image(ImageGrasp(-0.5, out_px - 0.5, 0.0, 0.0, 1.0))
    assert (corner.u, corner.v) == pytest.approx((crop.left_px - 0.5, crop.top_px + size_px - 0.5))


def test_resizing_takes_its_pixels_from_where_the_formula_says() -> None:
    ramp = np.broadcast_to(np.arange(1, 641, dtype=np.float32), (480, 640))
    # Made smaller, a pixel is the mean over its area, in which whole pixels count by what lies inside.
    for size_px, within_px in ((400, 0.1), (240, 1e-2)):
        crop = SquareCrop.placed(CropConfig(size_px=size_px), ramp.shape, 300)
        taken = crop.extract(ramp)[0]
        for k in (3, 100, 250):
            assert taken[k] - 1 == pytest.approx(crop.to_image(ImageGrasp(k, 0.0, 0.0, 0.0, 1.0)).u, abs=within_px)


@states(23, "A width scales by size / out, and an angle stays.")
def test_widths_scale_and_angles_stay() -> None:
    place = SquareCrop(40, 20, 400, 300).to_image(ImageGrasp(10.0, 10.0, 0.3, 30.0, 0.9))
    assert place.width_px == pytest.approx(40.0)
    assert (place.angle_rad, place.quality) == (0.3, 0.9)


@states(
    24,
    "GG-CNN scales corners: round(k / 300 * size + left), without the half pixel.",
    "Its own topics keep that formula.",
)
def test_ggcnns_topics_keep_its_formula(predictor: GraspPredictor) -> None:
    rng = np.random.default_rng(0)
    depth_m = (0.6 + 0.0005 * rng.normal(size=(480, 640))).astype(np.float32)
    depth_m[200:240, 300:420] -= 0.05
    frame, size = DepthFrame(depth_m, CAMERA), PRESETS["kinova"].crop_px
    output = GgcnnStream("kinova").update(frame, predictor, robot_height_m=0.5)
    assert output.peak is not None
    v, u = (round(k / 300 * size + start) for k, start in zip(output.peak, ((480 - size) // 2, (640 - size) // 2)))
    np.testing.assert_allclose(output.command[:3], CAMERA.deproject(u, v, float(depth_m[v, u])))


@states(25, "GG-CNN's service spreads its 300 pixels over the window with both ends included: left + k * size / 299.")
def test_ggcnns_service_keeps_its_formula() -> None:
    frame, config = DepthFrame(np.full((480, 640), 0.5, np.float32), CAMERA), GgcnnServiceConfig()
    for k in (0, 150, 299):
        left, top = (640 - config.crop_size) // 2, (480 - config.crop_size) // 2 - config.crop_y_offset
        expected = CAMERA.deproject(left + k * config.crop_size / 299, top + k * config.crop_size / 299, 0.5)
        np.testing.assert_allclose(_service_point(frame, (k, k), 0.5, config), expected)


def test_a_grasp_moved_right_by_a_crop_moves_right_by_as_much() -> None:
    crop = SquareCrop.placed(CropConfig(size_px=300), (480, 640), 300)
    shifted = replace(crop, left_px=crop.left_px + 5)
    place = ImageGrasp(10.0, 10.0, 0.0, 0.0, 1.0)
    assert shifted.to_image(place).u - crop.to_image(place).u == 5
