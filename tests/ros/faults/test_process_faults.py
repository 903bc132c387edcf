"""What may become of the process, of what it writes to, and of the GPU that it uses."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path
from typing import Callable, List

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from fault_table import Fault
from faulty_detector import FREEZES_M, GPU_LOST_M, HANGS_M, NO_MEMORY_M
from rig import START_S, Listener, NodeUnderTest, depth_msg, wait_until
from rosgraph_msgs.msg import Log
from watched import SMALL, Watched, listening

from pspgrasp.ros.interfaces import DetectorState
from pspgrasp.ros.watchdog import EXIT_CODE

pytestmark = pytest.mark.ros

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
Alive = Callable[[], Watched]


def flat(depth_m: float) -> np.ndarray:
    return np.full((480, 640), depth_m, np.float32)


def test_no_memory_for_one_image(robot: Watched, scenes: List[np.ndarray], fault: Fault) -> None:
    """The GPU has no memory for one image (made up)."""
    fault.sees("`UNEXPECTED`", robot.outcome(depth_msg(flat(NO_MEMORY_M))) == "UNEXPECTED")
    fault.sees("the next image gives grasps", robot.outcome(depth_msg(scenes[0])) == "GRASPS")


def test_a_gpu_that_fails_for_good(robot: Watched, alive: Alive, scenes: List[np.ndarray], fault: Fault) -> None:
    """The GPU answers every call with an error from one image on (made up)."""
    since = len(robot.states.messages)
    fault.sees("`UNEXPECTED`", robot.outcome(depth_msg(flat(GPU_LOST_M))) == "UNEXPECTED")

    def ended() -> bool:
        robot.camera.publish(depth_msg(scenes[0]))
        time.sleep(0.05)
        return not robot.process.alive()

    wait_until(ended)
    told = robot.told(DetectorState.FAILED, since).reason
    fault.sees("`FAILED` after `health/failed_after_s`", "CUDA error" in told)
    fault.sees(f"the process ends with exit code {EXIT_CODE}", robot.process.exit_code() == EXIT_CODE)
    with fault.until_good():
        again = alive()
    fault.sees("a new one does well", again.process.pid != robot.process.pid)


def test_one_image_never_ends(robot: Watched, alive: Alive, fault: Fault) -> None:
    """The network never returns from one image (made up)."""
    states, reports = len(robot.states.messages), len(robot.diagnostics.messages)
    robot.camera.publish(depth_msg(flat(HANGS_M)))
    fault.sees(f"the process ends with exit code {EXIT_CODE}", robot.process.exit_code() == EXIT_CODE != 0)
    reason = "one frame is under way for more than"
    fault.sees("`FAILED`", reason in robot.told(DetectorState.FAILED, states).reason)
    fault.sees("an ERROR in `/diagnostics`", robot.reports(DiagnosticStatus.ERROR, reason, reports))
    printed = robot.process.output()
    fault.sees("its output says why, and shows where it is stuck", reason in printed and "predict_or_fail" in printed)
    with fault.until_good():
        alive()


def test_no_thread_gets_on(robot: Watched, alive: Alive, fault: Fault) -> None:
    """A driver holds the interpreter's lock for ever (made up, with 3 s of patience in place of 30 s)."""
    robot.camera.publish(depth_msg(flat(FREEZES_M)))
    fault.sees("the process ends with exit code 1", robot.process.exit_code() == 1)
    fault.sees("its output shows where it is stuck", "hold_the_interpreter" in robot.process.output())
    with fault.until_good():
        alive()


def test_signals_while_it_loads(graph: str, fault: Fault, tmp_path: Path) -> None:
    """SIGINT, SIGTERM or SIGKILL comes while the node starts."""
    moments_s, codes = random.Random(7), []
    for number in SIGNALS:
        process = NodeUnderTest("/interrupted", SMALL, tmp_path / "log")
        time.sleep(moments_s.uniform(0.1, 3.0))
        process.send(number)
        codes.append(process.exit_code())
    fault.sees("the process ends", len(codes) == len(SIGNALS))


def test_signals_while_it_judges(robot: Watched, alive: Alive, scenes: List[np.ndarray], fault: Fault) -> None:
    """SIGINT, SIGTERM or SIGKILL comes while images are judged, and the node is started anew."""
    moments_s, codes, numbers = random.Random(8), [], {robot.process.pid}
    for number in SIGNALS:
        until_s = time.monotonic() + moments_s.uniform(0.0, 0.5)
        while time.monotonic() < until_s:
            robot.camera.publish(depth_msg(scenes[0]))
            time.sleep(0.02)
        robot.process.send(number)
        codes.append(robot.process.exit_code())
        with fault.until_good():
            robot = alive()
        numbers.add(robot.process.pid)
    fault.sees("the process ends, by SIGINT and SIGTERM with exit code 0", codes == [0, 0, -signal.SIGKILL])
    fault.sees("a new one does well", len(numbers) == 1 + len(SIGNALS))


def test_a_full_disk(graph: str, scenes: List[np.ndarray], fault: Fault, tmp_path: Path) -> None:
    """The disk is full: neither the node's output nor its log can be written."""
    (tmp_path / "full.log").symlink_to("/dev/full")
    surroundings, told = {"ROS_LOG_DIR": str(tmp_path)}, Listener("/rosout", Log)
    parameters = {**SMALL, "info_timeout_s": 0.1}
    with listening("/full", parameters, Path("/dev/full"), surroundings=surroundings) as robot:
        robot.camera.wait_for_listener()
        robot.becomes_good(scenes[0], START_S)
        bad = depth_msg(scenes[0])
        bad.encoding = "bgr8"
        assert robot.outcome(bad) == "BAD_IMAGE"
        said = told.comes(lambda log: log.name == "/full" and "unknown depth encoding" in log.msg)
        fault.sees("what is said of an image that fails still comes on `/rosout`", said)
        fault.sees("the next image is judged", robot.outcome(depth_msg(scenes[0])) == "GRASPS")
        robot.process.send(signal.SIGINT)
        fault.sees("the node can be ended", robot.process.exit_code() == 0)
