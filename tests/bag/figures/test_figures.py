"""Laws of figures: what doesn't move has no jitter, what is known is found, and intervals hold what they should."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Dict, List, Optional, Sequence

import numpy as np
import pytest
from made_up import (
    CAMERA,
    GRASP,
    PERIOD_NS,
    POSE,
    MadeUp,
    drawn,
    flat_frames,
    judge,
    moved,
    new_folder,
    result_of,
    seen_frame,
)

from pspgrasp.bag.figures.agreement import NOBODY, matched
from pspgrasp.bag.figures.bootstrap import AT_ONCE, Draws, block_length, difference_intervals, intervals, statistics_of
from pspgrasp.bag.figures.figure import Figure, figures_of, table_of
from pspgrasp.bag.figures.measures import Gripper
from pspgrasp.bag.figures.remarks import remarks
from pspgrasp.bag.recording import RecordedGrasp, Selection
from pspgrasp.bag.results.ledger import Ledger, write_recorded
from pspgrasp.bag.results.result import RecordingResult

GRIPPER = Gripper(0.01, 0.08)


def figures(result: RecordingResult, model: str = "one") -> Dict[str, Figure]:
    return table_of(figures_of([result], model, GRIPPER))


def recorded(number: int, px: float = 0.0, exact: bool = True, late_ns: int = 0, **changes: object) -> RecordedGrasp:
    grasp = moved(px)
    position_m = np.array(grasp.position_m)
    made = RecordedGrasp("grasps", number * PERIOD_NS + late_ns, exact, position_m, grasp.angle_rad, grasp.width_m, "m")
    return made._replace(**changes)


def test_a_still_scene_without_noise_has_no_jitter() -> None:
    result = judge(MadeUp(flat_frames(12)), [drawn("one")])
    found = figures(result)
    assert found["still scene"].value == 100.0
    for label in ("jitter, distance, median", "jitter, angle, p95", "jitter, distance in space, p95", "jumps"):
        assert (found[label].value, found[label].count) == (0.0, 11)


def test_jitter_is_the_step_between_neighbours_and_wraps_round_half_a_turn() -> None:
    steps = [moved(px=3.0 * (n % 2), angle_rad=math.radians(-89 if n % 2 else 89)) for n in range(20)]
    found = figures(result_of({"one": steps}))
    assert found["jitter, distance, median"].value == pytest.approx(3.0)
    assert found["jitter, distance in space, median"].value == pytest.approx(3.0 * 1000 * 0.5 / CAMERA.fx)
    assert found["jitter, angle, p95"].value == pytest.approx(2.0)
    assert found["jumps"].value == 0.0


def test_jitter_is_not_told_of_a_scene_that_moves() -> None:
    found = figures(result_of({"one": [moved(3.0 * n) for n in range(12)]}, still=False))
    assert found["still scene"].value == 0.0
    assert found["jitter, distance, median"].count == found["jumps"].count == 0
    assert math.isnan(found["jitter, distance, median"].value)


def test_a_grasp_that_changes_its_place_is_a_jump() -> None:
    found = figures(result_of({"one": [moved(50.0 * (n == 5)) for n in range(11)]}))
    assert found["jumps"].value == pytest.approx(20.0)


def test_a_place_that_stands_still_has_no_spread_however_the_camera_turns() -> None:
    # A quarter turn about the optical axis, and back, with the grasp's place seen accordingly.
    turned = np.array([[0.0, -1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]])
    x_m, y_m, z_m = GRASP.position_m
    seen_turned = replace(GRASP, position_m=(y_m, -x_m, z_m))
    places, poses = {"one": [seen_turned, GRASP] * 10}, [tuple(turned.ravel()), POSE]
    found = figures(result_of(places, still=False, poses=poses))
    assert found["spread in a second, fixed frame, p95"].value == pytest.approx(0.0, abs=1e-9)
    assert found["jumps, fixed frame"].value == 0.0
    unmoved = figures(result_of(places, still=False, poses=[POSE]))
    assert unmoved["spread in a second, fixed frame, median"].value > 5.0
    assert unmoved["jumps, fixed frame"].value == 0.0, "12 mm are none"


def test_frames_without_a_grasp_are_counted_with_their_reasons() -> None:
    found = figures(result_of({"one": [None, GRASP, None, GRASP]}))
    assert found["no grasp"].value == 50.0
    assert found["no grasp: no peak of quality reaches the threshold"].value == 50.0
    assert (found["quality, median"].count, found["opening, median"].value) == (2, 50.0)


def test_openings_are_held_against_the_gripper() -> None:
    widths_m = [0.005, 0.05, 0.09, 0.1]
    found = figures(result_of({"one": [moved(width_m=width_m) for width_m in widths_m]}))
    assert found["opening above the gripper's"].value == 50.0
    assert found["opening below the gripper's"].value == 25.0


def test_a_reason_that_one_recording_lacks_counts_as_none_there() -> None:
    both = [result_of({"one": [None, GRASP]}), result_of({"one": [GRASP] * 6})]
    found = table_of(figures_of(both, "one", GRIPPER))
    assert found["no grasp: no peak of quality reaches the threshold"].value == found["no grasp"].value == 12.5


def test_failed_frames_count_as_failed_and_for_nothing_else() -> None:
    found = figures(result_of({"one": [GRASP, GRASP, GRASP, "not finite"]}))
    assert (found["failed"].value, found["no grasp"].count) == (25.0, 3)


# --- the robot's own detector


def test_agreement_is_found_by_the_images_stamp() -> None:
    result = result_of({"one": [GRASP, GRASP, None, GRASP]}, recorded=tuple(recorded(n, px=2.0) for n in range(4)))
    found = figures(result)
    assert found["grasps: distance, median"].value == pytest.approx(2.0)
    assert found["grasps: distance in space, median"].value == pytest.approx(2.0 * 1000 * 0.5 / CAMERA.fx)
    assert found["grasps: opening, p95"].value == pytest.approx(0.0)
    assert found["grasps: same grasp"].value == 75.0, "where the model finds none, the two don't agree"


def test_grasps_far_from_every_frame_count_nowhere() -> None:
    far = (recorded(1, late_ns=6 * PERIOD_NS), recorded(0, late_ns=-PERIOD_NS))
    assert "grasps: same grasp" not in figures(result_of({"one": [GRASP] * 3}, recorded=far))


def test_without_an_images_stamp_a_grasp_belongs_to_the_image_before_it() -> None:
    late = recorded(1, exact=False, late_ns=int(0.8 * PERIOD_NS))
    assert places_of([late]) == [NOBODY, 0, NOBODY, NOBODY]
    assert places_of([late._replace(exact=True)]) == [NOBODY, NOBODY, 0, NOBODY]
    assert places_of([recorded(0, exact=False, late_ns=-1)]) == [NOBODY] * 4
    assert places_of([recorded(3, exact=False, late_ns=6 * PERIOD_NS)]) == [NOBODY] * 4


def test_of_several_grasps_of_an_image_the_first_is_taken() -> None:
    assert places_of([recorded(1, px=1.0), recorded(1, px=9.0), recorded(2)]) == [NOBODY, 0, 2, NOBODY]


@pytest.mark.parametrize("every", [2, 3, 5])
@pytest.mark.parametrize("exact", [True, False])
def test_grasps_of_images_that_were_not_judged_belong_to_none_that_was(exact: bool, every: int) -> None:
    late_ns = 0 if exact else int(0.3 * PERIOD_NS)
    of_all_images = [recorded(number, exact=exact, late_ns=late_ns) for number in range(4 * every)]
    assert places_of(of_all_images, every) == [0, every, 2 * every, 3 * every]
    of_others = [grasp for number, grasp in enumerate(of_all_images) if number % every]
    assert places_of(of_others, every) == [NOBODY] * 4


def test_a_message_with_its_place_behind_the_camera_is_no_grasp_and_counted() -> None:
    nowhere = [recorded(n, position_m=np.array((0.0, 0.0, z_m))) for n, z_m in ((0, 0.0), (1, -0.5))]
    grasps = [*nowhere, recorded(1), recorded(2, px=2.0)]
    assert places_of(grasps) == [NOBODY, 2, 3, NOBODY]
    result = result_of({"one": [GRASP] * 4}, recorded=grasps)
    assert figures(result)["grasps: same grasp"].count == 2
    assert remarks([result], Selection()) == (
        "2 of 4 messages on grasps have z of 0 or less, which is no grasp: they count nowhere.",
    )


def test_it_is_said_when_grasps_have_no_stamp_and_whose_pixels_widths_are() -> None:
    command = recorded(0, exact=False, width=15.0, width_unit="px")
    stamped, bare = (result_of({"one": [GRASP]}, recorded=[grasp]) for grasp in (recorded(0), command))
    assert remarks([stamped], Selection()) == ()
    told = remarks([stamped, bare], Selection(command_width="mvp"))
    assert "no stamp: what is known is when the bag received them" in told[0]
    assert "taken for pixels of the map of GG-CNN's node mvp" in told[1]


def places_of(grasps: Sequence[RecordedGrasp], every: int = 1) -> List[int]:
    result = result_of({"one": [GRASP] * 4}, recorded=grasps, every=every)
    return matched(result.recorded["grasps"], result.seen).tolist()


def test_grasps_are_matched_where_stamps_go_back() -> None:
    rng = np.random.default_rng(0)
    frames = [(int(stamp_ns), int(written_ns)) for stamp_ns, written_ns in rng.integers(0, 10**9, (60, 2))]
    grasps = [recorded(0, exact=bool(n % 2), late_ns=int(late)) for n, late in enumerate(rng.integers(0, 10**9, 50))]
    with Ledger(new_folder(), "x", []) as ledger:
        for number, (stamp_ns, written_ns) in enumerate(frames):
            ledger.frame(seen_frame(number, True, None)._replace(stamp_ns=stamp_ns, recorded_ns=written_ns), [])
        ledger.write()
        columns = write_recorded(grasps, ledger.folder)["grasps"]
    period_ns = np.median(np.abs(np.diff([stamp_ns for stamp_ns, _ in frames])))
    written_ns = np.array([written_ns for _, written_ns in frames])
    most_ns = [5e8] * (len(frames) - 1) + [min(5e8, np.median(np.abs(np.diff(written_ns))))]
    expected = [NOBODY] * len(frames)
    for place, grasp in enumerate(grasps):
        apart = [
            abs(grasp.stamp_ns - stamp_ns) if grasp.exact else (grasp.stamp_ns - written_ns) % 10**12
            for stamp_ns, written_ns in frames
        ]
        frame = int(np.argmin(apart))
        if apart[frame] <= (period_ns / 2 if grasp.exact else most_ns[frame]) and expected[frame] == NOBODY:
            expected[frame] = place
    assert matched(columns, ledger.seen).tolist() == expected


def test_a_command_in_pixels_is_compared_in_pixels() -> None:
    command = recorded(0, width=GRASP.width_px + 5.0, width_unit="px")
    found = figures(result_of({"one": [GRASP] * 2}, recorded=(command,)))
    assert found["grasps: opening, pixels, median"].value == 5.0
    assert "grasps: opening, median" not in found


# --- how sure


def test_statistics_are_numpys_and_leave_out_what_does_not_count() -> None:
    values = np.random.default_rng(0).normal(size=101)
    some = np.insert(values, [3, 50], np.nan)
    found = statistics_of(some, ("p25", "p50", "p95", "p99", "max", "mean"))
    expected = [*np.percentile(values, (25, 50, 95, 99)), values.max(), values.mean()]
    assert list(found.values()) == pytest.approx(expected)


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(60):
        noise = rng.normal(size=304)
        walk = noise[4:] + noise[3:-1] + noise[2:-2] + noise[1:-3] + noise[:-4]  # neighbours are alike
        low, high = intervals(walk, ("mean",), block_length(300, 10.0))["mean"]
        held += low <= 0 <= high
    assert 48 <= held <= 60


def test_drawing_single_frames_would_be_too_sure() -> None:
    walk = np.convolve(np.random.default_rng(0).normal(size=420), np.ones(20), "valid")
    one, block = (intervals(walk, ("mean",), length)["mean"] for length in (1, 20))
    assert block[1] - block[0] > 2 * (one[1] - one[0])


def test_intervals_are_the_same_each_time_and_none_for_a_few_frames() -> None:
    values = np.random.default_rng(1).normal(size=50)
    assert intervals(values, ("p50",), 5) == intervals(values, ("p50",), 5)
    assert all(map(math.isnan, intervals(values[:4], ("p50",), 2)["p50"]))


@pytest.mark.parametrize(("statistic", "fewest"), [("p50", 10), ("p25", 20), ("p75", 20), ("p95", 100), ("p99", 500)])
def test_a_percentile_has_no_interval_unless_values_lie_beyond_it(statistic: str, fewest: int) -> None:
    values = np.random.default_rng(1).normal(size=fewest)
    few, enough = (intervals(some, (statistic,), 5)[statistic] for some in (values[:-1], values))
    assert all(map(math.isnan, few))
    assert enough[0] < statistics_of(values, (statistic,))[statistic] < enough[1]


def test_intervals_of_a_percentile_hold_the_truth_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    spans = [intervals(rng.normal(size=100), ("p95",), 10)["p95"] for _ in range(100)]
    assert sum(low <= 1.645 <= high for low, high in spans) >= 85


@pytest.mark.parametrize(("frames", "block"), [(7, 3), (500, 30), (3000, 1), (5000, 77)])
def test_a_resample_draws_whole_blocks_and_as_many_frames_as_there_are(frames: int, block: int) -> None:
    pieces = list(Draws(frames, block).pieces())
    assert sum(map(len, pieces)) == 1000
    for piece in pieces:
        assert piece.shape[1] == frames
        assert (piece.sum(axis=1) == frames).all()
        # Where one frame is drawn more often than the one before, that many blocks begin; one of them may be cut.
        begun = np.maximum(np.diff(piece.astype(int), axis=1, prepend=0), 0).sum(axis=1)
        assert (begun <= -(-frames // block)).all()
    assert max(piece.nbytes for piece in pieces) <= 2 * AT_ONCE


def test_a_constant_difference_is_sure() -> None:
    values = np.random.default_rng(1).normal(size=200)
    low, high = difference_intervals(values, values + 2.0, ("mean",), 10)["mean"]
    assert (low, high) == pytest.approx((2.0, 2.0))


def test_a_block_is_a_second_but_never_most_of_the_recording() -> None:
    assert block_length(3000, 30.0) == 30
    assert block_length(100, 30.0) == 10
    assert block_length(1000, 0.0) == 10


@pytest.mark.parametrize("best", [[None], [GRASP], [None, None], []])
def test_the_shortest_recordings_have_figures(best: List[Optional[object]]) -> None:
    assert figures(result_of({"one": best})) is not None


METRIC = (
    *("opening, median", "opening above the gripper's", "jitter, distance in space, median", "jitter, opening, median"),
    *("spread in a second, fixed frame, median", "grasps: same grasp", "grasps: distance in space, median"),
)


def test_what_a_guessed_camera_says_in_millimetres_counts_nowhere() -> None:
    steps = [moved(px=3.0 * (n % 2)) for n in range(20)]
    known = result_of({"one": steps}, recorded=[recorded(n) for n in range(20)], poses=[POSE], name="known")
    guessed = replace(known, has_guessed_camera=True, recording="guessed")
    alone, sure, both = (table_of(figures_of(some, "one", GRIPPER)) for some in ([guessed], [known], [known, guessed]))
    for label in METRIC:
        assert math.isnan(alone[label].value), label
        assert (both[label].value, both[label].count) == (sure[label].value, sure[label].count), label
    assert both["quality, median"].count == 2 * sure["quality, median"].count
    assert alone["jitter, distance, median"].value == pytest.approx(3.0), "pixels are what they are"
    assert remarks([known], Selection()) == ()
    assert "what camera took guessed: it is guessed" in remarks([known, guessed], Selection())[0]


def test_stages_that_never_ran_are_not_told() -> None:
    result = result_of({"one": [GRASP]})
    assert "latency, network, median" not in figures(result)
