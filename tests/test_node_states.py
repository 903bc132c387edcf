"""The node's states, held to their drawing in docs/reliability.md; what became of a frame; gate and watchdog."""

from __future__ import annotations

import random
import re
import threading
import time
from pathlib import Path
from typing import List, Optional, Set, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pspgrasp.detect import Reason
from pspgrasp.errors import DepthError, NetworkError, PspGraspError
from pspgrasp.node_config import HealthConfig, NodeConfig
from pspgrasp.predictor import NoGrasp
from pspgrasp.ros import fallback as fallback_module
from pspgrasp.ros.fallback import fallback
from pspgrasp.ros.gate import Gate
from pspgrasp.ros.outcome import FrameError, Outcome, outcome_of
from pspgrasp.ros.states import WINDOW_S, NodeStates, Standing, State, Trouble
from pspgrasp.ros.watchdog import FIRST_S, TICK_S, FrameWatch

CHECKOUT = Path(__file__).parents[1]
PAGE = (CHECKOUT / "docs" / "reliability.md").read_text(encoding="utf-8")
EVENTS = ("good", "failed", "image", "camera", "pause", "resume", "nothing")
STEPS_S = (0.01, 0.1, 1.0, 4.0, 6.0, 11.0)
CONFIG = HealthConfig()

Story = List[Tuple[str, float]]
stories = st.lists(st.tuples(st.sampled_from((*EVENTS, "stuck")), st.sampled_from(STEPS_S)), max_size=30)


class Node:
    """A node that is told of events, and what is known of it without its state machine."""

    def __init__(self, config: HealthConfig = CONFIG) -> None:
        self.config, self.states, self.now_s = config, NodeStates(config), 100.0
        self.missing, self.heard_s = "camera_info on /info", None  # type: str, Optional[float]
        self.stuck = self.paused = False
        self.outcomes: List[Tuple[float, bool]] = []  # since the start or a pause
        self.states.ready()

    def tell(self, event: str, after_s: float = 0.0) -> Standing:
        self.now_s += after_s
        getattr(self, f"_{event}")()
        return self.standing()

    def standing(self) -> Standing:
        return self.states.standing(self.now_s, self.missing, self.heard_s)

    def _frame(self, good: bool) -> None:
        if not self.paused and not self.stuck:
            self.heard_s = self.now_s
            self.outcomes.append((self.now_s, good))
            if good:
                self.missing = ""
                self.states.good(self.now_s)
            else:
                self.states.failed("it is broken", self.now_s)

    def _good(self) -> None:
        self._frame(good=True)

    def _failed(self) -> None:
        self._frame(good=False)

    def _image(self) -> None:
        self.heard_s = self.now_s

    def _camera(self) -> None:
        self.missing = ""

    def _pause(self) -> None:
        self.paused = True
        self.states.pause()

    def _resume(self) -> None:
        self.outcomes = [] if self.paused else self.outcomes
        self.paused = False
        self.states.resume()

    def _stuck(self) -> None:
        self.stuck = True
        self.states.stuck("a frame does not end")

    def _nothing(self) -> None:
        pass


def arrows() -> Set[Tuple[str, str]]:
    """Return (from, to) of the drawing."""
    return set(re.findall(r"^    (\w+) --> (\w+)$", PAGE, re.MULTILINE))


def changes(story: Story) -> Set[Tuple[str, str]]:
    """Return (from, to) of what a story brings about."""
    node = Node()
    seen = [State.STARTING, node.standing().state] + [node.tell(*event).state for event in story]
    return {(one.name, other.name) for one, other in zip(seen, seen[1:]) if one is not other}


@given(stories)
def test_no_order_of_events_leaves_the_drawing(story: Story) -> None:
    assert changes(story) <= arrows()


def test_every_arrow_of_the_drawing_can_be_walked() -> None:
    draw, walked = random.Random(1), set()
    for _ in range(1000):
        few = draw.sample(EVENTS, 3)  # so that one kind may follow on itself
        story = [(draw.choice(few), draw.choice(STEPS_S)) for _ in range(draw.randrange(25))]
        walked |= changes([*story, ("stuck", 0.0)] if draw.random() < 0.2 else story)
    assert walked == arrows()


def test_a_node_is_starting_until_its_network_is_loaded() -> None:
    states = NodeStates(CONFIG)
    assert states.standing(1e9).state is State.STARTING
    states.ready()
    assert states.standing(1e9).state is State.WAITING


@given(stories)
def test_a_state_means_what_the_page_says(story: Story) -> None:
    node = Node()
    for event in story:
        standing, now_s = node.tell(*event), node.now_s
        state, good_s = standing.state, [time_s for time_s, good in node.outcomes if good]
        assert standing.reason
        assert bool(standing.troubles) == (state is State.DEGRADED)
        if node.stuck:
            assert (state, standing.reason) == (State.FAILED, "a frame does not end")
            continue
        assert (state is State.PAUSED) == node.paused
        if not node.paused:
            assert (state is State.WAITING) == (bool(node.missing) or not node.outcomes)
        if state is State.RUNNING:
            assert now_s - good_s[-1] <= CONFIG.stall_s
            failed = [time_s for time_s, good in node.outcomes if not good and now_s - time_s < WINDOW_S]
            assert len(failed) < CONFIG.most_failed
        if state is State.FAILED:
            row = [time_s for time_s, _ in node.outcomes if not good_s or time_s > good_s[-1]]
            assert row[-1] - row[0] >= CONFIG.failed_after_s
            assert len(row) >= CONFIG.most_failed


@given(stories)
def test_good_frames_heal_everything_but_a_stuck_worker(story: Story) -> None:
    node = Node(HealthConfig(min_rate_hz=5.0))
    for event, after_s in story:
        if event != "stuck":
            node.tell(event, after_s)
    node.tell("resume")
    for _ in range(int(10 * WINDOW_S) + 10):
        node.tell("good", 0.1)
    assert node.standing().state is State.RUNNING


@given(st.lists(st.floats(0.001, CONFIG.stall_s), min_size=1, max_size=50))
def test_good_frames_of_any_rhythm_without_a_stall_are_no_trouble(gaps_s: List[float]) -> None:
    node = Node()
    assert {node.tell("good", gap_s).state for gap_s in gaps_s} == {State.RUNNING}


def test_a_camera_that_stops_and_one_whose_images_are_not_judged_are_told_apart() -> None:
    node = Node()
    node.tell("good")
    stopped = node.tell("nothing", CONFIG.stall_s + 1)
    assert (stopped.state, stopped.troubles) == (State.DEGRADED, (Trouble.NO_GOOD_FRAME,))
    assert "no image came" in stopped.reason
    assert "though images come" in node.tell("image").reason


@pytest.mark.parametrize(("rate_hz", "troubles"), [(5.0, (Trouble.LOW_RATE,)), (20.0, ())])
def test_a_rate_below_the_one_that_is_asked_for_degrades(rate_hz: float, troubles: Tuple[Trouble, ...]) -> None:
    node = Node(HealthConfig(min_rate_hz=10.0))
    assert node.tell("good").troubles == ()
    for _ in range(int(rate_hz * 2 * WINDOW_S)):
        standing = node.tell("good", 1 / rate_hz)
    assert standing.troubles == troubles


def test_a_network_on_the_wrong_device_degrades_until_another_runs() -> None:
    node = Node()
    node.states.runs("no GPU")
    assert node.tell("good") == Standing(State.DEGRADED, "no GPU", (Trouble.CPU,))
    node.states.runs("")
    assert node.tell("good").state is State.RUNNING


@pytest.mark.parametrize(
    ("tree", "device", "gpu", "visible", "told"),
    [
        ({}, "cpu", True, None, True),
        ({}, "cpu", False, None, False),
        ({}, "cuda:0", True, None, False),
        ({}, "cpu", True, "", False),
        ({"device": "cpu"}, "cpu", True, None, False),
        ({"runtime": "torch"}, "cpu", True, None, True),
        ({"runtime": "openvino"}, "cpu", True, None, False),
    ],
)
def test_the_cpu_is_a_fallback_only_where_a_gpu_was_open_to_it(
    tree: dict, device: str, gpu: bool, visible: Optional[str], told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fallback_module, "has_gpu", lambda: gpu)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert bool(fallback(NodeConfig.from_parameters(tree), device)) == told


# --- what became of a frame


def constants(message: str) -> List[str]:
    """Return the names of a message's constants, whose numbers must be 0, 1, 2, ... within each enum."""
    text = (CHECKOUT / "msg" / message).read_text(encoding="utf-8")
    return re.findall(r"^uint8 (\w+)=", text, re.MULTILINE)


def test_messages_have_a_constant_for_each_kind_and_no_other() -> None:
    assert constants("FrameStatus.msg") == [o.name for o in Outcome] + [f"PEAK_{reason.name}" for reason in Reason]
    assert constants("DetectorState.msg") == [state.name for state in State]
    assert {nothing.name for nothing in NoGrasp} <= {outcome.name for outcome in Outcome}


@pytest.mark.parametrize(("heading", "names"), [("state", State), ("outcome", Outcome)])
def test_the_page_tells_each_kind(heading: str, names: type) -> None:
    found = re.search(rf"^\| {heading} \|.*\n\|[-| ]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    assert found
    assert re.findall(r"^\| `(\w+)`", found[1], re.MULTILINE) == [name.name for name in names]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (FrameError(Outcome.TOO_OLD, "2 s"), Outcome.TOO_OLD),
        (DepthError("short"), Outcome.BAD_IMAGE),
        (NetworkError("NaN"), Outcome.BAD_NETWORK),
        (PspGraspError("?"), Outcome.UNEXPECTED),
        (RuntimeError("CUDA out of memory"), Outcome.UNEXPECTED),
    ],
)
def test_an_error_carries_its_kind(error: Exception, outcome: Outcome) -> None:
    assert outcome_of(error) is outcome


# --- the gate


def test_only_frames_pass_that_came_since_it_opened() -> None:
    gate, before_s = Gate(), time.monotonic()
    with gate.passing(before_s) as passes:
        assert passes
    gate.close()
    with gate.passing(time.monotonic()) as passes:
        assert not passes
    assert not gate.wait(0.0)
    meanwhile_s = time.monotonic()
    gate.open()
    assert gate.wait(0.0)
    for came_s, wanted in ((before_s, False), (meanwhile_s, False), (time.monotonic(), True)):
        with gate.passing(came_s) as passes:
            assert passes == wanted


def test_opening_an_open_gate_lets_the_frame_before_pass() -> None:
    gate, came_s = Gate(), time.monotonic()
    gate.open()
    with gate.passing(came_s) as passes:
        assert passes


def test_it_is_closed_when_the_frame_inside_is_done_with() -> None:
    gate, order = Gate(), []  # type: Gate, List[str]

    def close() -> None:
        gate.close()
        order.append("closed")

    closing = threading.Thread(target=close)
    with gate.passing(time.monotonic()):
        closing.start()
        while not gate.closed:
            time.sleep(0.001)
        order.append("frame done")
    closing.join()
    assert order == ["frame done", "closed"]


# --- the watchdog


def overdue_after_s(watch: FrameWatch, step_s: float = TICK_S, most_s: float = 100.0) -> float:
    """Return after which time of looking every `step_s` the frame under way is overdue, `most_s` if never."""
    looks = range(int(most_s / step_s))
    return next((step_s * look for look in looks if watch.overdue(1000.0 + step_s * look)), most_s)


def after_a_frame(patience_s: float) -> FrameWatch:
    watch = FrameWatch(patience_s)
    with watch.frame():
        pass
    return watch


def test_a_frame_that_does_not_end_is_overdue_after_its_patience() -> None:
    watch = after_a_frame(2.0)
    assert overdue_after_s(watch) == 100.0, "no frame is under way"
    with watch.frame():
        assert watch.limit_s <= overdue_after_s(watch) <= watch.limit_s + 2 * TICK_S + 1e-6
    assert overdue_after_s(watch) == 100.0


def test_the_first_frame_has_more_time_and_patience_may_be_endless() -> None:
    watch = FrameWatch(2.0)
    with watch.frame():
        assert overdue_after_s(watch) >= 2.0 + FIRST_S
    endless = after_a_frame(float("inf"))
    with endless.frame():
        assert overdue_after_s(endless) == 100.0


def test_each_frame_begins_anew() -> None:
    watch = after_a_frame(2.0)
    for start in range(10):
        with watch.frame():
            assert not any(watch.overdue(1000.0 + 1.9 * start + TICK_S * look) for look in range(19))


def test_time_in_which_the_whole_process_stood_still_does_not_count() -> None:
    watch = after_a_frame(2.0)
    with watch.frame():
        assert overdue_after_s(watch, step_s=60.0, most_s=600.0) == 600.0


def test_what_is_usual_is_the_median_of_the_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    clock_s = [0.0]
    monkeypatch.setattr("pspgrasp.ros.watchdog.time.monotonic", lambda: clock_s[0])
    watch = FrameWatch(2.0)
    for took_s in (0.3, 0.1, 9.0, 0.2, 0.25):
        with watch.frame():
            clock_s[0] += took_s
    assert watch.limit_s == pytest.approx(2.25)
