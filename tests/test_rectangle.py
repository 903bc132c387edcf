"""Laws of the grasp rectangle."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pspgrasp.grasp import ImageGrasp
from pspgrasp.rectangle import GraspRectangle

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
