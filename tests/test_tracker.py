"""Laws of following one grasp."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pspgrasp.tracker import GraspTracker

laws = settings(deadline=None, max_examples=60, derandomize=True)
pixels = st.tuples(st.floats(0.0, 300.0), st.floats(0.0, 300.0))


@laws
@given(pixels, st.lists(pixels, min_size=1, max_size=6), st.floats(0.0, 1.0))
def test_it_picks_the_nearest_peak_and_goes_its_share_of_the_way(start: tuple, peaks: list, share: float) -> None:
    tracker = GraspTracker(start, share)
    picked = peaks[tracker.select(peaks)]
    assert math.dist(picked, start) <= min(math.dist(peak, start) for peak in peaks) + 1e-9
    assert math.dist(tracker.point, start) == pytest.approx(share * math.dist(picked, start), abs=1e-6)
    assert math.dist(tracker.point, picked) == pytest.approx((1 - share) * math.dist(picked, start), abs=1e-6)


def test_one_false_peak_cannot_carry_it_off() -> None:
    tracker = GraspTracker((150.0, 150.0))
    tracker.select([(20.0, 20.0)])
    peaks = [(20.0, 20.0), (150.0, 150.0)]
    assert tracker.select(peaks) == 1


def test_it_arrives_at_a_peak_that_stays() -> None:
    tracker = GraspTracker((150.0, 150.0))
    for _ in range(60):
        tracker.select([(100.5, 220.25)])
    assert tracker.point == pytest.approx((100.5, 220.25), abs=1e-3)


def test_it_stays_with_its_peak_though_another_is_listed_first() -> None:
    tracker = GraspTracker((10.0, 10.0))
    picked = [tracker.select([(200.0, 200.0), (12.0 + step, 10.0)]) for step in range(20)]
    assert picked == [1] * 20


def test_of_two_equally_near_it_takes_the_first() -> None:
    assert GraspTracker((50.0, 50.0)).select([(50.0, 60.0), (50.0, 40.0)]) == 0


def test_whole_pixels_are_truncated_as_the_original_does() -> None:
    tracker = GraspTracker((150, 150), whole_pixels=True)
    tracker.select([(153, 157)])
    assert tracker.point == (150, 151)
    assert all(isinstance(coordinate, int) for coordinate in tracker.point)


def test_a_jump_goes_all_the_way_and_a_reset_back_to_the_start() -> None:
    tracker = GraspTracker((150.0, 150.0))
    tracker.jump((10.0, 20.0))
    assert tracker.point == (10.0, 20.0)
    tracker.reset()
    assert tracker.point == (150.0, 150.0)


def test_peaks_are_an_argument_and_stay_as_they_are() -> None:
    peaks = [(1, 2), (3, 4)]
    GraspTracker((0.0, 0.0)).select(peaks)
    assert peaks == [(1, 2), (3, 4)]
