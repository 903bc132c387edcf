"""Laws of poses over time: between two samples, in step with the images, and nowhere where TF is silent."""

from __future__ import annotations

import math
from typing import Dict, Iterator, List, Sequence

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

pytest.importorskip("rosbags", reason="needs the extra bag")

from pspgrasp.bag.reading.poses import WINDOW_NS, TransformTree
from pspgrasp.bag.reading.transforms import Sample
from pspgrasp.errors import DataError

S = 10**9
NO_TURN = (0.0, 0.0, 0.0, 1.0)


def sample(at_s: float, x_m: float, child: str = "camera", parent: str = "base", static: bool = False) -> Sample:
    return Sample(parent, child, round(at_s * S), (x_m, 0.0, 0.0), NO_TURN, static)


def x_of(samples: Sequence[Sample], at_s: Sequence[float], frame: str = "camera") -> List[float]:
    """Return where a frame is along x [m]; NaN where it isn't known."""
    poses, found = TransformTree(lambda: iter(samples)).poses(frame), []
    for one_s in at_s:
        try:
            found.append(float(poses.at(round(one_s * S))[0, 3]))
        except DataError:
            found.append(math.nan)
    return found


def test_between_two_samples_a_frame_moves_evenly_and_turns_evenly() -> None:
    rng = np.random.default_rng(0)
    stamps_s = np.cumsum(rng.uniform(0.01, 0.3, 40))
    turns, places_m = Rotation.random(40, random_state=0), rng.normal(size=(40, 3))
    samples = [
        Sample("base", "camera", round(s * S), tuple(p), tuple(q), False)
        for s, p, q in zip(stamps_s, places_m.tolist(), turns.as_quat().tolist())
    ]
    poses = TransformTree(lambda: iter(samples)).poses("camera")
    for n in range(39):
        middle = poses.at((samples[n].stamp_ns + samples[n + 1].stamp_ns) // 2)
        np.testing.assert_allclose(middle[:3, 3], places_m[n : n + 2].mean(axis=0), atol=1e-6)
        before, behind = (turns[m].inv() * Rotation.from_matrix(middle[:3, :3]) for m in (n, n + 1))
        assert before.magnitude() == pytest.approx(behind.magnitude(), abs=1e-6)


def test_samples_that_are_not_in_order_are_put_in_order() -> None:
    samples = [sample(at_s, at_s) for at_s in (0.0, 0.2, 0.1, 0.4, 0.3, 0.3, 0.5)]
    assert x_of(samples, [0.05, 0.15, 0.25, 0.35, 0.45]) == pytest.approx([0.05, 0.15, 0.25, 0.35, 0.45])


def test_times_may_go_back_a_little() -> None:
    samples = [sample(at_s, at_s) for at_s in range(40)]
    assert x_of(samples, [20.5, 15.5, 30.5]) == pytest.approx([20.5, 15.5, 30.5])


def test_a_frame_is_nowhere_before_its_first_sample_behind_its_last_and_in_a_long_silence() -> None:
    samples = [sample(1.0, 1.0), sample(2.0, 2.0), sample(60.0, 60.0), sample(61.0, 61.0)]
    found = x_of(samples, [0.5, 1.0, 1.5, 2.0, 30.0, 60.0, 60.5, 61.0, 61.5])
    np.testing.assert_allclose(found, [np.nan, 1.0, 1.5, 2.0, np.nan, 60.0, 60.5, 61.0, np.nan])


def test_a_stamp_from_nowhere_costs_its_own_image() -> None:
    samples = [sample(100.0 + at_s, at_s) for at_s in range(60)]
    found = x_of(samples, [101.5, 0.0, 102.5, 1e9, 103.5, 140.5])
    np.testing.assert_allclose(found, [1.5, np.nan, 2.5, np.nan, 3.5, 40.5])


def test_parts_that_never_move_are_known_at_any_time() -> None:
    samples = [sample(0.0, 0.5, "camera", "tool", static=True), *(sample(n, n, "tool") for n in range(5))]
    assert x_of(samples, [1.5, 3.5]) == pytest.approx([2.0, 4.0])
    assert x_of(samples[:1], [1e6]) == [0.5]


def test_samples_are_read_in_step_with_the_images_and_not_kept() -> None:
    taken: Dict[str, int] = {"samples": 0}

    def source() -> Iterator[Sample]:
        for number in range(2000):
            taken["samples"] = number
            yield sample(0.1 * number, 0.1 * number)

    poses = TransformTree(source).poses("camera")
    for at_s in (1.0, 50.0, 100.0, 150.0):
        assert poses.at(round(at_s * S))[0, 3] == pytest.approx(at_s)
        assert taken["samples"] <= 10 * at_s + 1
        (track,) = poses._tracks.values()
        assert len(track._samples) <= 10 * WINDOW_NS / S + 2


def test_where_one_part_falls_silent_nobody_reads_to_the_end_for_it() -> None:
    taken: Dict[str, float] = {"s": 0.0}

    def source() -> Iterator[Sample]:
        for at_s in range(1000):
            taken["s"] = at_s
            yield sample(at_s, 0.0, "tool")
            if at_s <= 5:
                yield sample(at_s, at_s, "camera", "tool")

    poses = TransformTree(source).poses("camera")
    for at_s in (6.5, 7.5, 30.5):
        with pytest.raises(DataError, match="isn't known at"):
            poses.at(round(at_s * S))
        assert taken["s"] <= at_s + WINDOW_NS / S + 1
