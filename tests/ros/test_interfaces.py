"""The wire contract: what a client of this node, or of GG-CNN's, sees, however the classes came about."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from pspgrasp.ros import message_generation
from pspgrasp.ros.message_generation import InterfaceError, find_definitions, write_packages

CHECKOUT = Path(__file__).resolve().parents[2]
DESCRIBE_CLASSES = """
import sys
import pspgrasp.ros.interfaces as interfaces
modules = [sys.modules[name] for name in ("pspgrasp.msg", "pspgrasp.srv", "ggcnn.msg", "ggcnn.srv")]
print("origin:", *{"built" if hasattr(module, "__file__") else "memory" for module in modules})
for name in interfaces.__all__:
    described = getattr(interfaces, name)
    print(name, described._type, described._md5sum, repr(getattr(described, "_full_text", None)))
"""

pytestmark = pytest.mark.ros


@pytest.fixture(scope="module")
def interfaces():
    from pspgrasp.ros import interfaces

    return interfaces


def run_python(code: str, *search: Path) -> subprocess.CompletedProcess:
    """Run code in a fresh interpreter that finds `search` first, then the checkout."""
    path = os.pathsep.join(map(str, [*search, CHECKOUT, os.environ.get("PYTHONPATH", "")]))
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "PYTHONPATH": path.rstrip(os.pathsep)},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


def write_module(folder: Path, text: str = "") -> Path:
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(text)
    return folder


def round_trip(message):
    buffer = io.BytesIO()
    message.serialize(buffer)
    return type(message)().deserialize(buffer.getvalue())


def test_clients_of_ggcnn_find_the_service_they_were_built_for(interfaces):
    assert interfaces.GraspPrediction._type == "ggcnn/GraspPrediction"
    assert interfaces.GraspPrediction._md5sum == "86d7d0d5a00535c6699247df54f62820"
    assert interfaces.GgcnnGrasp._type == "ggcnn/Grasp"
    assert interfaces.GgcnnGrasp._md5sum == "ffb74d75fb92764666a6fb85638db3e0"


def test_a_message_survives_the_wire(interfaces):
    array = interfaces.GraspArray()
    array.header.frame_id = "camera_depth_optical_frame"
    array.header.stamp.secs, array.header.stamp.nsecs = 12, 345
    array.grasps = [interfaces.Grasp(width=0.0625, quality=0.5, u=320.5, v=240.25, width_px=48.0)]
    array.grasps[0].pose.position.z = 0.7
    assert round_trip(array) == array
    response = interfaces.PredictResponse(success=True, message="", grasps=array)
    assert round_trip(response) == response
    best = interfaces.GgcnnGrasp(pose=array.grasps[0].pose, width=0.0625, quality=0.5)
    answer = interfaces.GraspPredictionResponse(success=True, best_grasp=best)
    assert round_trip(answer) == answer


def test_other_modules_import_the_same_classes(interfaces):
    from ggcnn.srv import GraspPrediction
    from pspgrasp.msg import GraspArray

    assert GraspArray is interfaces.GraspArray
    assert GraspPrediction is interfaces.GraspPrediction


@pytest.mark.usefixtures("interfaces")
def test_classes_built_before_come_first_and_are_the_same(tmp_path):
    write_packages(["pspgrasp", "ggcnn"], tmp_path)
    use_built = f"""
        import pspgrasp, sys
        sys.path.insert(0, {str(tmp_path)!r})
        pspgrasp.__path__.append({str(tmp_path / "pspgrasp")!r})
    """
    built = run_python(textwrap.dedent(use_built) + DESCRIBE_CLASSES)
    in_memory = run_python(DESCRIBE_CLASSES)
    assert built.stderr == in_memory.stderr == ""
    assert "origin: built" in built.stdout
    assert "origin: memory" in in_memory.stdout
    assert built.stdout.splitlines()[1:] == in_memory.stdout.splitlines()[1:]


@pytest.mark.usefixtures("interfaces")
def test_a_python_package_called_ggcnn_without_messages_is_no_obstacle(tmp_path):
    write_module(tmp_path / "ggcnn", "NETWORK = 'the original'")
    result = run_python(
        """
        import ggcnn
        from pspgrasp.ros.interfaces import GraspPrediction
        from ggcnn.srv import GraspPrediction as found
        assert found is GraspPrediction and ggcnn.NETWORK == "the original"
        """,
        tmp_path,
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.usefixtures("interfaces")
@pytest.mark.parametrize(
    ("msg", "srv", "complaint"),
    [
        (
            "class Grasp: _md5sum = '0123'",
            None,
            "ggcnn.msg ({folder}/ggcnn/msg/__init__.py) has md5 0123 for Grasp",
        ),
        (None, "", "ggcnn.srv ({folder}/ggcnn/srv/__init__.py) has no GraspPrediction"),
        ("import nothing_like_it", None, "ggcnn.msg cannot be imported: No module named 'nothing_like_it'"),
    ],
)
def test_another_ggcnn_is_refused_by_name(tmp_path, msg, srv, complaint):
    write_module(tmp_path / "ggcnn")
    for kind, text in (("msg", msg), ("srv", srv)):
        if text is not None:
            write_module(tmp_path / "ggcnn" / kind, text)
    result = run_python("import pspgrasp.ros.interfaces", tmp_path)
    assert result.returncode != 0
    assert complaint.format(folder=tmp_path) in result.stderr.splitlines()[-1]


def test_without_ros_the_error_says_what_to_install():
    result = run_python("import sys; sys.modules['genmsg'] = None; import pspgrasp.ros.interfaces")
    assert "install python3-genmsg with apt" in result.stderr.splitlines()[-1]


def test_generation_needs_neither_numpy_nor_torch():
    code = "import sys, pspgrasp.ros.message_generation; print(sorted({'numpy', 'torch'} & set(sys.modules)))"
    assert run_python(code).stdout.strip() == "[]"


def test_definitions_belong_to_the_checkout_or_to_the_installation(tmp_path):
    module = tmp_path / "lib/python3/dist-packages/pspgrasp/ros/message_generation.py"
    with pytest.raises(InterfaceError, match="run from a whole checkout"):
        find_definitions(str(module))
    shutil.copytree(CHECKOUT / "msg", tmp_path / "share/pspgrasp/msg")
    assert find_definitions(str(module)) == tmp_path / "share/pspgrasp"
    assert find_definitions(message_generation.__file__) == CHECKOUT
