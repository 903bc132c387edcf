"""The config of a run: from YAML and back, and mistakes in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pspgrasp.config import to_tree, to_yaml
from pspgrasp.errors import ConfigError
from pspgrasp.models import build_model
from pspgrasp.training.config import TrainConfig, decisive, differences, read_config, told, train_config

CONFIGS = sorted((Path(__file__).parents[2] / "config" / "train").glob("*.yaml"))
LABELLED = {"data": {"labelled": [{"folder": "cornell", "share": 0.5}, {"folder": "mine", "unit_m": 0.001}]}}


@pytest.mark.parametrize("tree", [{}, LABELLED, {"model": {"architecture": "grconvnet", "network": {"channels": 8}}}])
def test_what_is_printed_reads_back_as_it_was(tree: dict) -> None:
    config = train_config(tree)
    assert train_config(yaml.safe_load(to_yaml(config))) == config
    assert train_config(to_tree(config)) == config


def test_defaults_are_those_of_the_classes() -> None:
    assert train_config({}) == TrainConfig()


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_configs_that_ship_are_read_and_name_a_network(path: Path) -> None:
    assert build_model(read_config(path).model)


def test_there_are_configs_that_ship() -> None:
    assert {"efficientnet_lite0", "resnet18", "ggcnn", "small"} <= {path.stem for path in CONFIGS}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("max_step: 3", "unknown parameter 'max_step'; did you mean 'max_steps'?"),
        ("optimisation: {rate: fast}", "optimisation/rate must be a number, got 'fast'"),
        ("optimisation: {optimiser: adam}", "unknown optimiser 'adam'; did you mean 'adamw'?"),
        ("optimisation: {schedule: cos}", "unknown schedule 'cos'"),
        ("monitor: map_hits", "unknown monitor 'map_hits'; did you mean 'map_hit'?"),
        ("machine: {precision: bf}", "unknown precision 'bf'; did you mean 'bf16'?"),
        ("stored_bits: 24", "stored_bits must be 16 or 32, got 24"),
        ("batch_size: 0", "batch_size must lie in [1, 65536], got 0"),
        ("model: {architecture: pspnet}", "unknown architecture 'pspnet'; did you mean 'pspgraspnet'?"),
        ("preprocess: {pixel_size_channel: true}", "model/network/in_channels is 1, but preprocess makes 2"),
        ("seed: 1000003", "validation/scenes_seed must differ from seed (1000003)"),
        ("width: opening", "generated scenes are labelled with contact widths"),
        (
            "width: opening\nvalidation: {scenes: 0}\n"
            "data: {scenes_share: 0, labelled: [{folder: x, clearance_px: 8}]}",
            "with width opening it must be 0",
        ),
        ("data: {labelled: [{folders: x}]}", "did you mean 'folder'? (at data/labelled[0]/folders)"),
        ("- 1", "a training config must be a mapping, got [1]"),
        ("a: [", "is no YAML: "),
    ],
)
def test_a_mistake_is_one_line_that_names_the_file(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    assert str(path) in str(caught.value)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none.yaml can't be read"):
        read_config(tmp_path / "none.yaml")


def test_differences_name_the_place_and_both_values() -> None:
    first = {"a": 1, "b": {"c": 0.5, "d": [1, 2]}, "e": 1}
    assert differences(first, first) == []
    second = {"a": 1, "b": {"c": 0.25, "d": [1]}, "f": 2}
    assert told(["a"] * 9) == "a; a; a; a; a; and 4 more"
    assert differences(first, second) == [
        "b/c: 0.5, not 0.25",
        "b/d: [1, 2], not [1]",
        "e: 1, not absent",
        "f: absent, not 2",
    ]


def test_the_machine_does_not_decide() -> None:
    fast = train_config({"machine": {"workers": 7, "device": "cuda", "precision": "bf16"}})
    assert decisive(fast) == decisive(TrainConfig())
    assert decisive(train_config({"seed": 5})) != decisive(TrainConfig())
