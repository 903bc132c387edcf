"""What runs the network is a parameter: diagnostics tell it, and another network keeps it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, List

import numpy as np
import pytest
import rospy
from diagnostic_msgs.msg import DiagnosticArray
from rig import PATIENT, Camera, Listener, NodeUnderTest, depth_msg, node

from pspgrasp.ros.interfaces import GraspArray, SetModel
from pspgrasp.runtimes.opening import exported
from pspgrasp.runtimes.start import start
from pspgrasp.shipped import find_weights

pytestmark = pytest.mark.ros
pytest.importorskip("onnxruntime", reason="needs the extra onnxruntime")


def tells(runtime: str, checkpoint: str) -> Any:
    """Return what finds diagnostics that tell this runtime and checkpoint."""

    def told(report: DiagnosticArray) -> bool:
        values = [{pair.key: pair.value for pair in status.values} for status in report.status]
        return any(v.get("runtime") == runtime and v.get("checkpoint") == checkpoint for v in values)

    return told


def test_another_network_is_run_by_the_same_runtime(graph: str, scenes: List[np.ndarray], tmp_path: Path) -> None:
    theirs = shutil.copy(exported(find_weights("ggcnn")).path, tmp_path / "theirs.onnx")
    start("ggcnn", "onnxruntime", "cpu")  # decided and kept: the node starts without torch
    camera = Camera("/camera/depth/image_rect_raw", "/camera/depth/camera_info")
    grasps = Listener("/by_onnx/grasps", GraspArray)
    diagnostics = Listener("/diagnostics", DiagnosticArray)
    parameters = {**PATIENT, "runtime": "onnxruntime", "device": "cpu", "backbone": "ggcnn"}
    with node("/by_onnx", parameters, tmp_path / "log") as process:
        assert (
            "runtime onnxruntime of ggcnn: onnxruntime was asked for (decided at an earlier start)" in process.output()
        )
        diagnostics.wait(tells("onnxruntime", "ggcnn"))
        camera.wait_for_listener()
        camera.publish_until(grasps.answers, lambda: depth_msg(scenes[0]))
        answer = rospy.ServiceProxy("/by_onnx/set_model", SetModel)(str(theirs))
        assert (answer.success, answer.message) == (True, "theirs runs on cpu by onnxruntime")
        diagnostics.wait(tells("onnxruntime", "theirs"))
    camera.close()


def test_an_unknown_runtime_ends_the_node_with_one_line(graph: str, tmp_path: Path) -> None:
    process = NodeUnderTest("/by_nothing", {"runtime": "openvno"}, tmp_path / "log")
    assert process.exit_code() == 1
    assert "unknown runtime 'openvno'; did you mean 'openvino'" in process.output()
    assert "Traceback" not in process.output()
