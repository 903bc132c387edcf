"""`pspgrasp train`: from a config, from a checkpoint with frames of one's own, resumed; mistakes in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

import labelled_data
import pytest
import yaml

from pspgrasp.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from pspgrasp.cli import main
from pspgrasp.config import PreprocessConfig
from pspgrasp.models import ModelConfig, build_model
from pspgrasp.rectangle import GraspRectangle
from pspgrasp.training.config import TrainConfig, train_config

BOX = GraspRectangle(270.0, 200.0, 1.2, 70.0, 30.0)


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("frames")
    labelled_data.write_cornell(path, range(10), [BOX], labelled_data.scene_m((480, 640)), png=True)
    return path


@pytest.fixture
def config(tmp_path: Path, frames: Path) -> Path:
    """Return a config of two quick steps on labelled frames alone."""
    tree: Dict[str, Any] = {
        "model": {"architecture": "ggcnn"},
        "preprocess": {"input_size_px": 48},
        "batch_size": 2,
        "max_steps": 2,
        "validate_every": 1,
        "data": {"scenes_share": 0, "labelled": [{"folder": str(frames)}]},
        "validation": {"scenes": 0},
        "machine": {"device": "cpu", "workers": 0},
    }
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(tree))
    return path


def test_a_config_is_trained_resumed_and_not_begun_twice(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", str(config), "--minutes", "1e-9"]) == 0
    assert "after step 1 of 2" in capsys.readouterr().out
    assert main(["train", str(config)]) == 1
    assert "holds a run already" in capsys.readouterr().err
    assert main(["train", "--resume", "--output", "runs/tiny"]) == 0
    out = capsys.readouterr().out
    assert "runs/tiny/best.safetensors: loss " in out
    assert main(["train", str(config), "--resume"]) == 0
    assert "the run in runs/tiny is at its end, step 2, already" in capsys.readouterr().out
    assert main(["train", str(config), "--resume", "--steps", "5"]) == 1
    assert "max_steps: 5, not 2" in capsys.readouterr().err
    record = load_checkpoint(Path("runs/tiny/best.safetensors")).training
    assert record["command"].startswith(f"pspgrasp train {config}")
    assert record["data"] == "frames0 (cornell, 8 images), 2 a batch"


@pytest.mark.parametrize(
    ("width", "data"),
    [
        ("contact", "generated scenes, 8 a batch; frames0 (cornell, 8 images), 8 a batch"),
        ("opening", "frames0 (cornell, 8 images), 16 a batch"),
    ],
)
def test_a_checkpoint_is_fine_tuned_on_frames_of_ones_own(
    width: str, data: str, frames: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    model = ModelConfig.from_tree({"architecture": "ggcnn"})
    preprocess, record = PreprocessConfig(input_size_px=48), {"data": "none"}
    origin = Checkpoint("mine", model, build_model(model).state_dict(), preprocess, 24.0, record, width)
    save_checkpoint(origin, tmp_path / "mine.safetensors")
    words = ["train", "--from", str(tmp_path / "mine.safetensors"), "--data", str(frames)]
    words += ["--output", str(tmp_path / "run"), "--steps", "2", "--device", "cpu", "--unit", "0.0001"]
    assert main(words) == 0
    tuned = load_checkpoint(tmp_path / "run" / "best.safetensors")
    assert tuned.training["origin"] == "checkpoint mine"
    assert tuned.training["data"] == data
    assert tuned.model == origin.model
    assert (tuned.preprocess, tuned.width_scale_px, tuned.width) == (
        origin.preprocess,
        origin.width_scale_px,
        origin.width,
    )
    assert tuned.training["command"].endswith(f"--data {frames} --unit 0.0001 --steps 2")
    moved = max(float((tuned.weights[name] - tensor).abs().max()) for name, tensor in origin.weights.items())
    assert 0 < moved < 1e-2
    capsys.readouterr()


def test_the_printed_config_is_one(frames: Path, config: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["train", "--print-config"]) == 0
    assert train_config(yaml.safe_load(capsys.readouterr().out)) == TrainConfig()
    assert main(["train", str(config), "--data", str(frames / "."), "--steps", "7", "--print-config"]) == 0
    printed = train_config(yaml.safe_load(capsys.readouterr().out))
    assert printed.max_steps == 7
    assert [labelled.depth for labelled in printed.data.labelled] == ["perfect"]


def test_the_speed_is_measured(config: Path, capsys: pytest.CaptureFixture, tmp_path: Path) -> None:
    assert main(["train", str(config), "--benchmark", "2", "--output", str(tmp_path / "run")]) == 0
    lines = dict(line.split(None, 1) for line in capsys.readouterr().out.splitlines())
    assert list(lines) == ["device", "loading", "training", "both", "waiting"]
    assert all(float(lines[name].split()[0]) > 0 for name in ("loading", "training", "both"))
    assert 0 <= float(lines["waiting"].split()[0]) <= 100
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give a CONFIG, or --from CHECKPOINT with --data FOLDER"),
        (["--from", "ggcnn"], "give a CONFIG, or --from CHECKPOINT with --data FOLDER"),
        (["--from", "ggcn", "--data", "."], "did you mean 'ggcnn'"),
        (["--resume"], "--resume needs the folder of the run"),
        (["--resume", "--output", "nowhere"], "there is no run to resume in nowhere"),
        (["CONFIG", "--resume", "--from", "ggcnn"], "without --from"),
        (["none.yaml"], "none.yaml can't be read"),
        (["CONFIG", "--from", "efficientnet_lite0"], "is another network than the config's: model/architecture"),
        (["CONFIG", "--steps", "0"], "max_steps must lie in [1, 1e+08], got 0"),
        (["CONFIG", "--minutes", "-1"], "--minutes must be at least 0"),
        (["CONFIG", "--benchmark", "0"], "--benchmark must be at least 1 step"),
        (["CONFIG", "--device", "gpu"], "unknown device 'gpu'"),
        (["CONFIG", "--data", "nowhere"], "nowhere is not a folder"),
        (["CONFIG", "--data", "."], "holds no labelled images"),
        (["CONFIG", "--output", "CONFIG"], "can't be written"),
    ],
)
def test_a_mistake_is_one_line(
    words: list, said: str, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    assert main(["train", *(str(config) if word == "CONFIG" else word for word in words)]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("pspgrasp: ")
    assert said in lines[0]
    assert list(empty.iterdir()) == [], "nothing is left behind"
