"""Laws of the release: what ships is replaced by what is better, and by nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import List

import pytest

pytest.importorskip("lightning")

from pspgrasp.checkpoint import load_checkpoint
from pspgrasp.cli import main
from pspgrasp.config import DetectionConfig
from pspgrasp.evaluation.paired import paired
from pspgrasp.release.judging import Bout, better
from pspgrasp.shipped import shipped_checkpoints

CONFIG = """
model: {architecture: ggcnn}
preprocess: {input_size_px: 96}
width_scale_px: 48.0
batch_size: 2
max_steps: 4
validate_every: 2
validation: {scenes: 2}
"""


def bout(new_hits: List[bool], old_hits: List[bool]) -> Bout:
    return Bout("images", len(new_hits), sum(new_hits), sum(old_hits), paired(new_hits, old_hits))


def test_better_is_better_on_scenes_as_good_on_images_and_clearly_worse_nowhere() -> None:
    even, ahead = bout([True, False], [False, True]), bout([True] * 9 + [False], [False] * 9 + [True])
    behind, beaten = bout([False], [True]), bout([False] * 10, [True] * 10)
    assert better([ahead])
    assert better([ahead, even])
    assert better([ahead, ahead, behind]), "one image decides nothing"
    assert not better([even]), "a tie replaces nothing"
    assert not better([even, ahead])
    assert not better([ahead, behind]), "fewer hits on all images together"
    assert not better([ahead, ahead, ahead, beaten]), "what is lost on one set isn't made up for by others"


@pytest.fixture
def configs(tmp_path: Path) -> Path:
    (tmp_path / "ggcnn.yaml").write_text(CONFIG)
    return tmp_path


def release(configs: Path, *more: str) -> int:
    folders = ["--configs", str(configs), "--output", str(configs / "runs"), "--into", str(configs / "weights")]
    return main(["release", "--names", "ggcnn", "--scenes", "4", "--device", "cpu", *folders, *more])


def test_an_untrained_network_replaces_nothing(configs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (configs / "weights").mkdir()
    (configs / "weights" / "ggcnn.safetensors").write_bytes(shipped_checkpoints()["ggcnn"].read_bytes())
    before = (configs / "weights" / "ggcnn.safetensors").read_bytes()
    assert release(configs) == 0
    said = capsys.readouterr().out
    assert "generated scenes 0 to 3 of seed 1: 0 of 4" in said
    assert (configs / "weights" / "ggcnn.safetensors").read_bytes() == before
    assert said.endswith("done\n")


def test_a_piece_ends_in_time_and_the_next_goes_on(configs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert release(configs, "--minutes", "0.00001") == 0
    assert "not done yet: ggcnn; the same command goes on" in capsys.readouterr().out
    assert release(configs, "--train-only") == 0
    assert capsys.readouterr().out == "done\n"
    new = load_checkpoint(configs / "runs" / "ggcnn" / "best.safetensors")
    assert new.training["command"] == "pspgrasp release --names ggcnn"
    assert new.width == "contact"


def test_what_was_trained_elsewhere_is_judged_here(configs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (configs / "sent").mkdir()
    (configs / "sent" / "ggcnn.safetensors").write_bytes(shipped_checkpoints()["ggcnn"].read_bytes())
    assert release(configs, "--trained", str(configs / "sent")) == 0
    assert "ggcnn: the one that ships is this one" in capsys.readouterr().out
    assert not (configs / "runs").exists()


def test_what_is_better_takes_its_place_with_its_record(
    configs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pspgrasp.release.judging.better", lambda bouts: True)
    assert release(configs) == 0
    assert "ggcnn.safetensors is the new one" in capsys.readouterr().out
    new = load_checkpoint(configs / "weights" / "ggcnn.safetensors")
    assert (new.name, new.width) == ("ggcnn", "contact")
    assert {"licence", "optimiser", "width", "steps", "batch", "data", "precision", "device"} <= set(new.training)
    judged, reported = (new.training["figures"][key] for key in ("judged", "reported"))
    assert "of seed 1" in judged[0]["data"], "what decides"
    assert all("of seed 0" in found["data"] for found in reported.values()), "is not what is reported"
    assert list(reported) == ["quality above 0", f"quality above {DetectionConfig().min_quality:g}"]
    kept = {str(tensor.dtype) for tensor in new.weights.values() if tensor.is_floating_point()}
    assert kept == {"torch.float16"}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--names", "resnet18"], "resnet18.yaml is missing"),
        (["--names", "resnet19"], "no checkpoint 'resnet19' ships; there are: efficientnet_lite0, ggcnn, resnet18"),
        (["--scenes", "0"], "--scenes must lie in"),
        (["--minutes", "-1"], "--minutes must lie in"),
        (["--data", "nowhere"], "nowhere is not a folder"),
    ],
)
def test_what_cannot_be_made_is_said_before_anything_is_trained(
    more: List[str], said: str, configs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert release(configs, *more) == 1
    assert said in capsys.readouterr().err
    assert not (configs / "runs").exists()
