#!/usr/bin/env python3
"""Draw docs/pictures/conventions.png with the project's own geometry, so that picture and code can't drift apart.

Run it from a checkout after a change of a convention: `.venv/bin/python docs/draw_conventions.py`.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Iterable, Sequence, Tuple, Union

import cv2
import numpy as np

from pspgrasp.camera import PinholeCamera
from pspgrasp.crop import SquareCrop
from pspgrasp.grasp import Grasp, ImageGrasp
from pspgrasp.rectangle import GraspRectangle

PICTURE = Path(__file__).parent / "pictures" / "conventions.png"
PANEL_PX, GAP_PX, FINE = (560, 430), 20, 3  # FINE: drawn so many times larger, then averaged
INK, SOFT, GRID, PAPER, GROUND = (59, 44, 33), (138, 122, 108), (224, 216, 208), (255, 255, 255), (244, 241, 238)
RED, GREEN, BLUE, AMBER = (64, 57, 214), (91, 148, 46), (196, 104, 28), (20, 130, 230)
PALE_BLUE, PALE_AMBER = (250, 236, 222), (208, 232, 252)
Point = Union[Sequence[float], np.ndarray]


class Sheet:
    """A panel: draws in its own pixels, (0, 0) top left, at `FINE` times its size."""

    def __init__(self, title: str) -> None:
        width_px, height_px = PANEL_PX
        self.image = np.full((height_px * FINE, width_px * FINE, 3), PAPER, np.uint8)
        self.text((20, 34), title, INK, 0.66, bold=True)

    def line(self, start: Point, stop: Point, colour: Tuple[int, ...] = INK, thick: float = 1.3) -> None:
        """Draw a line."""
        cv2.line(self.image, _fine(start), _fine(stop), colour, _thick(thick), cv2.LINE_AA)

    def dashed(self, start: Point, stop: Point, colour: Tuple[int, ...] = SOFT, thick: float = 1.1) -> None:
        """Draw a dashed line."""
        start, stop = np.asarray(start, float), np.asarray(stop, float)
        dashes = max(2, int(np.hypot(*(stop - start)) / 8))
        for index in range(dashes):
            one, other = (start + (stop - start) * share / dashes for share in (index, index + 0.55))
            self.line(one, other, colour, thick)

    def arrow(self, start: Point, stop: Point, colour: Tuple[int, ...] = INK, thick: float = 1.6) -> None:
        """Draw a line with a filled head at its end."""
        start, stop = np.asarray(start, float), np.asarray(stop, float)
        along = (stop - start) / np.hypot(*(stop - start))
        across = np.array([-along[1], along[0]])
        self.line(start, stop - 7 * along, colour, thick)
        self.area([stop, stop - 11 * along + 4.5 * across, stop - 11 * along - 4.5 * across], colour)

    def span(self, start: Point, stop: Point, colour: Tuple[int, ...], thick: float = 1.4) -> None:
        """Draw a line with heads at both ends: a measure."""
        middle = (np.asarray(start, float) + np.asarray(stop, float)) / 2
        self.arrow(middle, start, colour, thick)
        self.arrow(middle, stop, colour, thick)

    def area(self, corners: Iterable[Point], colour: Tuple[int, ...]) -> None:
        """Fill a polygon."""
        cv2.fillPoly(self.image, [np.array([_fine(c) for c in corners])], colour, cv2.LINE_AA)

    def dot(self, place: Point, colour: Tuple[int, ...] = INK, radius: float = 3.2) -> None:
        """Draw a filled disc."""
        cv2.circle(self.image, _fine(place), round(radius * FINE), colour, -1, cv2.LINE_AA)

    def arc(self, centre: Point, radius: float, angle_rad: float, colour: Tuple[int, ...]) -> None:
        """Draw an arc from the u axis to an angle, anticlockwise as seen, with a head at its end."""
        turns = np.linspace(0.0, angle_rad, 40)
        places = [_on_circle(centre, radius, turn) for turn in turns]
        for one, other in zip(places[:-4], places[1:-3]):
            self.line(one, other, colour, 1.8)
        self.arrow(places[-6], places[-1], colour, 1.8)

    def rectangle(self, rectangle: GraspRectangle, opening: Tuple[int, ...], jaw: Tuple[int, ...]) -> None:
        """Draw a grasp rectangle: the jaws are its thick sides."""
        a, b, c, d = rectangle.corners()
        for start, stop in ((a, b), (c, d)):
            self.line(start, stop, opening, 1.4)
        for start, stop in ((b, c), (d, a)):
            self.line(start, stop, jaw, 4.4)

    def text(
        self, place: Point, text: str, colour: Tuple[int, ...] = INK, size: float = 0.5, bold: bool = False
    ) -> None:
        """Write from `place` on, the left end of the base line."""
        thick = _thick(1.5 if bold else 0.95)
        cv2.putText(self.image, text, _fine(place), cv2.FONT_HERSHEY_SIMPLEX, size * FINE, colour, thick, cv2.LINE_AA)

    def middled(self, place: Point, text: str, colour: Tuple[int, ...] = INK, size: float = 0.5) -> None:
        """Write with the middle of the line at `place`."""
        (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size * FINE, _thick(0.95))
        self.text((place[0] - width / 2 / FINE, place[1] + height / 2 / FINE), text, colour, size)


def draw() -> np.ndarray:
    """Return the picture (H, W, 3) uint8 BGR."""
    panels = [_pixels(), _angle(), _range(), _frames(), _width(), _crop()]
    fine = [cv2.resize(panel.image, PANEL_PX, interpolation=cv2.INTER_AREA) for panel in panels]
    (width_px, height_px), step = PANEL_PX, np.array(PANEL_PX) + GAP_PX
    picture = np.full((2 * step[1] + GAP_PX, 3 * step[0] + GAP_PX, 3), GROUND, np.uint8)
    for index, panel in enumerate(fine):
        left, top = GAP_PX + index % 3 * step[0], GAP_PX + index // 3 * step[1]
        picture[top : top + height_px, left : left + width_px] = panel
    return picture


def _pixels() -> Sheet:
    """Return the panel on (u, v) and [row, column]."""
    sheet, side, columns, rows = Sheet("1  Pixels"), 49.0, 7, 5
    left, top = 82.0, 122.0

    def at(u: float, v: float) -> np.ndarray:
        return np.array([left + (u + 0.5) * side, top + (v + 0.5) * side])

    chosen_u, chosen_v = 4, 2
    half = np.array([side / 2, side / 2])
    corner, opposite = at(chosen_u, chosen_v) - half, at(chosen_u, chosen_v) + half
    sheet.area([corner, (opposite[0], corner[1]), opposite, (corner[0], opposite[1])], PALE_BLUE)
    for column in range(columns + 1):
        sheet.line(at(column - 0.5, -0.5), at(column - 0.5, rows - 0.5), GRID)
    for row in range(rows + 1):
        sheet.line(at(-0.5, row - 0.5), at(columns - 0.5, row - 0.5), GRID)
    for u in range(columns):
        sheet.middled(at(u, -0.78), str(u), SOFT, 0.42)
        for v in range(rows):
            sheet.dot(at(u, v), SOFT, 1.6)
    for v in range(rows):
        sheet.middled(at(-0.78, v), str(v), SOFT, 0.42)
    sheet.arrow(at(-0.5, -1.1), at(columns - 0.5, -1.1), RED)
    sheet.text(at(columns - 0.35, -1.03), "u", RED, 0.6)
    sheet.arrow(at(-1.15, -0.5), at(-1.15, rows - 0.5), GREEN)
    sheet.text(at(-1.22, rows - 0.12), "v", GREEN, 0.6)
    sheet.dot(at(0, 0), INK)
    sheet.text(at(0.12, 0.33), "(0, 0)", INK, 0.42)
    sheet.dot(at(-0.5, -0.5), BLUE)
    sheet.text(at(-0.38, -0.16), "(-0.5, -0.5)", BLUE, 0.42)
    sheet.dot(at(chosen_u, chosen_v), RED, 4)
    sheet.line(at(chosen_u, chosen_v), at(columns - 0.4, chosen_v), RED, 1.2)
    sheet.text(at(columns - 0.3, chosen_v) + _by(0, -5), f"(u, v) = ({chosen_u}, {chosen_v})", RED, 0.46)
    sheet.text(at(columns - 0.3, chosen_v) + _by(0, 15), f"depth_m[{chosen_v}, {chosen_u}]", RED, 0.46)
    sheet.text((20, 412), "Pixel centres lie at whole numbers. An array is indexed [row, column].", SOFT, 0.46)
    return sheet


def _angle() -> Sheet:
    """Return the panel on the grasp rectangle and its angle."""
    sheet, centre, angle_rad = Sheet("2  Angle, opening, jaw"), np.array([236.0, 212.0]), math.radians(35)
    rectangle = GraspRectangle(centre[0], centre[1], angle_rad, opening_px=250.0, jaw_px=96.0)
    corners = rectangle.corners()
    sheet.area(corners, PALE_BLUE)
    sheet.dashed(centre, centre + _by(206, 0))
    sheet.text(centre + _by(214, 5), "u", SOFT, 0.55)
    sheet.arrow(centre, _on_circle(centre, 204, angle_rad), RED, 2.2)
    sheet.text(_on_circle(centre, 210, angle_rad) + _by(4, 0), "closing", RED, 0.5)
    sheet.rectangle(rectangle, INK, INK)
    sheet.arc(centre, 178, angle_rad, AMBER)
    sheet.text(_on_circle(centre, 188, angle_rad * 0.45), "+angle", AMBER, 0.52)
    sheet.dot(centre, INK, 4)
    for index, corner in enumerate(corners):
        sheet.dot(corner, BLUE, 4)
        outward = (corner - centre) / np.hypot(*(corner - centre))
        sheet.middled(corner + 17 * outward, f"p{index}", BLUE, 0.5)
    normal = _on_circle((0, 0), 1.0, angle_rad + math.pi / 2)
    sheet.span(corners[0] + 34 * normal, corners[1] + 34 * normal, INK)
    sheet.middled((corners[0] + corners[1]) / 2 + 52 * normal + _by(-24, 0), "opening", INK)
    sheet.text((corners[3] + corners[0]) / 2 + (-42, 12), "jaw", INK)
    sheet.text((20, 368), "Cornell lists p0 p1 p2 p3: p0-p1 is the opening, p1-p2 the jaw.", SOFT, 0.46)
    sheet.text((20, 390), "Jacquard lists x;y;theta;opening;jaw: angle = -theta.", SOFT, 0.46)
    sheet.text((20, 412), "As seen on the screen: v grows downwards.", SOFT, 0.46)
    return sheet


def _range() -> Sheet:
    """Return the panel on the half turn."""
    sheet, centre, reach = Sheet("3  Half a turn: [-pi/2, pi/2)"), np.array([214.0, 226.0]), 136.0
    sheet.dashed(centre - _by(0, 165), centre + _by(0, 165), GRID)
    sheet.dashed(centre, centre + _by(230, 0), GRID)
    names = {-90: "-pi/2", -60: "-pi/3", -30: "-pi/6", 0: "0", 30: "pi/6", 60: "pi/3", 90: "pi/2 is -pi/2"}
    for degrees, name in names.items():
        angle_rad, ghost = math.radians(degrees), degrees == 90
        place = _on_circle(centre, reach, angle_rad)
        grasp = GraspRectangle(place[0], place[1], angle_rad, 46.0, 22.0)
        sheet.rectangle(grasp, GRID if ghost else INK, SOFT if ghost else INK)
        sheet.dot(place, RED if degrees == 0 else SOFT if ghost else INK, 2.6)
        upright = abs(degrees) == 90
        label = place - _by(76 if ghost else 44, 0) if upright else _on_circle(centre, reach + 52, angle_rad)
        sheet.middled(label, name, SOFT if ghost else INK, 0.46)
    sheet.arc(centre, 78, math.radians(72), AMBER)
    sheet.text(centre + _by(46, -22), "+", AMBER, 0.7)
    sheet.arc(centre, 78, math.radians(-72), BLUE)
    sheet.text(centre + _by(46, 32), "-", BLUE, 0.7)
    for index, words in enumerate(("The maps carry", "cos 2 phi, sin 2 phi:", "no jump at pi/2.")):
        sheet.text((396, 368 + 22 * index), words, SOFT, 0.46)
    return sheet


class View:
    """A look from the side at a scene in the optical frame, through the project's own pinhole."""

    def __init__(self, sheet: Sheet) -> None:
        self._sheet, self._camera = sheet, PinholeCamera(*PANEL_PX, 830.0, 830.0, 280.0, 210.0)
        self._eye_m = np.array([-0.35, 1.08, -0.4])
        forward = (0.0, 0.0, 0.24) - self._eye_m
        right = np.cross((0.0, 0.0, 1.0), forward)
        axes = [right, np.cross(forward, right), forward]
        self._rotation = np.stack([axis / np.linalg.norm(axis) for axis in axes])

    def at(self, point_m: Point) -> np.ndarray:
        """Return where a point (3,) [m] of the optical frame is seen."""
        return np.array(self._camera.project(self._rotation @ (np.asarray(point_m, float) - self._eye_m)))

    def line(self, start_m: Point, stop_m: Point, colour: Tuple[int, ...], thick: float) -> None:
        """Draw a line between two points (3,) [m]."""
        self._sheet.line(self.at(start_m), self.at(stop_m), colour, thick)

    def axes(self, origin_m: np.ndarray, rotation: np.ndarray, length_m: float) -> None:
        """Draw the axes of a frame: x red, y green, z blue."""
        for name, axis, colour in zip("xyz", rotation.T, (RED, GREEN, BLUE)):
            self._sheet.arrow(self.at(origin_m), self.at(origin_m + length_m * axis), colour, 2.2)
            self._sheet.middled(self.at(origin_m + (length_m + 0.02) * axis), name, colour, 0.52)


def _frames() -> Sheet:
    """Return the panel on the optical frame and the gripper's."""
    sheet = Sheet("4  Optical frame and gripper frame")
    view, z_m = View(sheet), 0.36
    grasp = Grasp(np.array([0.02, 0.0, z_m]), math.radians(30), 0.12, 1.0)
    near, far = _frustum(0.1), _frustum(z_m + 0.06)
    sheet.area([view.at(corner) for corner in far], (246, 242, 238))
    for index in range(4):
        view.line(near[index], far[index], GRID, 1.0)
        view.line(near[index], near[index - 1], SOFT, 1.2)
        view.line((0, 0, 0), near[index], SOFT, 1.2)
    _draw_box(sheet, view, grasp, z_m + 0.06)
    _draw_gripper(view, grasp)
    sheet.dashed(view.at(grasp.position_m), view.at(grasp.position_m + np.array([0.15, 0.0, 0.0])), AMBER)
    turns = [grasp.position_m + 0.13 * _turned(share * grasp.angle_rad) for share in np.linspace(0, 1, 12)]
    for one, other in zip(turns, turns[1:]):
        view.line(one, other, AMBER, 1.8)
    sheet.text(view.at(turns[5]) + _by(8, 4), "+angle", AMBER, 0.5)
    view.axes(np.zeros(3), np.eye(3), 0.1)
    view.axes(grasp.position_m, grasp.rotation(), 0.1)
    sheet.text(view.at((0, 0, 0)) + _by(-84, 8), "camera", INK, 0.5)
    sheet.text((20, 368), "Camera: x right, y down, z forward.", SOFT, 0.46)
    sheet.text((20, 390), "Gripper: x closes, z approaches; both z axes are parallel.", SOFT, 0.46)
    sheet.text((20, 412), "Yaw about +z is -angle.", SOFT, 0.46)
    return sheet


def _turned(angle_rad: float) -> np.ndarray:
    """Return the closing direction (3,) of a grasp at an angle."""
    return Grasp(np.zeros(3), angle_rad, 0.0, 1.0).rotation()[:, 0]


def _frustum(z_m: float) -> np.ndarray:
    """Return the corners (4, 3) [m] of what a camera sees at a depth."""
    camera = PinholeCamera(640, 480, 900.0, 900.0, 319.5, 239.5)
    corners = ((-0.5, -0.5), (639.5, -0.5), (639.5, 479.5), (-0.5, 479.5))
    return np.stack([camera.deproject(u, v, z_m) for u, v in corners])


def _draw_box(sheet: Sheet, view: View, grasp: Grasp, table_m: float) -> None:
    """Draw the object: a box under the grasp, narrower than the opening, from the grasp's depth to the table."""
    half_x, half_y, low_m = 0.04, 0.07, table_m - grasp.position_m[2]
    top = [(x, y, 0.0) for x, y in ((-half_x, -half_y), (half_x, -half_y), (half_x, half_y), (-half_x, half_y))]
    above = [view.at(grasp.position_m + grasp.rotation() @ np.array(c)) for c in top]
    below = [view.at(grasp.position_m + grasp.rotation() @ np.array((*c[:2], low_m))) for c in top]
    outline = cv2.convexHull(np.array(above + below, np.float32)).reshape(-1, 2)
    sheet.area(outline, (222, 214, 206))
    sheet.area(above, (240, 234, 228))
    for index in range(4):
        sheet.line(above[index], above[index - 1], SOFT, 1.0)


def _draw_gripper(view: View, grasp: Grasp) -> None:
    """Draw two fingers that end at the grasp, a palm behind them and a wrist."""
    half, palm = grasp.width_m / 2, -0.08
    segments = (
        ((-half, palm), (-half, 0.03)),
        ((half, palm), (half, 0.03)),
        ((-half, palm), (half, palm)),
        ((0, palm), (0, palm - 0.04)),
    )
    for start, stop in segments:
        ends = [grasp.position_m + grasp.rotation() @ np.array([x, 0.0, z]) for x, z in (start, stop)]
        view.line(ends[0], ends[1], INK, 4.2)


def _width() -> Sheet:
    """Return the panel on widths in pixels and in metres."""
    sheet = Sheet("5  Width: opening, not contact")
    camera, z_m, angle_rad = PinholeCamera(560, 430, 320.0, 320.0, 280.0, 0.0), 0.8, 0.0
    width_px = 96.0
    width_m = camera.length_m(width_px, angle_rad, z_m)
    eye, metre, image_m = np.array([250.0, 66.0]), 318.0, 0.3

    def at(u: float, depth_m: float) -> np.ndarray:
        x_m, _, _ = camera.deproject(u, camera.cy, depth_m)
        return eye + _by(x_m * metre, depth_m * metre)

    ends = [camera.cx - width_px / 2, camera.cx + width_px / 2]
    for u in ends:
        sheet.dashed(eye, at(u, z_m))
    sheet.line(at(150, image_m), at(410, image_m), SOFT, 1.4)
    sheet.span(at(ends[0], image_m), at(ends[1], image_m), RED, 2.0)
    sheet.text(at(ends[1], image_m) + _by(12, -8), "width_px", RED, 0.52)
    sheet.text(at(150, image_m) + _by(-50, 5), "image", SOFT, 0.46)
    sheet.dot(eye, INK, 4.5)
    sheet.text(eye + _by(14, 4), "camera", INK, 0.5)
    left, right = at(ends[0], z_m), at(ends[1], z_m)
    assert math.isclose(float(right[0] - left[0]), width_m * metre)
    contact = 0.62 * (right - left) / 2
    middle, depth = (left + right) / 2, np.array([0.0, 46.0])
    sheet.area(
        [middle - contact, middle + contact, middle + contact + depth, middle - contact + depth], (222, 214, 206)
    )
    for end in (left, right):
        sheet.line(end - _by(0, 44), end + _by(0, 16), INK, 6)
    sheet.line((96, middle[1] + 46), (404, middle[1] + 46), SOFT, 1.4)
    sheet.span(left - _by(0, 22), right - _by(0, 22), RED, 2.0)
    sheet.text(right + _by(14, -18), "width_m: the opening", RED, 0.52)
    sheet.span(middle - contact + _by(0, 22), middle + contact + _by(0, 22), BLUE, 1.6)
    sheet.text(right + _by(14, 27), "contact: what is gripped", BLUE, 0.5)
    sheet.span(eye - _by(160, 0), eye + _by(-160, z_m * metre), SOFT, 1.2)
    sheet.text((58, 190), "z", SOFT, 0.6)
    sheet.text((20, 412), "Clearance on both sides is part of the width.", SOFT, 0.46)
    return sheet


def _crop() -> Sheet:
    """Return the panel on crop pixels and image pixels."""
    sheet, crop, columns = Sheet("6  Crop and image"), SquareCrop(2, 0, 8, 6), 12
    side, left, image_top, crop_top = 40.0, 40.0, 110.0, 250.0
    out_side = side * crop.scale

    def image_u(u: float) -> float:
        return left + (u + 0.5) * side

    window = image_u(crop.left_px - 0.5), image_u(crop.left_px + crop.size_px - 0.5)
    sheet.area(
        [(window[0], image_top), (window[1], image_top), (window[1], image_top + side), (window[0], image_top + side)],
        PALE_BLUE,
    )
    for u in range(columns):
        _draw_cell(sheet, image_u(u - 0.5), image_top, side)
        sheet.middled((image_u(u), image_top - 12), str(u), SOFT, 0.42)
    sheet.text((left, image_top - 32), "image", INK, 0.5)
    for edge in window:
        sheet.dashed((edge, image_top + side), (edge, crop_top), GRID)
    for k in range(crop.out_px):
        centre = window[0] + (k + 0.5) * out_side
        _draw_cell(sheet, centre - out_side / 2, crop_top, out_side)
        ours = crop.to_image(ImageGrasp(float(k), 0.0, 0.0, 0.0, 1.0)).u
        theirs = k / crop.out_px * crop.size_px + crop.left_px
        sheet.line((centre, crop_top + out_side / 2), (image_u(ours), image_top + side / 2), BLUE, 1.6)
        sheet.dot((image_u(ours), image_top + side / 2), BLUE, 4)
        sheet.dashed((centre, crop_top + out_side / 2), (image_u(theirs), image_top + side + 18), AMBER)
        sheet.dot((image_u(theirs), image_top + side + 18), AMBER, 4)
        sheet.dot((centre, crop_top + out_side / 2), INK)
        sheet.middled((centre, crop_top + out_side + 13), str(k), SOFT, 0.42)
    sheet.text((window[0] - 44, crop_top + out_side / 2 + 5), "crop", INK, 0.5)
    sheet.dot((28, 350), BLUE, 4)
    sheet.text((40, 355), "u = left + (k + 0.5) * size / out - 0.5     centre on centre", BLUE, 0.46)
    sheet.dot((28, 378), AMBER, 4)
    sheet.text((40, 383), "u = left + k * size / out     GG-CNN's own topics only", AMBER, 0.46)
    first = crop.to_image(ImageGrasp(0.0, 0.0, 0.0, 0.0, 1.0)).u
    note = f"left = {crop.left_px}, size = {crop.size_px}, out = {crop.out_px}: crop 0 is image {first:.2f}"
    sheet.text((20, 412), note, SOFT, 0.46)
    return sheet


def _draw_cell(sheet: Sheet, left: float, top: float, side: float) -> None:
    corners = [(left, top), (left + side, top), (left + side, top + side), (left, top + side)]
    for index in range(4):
        sheet.line(corners[index], corners[index - 1], GRID, 1.2)


def _on_circle(centre: Point, radius: float, angle_rad: float) -> np.ndarray:
    """Return the point of a circle at an angle, anticlockwise as seen."""
    return np.asarray(centre, float) + radius * np.array([math.cos(angle_rad), -math.sin(angle_rad)])


def _by(right: float, down: float) -> np.ndarray:
    """Return a shift in a panel."""
    return np.array([right, down], float)


def _fine(place: Point) -> Tuple[int, int]:
    return round(float(place[0]) * FINE), round(float(place[1]) * FINE)


def _thick(thick: float) -> int:
    return max(1, round(thick * FINE))


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=PICTURE, help="PNG to write")
    output = parser.parse_args().output
    if not cv2.imwrite(str(output), draw(), [cv2.IMWRITE_PNG_COMPRESSION, 9]):
        raise SystemExit(f"{output} can't be written")


if __name__ == "__main__":
    main()
