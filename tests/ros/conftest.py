"""A ROS graph of the tests' own. Without ROS 1 these tests are left out, or fail where it is required."""

from __future__ import annotations

import logging
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Iterator, Optional

import pytest

HAVE_ROS = find_spec("rospy") is not None
REQUIRED = bool(os.environ.get("PSPGRASP_REQUIRE_ROS"))


def pytest_report_header() -> str:
    """Say whether the ROS tests run."""
    return "ROS 1: " + ("its tests run" if HAVE_ROS or REQUIRED else "not installed, its tests are left out")


def pytest_ignore_collect(collection_path: Path) -> Optional[bool]:
    """Leave the ROS tests out where ROS isn't installed; where it is required, their imports fail."""
    return True if collection_path.name.startswith("test_") and not (HAVE_ROS or REQUIRED) else None


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
