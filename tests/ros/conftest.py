"""A ROS graph of the tests' own. Without ROS 1 these tests are left out, or fail where it is required."""

from __future__ import annotations

import logging
import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Iterator, List, Optional

import numpy as np
import pytest
from fault_table import WRITE, Fault, rows, without_time, write
from scaled_network import judging, scaled

from pspgrasp.data.tabletop import tabletop_frames
from pspgrasp.node_config import NodeConfig
from pspgrasp.predictor import GraspPredictor

if TYPE_CHECKING:
    from rig import Running

HAVE_ROS = find_spec("rospy") is not None
REQUIRED = bool(os.environ.get("PSPGRASP_REQUIRE_ROS"))


def pytest_report_header() -> str:
    """Say whether the ROS tests run."""
    return "ROS 1: " + ("its tests run" if HAVE_ROS or REQUIRED else "not installed, its tests are left out")


def pytest_ignore_collect(collection_path: Path) -> Optional[bool]:
    """Leave the ROS tests out where ROS isn't installed; where it is required, their imports fail."""
    return True if collection_path.name.startswith("test_") and not (HAVE_ROS or REQUIRED) else None


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let the nodes keep engines in a cache of the tests' own."""
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a master and join it; yield its URI."""
    logging.getLogger("rosmaster").setLevel(logging.WARNING)
    import rospy
    from rosmaster.master import Master

    home = tmp_path_factory.mktemp("ros")
    os.environ.update(ROS_HOME=str(home), ROS_LOG_DIR=str(home), ROS_HOSTNAME="127.0.0.1")
    master = Master(port=0)
    master.start()
    os.environ["ROS_MASTER_URI"] = master.uri
    rospy.init_node("tests", disable_signals=True)
    yield master.uri
    rospy.signal_shutdown("tests are over")
    master.stop()


@pytest.fixture(scope="session")
def faults() -> Iterator[List[Fault]]:
    """Gather what the tests of faults see; where that is asked for, write it into the page."""
    gathered: List[Fault] = []
    yield gathered
    if WRITE:
        write(gathered)


@pytest.fixture
def fault(request: pytest.FixtureRequest, faults: List[Fault]) -> Iterator[Fault]:
    """Take down what a test sees; the page must say the same."""
    taken = Fault(request.function.__doc__)
    yield taken
    faults.append(taken)
    assert WRITE or without_time(taken.row) == without_time(rows()[taken.done]), "`make faults` writes the page anew"


@pytest.fixture(scope="session")
def scenes() -> List[np.ndarray]:
    """Return a few depth images (480, 640) [m] of a table with objects."""
    return [frame.depth_m for frame, _ in tabletop_frames(seed=3, frames=4)]


@pytest.fixture(scope="session")
def predictor(predictor: GraspPredictor) -> GraspPredictor:
    """Return the default checkpoint as the node has it."""
    return NodeConfig().of_robot(predictor)


@pytest.fixture(scope="session")
def small_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the shipped GG-CNN's checkpoint, made faster."""
    return Path(scaled(tmp_path_factory.mktemp("networks") / "small.safetensors", 1.0))


@pytest.fixture(scope="session")
def other_file(small_file: Path) -> Path:
    """Return a checkpoint that finds other grasps."""
    return Path(scaled(small_file.with_name("other.safetensors"), 1.1, "conv1"))


@pytest.fixture(scope="session")
def small(small_file: Path) -> GraspPredictor:
    """Return the network of `small_file`."""
    return judging(str(small_file))


@pytest.fixture(scope="session")
def other(other_file: Path) -> GraspPredictor:
    """Return the network of `other_file`."""
    return judging(str(other_file))


@pytest.fixture(scope="module")
def running(graph: str, scenes: List[np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Run the node with its defaults, and all its outputs on."""
    from diagnostic_msgs.msg import DiagnosticArray
    from rig import PATIENT, Camera, Listener, Running, depth_msg, node

    from pspgrasp.ros.interfaces import GraspArray

    camera = Camera("/camera/depth/image_rect_raw", "/camera/depth/camera_info")
    grasps = Listener("/detector/grasps", GraspArray)
    diagnostics = Listener("/diagnostics", DiagnosticArray)
    parameters = {**PATIENT, "publish_maps": True, "frames": {"broadcast": "grasp"}, "info_timeout_s": 0.2}
    with node("/detector", parameters, tmp_path_factory.mktemp("node") / "log") as process:
        camera.wait_for_listener()
        camera.publish_until(grasps.answers, lambda: depth_msg(scenes[0]))
        yield Running(process, camera, grasps, diagnostics)
    camera.close()
