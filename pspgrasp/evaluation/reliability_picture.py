"""Draw a reliability curve: success against quality, and how many grasps there are of each quality."""

from __future__ import annotations

from typing import Tuple

import cv2
import numpy as np

from pspgrasp.evaluation.calibration import Calibration, ReliabilityBin

SIDE_PX, BARS_PX = 480, 90  # of the curve, and of the counts below it
LEFT_PX, TOP_PX, GAP_PX, BOTTOM_PX, RIGHT_PX = 64, 56, 16, 52, 24
FINER = 4  # drawn larger and shrunk, for smooth lines
PAPER, INK, FAINT, CURVE = (255, 255, 255), (40, 40, 40), (215, 215, 215), (176, 96, 32)


def reliability_picture(found: Calibration, title: str) -> np.ndarray:
    """Return the curve (H, W, 3) uint8 BGR: dots with 95 % intervals; on the diagonal quality is what it says."""
    size = (TOP_PX + SIDE_PX + GAP_PX + BARS_PX + BOTTOM_PX, LEFT_PX + SIDE_PX + RIGHT_PX)
    large = np.full((size[0] * FINER, size[1] * FINER, 3), PAPER, np.uint8)
    _draw_axes(large)
    most = max(some.grasps for some in found.bins)
    for some in found.bins:
        _draw_bin(large, some, most)
    _draw_curve(large, found)
    picture = cv2.resize(large, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    _label(picture, found, title, most)
    return picture


def _place(quality: float, success: float) -> Tuple[int, int]:
    """Return where a point of the curve is in the large picture."""
    return round(FINER * (LEFT_PX + quality * SIDE_PX)), round(FINER * (TOP_PX + (1 - success) * SIDE_PX))


def _draw_axes(large: np.ndarray) -> None:
    for tenth in range(0, 11, 2):
        share = tenth / 10
        cv2.line(large, _place(share, 0), _place(share, 1), FAINT, FINER)
        cv2.line(large, _place(0, share), _place(1, share), FAINT, FINER)
    cv2.line(large, _place(0, 0), _place(1, 1), INK, FINER)
    cv2.rectangle(large, _place(0, 0), _place(1, 1), INK, FINER)


def _draw_bin(large: np.ndarray, some: ReliabilityBin, most: int) -> None:
    """Draw the interval of a bin, and its bar below."""
    low, high = (_place(some.quality, share) for share in some.interval_95)
    cv2.line(large, low, high, CURVE, 2 * FINER)
    floor_px = FINER * (TOP_PX + SIDE_PX + GAP_PX + BARS_PX)
    left_px, right_px = (_place(edge, 0)[0] for edge in (some.low, some.high))
    top_px = floor_px - round(FINER * BARS_PX * some.grasps / most)
    cv2.rectangle(large, (left_px + FINER, top_px), (right_px - FINER, floor_px), CURVE, cv2.FILLED)


def _draw_curve(large: np.ndarray, found: Calibration) -> None:
    places = [_place(some.quality, some.success) for some in found.bins]
    cv2.polylines(large, [np.array(places)], False, CURVE, FINER)
    for place in places:
        cv2.circle(large, place, 6 * FINER, CURVE, cv2.FILLED)


def _label(picture: np.ndarray, found: Calibration, title: str, most: int) -> None:
    floor_px = TOP_PX + SIDE_PX + GAP_PX + BARS_PX
    _write(picture, title, (LEFT_PX, 22), 0.5)
    _write(picture, f"ECE {found.ece:.3f}, Brier {found.brier:.3f}, {found.grasps} grasps", (LEFT_PX, 44), 0.45)
    for tenth in range(0, 11, 2):
        step_px = tenth * SIDE_PX // 10
        _write(picture, f"{tenth / 10:.1f}", (LEFT_PX - 34, TOP_PX + SIDE_PX - step_px + 5), 0.42)
        _write(picture, f"{tenth / 10:.1f}", (LEFT_PX + step_px - 12, floor_px + 20), 0.42)
    _write(picture, "success", (4, TOP_PX - 8), 0.42)
    _write(picture, "quality", (LEFT_PX + SIDE_PX // 2 - 26, floor_px + 42), 0.45)
    _write(picture, f"{most}", (LEFT_PX - 40, TOP_PX + SIDE_PX + GAP_PX + 10), 0.42)
    _write(picture, "grasps", (4, floor_px), 0.42)


def _write(picture: np.ndarray, text: str, place: Tuple[int, int], size: float) -> None:
    cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, INK, 1, cv2.LINE_AA)
