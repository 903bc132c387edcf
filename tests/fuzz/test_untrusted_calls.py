"""What the package never does, read from its code: run what a file holds, or what a name spells."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Iterator, List, Set

import pytest

PACKAGE = Path(__file__).parents[2] / "pspgrasp"
FILES = sorted(PACKAGE.rglob("*.py"))
#: Between a process and its own children, over a pipe that nobody else has.
OWN_PIPES = {"parallel.py": {"pickle"}}
NEVER_IMPORTED = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "code", "codeop"}
NEVER_CALLED = {
    "eval", "exec", "compile", "__import__", "os.system", "os.popen", "os.exec", "pty.spawn", "yaml.load",
    "yaml.unsafe_load", "yaml.full_load", "yaml.load_all", "torch.jit.load", "torch.package", "pandas.read_pickle",
    "tarfile.open", "shutil.unpack_archive", "tempfile.mktemp", "torch.hub.load", "runpy.run_path",
}  # fmt: skip


def dotted(node: ast.AST) -> str:
    """Return the name of a call's function: "torch.load"."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def said(call: ast.Call, name: str) -> object:
    """Return the value of a keyword of a call, None where it isn't a constant."""
    values = [one.value for one in call.keywords if one.arg == name]
    return values[0].value if values and isinstance(values[0], ast.Constant) else None


def faults(source: str, allowed: Set[str]) -> Iterator[str]:
    """Yield what a module does that it never may."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [one.name for one in node.names]
            yield from (f"imports {name}" for name in names if name.split(".")[0] in NEVER_IMPORTED - allowed)
        elif isinstance(node, ast.Call):
            yield from faults_of_call(node, dotted(node.func))


def faults_of_call(call: ast.Call, name: str) -> Iterator[str]:
    if name in NEVER_CALLED:
        yield f"calls {name}"
    if name == "torch.load" and said(call, "weights_only") is not True:
        yield "calls torch.load without weights_only=True"
    if name in ("np.load", "numpy.load") and said(call, "allow_pickle") is not False:
        yield "calls numpy.load without allow_pickle=False"
    if name.startswith("subprocess.") and any(one.arg == "shell" for one in call.keywords):
        yield f"calls {name} with a shell"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_no_module_runs_what_a_file_holds(file: Path) -> None:
    allowed = OWN_PIPES.get(str(file.relative_to(PACKAGE)), set())
    assert list(faults(file.read_text(encoding="utf-8"), allowed)) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle", "from pickle import loads", "import torch\ntorch.load('x')",
        "torch.load(x, weights_only=False)",
        "yaml.load(text, Loader=yaml.Loader)", "eval('1')", "exec(text)", "os.system('ls')", "np.load(path)",
        "subprocess.run('ls', shell=True)", "np.load(path, allow_pickle=True)",
    ],
)  # fmt: skip
def test_each_of_them_would_be_found(source: str) -> None:
    found: List[str] = list(faults(source, set()))
    assert len(found) == 1


def test_the_exceptions_are_still_needed() -> None:
    for name, allowed in OWN_PIPES.items():
        found = list(faults((PACKAGE / name).read_text(encoding="utf-8"), set()))
        assert found == [f"imports {module}" for module in sorted(allowed)]
