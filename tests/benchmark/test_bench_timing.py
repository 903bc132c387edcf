"""Laws of taking turns: all in the same rounds, at the same frames, with other data between."""

from __future__ import annotations

import os
from typing import List, Tuple

import cv2
import pytest
import torch
from bench_fakes import Clock, still, turn

from pspgrasp.bag.judging import stopwatch
from pspgrasp.benchmark.threads import VARIABLE, threads_kept, use_threads
from pspgrasp.benchmark.timing import WARM_UP, OtherData, Turn, interleaved
from pspgrasp.depth import DepthFrame

ROWS, ROUNDS = 4, 9


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(stopwatch, "time", clock)
    return clock


def recorded_run(clock: Clock, events: List[Tuple[int, int]]) -> List[List[dict]]:
    """Time some rows; `events` gets (row, frame) for each turn and (-1, -1) for what lies between."""

    def noted(place: int) -> Turn:
        return turn(clock, {"network": place + 1.0}, seen=lambda frame: events.append((place, frame.stamp_ns)))

    frames = [still(number) for number in range(3)]
    return interleaved([noted(n) for n in range(ROWS)], frames, range(ROUNDS), lambda: events.append((-1, -1)))


def rounds_of(events: List[Tuple[int, int]]) -> List[List[Tuple[int, int]]]:
    turns = [event for event in events if event[0] >= 0]
    return [turns[start : start + ROWS] for start in range(0, len(turns), ROWS)]


def test_in_each_round_every_row_takes_one_turn_at_the_same_frame(clock: Clock) -> None:
    events: List[Tuple[int, int]] = []
    recorded_run(clock, events)
    rounds = rounds_of(events)
    assert len(rounds) == WARM_UP + ROUNDS
    for number, taken in enumerate(rounds):
        assert sorted(place for place, _ in taken) == list(range(ROWS))
        assert {frame for _, frame in taken} == {(number if number < WARM_UP else number - WARM_UP) % 3}


def test_nobody_always_follows_the_same_row_and_the_order_is_the_same_in_every_run(clock: Clock) -> None:
    events: List[Tuple[int, int]] = []
    again: List[Tuple[int, int]] = []
    recorded_run(clock, events)
    recorded_run(clock, again)
    orders = [[place for place, _ in taken] for taken in rounds_of(events)]
    before = {order[order.index(0) - 1] for order in orders if order[0] != 0}
    assert len(before) > 1
    assert events == again


def test_other_data_are_read_before_each_turn(clock: Clock) -> None:
    events: List[Tuple[int, int]] = []
    recorded_run(clock, events)
    assert [event == (-1, -1) for event in events] == [True, False] * (len(events) // 2)


def test_a_clock_of_its_own_makes_known_laps_and_the_first_rounds_are_not_kept(clock: Clock) -> None:
    laps = recorded_run(clock, [])
    for place, of_row in enumerate(laps):
        assert len(of_row) == ROUNDS
        for lap in of_row:
            assert lap == pytest.approx({"network": place + 1.0})


def test_stages_add_up_to_what_passed_until_the_last_one_and_no_more(clock: Clock) -> None:
    stages_ms = {"prepare": 2.0, "network": 11.0, "maps": 0.5, "detect": 1.5}
    painting = turn(clock, stages_ms, after_ms=7.0)
    began_s = clock.now_s
    lap = painting.lap(still())
    assert lap == pytest.approx(stages_ms)
    assert sum(lap.values()) == pytest.approx(15.0)
    assert sum(lap.values()) <= 1000 * (clock.now_s - began_s)


def test_a_turn_has_its_own_threads_and_what_was_before_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "1")
    before = torch.get_num_threads(), cv2.getNumThreads()
    found: List[Tuple[int, int, str]] = []

    def work(_frame: DepthFrame) -> None:
        found.append((torch.get_num_threads(), cv2.getNumThreads(), os.environ[VARIABLE]))

    with threads_kept():
        use_threads(1)
        for count in (2, 1):
            Turn(count, work, stopwatch.Stopwatch()).lap(still())
        monkeypatch.setenv(VARIABLE, "7")
    assert found == [(2, 2, "2"), (1, 1, "1")]
    assert (torch.get_num_threads(), cv2.getNumThreads(), os.environ[VARIABLE]) == (*before, "1")


def test_other_data_are_larger_than_what_a_core_keeps() -> None:
    other = OtherData()
    assert other._data.nbytes >= 32 << 20
    other.read()
