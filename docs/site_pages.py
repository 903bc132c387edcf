"""A hook of MkDocs: pages that lie outside docs/, and links that lead there, become parts of the site."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any, Match

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

CHECKOUT = Path(__file__).parents[1]
#: file of the repository -> page of the site
PAGES = {
    "README.md": "index.md",
    "README.zh.md": "index.zh.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
FILES = "files/"  # where other files of the repository, to which a page links, are kept as text
LINK = re.compile(r"(\]\()([^)\s#]+)((?:#[^)\s]*)?\))")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages outside docs/, and every file to which one of all pages links."""
    for name, page in PAGES.items():
        files.append(File.generated(config, page, content=(CHECKOUT / name).read_text(encoding="utf-8")))
    for file in list(files.documentation_pages()):
        for _, target, _ in LINK.findall(file.content_string):
            name = _in_repository(file.src_uri, target)
            if _is_kept(name) and not files.get_file_from_path(_place(name)):
                files.append(
                    File.generated(config, _place(name), content=(CHECKOUT / name).read_text(encoding="utf-8"))
                )
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Return a page whose links lead to where things are in the site."""
    here = page.file.src_uri

    def moved(link: Match[str]) -> str:
        name = _in_repository(here, link[2])
        return link[1] + posixpath.relpath(_place(name), posixpath.dirname(here) or ".") + link[3] if name else link[0]

    return LINK.sub(moved, markdown)


def _in_repository(page: str, target: str) -> str:
    """Return the file of the repository that a link of a page of the site means; "" for an address or nothing there."""
    if ":" in target:
        return ""
    source = next((name for name, place in PAGES.items() if place == page), f"docs/{page}")
    name = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
    return name if not name.startswith("..") and (CHECKOUT / name).is_file() else ""


def _place(name: str) -> str:
    """Return where a file of the repository is in the site."""
    if name in PAGES:
        return PAGES[name]
    return name[len("docs/") :] if name.startswith("docs/") else f"{FILES}{name}.txt"


def _is_kept(name: str) -> bool:
    return bool(name) and name not in PAGES and not name.startswith("docs/")
