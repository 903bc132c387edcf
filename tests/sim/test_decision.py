"""Laws of what is tried: one rule for every row, and the thing that is meant is what a camera truly saw there."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import partial
from typing import List, Optional, Sequence, Tuple

import numpy as np
import pytest

pytest.importorskip("mujoco", reason="needs the extra sim")

from pspgrasp.camera import PinholeCamera
from pspgrasp.data.synthetic.antipodal import GripperConfig
from pspgrasp.data.synthetic.things import box
from pspgrasp.data.tabletop import looking_at
from pspgrasp.depth import DepthFrame
from pspgrasp.grasp import Grasp
from pspgrasp.sim import bench
from pspgrasp.sim.arrangement import Arrangement
from pspgrasp.sim.attempt import Outcome, Plan
from pspgrasp.sim.bench import TASKS, cleared_by, done_by
from pspgrasp.sim.camera import REALSENSE, RayCamera
from pspgrasp.sim.cells import USUAL, Task
from pspgrasp.sim.closed_loop import ReachConfig, reach
from pspgrasp.sim.decision import alike, decided, following
from pspgrasp.sim.objects import of_parts
from pspgrasp.sim.planning import target_of
from pspgrasp.sim.records import Tried
from pspgrasp.sim.rows import CentroidRow, DetectorRow, LabelsRow, row_of
from pspgrasp.sim.shot import Shot
from pspgrasp.sim.stage import Stage
from pspgrasp.sim.world import HandPose, World

DOWN, ALONG_X = np.array([0.0, 0.0, -1.0]), np.array([1.0, 0.0, 0.0])
#: Looks straight down from 0.6 m; its x is the world's, its y the other way round.
FROM_ABOVE = np.array([[1.0, 0.0, 0.0, 0.0], [0.0, -1.0, 0.0, 0.0], [0.0, 0.0, -1.0, 0.6], [0.0, 0.0, 0.0, 1.0]])
GRIPPER = GripperConfig(opening_m=0.08)


class Blind:
    """A camera that sees an empty table: what is tried is written down beforehand."""

    name = kind = "blind"

    def depth_m(self, _: World, camera: PinholeCamera, __: np.ndarray) -> np.ndarray:
        return np.full((camera.height_px, camera.width_px), 0.6, np.float32)


@dataclass(frozen=True)
class Scripted:
    """A row that always says the same."""

    grasps: Tuple[Grasp, ...]
    name: str = "scripted"
    description: str = "what it was told"
    timed: bool = True

    def __call__(self, _: Shot) -> Tuple[Grasp, ...]:
        return self.grasps


@dataclass(frozen=True)
class ToAndFro(Scripted):
    """A row that means a place of the table, and every other time one 4 mm beside it; it keeps what it was shown."""

    grasps: Tuple[Grasp, ...] = ()
    shots: List[Shot] = field(default_factory=list)

    def __call__(self, shot: Shot) -> Tuple[Grasp, ...]:
        place_m = np.array([0.1, 0.05 + 0.004 * (len(self.shots) % 2), 0.02, 1.0])
        self.shots.append(shot)
        return (Grasp((np.linalg.inv(shot.camera_pose) @ place_m)[:3], 0.0, 0.06, 1.0),)


def grasp_at(x_m: float, y_m: float, z_m: float = 0.04, angle_rad: float = 0.0, width_m: float = 0.06) -> Grasp:
    """Return a grasp of a surface at a place of the world, seen from above."""
    return Grasp(np.array([x_m, -y_m, 0.6 - z_m]), angle_rad, width_m, 1.0)


def stage_of(world: World) -> Stage:
    return Stage(replace(USUAL, noise="none"), (0, 0, 0), world, (), FROM_ABOVE, FROM_ABOVE)


def shot_of(world: World) -> Shot:
    return stage_of(world).shot(RayCamera())


def blocks(*places_x_m: float, sides_m: Tuple[float, float, float] = (0.03, 0.04, 0.04)) -> World:
    return World([of_parts([box(sides_m, (x_m, 0.0, 0.0))]) for x_m in places_x_m], gripper=GRIPPER)


def cleared(world: World, *grasps: Grasp) -> List[Tuple[float, float, str]]:
    """Return where a row that offers these grasps went, and what became of it."""
    attempts: Sequence[Tried] = cleared_by(Scripted(grasps), stage_of(world), Blind())
    return [(round(one.tip_m[0], 3), round(one.tip_m[1], 3), one.outcome) for one in attempts]


BESIDE, NEARLY_BESIDE, ACROSS = grasp_at(0.0, 0.2), grasp_at(0.01, 0.2, 0.045, 0.2), grasp_at(0.0, 0.2, angle_rad=1.5)
MISSED = (0.0, 0.2, "missed")


def test_in_a_bin_what_failed_is_passed_over_until_something_is_held() -> None:
    world = blocks(0.0, 0.15)
    offered = (BESIDE, NEARLY_BESIDE, grasp_at(0.0, 0.0), grasp_at(0.15, 0.0))
    first, second = (0.0, 0.0), (0.15, 0.0)
    assert cleared(world, *offered) == [MISSED, (*first, "held"), MISSED, (*first, "missed"), (*second, "held")]


def test_who_has_nothing_else_tries_the_best_again() -> None:
    assert cleared(blocks(0.0), BESIDE, NEARLY_BESIDE) == [MISSED] * 3


def test_another_direction_is_another_grasp() -> None:
    assert cleared(blocks(0.0), BESIDE, NEARLY_BESIDE, ACROSS, grasp_at(0.0, 0.0)) == [
        MISSED,
        MISSED,
        (0.0, 0.0, "held"),
    ]


@pytest.mark.parametrize(
    ("off_m", "turned_deg", "same"),
    [
        (0.014, 0, True),
        (0.016, 0, False),
        (0, 19, True),
        (0, 21, False),
        (0, 180, True),
        (0, 165, True),
        (0, 90, False),
    ],
)
def test_plans_are_alike_within_15_mm_and_20_degrees_whichever_jaw_is_left(
    off_m: float, turned_deg: float, same: bool
) -> None:
    turned = np.array([math.cos(math.radians(turned_deg)), math.sin(math.radians(turned_deg)), 0.0])
    one = Plan(HandPose(np.zeros(3), ALONG_X, DOWN), 0.05)
    for way in np.eye(3):
        other = Plan(HandPose(off_m * way, turned, DOWN), 0.08)
        assert alike(one, other) is alike(other, one) is same


def test_each_look_into_a_bin_has_its_own_noise_and_the_same_when_it_is_cleared_again() -> None:
    rows = ToAndFro(), ToAndFro()
    for row in rows:
        cleared_by(row, replace(stage_of(blocks(0.0)), cell=USUAL), Blind())
    looks_m = [[shot.frame.depth_m for shot in row.shots] for row in rows]
    assert len(looks_m[0]) == 3
    assert not np.array_equal(*looks_m[0][:2], equal_nan=True)
    np.testing.assert_array_equal(*looks_m)


def test_while_things_move_the_record_tells_where_the_hand_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    # So slow that another answer is on its way when the hand is there.
    monkeypatch.setattr(bench, "reach", partial(reach, config=ReachConfig(latency_s=0.35)))
    stage, row = stage_of(blocks(-0.1)), ToAndFro()
    ((record,),) = TASKS[Task.MOVING](stage, (row,), Blind()).values()
    assert len(row.shots) > 5
    np.testing.assert_allclose(record.tip_m[:2], stage.world.tip_m[:2], atol=1e-3)
    assert record.outcome == "missed"


def test_bounds_offer_a_grasp_of_each_thing() -> None:
    world = World([of_parts([box((0.03, 0.04, 0.02 * (i + 1)), (0.1 * (i - 1), 0.0, 0.0))]) for i in range(3)])
    shot = shot_of(world)
    by_middles = [target_of(grasp, FROM_ABOVE, shot.arrangement) for grasp in CentroidRow()(shot)]
    assert by_middles == [2, 1, 0], "the nearest first"
    assert {target_of(grasp, FROM_ABOVE, shot.arrangement) for grasp in LabelsRow()(shot)} == {0, 1, 2}


def test_who_steers_goes_on_with_what_it_chose_before_if_it_is_among_the_best() -> None:
    shot = shot_of(blocks(0.0))
    offered = tuple(grasp_at(0.1 * number, 0.0) for number in range(5))
    before = decided(Scripted(offered[2:3]), shot).choice
    assert decided(Scripted(offered), shot, following(None)).choice.target == 0  # type: ignore[union-attr]
    for first, chosen in ((offered, 2), (offered[::-1], 2), (offered[3:] + offered[1:2] + offered[2:3], 1)):
        choice = decided(Scripted(first), shot, following(before)).choice
        assert choice is not None
        assert choice.plan.pose.tip_m[0] == pytest.approx(0.1 * chosen)


@dataclass(frozen=True)
class Sure:
    """A network that is sure of the middle, less of a place on its left, and opens as told: 1 is far too wide."""

    width: float
    device: str = "cpu"

    def __call__(self, image: np.ndarray) -> np.ndarray:
        maps = np.zeros((4, *image.shape[1:]), np.float32)
        maps[0, 150, 150], maps[0, 150, 18], maps[1], maps[3] = 1.0, 0.5, 1.0, self.width
        return maps


def network_row(name: str, width: float) -> DetectorRow:
    row = row_of(name)
    assert isinstance(row, DetectorRow)
    return replace(row, predictor=replace(row.predictor, runtime=Sure(width)))


def test_whoever_asks_for_more_than_the_gripper_opens_is_given_all_that_it_opens() -> None:
    world = blocks(0.0, sides_m=(0.07, 0.07, 0.04))
    shot = shot_of(world)
    detector = network_row("ggcnn", width=1.0)
    assert detector(shot)[0].width_m > 0.1
    for row in (detector, Scripted((grasp_at(0.0, 0.0, width_m=0.12),)), LabelsRow(), CentroidRow()):
        decision = decided(row, shot)
        assert decision.choice is not None
        assert decision.choice.plan.opening_m == pytest.approx(0.08, abs=1e-3)
        assert decision.choice.plan.opening_m <= 0.08
        assert done_by(world, decision).outcome is Outcome.HELD


@pytest.mark.parametrize(("name", "x_m", "outcome"), [("ggcnn", 0.0, "collided"), ("ggcnn:checked", -0.12, "held")])
def test_a_checked_row_passes_over_what_its_hand_has_no_room_for(name: str, x_m: float, outcome: str) -> None:
    world, row = blocks(-0.12, 0.0, 0.04), network_row(name, width=0.44)
    assert row.name == name
    decision = decided(row, shot_of(world))
    assert decision.choice is not None
    assert decision.choice.plan.pose.tip_m[0] == pytest.approx(x_m, abs=2e-3)
    assert done_by(world, decision).outcome.value == outcome


def test_only_a_detector_has_a_time() -> None:
    shot = shot_of(blocks(0.0))
    assert decided(row_of("ggcnn"), shot).predict_s > 0
    assert [decided(row, shot).predict_s for row in (LabelsRow(), CentroidRow())] == [0.0, 0.0]


@pytest.fixture(scope="module")
def rods() -> Arrangement:
    """Return two rods of 4 mm along y: at x = 0, high, and at x = 0.05, low."""
    rods = [box((0.004, 0.1, high_m), (x_m, 0.0, 0.0)) for x_m, high_m in ((0.0, 0.03), (0.05, 0.004))]
    return Arrangement.of(World([of_parts([rod]) for rod in rods], gripper=GRIPPER))


@pytest.mark.parametrize(
    ("x_m", "y_m", "meant"),
    [
        *((0.0, 0.0, 0), (0.05, 0.0, 1), (0.02, 0.03, 0), (0.03, -0.03, 1), (-0.039, 0.0, 0), (0.088, 0.0, 1)),
        *((-0.045, 0.0, None), (0.0, 0.095, None), (0.5, 0.0, None)),
    ],
)
def test_a_grasp_means_the_nearest_thing_within_half_an_opening(
    rods: Arrangement, x_m: float, y_m: float, meant: Optional[int]
) -> None:
    assert target_of(grasp_at(x_m, y_m, 0.0), FROM_ABOVE, rods) == meant


def test_what_a_camera_sees_at_the_grasp_is_meant_wherever_it_looks_from() -> None:
    tower, plate = box((0.02, 0.02, 0.2), (0.0, 0.0, 0.0)), box((0.06, 0.06, 0.01), (0.06, 0.0, 0.0))
    lying = Arrangement.of(World([of_parts([tower]), of_parts([plate])], gripper=GRIPPER))
    assert target_of(grasp_at(0.05, 0.0, 0.01), FROM_ABOVE, lying) == 1
    from_aside = looking_at(np.array([0.5, 0.0, 0.5]), np.zeros(3))
    side_of_the_tower = np.linalg.inv(from_aside) @ [0.01, 0.0, 0.08, 1.0]
    assert target_of(Grasp(side_of_the_tower[:3], 0.0, 0.05, 1.0), from_aside, lying) == 0


def test_a_hand_is_no_thing_and_hides_none() -> None:
    world = blocks(0.0)
    world.place_hand(HandPose(np.array([0.0, 0.0, 0.2]), ALONG_X, DOWN), 0.0)
    assert target_of(grasp_at(0.0, 0.0), FROM_ABOVE, Arrangement.of(world)) == 0


def test_what_is_lifted_though_nothing_was_within_reach_was_not_meant() -> None:
    world = blocks(0.0)
    shot = shot_of(world)
    # The robot takes its camera to be 10 cm from where it is.
    off = FROM_ABOVE.copy()
    off[0, 3] = -0.1
    decision = decided(Scripted((grasp_at(0.1, 0.0),)), replace(shot, believed_pose=off))
    done = done_by(world, decision)
    assert (done.outcome, done.target, done.held) == (Outcome.WRONG, None, 0)


def test_the_thing_that_is_meant_is_where_the_camera_is_and_the_hand_goes_where_it_is_believed_to_be() -> None:
    world = blocks(0.0, 0.1)
    off = FROM_ABOVE.copy()
    off[0, 3] = 0.1
    shot = replace(shot_of(world), believed_pose=off)
    done = done_by(world, decided(Scripted((grasp_at(0.0, 0.0),)), shot))
    assert (done.outcome, done.target, done.held) == (Outcome.WRONG, 0, 1)


def test_what_a_shot_shows_is_as_it_was_however_the_world_goes_on() -> None:
    world = blocks(0.0, 0.1)
    before, after = shot_of(world), shot_of(world)
    first = before.truth
    world.take_away(0)
    world.shift(np.zeros(2), np.array([0.03, 0.0]), 1.0)
    world.settle()
    np.testing.assert_array_equal(after.truth.exact.depth_m, first.exact.depth_m)
    np.testing.assert_array_equal(after.truth.labels.quality, first.labels.quality)
    assert [target_of(grasp_at(x_m, 0.0), FROM_ABOVE, after.arrangement) for x_m in (0.0, 0.1)] == [0, 1]
    assert shot_of(world).truth.view.thing.max() == 1


def test_a_frame_is_all_that_a_detector_sees() -> None:
    row, shot = row_of("ggcnn"), shot_of(blocks(0.0))
    elsewhere = replace(shot, arrangement=Arrangement.of(World(())), frame=DepthFrame(shot.frame.depth_m, REALSENSE))
    assert [one.position_m.tolist() for one in row(shot)] == [one.position_m.tolist() for one in row(elsewhere)]
