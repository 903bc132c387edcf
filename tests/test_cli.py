"""The command line: what it prints, and that a user's mistake is one line."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import List

import cv2
import numpy as np
import pytest
import torch

from pspgrasp import __version__
from pspgrasp.checkpoint import load_checkpoint
from pspgrasp.cli import main
from pspgrasp.data.tabletop import TABLETOP_CAMERA, tabletop_frames
from pspgrasp.models import ARCHITECTURES, ModelConfig, build_model
from pspgrasp.shipped import shipped_checkpoints

CAMERA = [f"{n:g}" for n in (TABLETOP_CAMERA.fx, TABLETOP_CAMERA.fy, TABLETOP_CAMERA.cx, TABLETOP_CAMERA.cy)]
NUMBER = r"[+-]?\d+\.?\d*"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    depth_m = next(iter(tabletop_frames(3, 1)))[0].depth_m
    path = tmp_path_factory.mktemp("cli") / "depth.png"
    cv2.imwrite(str(path), np.rint(np.nan_to_num(depth_m) * 1000).astype(np.uint16))
    return path


def predict(image: Path, *more: str) -> int:
    return main(["predict", str(image), "--camera", *CAMERA, "--device", "cpu", *more])


def one_line(captured: pytest.CaptureFixture) -> str:
    """Return what was said on stderr, which must be one line of ours."""
    lines = [line for line in captured.readouterr().err.splitlines() if not line.startswith("[ WARN:")]
    assert len(lines) == 1, lines
    assert lines[0].startswith("pspgrasp: ")
    return lines[0]


def test_predict_prints_grasps_best_first_and_draws_them(
    image: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert predict(image, "--overlay", str(tmp_path / "drawn.png")) == 0
    grasps = [line for line in capsys.readouterr().out.splitlines() if line.startswith("quality")]
    qualities = [float(re.match(rf"quality ({NUMBER})", line).group(1)) for line in grasps]
    assert qualities
    assert qualities == sorted(qualities, reverse=True)
    depths_m = [float(re.search(rf" z ({NUMBER}) m", line).group(1)) for line in grasps]
    assert all(0.3 < depth_m < 0.9 for depth_m in depths_m)
    assert cv2.imread(str(tmp_path / "drawn.png")).shape == (480, 640, 3)


def test_the_unit_scales_metres(image: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    tenths = tmp_path / "tenths.png"
    cv2.imwrite(str(tenths), cv2.imread(str(image), cv2.IMREAD_UNCHANGED) * np.uint16(10))
    said = []
    for arguments in ((image,), (tenths, "--unit", "0.0001")):
        assert predict(*arguments) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]


def test_any_checkpoint_that_ships_can_be_named(image: Path, capsys: pytest.CaptureFixture) -> None:
    assert predict(image, "--checkpoint", "ggcnn") == 0
    by_name = capsys.readouterr().out
    assert predict(image, "--checkpoint", str(shipped_checkpoints()["ggcnn"])) == 0
    assert capsys.readouterr().out == by_name


def test_without_depth_it_says_why_there_is_no_grasp(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    cv2.imwrite(str(tmp_path / "empty.png"), np.zeros((480, 640), np.uint16))
    assert predict(tmp_path / "empty.png", "--overlay", str(tmp_path / "drawn.png")) == 0
    assert capsys.readouterr().out == "no grasp: no depth is measured in the window\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--checkpoint", "resnet19"], "'resnet18'"),
        (["--checkpoint", "absent.safetensors"], "absent.safetensors is not a file"),
        (["--device", "gpu"], "'cpu'"),
        (["--overlay", "/absent/drawn.png"], "/absent/drawn.png can't be written"),
        (["--overlay", "/tmp/drawn.nonsense"], "/tmp/drawn.nonsense can't be written"),
        (["--camera", "0", "615", "320", "240"], "fx=0.0"),
        (["--camera", "nan", "615", "320", "240"], "fx=nan"),
    ],
)
def test_a_mistake_is_one_line_on_stderr(
    arguments: List[str], said: str, image: Path, capsys: pytest.CaptureFixture
) -> None:
    assert predict(image, *arguments) == 1
    assert said in one_line(capsys)


def test_an_image_that_is_not_there_or_not_sixteen_bit_depth_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    colour, grey, text = tmp_path / "colour.png", tmp_path / "grey.png", tmp_path / "text.png"
    cv2.imwrite(str(colour), np.zeros((480, 640, 3), np.uint8))
    cv2.imwrite(str(grey), np.full((480, 640), 255, np.uint8))
    text.write_text("no picture")
    for path in (colour, grey, text, tmp_path / "absent.png", tmp_path):
        assert predict(path) == 1
        said = one_line(capsys)
        assert str(path) in said
        assert "16-bit" in said


def test_models_lists_what_ships_and_what_can_be_built(capsys: pytest.CaptureFixture) -> None:
    assert main(["models"]) == 0
    said = capsys.readouterr().out
    for name in (*shipped_checkpoints(), *ARCHITECTURES):
        assert name in said
    assert "efficientnet_lite0: pspgraspnet, 3.90 M" in said


def test_imported_weights_are_a_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    network = build_model(ModelConfig.from_tree({"architecture": "ggcnn"}))
    torch.save(network.state_dict(), str(tmp_path / "weights.pt"))
    output = tmp_path / "mine.safetensors"
    command = ["import-weights", str(tmp_path / "weights.pt"), "--architecture", "ggcnn", "--output", str(output)]
    assert main(command) == 0
    assert "20 tensors" in capsys.readouterr().out
    assert torch.equal(load_checkpoint(output).weights["conv1.weight"], network.state_dict()["conv1.weight"])


def test_weights_that_cannot_be_imported_are_one_line_and_no_file(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    torch.save(torch.nn.Conv2d(1, 1, 1), str(tmp_path / "module.pt"))
    output = tmp_path / "mine.safetensors"
    command = ["import-weights", str(tmp_path / "module.pt"), "--architecture", "ggcnn", "--output", str(output)]
    assert main(command) == 1
    assert "module.pt" in one_line(capsys)
    assert not output.exists()


@pytest.mark.parametrize("arguments", [[], ["train-me"], ["predict"], ["predict", "x.png"], ["import-weights", "x.pt"]])
def test_a_command_that_is_not_understood_shows_its_usage(arguments: List[str], capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: pspgrasp" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["predict", "models", "config", "import-weights"])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture) -> None:
    for arguments in (["--help"], [command, "--help"]):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 0
        assert command in capsys.readouterr().out


def test_it_runs_as_a_module_and_tells_its_version() -> None:
    command = [sys.executable, "-m", "pspgrasp.cli", "--version"]
    assert subprocess.check_output(command, text=True).strip() == __version__


def test_ctrl_c_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pspgrasp.shipped.shipped_checkpoints", interrupted)
    assert main(["models"]) == 130
    assert capsys.readouterr().err == "pspgrasp: stopped\n"
