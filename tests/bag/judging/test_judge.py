"""Laws of judging a recording: the robot's own road, all models on the same frames, and nothing done is lost."""

from __future__ import annotations

import threading
from typing import List

import numpy as np
import pytest
from made_up import MadeUp, drawn, flat_frames, judge, made_of

from pspgrasp.bag.judging.ggcnn_model import GgcnnModel
from pspgrasp.bag.judging.predictor_model import PredictorModel
from pspgrasp.bag.judging.read_ahead import AHEAD
from pspgrasp.bag.judging.specs import specs_of
from pspgrasp.bag.recording import Fault, RecordedFrame
from pspgrasp.bag.results.frame import FrameResult
from pspgrasp.config import CropConfig
from pspgrasp.data.stereo_noise import StereoNoise
from pspgrasp.data.tabletop import TABLETOP_CAMERA, camera_arc, exact_depth, random_table, tabletop_frames
from pspgrasp.depth import DepthFrame
from pspgrasp.errors import CheckpointError, ConfigError, DataError, NetworkError
from pspgrasp.ggcnn_stream import GgcnnStream
from pspgrasp.node_config import NodeConfig
from pspgrasp.predictor import GraspPredictor
from pspgrasp.shipped import find_checkpoint


@pytest.fixture(scope="module")
def table() -> List[DepthFrame]:
    return [frame for frame, _ in tabletop_frames(seed=3, frames=2)]


@pytest.fixture(scope="module")
def ggcnn() -> GraspPredictor:
    return GraspPredictor.from_checkpoint(find_checkpoint("ggcnn"), "cpu")


def test_a_frame_gets_the_same_grasps_as_on_the_robot(predictor: GraspPredictor, table: List[DepthFrame]) -> None:
    result = judge(MadeUp(table), [PredictorModel("ours", predictor)])
    assert result.read == 2
    for frame, judged in zip(table, made_of(result, "ours")):
        assert isinstance(judged, FrameResult)
        live = predictor.predict(frame)
        assert [(g.u, g.v, g.angle_rad, g.width_px) for g in judged.grasps] == [
            (g.u, g.v, g.angle_rad, g.width_px) for g in live.image_grasps
        ]
        assert [(g.position_m, g.width_m, g.quality) for g in judged.grasps] == [
            (tuple(g.position_m), g.width_m, g.quality) for g in live.grasps
        ]
        assert judged.stamp_ns == frame.stamp_ns


@pytest.mark.parametrize(("preset", "scale"), [("kinova", 400 / 300), ("mvp", 1.0)])
def test_ggcnn_gets_the_command_of_its_own_node(
    ggcnn: GraspPredictor, table: List[DepthFrame], preset: str, scale: float
) -> None:
    judged = GgcnnModel("theirs", ggcnn, preset).judged(RecordedFrame(0, table[0], 0, 0))
    output = GgcnnStream(preset).update(table[0], ggcnn, robot_height_m=1.0)
    (grasp,) = judged.grasps
    assert grasp.position_m == tuple(float(n) for n in output.command[:3])
    assert grasp.width_px == pytest.approx(output.command[4] * scale)
    assert (grasp.u, grasp.v) == pytest.approx(np.rint((grasp.u, grasp.v)), abs=1e-6)
    assert {"prepare", "network", "maps", "detect", "total"} == set(judged.stages_ms)


def test_stages_come_in_order_and_add_up_to_at_most_the_total(
    predictor: GraspPredictor, table: List[DepthFrame]
) -> None:
    stages_ms = PredictorModel("ours", predictor).judged(RecordedFrame(0, table[0], 0, 0)).stages_ms
    assert list(stages_ms) == ["prepare", "network", "maps", "detect", "total"]
    assert all(time_ms > 0 for time_ms in stages_ms.values())
    assert sum(time_ms for stage, time_ms in stages_ms.items() if stage != "total") <= stages_ms["total"]


def test_without_depth_there_is_a_reason_and_no_network_in_the_way() -> None:
    result = judge(MadeUp(flat_frames(1, depth_m=0.0)), [drawn("paper")])
    (judged,) = made_of(result, "paper")
    assert isinstance(judged, FrameResult)
    assert judged.nothing == "no depth is measured in the window"
    assert judged.missing_share == 1.0
    assert "network" not in judged.stages_ms


def test_faults_are_kept_and_the_frames_around_them_judged() -> None:
    frames = flat_frames(3)
    fault = Fault(1, "truncated", "cut off")
    result = judge(MadeUp([frames[0], fault, frames[2]]), [drawn("paper")])
    assert list(result.seen["number"]) == [0, 2]
    assert (result.faults.first, result.faults.counts) == ([fault], {"truncated": 1})
    assert (result.read, result.expected, result.interrupted) == (2, 3, False)


def test_when_reading_fails_in_the_middle_what_was_read_counts() -> None:
    broken = MadeUp([*flat_frames(2), DataError("the disk is gone")])
    result = judge(broken, [drawn("paper")])
    assert result.read == 2
    assert result.faults.first == [Fault(-1, "reading failed", "the disk is gone")]


def test_when_reading_fails_at_once_that_is_told_and_others_can_be_judged() -> None:
    result = judge(MadeUp([DataError("the disk is gone")]), [drawn("paper")])
    assert (result.read, result.interrupted) == (0, False)
    assert result.faults.lines() == ["1 reading failed; the first: the disk is gone"]


def test_a_fault_of_ours_in_reading_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        judge(MadeUp([*flat_frames(2), ZeroDivisionError()]), [drawn("paper")])


class Refuses(PredictorModel):
    """Fails on one frame."""

    def judged(self, recorded: RecordedFrame) -> FrameResult:
        if recorded.number == 1:
            raise NetworkError("not finite")
        return super().judged(recorded)


def test_a_model_that_fails_on_a_frame_says_so_and_all_others_judge_it() -> None:
    models = [Refuses("a", drawn("a").predictor), drawn("b")]
    result = judge(MadeUp(flat_frames(3)), models)
    assert made_of(result, "a")[1] == "not finite"
    assert result.of("a").failures.first == [Fault(1, "failed", "not finite")]
    assert list(result.of("a").best["found"] >= 0) == [True, False, True]
    assert list(result.of("b").best["found"] >= 0) == [True] * 3
    assert len(result.of("b").failures) == 0


def test_models_take_turns_in_being_first() -> None:
    order: List[str] = []

    class Noted(PredictorModel):
        def judged(self, recorded: RecordedFrame) -> FrameResult:
            order.append(self.name)
            return super().judged(recorded)

    judge(MadeUp(flat_frames(4)), [Noted(name, drawn(name).predictor) for name in "abc"])
    assert "".join(order) == "abc" + "bca" + "cab" + "abc"


class Stops(PredictorModel):
    """Is stopped by Ctrl-C in the middle of a frame."""

    def judged(self, recorded: RecordedFrame) -> FrameResult:
        if recorded.number == 2:
            raise KeyboardInterrupt
        return super().judged(recorded)


def test_ctrl_c_keeps_the_frames_that_all_models_have_judged() -> None:
    recording = MadeUp(flat_frames(50))
    result = judge(recording, [drawn("a"), Stops("b", drawn("b").predictor), drawn("c")])
    assert result.interrupted
    assert [len(model.best) for model in result.models] == [2] * 3
    assert list(result.seen["number"]) == [0, 1]
    assert len(result.lines.read_text().splitlines()) == 2
    assert recording.taken <= 2 + AHEAD + 3, "reading ends, too"
    assert not [thread for thread in threading.enumerate() if thread.name == "reader"]


def test_a_run_that_is_told_to_stop_ends_between_two_frames() -> None:
    done: List[int] = []
    result = judge(
        MadeUp(flat_frames(50)),
        [drawn("a")],
        told=lambda frames, _: done.append(frames),
        stopped=lambda: len(done) >= 3,
    )
    assert (result.interrupted, result.read, done) == (True, 3, [1, 2, 3])


def test_reading_is_a_few_frames_ahead_and_no_more() -> None:
    recording = MadeUp(flat_frames(60))
    most = []
    judge(recording, [drawn("a")], told=lambda done, _: most.append(recording.taken - done))
    assert max(most) <= AHEAD + 2


def measured(noise: bool, poses: List[np.ndarray]) -> List[DepthFrame]:
    bodies, stereo = random_table(3), StereoNoise()
    frames = []
    for number, pose in enumerate(poses):
        depth_m = exact_depth(bodies, TABLETOP_CAMERA, pose)
        depth_m = stereo.measure(depth_m, TABLETOP_CAMERA, 3, number) if noise else depth_m
        frames.append(DepthFrame(depth_m, TABLETOP_CAMERA, stamp_ns=number))
    return frames


@pytest.mark.parametrize(("noise", "moving", "expected"), [(False, False, 1.0), (True, False, 1.0), (True, True, 0.0)])
def test_noise_is_told_from_motion(noise: bool, moving: bool, expected: float) -> None:
    from pspgrasp.bag.judging.still import still

    # Of 200 poses along the arc neighbours are little more than a millimetre apart.
    poses = list(camera_arc(200))[:12] if moving else [next(camera_arc(1))] * 12
    recording = MadeUp(measured(noise, poses))
    seen = judge(recording, [], CropConfig()).seen
    stands = still(seen["change"], seen["drift"])
    assert stands[1:].mean() == expected
    assert not stands[0]


def test_names_on_the_command_line_become_models() -> None:
    config = NodeConfig()
    specs = specs_of(["resnet18", "runs/one/best.safetensors@kinova", "runs/two/best.safetensors@kinova"], config)
    assert [spec.name for spec in specs] == [
        "resnet18",
        "runs/one/best.safetensors@kinova",
        "runs/two/best.safetensors@kinova",
    ]
    assert [(spec.checkpoint, spec.preset) for spec in specs[:2]] == [
        ("resnet18", ""),
        ("runs/one/best.safetensors", "kinova"),
    ]
    assert specs_of(["a/tuned.safetensors@mvp"], config)[0].name == "tuned@mvp"


def test_without_names_the_nodes_parameters_say_what_is_judged() -> None:
    config = NodeConfig(backbone="ggcnn", ggcnn="mvp")
    assert [(spec.checkpoint, spec.preset) for spec in specs_of([], config)] == [("ggcnn", ""), ("ggcnn", "mvp")]


def test_wrong_names_say_what_would_be_right() -> None:
    with pytest.raises(ConfigError, match="did you mean 'kinova'"):
        specs_of(["ggcnn@kinvoa"], NodeConfig())
    with pytest.raises(ConfigError, match="ggcnn is named twice"):
        specs_of(["ggcnn", "ggcnn"], NodeConfig())
    with pytest.raises(CheckpointError, match="did you mean"):
        specs_of(["resnet81"], NodeConfig())[0].build()
