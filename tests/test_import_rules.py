"""Who may import whom, and that an import does nothing else."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from pathlib import Path
from typing import List

import pytest

import pspgrasp

CHECKOUT = Path(__file__).resolve().parents[1]
ROS = {"rospy", "rosbag", "roslib", "rospkg", "genpy", "sensor_msgs", "std_msgs", "cv_bridge", "tf2_ros"}
CORE = sorted(
    module.name
    for module in pkgutil.walk_packages(pspgrasp.__path__, "pspgrasp.")
    if not module.name.startswith(("pspgrasp.ros", "pspgrasp.msg", "pspgrasp.srv"))
)
WATCHED_IMPORT = """
import logging, os, signal, sys, threading
events = []

def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.bind", "subprocess.Popen"):
        events.append((event, str(arguments)))
    if event == "open" and str(arguments[0]).endswith((".safetensors", ".pt", ".pth")):
        events.append((event, str(arguments[0])))

for name in {before}:
    __import__(name)
sys.addaudithook(watch)
world = lambda: (logging.root.handlers[:], dict(os.environ), signal.getsignal(signal.SIGINT), threading.active_count())
was = world()
for name in {names}:
    __import__(name)
assert events == [], events
assert world() == was, "logging, environment, signals or threads changed"
open({told!r}, "w").write("\\n".join(sys.modules))
"""


def imported(names: List[str], tmp_path: Path, before: List[str] = ()) -> set:
    """Import modules in a fresh interpreter, and fail if that does anything else; return all that came along."""
    told = tmp_path / "modules"
    code = WATCHED_IMPORT.format(names=list(names), before=list(before), told=str(told))
    command = [sys.executable, "-W", "error::UserWarning:pspgrasp", "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert (result.stdout, result.stderr) == ("", ""), "an import prints nothing"
    return set(told.read_text().split())


def test_every_room_imports_what_stands_below_it_and_nothing_above() -> None:
    pytest.importorskip("importlinter", reason="import-linter is a tool of development")
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()", "--no-cache"]
    result = subprocess.run(command, cwd=str(CHECKOUT), capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Contracts: 4 kept, 0 broken" in result.stdout


def test_no_module_of_the_core_is_forgotten() -> None:
    assert len(CORE) > 25
    assert {"pspgrasp.predictor", "pspgrasp.models.pspgraspnet", "pspgrasp.node_config", "pspgrasp.cli"} <= set(CORE)


def test_importing_the_core_brings_no_ros_and_does_nothing(tmp_path: Path) -> None:
    # What torch, timm and OpenCV do when they are imported is their own affair.
    foreign = ["torch", "timm", "cv2", "scipy.ndimage", "scipy.spatial.transform", "safetensors.torch", "yaml"]
    foreign += ["lightning.pytorch"]  # sets an environment variable and a log handler
    foreign += ["mujoco"]  # asks GLFW for its version, in a process of its own
    modules = imported(CORE, tmp_path, before=foreign)
    assert set(CORE) <= modules
    assert not modules & ROS


@pytest.mark.parametrize("name", ["pspgrasp", "pspgrasp.cli"])
def test_the_package_and_the_command_line_wait_for_nothing_heavy(name: str, tmp_path: Path) -> None:
    assert not imported([name], tmp_path) & {"torch", "timm", "numpy", "cv2", "scipy", "yaml", "safetensors"}


def test_the_nouns_of_the_field_need_no_network(tmp_path: Path) -> None:
    nouns = ["camera", "config", "crop", "depth", "detect", "grasp", "maps", "preprocess", "rectangle", "tracker"]
    modules = imported([f"pspgrasp.{noun}" for noun in nouns], tmp_path, before=["cv2"])
    assert not modules & {"torch", "timm", "safetensors"}


def test_only_building_a_backbone_takes_timm(tmp_path: Path) -> None:
    foreign = ["cv2", "torch", "safetensors.torch"]
    assert "timm" not in imported(["pspgrasp.models", "pspgrasp.checkpoint", "pspgrasp.predictor"], tmp_path, foreign)
