"""Laws of judging a recording: the robot's own road, all models on the same frames, and nothing done is lost."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Iterator, List, Union

import numpy as np
import pytest
import torch
from made_up import Drawing, MadeUp, drawn, flat_frames, judge, made_of, predictor_of

from pspgrasp.bag.judging.ggcnn_model import GgcnnModel
from pspgrasp.bag.judging.predictor_model import PredictorModel
from pspgrasp.bag.judging.read_ahead import AHEAD
from pspgrasp.bag.judging.specs import specs_of
from pspgrasp.bag.recording import Fault, RecordedFrame, Told, silent
from pspgrasp.bag.results.frame import FrameResult
from pspgrasp.clearance import ClearanceConfig
from pspgrasp.config import CropConfig, DetectionConfig
from pspgrasp.data.stereo_noise import StereoNoise
from pspgrasp.data.tabletop import TABLETOP_CAMERA, camera_arc, exact_depth, random_table, tabletop_frames
from pspgrasp.depth import DepthFrame
from pspgrasp.errors import CheckpointError, ConfigError, DataError, NetworkError
from pspgrasp.ggcnn_stream import GgcnnStream
from pspgrasp.node_config import FramesConfig, NodeConfig
from pspgrasp.predictor import GraspPredictor
from pspgrasp.runtimes.machine import cpu_name
from pspgrasp.shipped import find_checkpoint
from pspgrasp.table_plane import TableConfig


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
    judged = GgcnnModel("theirs", ggcnn, preset).judged(RecordedFrame(0, table[0], 0))
    output = GgcnnStream(preset).update(table[0], ggcnn, robot_height_m=1.0)
    (grasp,) = judged.grasps
    assert grasp.position_m == tuple(float(n) for n in output.command[:3])
    assert grasp.width_px == pytest.approx(output.command[4] * scale)
    assert (grasp.u, grasp.v) == pytest.approx(np.rint((grasp.u, grasp.v)), abs=1e-6)
    assert {"prepare", "network", "maps", "detect", "total"} == set(judged.stages_ms)


def test_stages_come_in_order_and_add_up_to_at_most_the_total(
    predictor: GraspPredictor, table: List[DepthFrame]
) -> None:
    stages_ms = PredictorModel("ours", predictor).judged(RecordedFrame(0, table[0], 0)).stages_ms
    assert list(stages_ms) == ["prepare", "network", "maps", "detect", "total"]
    assert all(time_ms > 0 for time_ms in stages_ms.values())
    assert sum(time_ms for stage, time_ms in stages_ms.items() if stage != "total") <= stages_ms["total"]


def test_what_ggcnns_node_draws_is_no_part_of_the_way_to_a_grasp(
    ggcnn: GraspPredictor, table: List[DepthFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(GgcnnStream, "_plain", lambda *_: time.sleep(0.2) or np.zeros((300, 300, 3), np.uint8))
    stages_ms = dict(GgcnnModel("theirs", ggcnn, "kinova").judged(RecordedFrame(0, table[0], 0)).stages_ms)
    assert stages_ms.pop("total") == pytest.approx(sum(stages_ms.values()))


def test_without_depth_there_is_a_reason_and_no_network_in_the_way() -> None:
    result = judge(MadeUp(flat_frames(1, depth_m=0.0)), [drawn("paper")])
    (judged,) = made_of(result, "paper")
    assert isinstance(judged, FrameResult)
    assert judged.nothing == "no depth is measured in the window"
    assert judged.missing_share == 1.0
    assert "network" not in judged.stages_ms


def test_a_result_says_whether_the_camera_is_a_guess() -> None:
    recording = MadeUp(flat_frames(1))
    assert not judge(recording, [drawn("paper")]).has_guessed_camera
    recording.has_guessed_camera = True
    assert judge(recording, [drawn("paper")]).has_guessed_camera


def test_faults_are_kept_and_the_frames_around_them_judged() -> None:
    frames = flat_frames(3)
    fault = Fault(1, "truncated", "cut off")
    result = judge(MadeUp([frames[0], fault, frames[2]]), [drawn("paper")])
    assert list(result.seen["number"]) == [0, 2]
    assert (result.faults.first, result.faults.counts) == ([fault], {"truncated": 1})
    assert (result.read, result.expected, result.interrupted) == (2, 3, False)


@pytest.mark.parametrize("error", [DataError("the disk is gone"), OSError("the disk is gone")])
@pytest.mark.parametrize("frames", [0, 2])
def test_when_reading_fails_what_was_read_counts_and_others_can_be_judged(error: Exception, frames: int) -> None:
    result = judge(MadeUp([*flat_frames(frames), error]), [drawn("paper")])
    assert (result.read, result.interrupted) == (frames, False)
    assert result.faults.first == [Fault(-1, "reading failed", "the disk is gone")]


def test_when_nothing_beside_the_images_can_be_read_they_are_judged_all_the_same() -> None:
    class Gone(MadeUp):
        @property
        def description(self) -> str:  # type: ignore[override]
            raise OSError("the disk is gone")

        def __len__(self) -> int:
            raise OSError("the disk is gone")

        def look_beside(self, _told: Told = silent) -> Iterator[Fault]:
            yield Fault(-1, "unreadable /tf", "cut off")
            raise OSError("the disk is gone")

        def poses(self) -> None:
            raise OSError("the disk is gone")

    result = judge(Gone(flat_frames(3)), [drawn("paper")])
    assert result.read == 3
    assert result.faults.counts == {"unreadable /tf": 1, "reading failed": 1}


def test_progress_counts_images_and_not_what_is_remarked_on_them() -> None:
    frames = flat_frames(3)
    remarks = [Fault(-1, "not closed", ""), Fault(1, "trailing bytes", ""), Fault(1, "stamp goes back", "")]
    told: List[int] = []

    class Remarked(MadeUp):
        def __iter__(self) -> Iterator[Union[RecordedFrame, Fault]]:
            first, second, third = (RecordedFrame(n, frame, frame.stamp_ns) for n, frame in enumerate(frames))
            yield from (remarks[0], first, *remarks[1:], second, third)

    judge(Remarked(frames), [drawn("paper")], told=lambda done, _: told.append(done))
    assert told == [0, 1, 2, 2, 2, 3]


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


def test_a_table_in_the_robots_base_frame_is_refused_in_words() -> None:
    config = NodeConfig(table=TableConfig("base"), frames=FramesConfig("base_link"))
    with pytest.raises(ConfigError, match="isn't looked up in recordings; 'given' tells the same plane"):
        specs_of(["ggcnn@mvp", "resnet18"], config)
    assert [spec.name for spec in specs_of(["ggcnn@mvp"], config)] == ["ggcnn@mvp"], "GG-CNN's road has no table"


def test_the_protocol_says_what_a_robots_parameters_change() -> None:
    predictor = predictor_of(Drawing())
    plain = PredictorModel("a", predictor).protocol
    assert "the middle 64 px, 0.1 to 2 m;" in plain
    assert "gripper along the camera's axis, whatever is in its way, no table" in plain
    assert "opened by" not in plain
    assert "follows" not in plain
    changed = replace(
        predictor,
        width="contact",
        crop=CropConfig(64, 20, -10),
        detection=DetectionConfig(clearance_m=0.015),
        clearance=ClearanceConfig(approach="table", palm=False, most_unseen=0.5),
        table=TableConfig("fitted"),
    )
    told = PredictorModel("b", changed, tracks=True).protocol
    assert "the middle 64 px moved 20 px right and 10 px up" in told
    assert "contact widths opened by 15 mm" in told
    assert (
        "the table's normal, room for fingers, at most 50 % of it unseen, fingertips above the table (fitted)" in told
    )
    assert "follows the grasp nearest to the last one" in told


def test_a_model_on_the_cpu_says_which_and_how_many_threads(ggcnn: GraspPredictor) -> None:
    for model in (PredictorModel("ours", ggcnn), GgcnnModel("theirs", ggcnn, "mvp")):
        assert f"run by torch on cpu ({cpu_name()}, {torch.get_num_threads()} thread" in model.protocol
    assert "the middle 300 px moved 40 px up" in model.protocol


class Wanders:
    """A runtime with two peaks of which the surer one changes sides."""

    name, device = "pencil", "paper"

    def __init__(self) -> None:
        self.turn = -1

    def __call__(self, _image: np.ndarray) -> np.ndarray:
        self.turn += 1
        left, right = Drawing(12).output, Drawing(52).output
        surer, other = (left, right) if self.turn % 2 == 0 else (right, left)
        return np.maximum(surer, np.float32(0.8) * other)


def columns_of(tracks: bool, frames: List[RecordedFrame]) -> List[int]:
    model = PredictorModel("a", predictor_of(Wanders()), tracks)
    return [round(model.judged(frame).grasps[0].u) - 48 for frame in frames]


def test_with_tracking_the_first_grasp_is_the_one_that_the_node_follows() -> None:
    frames = [RecordedFrame(number, frame, 0) for number, frame in enumerate(flat_frames(4))]
    assert columns_of(False, frames) == [12, 52, 12, 52]
    assert columns_of(True, frames) == [12, 12, 12, 12]
    assert columns_of(True, [frames[0], frames[1]._replace(anew=True), *frames[2:]]) == [12, 52, 52, 52]


def test_tracking_begins_anew_with_each_recording() -> None:
    wanders = Wanders()
    model = PredictorModel("a", predictor_of(wanders), tracks=True)
    first = judge(MadeUp(flat_frames(2)), [model])
    wanders.turn = 0
    second = judge(MadeUp(flat_frames(2)), [model])
    # Warming up turns it once more.
    assert set(np.rint(first.of("a").best["u"])) == {100.0}
    assert set(np.rint(second.of("a").best["u"])) == {60.0}


def test_wrong_names_say_what_would_be_right() -> None:
    with pytest.raises(ConfigError, match="did you mean 'kinova'"):
        specs_of(["ggcnn@kinvoa"], NodeConfig())
    with pytest.raises(ConfigError, match="ggcnn is named twice"):
        specs_of(["ggcnn", "ggcnn"], NodeConfig())
    with pytest.raises(CheckpointError, match="did you mean"):
        specs_of(["resnet81"], NodeConfig())[0].build()
