"""Which calibration goes with an image."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from pspgrasp.ros.calibrations import HABIT, KEPT, Calibrations

stamps = st.lists(st.integers(0, 50), min_size=1, max_size=20, unique=True).map(sorted)


def of(*stamps_ns: int) -> Calibrations[str]:
    """Return calibrations that came in this order; each says of when it is."""
    made: Calibrations[str] = Calibrations()
    for stamp_ns in stamps_ns:
        made.put(stamp_ns, f"of {stamp_ns}")
    return made


def in_the_habit() -> Calibrations[str]:
    """Return those of a camera that sends one with each image."""
    made = of()
    for stamp_ns in range(HABIT):
        made.put(stamp_ns, f"of {stamp_ns}")
        assert made.at(stamp_ns) == f"of {stamp_ns}"
    return made


@given(stamps, st.integers(0, 50))
def test_it_is_its_own_or_the_last_before_it_or_the_first_after_it(stamps_ns: list, image_ns: int) -> None:
    before = [stamp_ns for stamp_ns in stamps_ns if stamp_ns <= image_ns]
    assert of(*stamps_ns).at(image_ns) == f"of {before[-1] if before else stamps_ns[0]}"


def test_one_that_was_told_once_holds_for_ever() -> None:
    made = of(0)
    assert {made.at(stamp_ns) for stamp_ns in (1, 5, 10**18)} == {"of 0"}
    assert of().at(5) is None
    assert of().newest is None


def test_an_image_that_comes_before_its_own_waits_for_it() -> None:
    made = in_the_habit()
    threading.Timer(0.02, made.put, [100, "of 100"]).start()
    assert made.at(100) == "of 100"


def test_where_each_image_had_its_own_no_other_is_taken_and_the_next_image_waits_no_more() -> None:
    made = in_the_habit()
    assert made.at(100) is None
    assert made.at(101) == made.at(102) == f"of {HABIT - 1}"


def test_a_camera_that_sends_one_with_every_other_image_is_not_in_the_habit() -> None:
    made = of()
    for stamp_ns in range(0, 6 * HABIT, 2):
        made.put(stamp_ns, f"of {stamp_ns}")
        assert made.at(stamp_ns) == made.at(stamp_ns + 1) == f"of {stamp_ns}"


def test_when_time_goes_back_what_was_later_is_forgotten() -> None:
    made = of(100, 110, 105)
    assert (made.at(112), made.at(103), made.newest) == ("of 105", "of 100", "of 105")


def test_only_the_last_few_are_kept() -> None:
    made = of(*range(3 * KEPT))
    assert made.at(0) == f"of {2 * KEPT}"
    assert made.at(3 * KEPT) == f"of {3 * KEPT - 1}"
