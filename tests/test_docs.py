"""What the pages say exists: links, examples, commands, parameters, arguments, topics, services, tests."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import shlex
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any, Dict, Iterator, List, Set, Tuple

import numpy as np
import pytest
import yaml

from pspgrasp.cli import _parser
from pspgrasp.errors import ConfigError
from pspgrasp.ggcnn_api import predict
from pspgrasp.ggcnn_service import GgcnnServiceConfig
from pspgrasp.ggcnn_stream import GgcnnStream
from pspgrasp.node_config import NodeConfig

CHECKOUT = Path(__file__).parents[1]
DOCS = CHECKOUT / "docs"
IGNORED = ("build", "devel", "install", "dist", "node_modules")
PAGES = sorted(
    page
    for page in CHECKOUT.rglob("*.md")
    if not any(part.startswith(".") or part in IGNORED for part in page.relative_to(CHECKOUT).parts)
)
EXAMPLES = [CHECKOUT / "README.md", *sorted(DOCS.rglob("*.md"))]
PARAMETERS = (DOCS / "parameters.md").read_text(encoding="utf-8")
MOVING = (DOCS / "moving-from-ggcnn.md").read_text(encoding="utf-8")
named = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
with_examples = pytest.mark.parametrize("page", EXAMPLES, ids=lambda page: page.name)


def blocks(page: Path, *languages: str) -> List[str]:
    """Return the fenced blocks of a page in one of these languages."""
    fences = re.findall(r"^```([^\n]*)\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [text for language, text in fences if language in languages]


def rows(page: str, heading: str) -> List[List[str]]:
    """Return the rows of the table whose first heading is this one."""
    found = re.search(rf"^\| {re.escape(heading)} \|.*\n\|[-| ]+\n((?:\|.*\n)+)", page, re.MULTILINE)
    assert found, f"no table begins with the column {heading!r}"
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found[1].splitlines()]


def quoted(text: str) -> List[str]:
    """Return what stands in backticks."""
    return re.findall(r"`([^`]+)`", text)


# --- links and examples


@named
def test_every_link_inside_the_repository_leads_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = [target for target in re.findall(r"\]\(([^)\s]+)\)", text) if not re.match(r"\w+:|#", target)]
    missing = [target for target in targets if not (page.parent / target.partition("#")[0]).exists()]
    assert not missing


@named
def test_a_page_stays_inside_the_repository(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    outside = [path for path in re.findall(r"(?:\.\./)+[\w.-]+", text) if not (page.parent / path).exists()]
    assert not outside
    assert not re.search(r"(?<![\w/])/(work|root|home)/", text)


@with_examples
def test_python_examples_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an empty folder, one after the other; ```python ros needs a running master and is only compiled."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    names: Dict[str, Any] = {"__name__": "example"}
    for source in blocks(page, "python"):
        exec(compile(source, str(page), "exec"), names)  # the page's own code
    for source in blocks(page, "python ros"):
        compile(source, str(page), "exec")


def commands(program: str) -> List[Tuple[str, List[str]]]:
    """Return (page, words) of every line of a shell example that calls a program."""
    found = []
    for page in EXAMPLES:
        for line in "\n".join(blocks(page, "sh", "bash")).replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words and words[0] == program:
                found.append((page.name, words[1:]))
    return found


@pytest.mark.parametrize(("page", "words"), commands("pspgrasp"), ids=str)
def test_commands_are_understood(page: str, words: List[str]) -> None:
    assert _parser().parse_args(words)


@pytest.mark.parametrize(("page", "words"), commands("roslaunch"), ids=str)
def test_launch_commands_have_arguments_that_exist(page: str, words: List[str]) -> None:
    words = [word for word in words if not word.startswith("--")]
    package, file, *settings = words
    assert package == "pspgrasp"
    assert {setting.partition(":=")[0] for setting in settings} <= set(launch_arguments(file))


# --- parameters


def settings(kind: Any = NodeConfig, place: str = "") -> Iterator[str]:
    """Yield every parameter of a config dataclass, "crop/far_m"; groups too."""
    for field in dataclasses.fields(kind):
        yield place + field.name
        if dataclasses.is_dataclass(field.default):
            yield from settings(type(field.default), f"{place}{field.name}/")


def launch_arguments(file: str) -> Dict[str, str]:
    """Return name -> description of the arguments of a launch file."""
    tree = ElementTree.parse(str(CHECKOUT / "launch" / file))
    return {entry.attrib["name"]: entry.attrib.get("doc", "") for entry in tree.getroot().findall("arg")}


def launch_parameters(file: str) -> Dict[str, str]:
    """Return argument -> parameter that it sets."""
    tree = ElementTree.parse(str(CHECKOUT / "launch" / file))
    pairs = [(entry.attrib["value"], entry.attrib["name"]) for entry in tree.iter("param")]
    return {re.sub(r"\$\(arg (\w+)\)", r"\1", value): name for value, name in pairs}


def test_the_table_of_parameters_names_all_groups_and_nothing_else() -> None:
    table = {name for group, _ in rows(PARAMETERS, "group") for name in quoted(group)}
    assert table == {field.name for field in dataclasses.fields(NodeConfig)}


@pytest.mark.parametrize("page", ["parameters.md", "moving-from-ggcnn.md", "models.md"])
def test_every_parameter_of_a_page_exists(page: str) -> None:
    text = re.sub(r"```.*?```", "", (DOCS / page).read_text(encoding="utf-8"), flags=re.DOTALL)
    groups = [field.name for field in dataclasses.fields(NodeConfig) if dataclasses.is_dataclass(field.default)]
    named_here = {name for name in quoted(text) if re.match(rf"({'|'.join(groups)})/\w+$", name)}
    named_here |= {name for name in quoted(text) if re.match(r"\w+_(s|m|px)$", name)}
    known = set(settings())
    known |= {name.split("/")[-1] for name in known}
    known |= {"input_size_px", "clip_m", "width_scale_px", "width_px", "focal_px"}  # of checkpoints and of Python
    assert named_here <= known, sorted(named_here - known)


def test_every_launch_argument_is_documented_in_its_file() -> None:
    assert not [name for name, doc in launch_arguments("grasp_detector.launch").items() if not doc]


def test_the_table_of_launch_arguments_is_the_launch_file() -> None:
    sets = launch_parameters("grasp_detector.launch")
    told: Dict[str, str] = {}
    for arguments, parameters in rows(PARAMETERS, "argument"):
        names = quoted(arguments)
        places = quoted(parameters) or (names if parameters == "the parameter of that name" else [""] * len(names))
        assert len(places) == len(names)
        told.update(zip(names, places))
    assert set(told) == set(launch_arguments("grasp_detector.launch"))
    assert {name: place for name, place in told.items() if place} == sets
    assert set(sets.values()) <= set(settings())


@pytest.mark.parametrize(("given", "said"), rows(PARAMETERS, "given"))
def test_an_error_is_told_in_these_words(given: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        NodeConfig.from_parameters(yaml.safe_load(quoted(given)[0]))
    assert str(caught.value) == said


def test_the_services_parameters_are_the_originals() -> None:
    told = {
        quoted(name)[0]: default.strip("`") for name, default in rows(MOVING, "parameter under `/ggcnn_service/camera`")
    }
    assert told == {field.name: str(field.default) for field in dataclasses.fields(GgcnnServiceConfig)}


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("moving-from-ggcnn.md", f"`max_age_s` ({NodeConfig().max_age_s:g} s)"),
        ("moving-from-ggcnn.md", f"`predict_timeout_s` ({NodeConfig().predict_timeout_s:g} s)"),
        ("moving-from-ggcnn.md", "`strict` (default)" if NodeConfig().quirks == "strict" else "`fixed` (default)"),
        ("moving-from-ggcnn.md", f"`{NodeConfig().topics.resolved(ggcnn=True).depth}`"),
        ("moving-from-ggcnn.md", f"`{NodeConfig().topics.robot_pose}`"),
        ("parameters.md", f"Default `{NodeConfig().topics.resolved(ggcnn=False).depth}`"),
    ],
)
def test_defaults_are_told_as_they_are(page: str, text: str) -> None:
    assert text in " ".join((DOCS / page).read_text(encoding="utf-8").split())


# --- topics and services


def ros_calls(*functions: str) -> Set[str]:
    """Return the first argument, where it is a text, of every call of these functions in pspgrasp/ros.

    An f-string's variable part becomes {}: f"{namespace}/predict" is "{}/predict".
    """
    found = set()
    for file in (CHECKOUT / "pspgrasp" / "ros").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and dotted(node.func) in functions and node.args:
                found.add(text_of(node.args[0]))
    return found


def dotted(node: ast.AST) -> str:
    """Return the name of a call's function: "rospy.Publisher"."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def text_of(node: ast.AST) -> str:
    """Return a text, its variable parts as {}."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return str(node.value) if isinstance(node, ast.Constant) else "{}"


def fits(name: str, patterns: Set[str]) -> bool:
    """Tell whether a name is one of the patterns, {} being any word."""
    return any(re.fullmatch(re.escape(pattern).replace(r"\{\}", r"[\w/]+"), name) for pattern in patterns)


def names_in(file: str, before: str) -> List[str]:
    """Return the texts of the tuple that follows `before` in a file of pspgrasp/ros."""
    source = (CHECKOUT / "pspgrasp" / "ros" / file).read_text(encoding="utf-8")
    found = re.search(re.escape(before) + r"\(([^)]*)\)", source)
    assert found, f"{file} has no {before}(...)"
    return re.findall(r'"(\w+)"', found[1])


def own_topics() -> Set[str]:
    return {topic for name, *_ in rows(PARAMETERS, "publishes") for topic in quoted(name)}


def test_every_topic_of_ours_is_published() -> None:
    publishers = ros_calls("rospy.Publisher") | {"/tf", "/diagnostics"}
    assert [topic for topic in own_topics() if not fits(topic, publishers)] == []


def test_every_publisher_of_ours_is_on_the_page() -> None:
    concrete = {name for name in ros_calls("rospy.Publisher") if name.startswith("~") and "{}" not in name}
    concrete |= {f"~{name}" for name in names_in("outputs.py", "MAPS = ")}
    assert concrete | {"/tf", "/diagnostics"} == own_topics()


def test_every_service_is_served_and_on_the_page() -> None:
    services = {name for names, *_ in rows(PARAMETERS, "service") for name in quoted(names)}
    served = {name for name in ros_calls("rospy.Service") if name.startswith("~")}
    groups = names_in("node.py", "RECONFIGURED = ")
    assert services == served | {f"~{group}/set_parameters" for group in groups}
    assert {f"`~{group}`" for group in groups} <= set(re.findall(r"`~\w+`", PARAMETERS))


def test_ggcnns_topics_are_published_under_its_names() -> None:
    topics = [quoted(name)[0] for name, *_ in rows(MOVING, "topic")]
    publishers = ros_calls("rospy.Publisher")
    assert [topic for topic in topics if not topic.startswith("/") and not fits(topic, publishers)] == []
    pictures = {topic.rpartition("/")[2] for topic in topics if topic.startswith("ggcnn/img/")}
    assert pictures == set(names_in("ggcnn_compat.py", "images = "))
    assert "{}/predict" in ros_calls("rospy.Service")
    assert "{}/visualisation" in publishers


# --- moving-from-ggcnn.md


def test_every_test_that_a_page_names_exists() -> None:
    defined: Set[str] = set()
    for file in (CHECKOUT / "tests").rglob("test_*.py"):
        defined |= set(re.findall(r"^def (test_\w+)", file.read_text(encoding="utf-8"), re.MULTILINE))
    text = "\n".join(page.read_text(encoding="utf-8") for page in EXAMPLES)
    assert sorted({name for name in quoted(text) if re.fullmatch(r"test_\w+", name)} - defined) == []
    files = {name for name in quoted(text) if re.fullmatch(r"tests/[\w/]+\.py", name)}
    assert [file for file in files if not (CHECKOUT / file).is_file()] == []


def test_the_two_functions_have_the_three_new_arguments() -> None:
    assert list(inspect.signature(predict).parameters)[7:] == re.findall(r"`(\w+)`", new_arguments())


def new_arguments() -> str:
    found = re.search(r"Three arguments are new: (.*?)\.", MOVING, re.DOTALL)
    assert found
    return found[1]


@pytest.mark.parametrize(("quirks", "red"), [("strict", 306 - 256), ("fixed", 255)])
def test_the_picture_of_quality_wraps_in_strict_and_is_clipped_in_fixed(quirks: str, red: int) -> None:
    quality = np.full((300, 300), 1.2, np.float32)
    assert set(np.unique(GgcnnStream("kinova", quirks)._plain(quality)[..., 2])) == {red}
