"""docs/architecture.md against the code: the layers, the arrows, and every function that it names."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Dict, Iterator, List, Set, Tuple

import pytest

CHECKOUT = Path(__file__).parents[1]
PACKAGE = CHECKOUT / "pspgrasp"
PAGE = (CHECKOUT / "docs" / "architecture.md").read_text(encoding="utf-8")
UNDRAWN = {"config", "errors"}  # anybody may import them
NOT_ROOMS = {"__init__", "weights"}  # a file of constants, a folder of files


def contract_layers() -> List[Set[str]]:
    """Return the layers of the import contract, top first (read by pattern: tomllib comes with Python 3.11)."""
    text = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    block = re.search(r"^layers = \[(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    assert block, "pyproject.toml has no layers"
    quoted = re.findall(r'^\s*"(.*)",', block[1], re.MULTILINE)
    return [{room.strip(" ()") for room in layer.split(":")} for layer in quoted]


def page_layers() -> List[Set[str]]:
    """Return the layers of the page's table, top first."""
    rows = re.findall(r"^\| (\d+) \| (.+?) \|", PAGE, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, len(rows) + 1))
    return [set(re.findall(r"`(\w+)`", rooms)) for _, rooms in rows]


def rooms() -> Set[str]:
    """Return the rooms that have files."""
    return {
        path.stem
        for path in PACKAGE.iterdir()
        if path.stem not in NOT_ROOMS and (path.suffix == ".py" or any(path.glob("*.py")))
    }


def imports() -> Dict[str, Set[str]]:
    """Return room -> rooms that it imports."""
    found: Dict[str, Set[str]] = {room: set() for room in rooms()}
    for file in PACKAGE.rglob("*.py"):
        room = file.relative_to(PACKAGE).parts[0].replace(".py", "")
        if room in found:
            found[room] |= set(imported(file)) & set(found) - {room}
    return found


def imported(file: Path) -> Iterator[str]:
    """Yield the rooms that a file imports."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module == "pspgrasp":
            modules = [f"pspgrasp.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules = [node.module]
        for module in modules:
            if module.startswith("pspgrasp."):
                yield module.split(".")[1]


def arrows() -> List[Tuple[str, str]]:
    """Return the arrows of the drawing."""
    return re.findall(r"^ +(\w+) --> (\w+)$", PAGE, re.MULTILINE)


def reachable(start: str) -> Set[str]:
    """Return every room that the drawing's arrows lead to."""
    found: Set[str] = set()
    waiting = [start]
    while waiting:
        room = waiting.pop()
        news = {stop for begin, stop in arrows() if begin == room} - found
        found |= news
        waiting += news
    return found


def named_functions() -> List[Tuple[str, str]]:
    """Return (file, dotted name) of every `file.py: name` of the page."""
    return sorted(set(re.findall(r"`([\w/]+\.py): ([\w.]+)`", PAGE)))


def test_the_table_of_rooms_is_the_import_contract() -> None:
    assert page_layers() == contract_layers()


def test_every_room_stands_in_the_table() -> None:
    assert rooms() <= set().union(*page_layers())


def test_every_arrow_is_an_import() -> None:
    made_up = [f"{start} --> {stop}" for start, stop in arrows() if stop not in imports().get(start, set())]
    assert not made_up


@pytest.mark.parametrize("room", sorted(rooms() - UNDRAWN))
def test_every_import_follows_from_the_arrows(room: str) -> None:
    missing = imports()[room] - UNDRAWN - reachable(room)
    assert not missing, [f"{room} --> {other}" for other in sorted(missing)]


def test_arrows_point_down() -> None:
    place = {room: number for number, layer in enumerate(page_layers()) for room in layer}
    assert arrows()
    assert all(place[start] < place[stop] for start, stop in arrows())


@pytest.mark.parametrize(("file", "name"), named_functions(), ids=lambda part: part)
def test_every_function_of_the_page_exists(file: str, name: str) -> None:
    body = ast.parse((PACKAGE / file).read_text(encoding="utf-8")).body
    for part in name.split("."):
        found = [node for node in body if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name == part]
        assert found, f"pspgrasp/{file} has no {name}"
        body = found[0].body


def test_the_page_names_the_whole_road() -> None:
    assert len(named_functions()) > 25
