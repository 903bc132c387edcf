"""What may become of a network, and of its file, while it runs."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Callable, Iterator, List, Tuple

import numpy as np
import pytest
import rospy
from diagnostic_msgs.msg import DiagnosticStatus
from fault_table import Fault
from faulty_detector import FAILS_TO_LOAD, FAILS_TO_WARM_UP
from rig import CAMERA, NodeUnderTest, depth_msg, wait_until
from scaled_network import scaled
from stream import Stream, halved
from watched import FAULTY, HALF, SMALL, Watched, all_accounted_for, shows

from pspgrasp.predictor import GraspPredictor, Prediction
from pspgrasp.ros.interfaces import DetectorState, SetModel
from pspgrasp.ros.messages import from_image_msg

pytestmark = pytest.mark.ros

SWAPS, RATE_HZ = 200, 30.0
SetsModel = Callable[[str], Tuple[bool, str]]


@pytest.fixture
def set_model(robot: Watched, small_file: Path) -> Iterator[SetsModel]:
    call = rospy.ServiceProxy("/robust/set_model", SetModel, persistent=True)

    def answer(model: str) -> Tuple[bool, str]:
        given = call(model)
        return given.success, given.message

    yield answer
    call(str(small_file))
    call.close()


@pytest.fixture
def gives(robot: Watched, scenes: List[np.ndarray]) -> Callable[[Prediction], bool]:
    return lambda expected: shows(robot.judged(depth_msg(scenes[0]))[1], expected)


def test_the_file_of_the_network_goes_wrong(
    set_model: SetsModel,
    gives: Callable[[Prediction], bool],
    small: GraspPredictor,
    other: GraspPredictor,
    small_file: Path,
    other_file: Path,
    scenes: List[np.ndarray],
    fault: Fault,
    tmp_path: Path,
) -> None:
    """The checkpoint's file is truncated, and then replaced, while the node runs."""
    frame = from_image_msg(depth_msg(scenes[0]), CAMERA)
    old, new = small.predict(frame), other.predict(frame)
    assert new.grasps
    path = shutil.copy(small_file, tmp_path / "mine.safetensors")
    assert set_model(str(path))[0]
    os.truncate(path, 1000)
    fault.sees("grasps stay those of what was loaded", gives(old))
    done, why = set_model(str(path))
    fault.sees("`~set_model` refuses the broken file", not done and "mine goes on" in why and gives(old))
    os.replace(shutil.copy(other_file, tmp_path / "new"), path)
    fault.sees("and takes the new one", gives(old) and set_model(str(path))[0] and gives(new))


def test_set_model_is_hammered(
    robot: Watched,
    set_model: SetsModel,
    small: GraspPredictor,
    other: GraspPredictor,
    small_file: Path,
    other_file: Path,
    scenes: List[np.ndarray],
    fault: Fault,
) -> None:
    """`~set_model` is called 200 times while images come at 30 Hz."""
    frames = [from_image_msg(depth_msg(halved(scene)), HALF) for scene in scenes]
    expected = [(small.predict(frame), other.predict(frame)) for frame in frames]
    before, since, names = robot.counts(), len(robot.grasps.messages), (str(small_file), str(other_file))
    with Stream(robot, scenes, RATE_HZ) as stream:
        failed = [why for done, why in (set_model(names[call % 2]) for call in range(1, SWAPS + 1)) if not done]
    counts = robot.counts()
    fault.sees("each call swaps the network", not failed)
    arrays = [array for array in robot.grasps.messages[since:] if array.header.stamp in stream.sent]
    shown = [[shows(a, one) for one in expected[stream.sent[a.header.stamp]]] for a in arrays]
    both = any(one and not two for one, two in shown) and any(two and not one for one, two in shown)
    fault.sees("all grasps are those of one network or the other", all(map(any, shown)) and both)
    whole = all_accounted_for(counts) and counts["failed"] == before["failed"]
    fault.sees("no image fails, and each that came is judged or `dropped` for a newer one", whole)


def test_no_memory_for_another_network(
    graph: str,
    set_model: SetsModel,
    gives: Callable[[Prediction], bool],
    small: GraspPredictor,
    other_file: Path,
    scenes: List[np.ndarray],
    fault: Fault,
    tmp_path: Path,
) -> None:
    """The GPU has no memory to load another network, or to run it for the first time (made up)."""
    old = small.predict(from_image_msg(depth_msg(scenes[0]), CAMERA))
    paths = [shutil.copy(other_file, tmp_path / f"{name}.safetensors") for name in (FAILS_TO_LOAD, FAILS_TO_WARM_UP)]
    answers = [set_model(str(path)) for path in paths]
    refused = [not done and "CUDA out of memory" in why and "small goes on" in why for done, why in answers]
    fault.sees("`~set_model` refuses it and says why", all(refused))
    fault.sees("grasps stay those of the old one", gives(old))
    assert set_model(str(other_file))[0]
    process = NodeUnderTest("/loading", {**SMALL, "checkpoint": str(paths[1])}, tmp_path / "log", FAULTY)
    ended = process.exit_code() == 1 and "CUDA out of memory" in process.output()
    fault.sees("a node that starts with it ends, with exit code 1 and the reason", ended)


def test_a_poisoned_network(
    robot: Watched,
    set_model: SetsModel,
    small_file: Path,
    scenes: List[np.ndarray],
    fault: Fault,
    tmp_path: Path,
) -> None:
    """The network puts out NaN or infinity (a poisoned checkpoint)."""
    robot.runs(scenes[0])
    states, reports = len(robot.states.messages), len(robot.diagnostics.messages)
    # It does well on what it is warmed up with, and overflows where depths differ more.
    assert set_model(scaled(tmp_path / "poisoned.safetensors", 8e18, "conv1", "conv2"))[0]
    shown = len(robot.grasps.messages)
    outcomes, steep = set(), np.full((480, 640), 1.9, np.float32)
    steep[:, :320] = 0.4

    def failed() -> bool:
        outcomes.add(robot.outcome(depth_msg(steep)))
        return robot.states.messages[-1].state == DetectorState.FAILED

    wait_until(failed)
    told = robot.told(DetectorState.FAILED, since=states)
    fault.sees("`BAD_NETWORK`", outcomes == {"BAD_NETWORK"})
    fault.sees("`FAILED`", "NaN or infinity" in told.reason)
    fault.sees("an ERROR in `/diagnostics`", robot.reports(DiagnosticStatus.ERROR, "NaN or infinity", since=reports))
    fault.sees("nothing is published", len(robot.grasps.messages) == shown and robot.process.alive())
    with fault.until_good():
        assert set_model(str(small_file))[0]
        healed = robot.outcome(depth_msg(scenes[0]))
    fault.sees("`~set_model` with another one heals it", healed == "GRASPS")
