"""The node's parameters: the file that ships mirrors the code, and what YAML makes of them is understood."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pspgrasp.cli import main
from pspgrasp.errors import ConfigError
from pspgrasp.ggcnn_stream import PRESETS
from pspgrasp.node_config import NodeConfig, TopicsConfig
from pspgrasp.shipped import find_checkpoint, shipped_checkpoints

SHIPPED = Path(__file__).parents[1] / "config" / "grasp_detector.yaml"


def test_the_file_that_ships_is_what_the_command_writes(capsys: pytest.CaptureFixture) -> None:
    assert main(["config"]) == 0
    comment, _, settings = SHIPPED.read_text().partition("\n")
    assert comment.startswith("#")
    assert settings == capsys.readouterr().out


def test_the_file_that_ships_is_all_defaults() -> None:
    assert NodeConfig.from_parameters(yaml.safe_load(SHIPPED.read_text())) == NodeConfig()


def test_the_default_backbone_ships_and_the_parameter_names_all_that_do() -> None:
    assert find_checkpoint(NodeConfig().backbone).name == NodeConfig().backbone
    for name in shipped_checkpoints():
        assert name in SHIPPED.read_text()


@pytest.mark.parametrize("preset", ["off", *PRESETS])
def test_every_preset_can_be_set(preset: str) -> None:
    assert NodeConfig.from_parameters({"ggcnn": preset}).ggcnn == preset


def test_a_bare_off_is_a_boolean_in_yaml_and_still_off() -> None:
    tree = yaml.safe_load("ggcnn: off")
    assert NodeConfig.from_parameters(tree).ggcnn == "off"
    assert tree == {"ggcnn": False}, "an argument stays as it is"


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ({"ggcnn": "kinowa"}, "'kinova'"),
        ({"ggcnn": True}, "ggcnn must be a text"),
        ({"quirks": "strickt"}, "'strict'"),
        ({"back_bone": "resnet18"}, "'backbone'"),
        ({"topics": {"camera_inf": "/x"}}, "'camera_info'.*topics/camera_inf"),
        ({"detection": {"min_quality": 1.5}}, r"detection/min_quality must lie in \[0, 1\]"),
        ({"max_age_s": -1.0}, "max_age_s"),
        ({"table": {"plane": "base"}}, "frames/base is empty"),
        ({"table": {"plane": "fited"}}, "'fitted'"),
        ({"clearance": {"approach": "tabel"}}, "'table'"),
    ],
)
def test_a_mistake_is_named_with_what_would_be_right(tree: dict, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        NodeConfig.from_parameters(tree)


@pytest.mark.parametrize(
    ("depth", "camera_info"),
    [
        ("/camera/depth/image_rect_raw", "/camera/depth/camera_info"),
        ("/camera/depth/image_rect_raw/compressedDepth", "/camera/depth/camera_info"),
        ("depth/image", "depth/camera_info"),
        ("/image", "/camera_info"),
        ("image", "camera_info"),
        ("image/compressedDepth", "camera_info"),
    ],
)
def test_camera_info_lies_beside_the_image(depth: str, camera_info: str) -> None:
    topics = TopicsConfig(depth=depth).resolved(ggcnn=False)
    assert (topics.depth, topics.camera_info) == (depth, camera_info)


def test_a_camera_info_that_is_set_stays() -> None:
    assert TopicsConfig(depth="/a/b", camera_info="/c/d").resolved(ggcnn=False).camera_info == "/c/d"


@pytest.mark.parametrize("ggcnn", [False, True])
def test_without_a_topic_the_usual_one_is_taken_and_resolving_twice_is_once(ggcnn: bool) -> None:
    topics = TopicsConfig().resolved(ggcnn)
    assert topics.depth == ("/camera/depth/image_meters" if ggcnn else "/camera/depth/image_rect_raw")
    assert topics.camera_info == "/camera/depth/camera_info"
    assert topics.resolved(ggcnn) == topics
