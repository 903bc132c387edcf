"""Laws of settings: a tree and its dataclass are the same thing, and a mistake is named with its place."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
from typing import Any, Type

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pspgrasp.config import (
    CropConfig,
    DetectionConfig,
    LimitsConfig,
    PreprocessConfig,
    from_tree,
    to_tree,
    to_yaml,
)
from pspgrasp.errors import ConfigError
from pspgrasp.models import ARCHITECTURES
from pspgrasp.node_config import FramesConfig, NodeConfig, TopicsConfig

CONFIGS = [
    PreprocessConfig,
    CropConfig,
    DetectionConfig,
    LimitsConfig,
    TopicsConfig,
    FramesConfig,
    NodeConfig,
    *{config for config, _ in ARCHITECTURES.values()},
]
laws = settings(deadline=None, max_examples=80, derandomize=True)
each_config = pytest.mark.parametrize("kind", CONFIGS, ids=lambda kind: kind.__name__)
BOUNDED = [
    (kind, field)
    for kind in CONFIGS
    for field in dataclasses.fields(kind)
    if math.isfinite(field.metadata.get("low", -math.inf))
]
each_bounded = pytest.mark.parametrize(
    ("kind", "field"), BOUNDED, ids=[f"{kind.__name__}.{field.name}" for kind, field in BOUNDED]
)


@each_config
def test_a_tree_is_its_dataclass(kind: Type[Any]) -> None:
    tree = to_tree(kind())
    assert from_tree(kind, tree) == kind()
    assert from_tree(kind, json.loads(json.dumps(tree))) == kind(), "the tree is plain values"


@each_config
def test_an_empty_tree_is_all_defaults(kind: Type[Any]) -> None:
    assert from_tree(kind, {}) == kind()


@each_config
def test_yaml_is_its_dataclass(kind: Type[Any]) -> None:
    assert from_tree(kind, yaml.safe_load(to_yaml(kind()))) == kind()


@each_config
def test_an_unknown_key_is_refused_with_its_place(kind: Type[Any]) -> None:
    with pytest.raises(ConfigError, match=r"'nonsense'.*here/nonsense"):
        from_tree(kind, {"nonsense": 1}, "here")


@each_config
def test_a_tree_that_is_no_mapping_is_refused(kind: Type[Any]) -> None:
    for tree in (None, [], "text", 3):
        with pytest.raises(ConfigError, match="must be a mapping"):
            from_tree(kind, tree)


@each_config
def test_no_setting_takes_null_or_a_mapping_for_a_plain_value(kind: Type[Any]) -> None:
    for field in dataclasses.fields(kind):
        with pytest.raises(ConfigError, match=field.name):
            from_tree(kind, {field.name: None})


@each_bounded
def test_both_bounds_belong_to_the_range_and_what_lies_beyond_is_refused(
    kind: Type[Any], field: dataclasses.Field
) -> None:
    low, high = field.metadata["low"], field.metadata["high"]
    default = getattr(kind(), field.name)
    assert low <= default <= high
    for beyond in (low - 1, high + 1 if math.isfinite(high) else None):
        if beyond is not None:
            with pytest.raises(ConfigError, match=f"{field.name} must lie in"):
                from_tree(kind, {field.name: type(default)(beyond)})


@each_bounded
def test_a_number_that_is_not_finite_is_refused(kind: Type[Any], field: dataclasses.Field) -> None:
    for value in (math.nan, -math.inf, math.inf):
        with pytest.raises(ConfigError, match=field.name):
            from_tree(kind, {field.name: value})


def test_every_setting_of_the_node_says_what_it_is() -> None:
    for kind in (CropConfig, DetectionConfig, LimitsConfig, TopicsConfig, FramesConfig, NodeConfig):
        for field in dataclasses.fields(kind):
            nested = dataclasses.is_dataclass(getattr(kind(), field.name))
            assert nested or len(field.metadata["doc"]) > 10, field.name


@pytest.mark.parametrize(
    ("tree", "near_miss"),
    [
        ({"min_qualty": 0.4}, "min_quality"),
        ({"max_grasp": 3}, "max_grasps"),
        ({"sigma_quality": 1.0}, "sigma_quality_px"),
    ],
)
def test_an_unknown_key_is_refused_with_the_near_miss(tree: dict, near_miss: str) -> None:
    with pytest.raises(ConfigError, match=f"did you mean.*'{near_miss}'"):
        from_tree(DetectionConfig, tree)


@pytest.mark.parametrize(
    ("kind", "tree", "said"),
    [
        (DetectionConfig, {"max_grasps": 2.5}, "whole number"),
        (DetectionConfig, {"max_grasps": True}, "whole number"),
        (DetectionConfig, {"min_quality": "0.4"}, "number, got '0.4'"),
        (DetectionConfig, {"min_quality": True}, "number"),
        (NodeConfig, {"publish_maps": 1}, "true or false"),
        (NodeConfig, {"device": 0}, "text"),
        (NodeConfig, {"crop": 300}, "crop must be a mapping"),
        (NodeConfig, {"crop": {"size_px": "300"}}, "crop/size_px"),
        (LimitsConfig, {"workspace_px": "0 0 1 1"}, "workspace_px"),
        (LimitsConfig, {"workspace_px": [[0, 0], [1, 1, 1], [2, 2]]}, r"workspace_px\[1\] must hold 2"),
        (LimitsConfig, {"workspace_px": [[0, 0], [1, "a"], [2, 2]]}, r"workspace_px\[1\]\[1\]"),
    ],
)
def test_a_wrong_type_is_refused_with_its_place_and_what_would_be_right(kind: Any, tree: dict, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        from_tree(kind, tree)


@pytest.mark.parametrize(
    ("kind", "values", "names"),
    [
        (CropConfig, {"near_m": 2.0, "far_m": 1.0}, "near_m.*far_m"),
        (CropConfig, {"near_m": 1.0, "far_m": 1.0}, "near_m.*far_m"),
        (LimitsConfig, {"min_width_m": 0.1, "max_width_m": 0.05}, "min_width_m.*max_width_m"),
        (LimitsConfig, {"min_depth_m": 2.0, "max_depth_m": 1.0}, "min_depth_m.*max_depth_m"),
    ],
)
def test_an_empty_range_is_refused_with_both_its_ends(kind: Any, values: dict, names: str) -> None:
    with pytest.raises(ConfigError, match=names):
        kind(**values)


@pytest.mark.parametrize("corners", [1, 2])
def test_a_workspace_needs_three_corners(corners: int) -> None:
    with pytest.raises(ConfigError, match=f"three corners, got {corners}"):
        LimitsConfig(workspace_px=((0.0, 0.0),) * corners)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_workspace_needs_finite_corners(value: float) -> None:
    with pytest.raises(ConfigError, match="workspace_px"):
        from_tree(LimitsConfig, {"workspace_px": [[0, 0], [100, 0], [100, value]]})


def test_a_whole_number_too_large_for_a_float_is_refused() -> None:
    with pytest.raises(ConfigError, match="far_m"):
        from_tree(CropConfig, {"far_m": 10**400})


def test_a_whole_number_is_a_number() -> None:
    far_m = from_tree(CropConfig, {"far_m": 1}).far_m
    assert far_m == 1.0
    assert isinstance(far_m, float)


def test_a_tree_is_an_argument_and_stays_as_it_is() -> None:
    tree = {"workspace_px": [[0, 0], [10, 0], [10, 10]]}
    config = from_tree(LimitsConfig, tree)
    assert tree == {"workspace_px": [[0, 0], [10, 0], [10, 10]]}
    assert config.workspace_px == ((0.0, 0.0), (10.0, 0.0), (10.0, 10.0))
    assert to_tree(config)["workspace_px"] == tree["workspace_px"]


@laws
@given(
    st.builds(
        DetectionConfig,
        st.floats(0.0, 1.0),
        st.integers(1, 100),
        *[st.floats(0.0, 50.0)] * 4,
        st.integers(0, 20),
    ),
    st.lists(st.tuples(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4)), min_size=3, max_size=6),
)
def test_any_setting_survives_yaml(detection: DetectionConfig, corners: list) -> None:
    config = NodeConfig(detection=detection, limits=LimitsConfig(workspace_px=tuple(corners)))
    assert from_tree(NodeConfig, yaml.safe_load(to_yaml(config))) == config
    assert from_tree(NodeConfig, to_tree(config)) == config


plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@laws
@given(st.dictionaries(st.sampled_from([f.name for f in dataclasses.fields(NodeConfig)]), plain_values, max_size=3))
def test_whatever_stands_in_a_tree_it_is_a_config_or_a_config_error(tree: dict) -> None:
    with contextlib.suppress(ConfigError):
        assert isinstance(from_tree(NodeConfig, tree), NodeConfig)
