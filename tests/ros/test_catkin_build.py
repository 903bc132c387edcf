"""The package as a catkin workspace sees it: built, installed, found by ROS, clean for its linters."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import pspgrasp

CHECKOUT = Path(__file__).resolve().parents[2]
SYSTEM_PYTHON = "/usr/bin/python3"
NOETIC = Path("/opt/ros/noetic/setup.bash")
STAND_IN_MANIFEST = """<package format="3"><name>realsense2_camera</name><version>2.3.2</version>
<description>stand-in</description><maintainer email="nobody@example.org">nobody</maintainer>
<license>BSD</license></package>"""
# Of the real rs_camera.launch: an argument that it does not declare makes roslaunch refuse ours.
REALSENSE_ARGUMENTS = ["camera", "serial_no", "depth_width", "depth_height", "depth_fps", "enable_infra1"]
REALSENSE_ARGUMENTS += [
    "enable_infra2",
    "enable_color",
    "enable_depth",
    "align_depth",
    "enable_sync",
    "json_file_path",
]
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "build", "devel", "dist", "*.egg-info", "docs")

pytestmark = [pytest.mark.ros, pytest.mark.slow]


def run_shell(script: str, cwd: Path) -> str:
    """Run a script as ROS's own programs run: by the system's Python, with nothing of this environment."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
    environment = {
        **kept,
        "PATH": "/usr/bin:/bin",
        "ROS_HOME": str(cwd / "ros_home"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    source = f"source {NOETIC} &&" if NOETIC.exists() else ""
    result = subprocess.run(
        ["bash", "-c", f"{source} {script}"],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, f"{script}\n{result.stdout}{result.stderr}"
    return result.stdout


def copy_checkout(folder: Path) -> Path:
    return Path(shutil.copytree(CHECKOUT, folder, ignore=LEFT_OUT))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Path:
    if not shutil.which("catkin_make", path=f"/opt/ros/noetic/bin:{os.defpath}"):
        if os.environ.get("PSPGRASP_REQUIRE_ROS"):
            pytest.fail("catkin_make is missing; scripts/setup.sh installs it")
        pytest.skip("catkin is not installed")
    workspace = tmp_path_factory.mktemp("workspace")
    copy_checkout(workspace / "src" / "pspgrasp")
    run_shell(f"catkin_make -DPYTHON_EXECUTABLE={SYSTEM_PYTHON} install", workspace)
    return workspace


@pytest.fixture(params=["devel", "install"])
def in_space(request, workspace):
    """Return a function that runs a script with the devel or the install space sourced."""
    setup = workspace / request.param / "setup.bash"

    def run(script: str) -> str:
        # From elsewhere, so that nothing is found by accident in the source folder.
        return run_shell(f"source {setup} && cd / && {script}", workspace)

    run.space = workspace / request.param
    return run


def test_messages_import_from_the_built_space(in_space):
    found = in_space(
        f"{SYSTEM_PYTHON} -c 'import pspgrasp.msg, pspgrasp.srv, ggcnn.msg, ggcnn.srv; "
        "from pspgrasp.msg import GraspArray; from ggcnn.srv import GraspPrediction; "
        "print(pspgrasp.msg.__file__, pspgrasp.srv.__file__, ggcnn.msg.__file__, ggcnn.srv.__file__)'"
    ).split()
    assert all(file.startswith(str(in_space.space)) for file in found), found


def test_the_node_takes_the_built_classes(in_space):
    origin = in_space(
        f"{SYSTEM_PYTHON} -c 'import sys; from pspgrasp.ros.interfaces import GraspArray, GraspPrediction; "
        "print(*[sys.modules[c.__module__].__file__ for c in (GraspArray, GraspPrediction)])'"
    ).split()
    assert all(file.startswith(str(in_space.space)) for file in origin), origin


def test_classes_in_memory_equal_those_of_catkin(in_space):
    interfaces = pytest.importorskip("pspgrasp.ros.interfaces")
    for name in ("Grasp", "GraspArray", "PredictRequest", "PredictResponse", "SetModelRequest"):
        module = "pspgrasp.msg" if name.startswith("Grasp") else "pspgrasp.srv"
        show = f"from {module} import {name} as c; print(c._md5sum, repr(c._full_text))"
        generated = getattr(interfaces, name)
        found = in_space(f"{SYSTEM_PYTHON} -c '{show}'").strip()
        assert found == f"{generated._md5sum} {generated._full_text!r}"


def test_ros_finds_package_messages_and_node(in_space):
    assert in_space("rospack find pspgrasp").strip().endswith("pspgrasp")
    assert "float32 width_px" in in_space("rosmsg show pspgrasp/Grasp")
    find = 'import roslib.packages; print(roslib.packages.find_node("pspgrasp", "grasp_detector")[0])'
    node = Path(in_space(f"{SYSTEM_PYTHON} -c '{find}'").strip())
    assert node == in_space.space / "lib/pspgrasp/grasp_detector"
    assert os.access(node, os.X_OK)


def test_roslaunch_starts_the_node_and_the_shell_can_call_it(in_space):
    """The node runs by the interpreter that has torch; `rosservice` by the system's, which knows the messages."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    answer = in_space(
        f"export ROS_MASTER_URI=http://127.0.0.1:{port} ROS_HOSTNAME=127.0.0.1 PSPGRASP_PYTHON={sys.executable}; "
        f"set -m; timeout 180 roslaunch --port {port} pspgrasp grasp_detector.launch respawn:=false >&2 & launch=$!; "
        "until rostopic list >/dev/null 2>&1; do sleep 0.2; done; "
        'timeout 150 rosservice call --wait /grasp_detector/predict "timeout: 0.1"; '
        "kill -INT $launch; wait $launch || true"
    )
    assert "success: False" in answer
    assert "no frame was judged in 0.1 s; still waiting for camera_info" in " ".join(answer.split())


def test_everything_a_robot_needs_is_installed(workspace):
    python = next((workspace / "install/lib").glob("python3*/dist-packages/pspgrasp"))
    for source, target in (
        (CHECKOUT / "pspgrasp/weights", python / "weights"),
        (CHECKOUT / "launch", workspace / "install/share/pspgrasp/launch"),
        (CHECKOUT / "config", workspace / "install/share/pspgrasp/config"),
        (CHECKOUT / "compat", workspace / "install/share/pspgrasp/compat"),
    ):
        wanted = {file.relative_to(source) for file in source.rglob("*") if file.is_file()}
        assert {file.relative_to(target) for file in target.rglob("*") if file.is_file()} >= wanted
    assert list((python / "weights").glob("*.safetensors"))
    nodes = {file.name for file in (CHECKOUT / "scripts").iterdir() if not file.suffix and file.is_file()}
    assert {file.name for file in (workspace / "install/lib/pspgrasp").iterdir()} >= nodes


def test_a_workspace_with_its_own_ggcnn_builds_that_one(tmp_path):
    copy_checkout(tmp_path / "src" / "pspgrasp")
    (tmp_path / "src" / "ggcnn").symlink_to("pspgrasp/compat/ggcnn")
    run_shell(f"catkin_make -DPYTHON_EXECUTABLE={SYSTEM_PYTHON} > log.txt", tmp_path)
    assert "Generating Python code of ggcnn" not in (tmp_path / "log.txt").read_text()
    check = f"{SYSTEM_PYTHON} -c 'import pspgrasp.ros.interfaces'"
    shown = run_shell(f"source devel/setup.bash && {check} && rossrv show ggcnn/GraspPrediction", tmp_path)
    assert "ggcnn/Grasp best_grasp" in shown
    assert (tmp_path / "devel/include/ggcnn/GraspPrediction.h").is_file()


def test_linters_have_nothing_to_say(workspace):
    if not shutil.which("catkin_lint") and NOETIC.exists():
        pytest.skip("catkin_lint is not part of Noetic")
    run_shell("catkin_lint -W2 --strict src/pspgrasp src/pspgrasp/compat/ggcnn", workspace)


def test_manifests_are_valid_and_say_one_version():
    code = (
        "import sys; from catkin_pkg.package import parse_package\n"
        "for package in map(parse_package, sys.argv[1:]): package.validate(); print(package.version)"
    )
    folders = [str(CHECKOUT), str(CHECKOUT / "compat/ggcnn")]
    versions = set(subprocess.check_output([SYSTEM_PYTHON, "-c", code, *folders], text=True).split())
    assert versions == {pspgrasp.__version__}
    assert f'version = "{pspgrasp.__version__}"\n' in (CHECKOUT / "pyproject.toml").read_text()


@pytest.mark.parametrize("name", sorted(file.name for file in (CHECKOUT / "launch").glob("*.launch")))
def test_launch_files_are_sound(in_space, name):
    camera = "" if name != "realsense.launch" else write_stand_in_for_realsense(in_space.space.parent / "camera")
    file = Path(in_space("rospack find pspgrasp").strip(), "launch", name)
    # roslaunch-check wants every package declared, and a camera is the user's choice.
    check = "rosrun roslaunch roslaunch-check -i" if not camera else "roslaunch --nodes"
    in_space(f"export ROS_PACKAGE_PATH=$ROS_PACKAGE_PATH:{camera} && {check} {file}")


def write_stand_in_for_realsense(folder: Path) -> Path:
    package = folder / "realsense2_camera"
    (package / "launch").mkdir(parents=True, exist_ok=True)
    (package / "package.xml").write_text(STAND_IN_MANIFEST)
    arguments = "".join(f'<arg name="{name}" default=""/>' for name in REALSENSE_ARGUMENTS)
    (package / "launch/rs_camera.launch").write_text(f"<launch>{arguments}</launch>")
    return folder
