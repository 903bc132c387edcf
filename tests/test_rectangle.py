"""Laws of the grasp rectangle."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pspgrasp.errors import DataError, PspGraspError
from pspgrasp.grasp import ImageGrasp
from pspgrasp.rectangle import GraspRectangle, angle_distance_rad, overlaps

laws = settings(deadline=None, max_examples=100, derandomize=True)
rectangles = st.builds(
    GraspRectangle,
    st.floats(0.0, 640.0),
    st.floats(0.0, 480.0),
    st.floats(-1.57, 1.57),
    st.floats(1.0, 150.0),
    st.floats(1.0, 80.0),
)


@laws
@given(rectangles)
def test_corners_lie_around_the_centre(rectangle: GraspRectangle) -> None:
    np.testing.assert_allclose(rectangle.corners().mean(axis=0), [rectangle.u, rectangle.v], atol=1e-9)


@laws
@given(rectangles)
def test_the_first_edge_is_the_opening_and_the_second_the_jaw(rectangle: GraspRectangle) -> None:
    edges = np.diff(rectangle.corners(), axis=0)
    lengths = np.linalg.norm(edges, axis=1)
    np.testing.assert_allclose(lengths, [rectangle.opening_px, rectangle.jaw_px, rectangle.opening_px], rtol=1e-9)
    assert edges[0] @ edges[1] == pytest.approx(0.0, abs=1e-6)
    along = math.atan2(-edges[0, 1], edges[0, 0])
    assert along == pytest.approx(rectangle.angle_rad, abs=1e-9), "anticlockwise as seen, v down"


@laws
@given(rectangles)
def test_half_a_turn_gives_the_same_corners_from_the_other_end(rectangle: GraspRectangle) -> None:
    turned = GraspRectangle(
        rectangle.u, rectangle.v, rectangle.angle_rad + math.pi, rectangle.opening_px, rectangle.jaw_px
    )
    np.testing.assert_allclose(turned.corners(), np.roll(rectangle.corners(), 2, axis=0), atol=1e-9)


@laws
@given(rectangles)
def test_turning_the_image_turns_the_rectangle(rectangle: GraspRectangle) -> None:
    width_px = 640  # np.rot90, anticlockwise as seen, takes pixel (u, v) to (v, width - 1 - u)
    turned = GraspRectangle(
        rectangle.v,
        width_px - 1 - rectangle.u,
        rectangle.angle_rad + math.pi / 2,
        rectangle.opening_px,
        rectangle.jaw_px,
    )
    corners = rectangle.corners()
    expected = np.column_stack([corners[:, 1], width_px - 1 - corners[:, 0]])
    np.testing.assert_allclose(turned.corners(), expected, atol=1e-9)


def test_the_rectangle_of_a_grasp_opens_as_far_as_the_grasp() -> None:
    rectangle = GraspRectangle.of_grasp(ImageGrasp(10.25, 20.5, 0.3, 42.0, 0.8), 12.0)
    assert rectangle == GraspRectangle(10.25, 20.5, 0.3, 42.0, 12.0)
    assert rectangle.corners().dtype == np.float64


# --- corners to rectangle


@laws
@given(rectangles)
def test_a_rectangle_comes_back_from_its_corners(rectangle: GraspRectangle) -> None:
    back = GraspRectangle.from_corners(rectangle.corners())
    np.testing.assert_allclose(back.corners(), rectangle.corners(), atol=1e-9)
    assert back.angle_rad == pytest.approx(rectangle.angle_rad, abs=1e-9)


@laws
@given(rectangles)
def test_corners_may_go_round_either_way(rectangle: GraspRectangle) -> None:
    a, b, c, d = rectangle.corners()
    mirrored = GraspRectangle.from_corners(np.stack([d, c, b, a]))
    assert overlaps([rectangle], [mirrored])[0, 0] == pytest.approx(1.0, abs=1e-9)
    assert angle_distance_rad(mirrored.angle_rad, rectangle.angle_rad) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("corners", [np.zeros((3, 2)), np.full((4, 2), np.nan), np.ones((4, 2)), np.zeros((4, 3))])
def test_corners_that_make_no_rectangle_are_refused(corners: np.ndarray) -> None:
    with pytest.raises(DataError, match="a grasp rectangle has"):
        GraspRectangle.from_corners(corners)


# --- overlap and angle


@laws
@given(rectangles, rectangles)
def test_overlap_is_symmetric_and_a_share(first: GraspRectangle, second: GraspRectangle) -> None:
    there, back = overlaps([first], [second])[0, 0], overlaps([second], [first])[0, 0]
    assert there == pytest.approx(back, abs=1e-9)
    assert 0.0 <= there <= 1.0 + 1e-12
    assert overlaps([first], [first])[0, 0] == pytest.approx(1.0, abs=1e-9)


def test_overlap_of_a_shifted_rectangle_is_known() -> None:
    first, second = GraspRectangle(0.0, 0.0, 0.0, 4.0, 2.0), GraspRectangle(2.0, 0.0, 0.0, 4.0, 2.0)
    np.testing.assert_allclose(overlaps([first, second], [second]), [[4 / 12], [1.0]])
    assert overlaps([first], [GraspRectangle(9.0, 9.0, 0.3, 2.0, 2.0)])[0, 0] == 0.0
    assert overlaps([first], []).shape == (1, 0)
    assert overlaps([], [first]).shape == (0, 1)


@laws
@given(rectangles, rectangles)
def test_overlap_is_that_of_painted_pixels(first: GraspRectangle, second: GraspRectangle) -> None:
    v, u = np.mgrid[-160:640, -160:800][:, ::2, ::2]
    one, other = inside(first, u, v), inside(second, u, v)
    union = (one | other).sum()
    if union > 300:
        assert overlaps([first], [second])[0, 0] == pytest.approx((one & other).sum() / union, abs=0.05)


def inside(rectangle: GraspRectangle, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Tell which pixels a rectangle covers."""
    du, dv, c, s = u - rectangle.u, v - rectangle.v, math.cos(rectangle.angle_rad), math.sin(rectangle.angle_rad)
    return (abs(du * c - dv * s) <= rectangle.opening_px / 2) & (abs(du * s + dv * c) <= rectangle.jaw_px / 2)


@laws
@given(st.floats(-9.0, 9.0), st.floats(-9.0, 9.0), st.integers(-3, 3))
def test_the_distance_of_angles_has_period_pi(first_rad: float, second_rad: float, turns: int) -> None:
    distance_rad = angle_distance_rad(first_rad, second_rad)
    assert 0.0 <= distance_rad <= math.pi / 2 + 1e-12
    assert distance_rad == pytest.approx(angle_distance_rad(second_rad, first_rad + turns * math.pi), abs=1e-9)
    assert angle_distance_rad(1.52, -1.52) == pytest.approx(math.pi - 3.04)


def test_overlap_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    square = GraspRectangle(0.0, 0.0, 0.0, 2.0, 2.0)
    monkeypatch.setitem(sys.modules, "shapely", None)
    with pytest.raises(PspGraspError, match=r"needs shapely >= 2: pip install 'pspgrasp\[evaluation\]'"):
        overlaps([square], [square])


def test_overlap_and_angles_are_those_of_the_golden_pairs(data: Path) -> None:
    golden = np.load(str(data / "golden" / "iou.npz"))
    first, second = (
        [GraspRectangle.from_corners(corners[:, ::-1]) for corners in golden[name]] for name in ("rect_a", "rect_b")
    )
    iou = np.array([overlaps([a], [b])[0, 0] for a, b in zip(first, second)])
    np.testing.assert_allclose(iou, golden["iou_exact"], atol=1e-9)
    np.testing.assert_allclose([r.opening_px for r in first], golden["a_length"], atol=1e-9)
    np.testing.assert_allclose([r.jaw_px for r in first], golden["a_width"], atol=1e-9)
    assert angle_distance_rad([r.angle_rad for r in first], golden["a_angle"]).max() < 1e-9
    # Painted as the original paints; with negative corners it goes wrong there.
    positive = np.r_[0:160, 180:200]
    painted_off = abs(iou - golden["iou_noangle"])[positive]
    assert painted_off.max() < 0.0601
    assert np.median(painted_off) < 0.001
