"""What pip installs: weights, message classes and what ROS's tools look for; and the oldest Python it promises."""

from __future__ import annotations

import ast
import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "build", "devel", "dist", "*.egg-info", "docs", "tests")
EXECUTABLES = sorted(file for file in (CHECKOUT / "scripts").iterdir() if file.is_file() and not file.suffix)
RUNTIME_FILES = [*sorted((CHECKOUT / "pspgrasp").rglob("*.py")), CHECKOUT / "setup.py", *EXECUTABLES]


def build_wheel(folder: Path, search: str = "") -> tuple[Path, str]:
    """Build in a copy, so that the checkout stays clean; `search` comes first on the builder's path."""
    source = shutil.copytree(CHECKOUT, folder / "source", ignore=LEFT_OUT)
    command = [sys.executable, "-m", "pip", "wheel", "--verbose", "--no-deps", "--no-build-isolation"]
    path = os.pathsep.join(filter(None, [search, os.environ.get("PYTHONPATH", "")]))
    result = subprocess.run(
        [*command, "--wheel-dir", str(folder), str(source)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return next(folder.glob("*.whl")), result.stdout + result.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))[0]


@pytest.mark.slow
def test_wheel_has_the_trained_weights(wheel):
    weights = {file.name: file.stat().st_size for file in (CHECKOUT / "pspgrasp/weights").glob("*.safetensors")}
    packed = {
        Path(entry.filename).name: entry.file_size
        for entry in zipfile.ZipFile(wheel).infolist()
        if entry.filename.startswith("pspgrasp/weights/")
    }
    assert packed == weights
    assert weights


@pytest.mark.slow
def test_wheel_has_the_page_on_which_frames_are_labelled(wheel):
    assert "pspgrasp/data/labelling/page.html" in zipfile.ZipFile(wheel).namelist()


@pytest.mark.slow
def test_wheel_has_what_ros_looks_for(wheel):
    patterns = ("package.xml", "msg/*", "srv/*", "compat/ggcnn/*/*.*", "launch/*", "config/**/*.yaml")
    wanted = {file for pattern in patterns for file in CHECKOUT.glob(pattern)} | set(EXECUTABLES)
    shared = {name.partition("share/pspgrasp/")[2] for name in zipfile.ZipFile(wheel).namelist()}
    assert shared >= {str(file.relative_to(CHECKOUT)) for file in wanted}


@pytest.mark.slow
def test_wheel_has_every_module_and_the_command(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {str(file.relative_to(CHECKOUT)) for file in (CHECKOUT / "pspgrasp").rglob("*.py")}
    assert names >= modules | {"pspgrasp/py.typed"}
    entry_points = next(name for name in names if name.endswith("entry_points.txt"))
    assert b"pspgrasp = pspgrasp.cli:main" in zipfile.ZipFile(wheel).read(entry_points)


@pytest.mark.ros
@pytest.mark.slow
@pytest.mark.skipif(
    not importlib.util.find_spec("genpy") and not os.environ.get("PSPGRASP_REQUIRE_ROS"), reason="needs ROS 1"
)
def test_installed_wheel_serves_ros(wheel, tmp_path):
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--ignore-installed"]
    subprocess.run([*pip, "--prefix", str(tmp_path), str(wheel)], check=True)
    site = next(tmp_path.glob("lib/python3*/*-packages"))
    code = """if True:
        import sys
        import roslib.packages
        from pspgrasp.ros.interfaces import GraspArray, GraspPrediction
        from pspgrasp.ros.message_generation import find_definitions
        print(sys.modules[GraspArray.__module__].__file__)
        print(sys.modules[GraspPrediction.__module__].__file__)
        print(find_definitions())
        print(roslib.packages.find_node("pspgrasp", "grasp_detector")[0])
    """
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]),
        "ROS_PACKAGE_PATH": f"{tmp_path}/share:{os.environ.get('ROS_PACKAGE_PATH', '')}",
    }
    found = subprocess.check_output([sys.executable, "-c", code], env=environment, cwd="/", text=True).split()
    assert found == [
        str(site / "pspgrasp/msg/_GraspArray.py"),
        str(site / "ggcnn/srv/_GraspPrediction.py"),
        str(tmp_path / "share/pspgrasp"),
        str(tmp_path / "share/pspgrasp/scripts/grasp_detector"),
    ]


@pytest.mark.slow
def test_without_ros_the_wheel_builds_and_says_what_it_lacks(tmp_path):
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / "genmsg.py").write_text("raise ImportError('no ROS here')")
    wheel, output = build_wheel(tmp_path, str(blocked))
    said = [line for line in output.splitlines() if "built without message classes" in line]
    assert len(said) == 1
    names = zipfile.ZipFile(wheel).namelist()
    assert not [name for name in names if name.startswith(("pspgrasp/msg/", "ggcnn/"))]
    assert [name for name in names if name.endswith("share/pspgrasp/msg/GraspArray.msg")]


def test_no_message_folder_in_the_source():
    # catkin puts the generated one there, and a second one would hide it.
    assert not (CHECKOUT / "pspgrasp/msg").exists()
    assert not (CHECKOUT / "pspgrasp/srv").exists()


@pytest.mark.parametrize("file", RUNTIME_FILES, ids=lambda file: str(file.relative_to(CHECKOUT)))
def test_runs_on_python_3_8(file):
    tree = ast.parse(file.read_text(encoding="utf-8"), str(file), feature_version=(3, 8))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    if any(function.returns for function in functions):
        # Without it `list[int]` and `int | None` in an annotation are errors there.
        assert "from __future__ import annotations" in file.read_text(encoding="utf-8")


@pytest.mark.parametrize("file", EXECUTABLES, ids=lambda file: file.name)
def test_executables_can_be_launched(file):
    assert os.access(file, os.X_OK)
    assert file.read_text(encoding="utf-8").startswith("#!/usr/bin/env python3\n")
