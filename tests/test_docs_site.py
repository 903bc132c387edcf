"""The documentation as a site: it builds, holds together, needs no network, and its pages say what the code says."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Dict, Iterator, List, Set, Tuple
from urllib.parse import unquote

import pytest
import yaml

from pspgrasp.cli import main
from pspgrasp.node_config import NodeConfig

mkdocs = pytest.importorskip("mkdocs", reason="needs the extra docs")
pytest.importorskip("material", reason="needs the extra docs")
pytest.importorskip("mkdocstrings", reason="needs the extra docs")

CHECKOUT = Path(__file__).parents[1]
DOCS = CHECKOUT / "docs"
OUTSIDE = {"README.md": "index.md", "README.zh.md": "index.zh.md"}
FOR_ROBOTS = ("robot.md", "camera.md")
FETCHED = {("script", "src"), ("link", "href"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("video", "src")}


class Page(HTMLParser):
    """What a page of the site leads to, what it fetches, and where in it one can be led."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: List[str] = []
        self.fetched: List[str] = []
        self.places: Set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        values: Dict[str, str] = {key: value or "" for key, value in attrs}
        self.places |= {values[key] for key in ("id", "name") if key in values}
        self.links += [values[key] for key in ("href", "src") if key in values]
        self.fetched += [value for key, value in values.items() if (tag, key) in FETCHED]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=str(CHECKOUT), env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> Dict[Path, Page]:
    return {path: Page(path) for path in sorted(site.rglob("*.html")) if path.name != "404.html"}


def test_every_link_of_the_site_leads_somewhere(pages: Dict[Path, Page]) -> None:
    lost = []
    for path, page in pages.items():
        for link in page.links:
            if re.match(r"(\w+:|//)", link):
                continue
            target, _, place = unquote(link).partition("#")
            file = (path.parent / target).resolve() if target else path
            if not file.exists() or (place and file in pages and place not in pages[file].places):
                lost.append((path.name, link))
    assert lost == []


def test_nothing_is_fetched_from_a_network(pages: Dict[Path, Page]) -> None:
    fetched = {(path.name, link) for path, page in pages.items() for link in page.fetched}
    assert {link for link in fetched if re.match(r"(https?:)?//", link[1])} == set()


def test_every_picture_of_a_page_is_in_the_site(site: Path) -> None:
    assert {path.name for path in (DOCS / "pictures").iterdir()} == {p.name for p in (site / "pictures").iterdir()}


def navigation(entries: Any) -> Iterator[str]:
    """Yield the pages of a part of the navigation."""
    for entry in entries:
        for inside in entry.values():
            yield from [inside] if isinstance(inside, str) else navigation(inside)


def test_every_page_is_in_the_navigation_once() -> None:
    named = list(navigation(yaml.safe_load((CHECKOUT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]))
    there = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}
    assert sorted(named) == sorted(there | {*OUTSIDE.values(), "contributing.md", "changelog.md"})


# --- what pages say


def fences(page: Path, language: str) -> List[str]:
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{re.escape(language)}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    "text",
    [pytest.param(text, id=f"{page}-{n}") for page in FOR_ROBOTS for n, text in enumerate(fences(DOCS / page, "yaml"))],
)
def test_the_node_takes_the_settings_of_the_pages_for_robots(text: str) -> None:
    assert NodeConfig.from_parameters(yaml.safe_load(text)) != NodeConfig()


def test_the_commands_of_start_do_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    (source,) = fences(DOCS / "start.md", "python")
    exec(compile(source.replace("frames=10", "frames=2"), "start.md", "exec"), {"__name__": "example"})
    lines = [line for text in fences(DOCS / "start.md", "sh") for line in text.splitlines()]
    for words in (line.split() for line in lines if line.startswith("pspgrasp ")):
        assert main(words[1:]) == 0, words
    shown = next(text for text in fences(DOCS / "start.md", "text") if text.startswith("quality"))
    assert shown.splitlines()[0] in capsys.readouterr().out
    assert {"grasps.png", "grasps.mp4", "report"} <= {path.name for path in tmp_path.iterdir()}


def told_messages() -> List[str]:
    """Return the messages of the tables of troubleshooting.md whose first column is `it says`."""
    said, inside = [], False
    for line in (DOCS / "troubleshooting.md").read_text(encoding="utf-8").splitlines():
        first = line.split(" | ")[0].lstrip("| ")
        inside = line.startswith("|") and (inside or first.startswith("it says"))
        quoted = re.fullmatch(r"(`+) ?(.*?) ?\1", first)
        if inside and quoted:
            said.append(quoted[2])
    return said


def texts_of_the_source() -> List[str]:
    """Return every text of the package, {} for what varies in it."""
    found = []
    for file in (CHECKOUT / "pspgrasp").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                found.append("".join(str(v.value) if isinstance(v, ast.Constant) else "{}" for v in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return found


def test_every_message_of_troubleshooting_is_one_of_ours() -> None:
    texts, told = texts_of_the_source(), told_messages()
    assert len(told) > 40
    patterns = {message: ".*".join(re.escape(part.strip()) for part in message.split("...")) for message in told}
    assert [message for message, pattern in patterns.items() if not any(re.search(pattern, t) for t in texts)] == []


# --- two languages


def blocks_and_figures(page: Path) -> Tuple[List[str], List[str], List[str]]:
    """Return the shell and Python blocks, the links, and the figures of the tables of a page."""
    text = page.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if link not in OUTSIDE]
    rows = [re.sub(r"\([^)]*\)", "", line) for line in text.splitlines() if line.startswith("|")]
    commands = [re.sub(r" *#.*", "", block) for language in ("sh", "python") for block in fences(page, language)]
    return commands, sorted(links), re.findall(r"\d[\d.,]*", "\n".join(rows))


def test_the_chinese_readme_tells_the_same_commands_links_and_figures() -> None:
    english, chinese = (blocks_and_figures(CHECKOUT / name) for name in OUTSIDE)
    assert english == chinese
    assert all(
        f"]({other})" in (CHECKOUT / name).read_text(encoding="utf-8")
        for name, other in (("README.md", "README.zh.md"), ("README.zh.md", "README.md"))
    )
