"""Settings and words of nobody knows whom: trees of parameters, YAML, results, command lines."""

from __future__ import annotations

import argparse
import contextlib
import json
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

import pytest
import yaml
from damage import WORDS, changed, nested, retold, trees
from hypothesis import example, given
from hypothesis import strategies as st
from strange_files import TRIED, Process, Strange, fuzzed

from pspgrasp.cli import _parser
from pspgrasp.config import to_tree
from pspgrasp.errors import ConfigError
from pspgrasp.node_config import NodeConfig
from pspgrasp.training.config import TrainConfig, train_config

PARAMETERS = to_tree(NodeConfig())
LONGEST = 20_000  # letters of a message: a list of names, not what a file holds
TRAINING = {**to_tree(TrainConfig()), "model": TrainConfig().model.to_tree()}


def said_of(read: Callable[[Any], Any], tree: Any) -> str:
    """Return why a tree is refused, "" where it isn't; anything but an error of ours is the test's."""
    try:
        read(tree)
    except ConfigError as error:
        assert len(str(error)) < LONGEST  # noqa: PT017 (both ways are right)
        return str(error)
    return ""


@fuzzed(200)
@given(changed(PARAMETERS) | st.dictionaries(st.sampled_from(sorted(PARAMETERS)) | st.text(max_size=8), trees))
@example({"a\nb": 1})
@example({"x" * 100_000: 1})
@example({("a", 1): None})
@example({"limits": {"workspace_px": [[0, 0]] * 100_000}})
@example({"crop": {"size_px": 10**5000}})
def test_trees_of_parameters(tree: Dict[Any, Any]) -> None:
    TRIED["parameters"] += 1
    assert said_of(NodeConfig.from_parameters, tree).count("\n") == 0


@fuzzed(150)
@given(changed(TRAINING))
def test_trees_of_a_training_run(tree: Any) -> None:
    TRIED["training"] += 1
    assert said_of(train_config, tree).count("\n") == 0


DEEP = nested(900)["model"]


@pytest.mark.parametrize(
    "place", ["crop", "ggcnn", "crop/far_m", "limits/workspace_px", "model", "model/network/bins", "data/labelled"]
)
def test_trees_too_deep_to_be_shown_are_refused(place: str) -> None:
    tree = DEEP
    for name in reversed(place.split("/")):
        tree = {name: tree}
    for read in (NodeConfig.from_parameters, train_config):
        assert said_of(read, tree).count("\n") == 0
        assert said_of(read, tree)


def laughs(depth: int) -> str:
    """Return YAML of a few lines that stands for 9^depth words, if it is ever written out."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, depth)]
    return "\n".join(lines)


STRANGE_YAML = [
    laughs(12).encode(), b"crop: &a {far_m: *a}", b"&a [*a]", b"? [a, b]\n: 1", b"? {a: 1}\n: 1",
    b"seed: 0x" + b"f" * 6000,
    b"seed: !!int ''", b"seed: !!bool x", b"seed: !!timestamp x", b"seed: 2001-99-99",
    b"!!python/object/apply:os.system [ls]",
    b"a" * 2_000_000 + b": 1", b"\xff\xfe\x00", b"\0", b"- " * 990, b"seed: 1_0:99", b"--- 1\n--- 2\n", b"<<: 3",
    b"model: {network: {backbone: &a [x], <<: *a}}",
]  # fmt: skip


@pytest.mark.parametrize("text", STRANGE_YAML, ids=lambda text: repr(text[:30]))
def test_yaml_that_is_more_than_it_looks_like(strange: Strange, text: bytes) -> None:
    assert strange.read("training config", {"run.yaml": text}).kind == "refused"
    assert strange.read("parameters in a file", {"node.yaml": text}).kind == "refused"


@fuzzed(40)
@given(retold(yaml.safe_dump(TRAINING)))
def test_training_configs(strange: Strange, text: bytes) -> None:
    strange.read("training config", {"run.yaml": text})


@fuzzed(40)
@given(retold(yaml.safe_dump(PARAMETERS)))
def test_parameters_in_a_file(strange: Strange, text: bytes) -> None:
    strange.read("parameters in a file", {"node.yaml": text})


RESULT = {"question": "scale", "seed": 0, "networks": {}, "config": {}, "scenes": 8}
SCORE = {
    "checkpoint": "mine", "data": "cornell", "protocol": "image", "without_grasp": 0,
    "rule": {"jaw_share": 0.5, "jaw_px": 12.0, "clearance_px": 0.0}, "outcomes": [{"name": "a", "hit": True}],
}  # fmt: skip


@fuzzed(60)
@given(st.sampled_from([("scale_0.json", RESULT), ("mine.json", SCORE)]), st.data())
def test_results_of_earlier_runs(strange: Strange, told: Tuple[str, Any], data: st.DataObject) -> None:
    strange.read("results", {told[0]: json.dumps(data.draw(changed(told[1]))).encode()})


@pytest.mark.parametrize("name", ["scale_0.json", "mine.json"])
@pytest.mark.parametrize("text", ["[" * 100_000, "1" * 5000, "", "null", '{"outcomes": 3}'])
def test_results_that_are_none(strange: Strange, name: str, text: str) -> None:
    assert strange.read("results", {name: text.encode()}).kind == "refused"


# --- command lines


#: They make something of nothing, for minutes: only their words are looked at.
AT_WORK = [("release",), ("sim", "run"), ("sim", "labels"), ("data", "preview"), ("bag", "bench"), ("bench",)]
LONG = "x" * 300
NOWHERE = [
    *(word for word in WORDS if "\0" not in word and word),
    LONG,
    f"{LONG}/{LONG}",
    "absent",
    ".",
    "text.txt",
    "\udcff",
]


def commands(parser: argparse.ArgumentParser, path: Tuple[str, ...] = ()) -> Iterator[Tuple[Tuple[str, ...], Any]]:
    """Yield the words that lead to a command, and its parser."""
    inner = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    for action in inner:
        for name, one in action.choices.items():
            yield from commands(one, (*path, name))
    if not inner:
        yield path, parser


COMMANDS = dict(commands(_parser()))


@st.composite
def lines(draw: Any) -> List[str]:
    """Return a command, and words behind it that name nothing that is there: most of them understood, none useful."""
    path = draw(st.sampled_from(sorted(COMMANDS)))
    words: List[str] = []
    for action in COMMANDS[path]._actions:
        count = action.nargs if isinstance(action.nargs, int) else 1
        if action.option_strings and not (action.required or draw(st.integers(0, 3)) == 0):
            continue
        values = [draw(value_of(action)) for _ in range(count)]
        words += [*action.option_strings[-1:], *values]
    if draw(st.integers(0, 4)) == 0:
        words.insert(
            draw(st.integers(0, len(words))), draw(st.sampled_from(NOWHERE) | st.text(alphabet="-=@a1 ", max_size=5))
        )
    return [*path, *words]


def value_of(action: argparse.Action) -> st.SearchStrategy:
    if action.type in (int, float):
        return st.sampled_from(["1", "0", "0.001", "-1", "nan", "1e999", "9" * 5000, "many", "٣"])
    return st.sampled_from([*NOWHERE, *(action.choices or [])])


@fuzzed(150)
@given(lines())
@example(["predict", LONG, "--camera", "1", "1", "1", "1"])
@example(["predict", "text.txt", "--camera", "1", "1", "1", "1", "--checkpoint", f"{LONG}.safetensors"])
@example(["predict", "text.txt", "--camera", "1", "1", "1", "1", "--checkpoint", f"{LONG}/x"])
@example(["data", "check", LONG])
@example(["bag", "info", LONG])
@example(["bag", "eval", f"{LONG}.bag"])
@example(["train", LONG])
@example(["label", LONG])
@example(["import-weights", LONG, "--architecture", "ggcnn", "--output", "x"])
@example(["export", f"{LONG}.safetensors", "--to", "onnx"])
@example(["data", "check", "\udcff"])
@example(["bag", "info", "\udcff.bag"])
def test_command_lines(reading: Process, folder: Path, words: List[str]) -> None:
    if words[:1] == ["train"] and len(words) < 2:
        return  # trains
    if tuple(words[:1]) in AT_WORK or tuple(words[:2]) in AT_WORK:
        with contextlib.suppress(SystemExit):
            _parser().parse_args(words)
        return
    answer = reading.read("command line", folder, words)
    assert answer.kind in ("value", "refused"), answer.said
    assert answer.kind == "value" or len(answer.said) < LONGEST


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which commands run."""
    place = tmp_path_factory.mktemp("commands")
    (place / "text.txt").write_text("no picture\n")
    return place
