"""From .msg and .srv files to Python classes, by ROS's own generator (genpy), with or without a build.

The same sources go to memory at start-up (`pspgrasp.ros.interfaces`), into the wheel (setup.py) and into
catkin's spaces (`python3 -m pspgrasp.ros.message_generation --package ggcnn --output FOLDER`).
"""

from __future__ import annotations

import argparse
import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from pspgrasp.errors import PspGraspError

KINDS = ("msg", "srv")
_EMBEDDED_CLASSES = (("std_msgs.msg", "Header"), ("geometry_msgs.msg", "Pose"))
_BETWEEN_DEFINITIONS = "=" * 80 + "\nMSG: "  # how a message class lists the types it embeds


class InterfaceError(PspGraspError):
    """A message or service class is missing, cannot be generated, or is not the one defined here."""


@dataclass(frozen=True)
class InterfacePackage:
    """The definitions of one ROS package: `folder` holds its msg/ and srv/."""

    name: str
    folder: Path

    def files(self, kind: str) -> List[Path]:
        """Return the definitions of one kind, "msg" or "srv", sorted by name."""
        return sorted((self.folder / kind).glob(f"*.{kind}"))


def interface_packages(root: Path) -> List[InterfacePackage]:
    """Return the packages defined under `root`: pspgrasp, and ggcnn for the clients of GG-CNN's node."""
    return [InterfacePackage("pspgrasp", root), InterfacePackage("ggcnn", root / "compat" / "ggcnn")]


def find_definitions(module_file: str = __file__) -> Path:
    """Return the folder with this package's msg/ and srv/: its checkout, or the share/pspgrasp installed."""
    folders = Path(module_file).resolve().parents
    for candidate in [folders[2], *(folder / "share" / "pspgrasp" for folder in folders)]:
        if (candidate / "msg" / "GraspArray.msg").is_file():
            return candidate
    raise InterfaceError(
        f"the message definitions of {folders[1]} are missing: neither {folders[2]} nor a share/pspgrasp "
        "above it has msg/GraspArray.msg; install by pip or catkin, or run from a whole checkout"
    )


class Definitions:
    """Parsed definitions of several packages, together with the standard messages that they embed."""

    def __init__(self, packages: Sequence[InterfacePackage]) -> None:
        self._parser = _import_from_ros("genmsg.msg_loader")
        self._context = self._parser.MsgContext.create_default()
        for module, name in _EMBEDDED_CLASSES:
            self._add_installed(getattr(_import_from_ros(module), name))
        self._specs = {
            f"{package.name}.{kind}.{file.stem}": self._parse(package, kind, file)
            for kind in KINDS
            for package in packages
            for file in package.files(kind)
        }

    def _add_installed(self, message_class: Any) -> None:
        # The class carries its definition, while the .msg file is in another Debian package.
        own, *embedded = (message_class._full_text + "\n").split(_BETWEEN_DEFINITIONS)
        named = [(message_class._type, own), *(section.split("\n", 1) for section in embedded)]
        for type_name, text in named:
            self._parser.load_msg_from_string(self._context, text[:-1], type_name)

    def _parse(self, package: InterfacePackage, kind: str, file: Path) -> Any:
        parse = getattr(self._parser, f"load_{kind}_from_string")
        return parse(self._context, file.read_text(encoding="utf-8"), f"{package.name}/{file.stem}")

    def names(self, module: str) -> List[str]:
        """Return the classes of a module such as "ggcnn.srv", sorted."""
        return [name.rpartition(".")[2] for name in self._specs if name.startswith(f"{module}.")]

    def md5(self, module: str, name: str) -> str:
        """Return the checksum by which ROS tells two definitions of one name apart."""
        spec = self._specs[f"{module}.{name}"]
        self._parser.load_depends(self._context, spec, {})
        return str(_import_from_ros("genmsg").compute_md5(self._context, spec))

    def source(self, module: str, name: str) -> str:
        """Return the Python source of one class, with those of a service's request and response."""
        write = getattr(_import_from_ros("genpy.generator"), f"{module[-3:]}_generator")
        return "\n".join(write(self._context, self._specs[f"{module}.{name}"], {})) + "\n"


def _import_from_ros(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        debian = "python3-" + module.split(".")[0].replace("_", "-")
        raise InterfaceError(
            f"no ROS message classes: {error}; source ROS's setup.bash, or install {debian} with apt "
            "(not with pip, where some of these names belong to other programs)"
        ) from error


def generate_sources(package: str, definitions: Definitions) -> Dict[str, str]:
    """Return the source of every module of one package, by name: "ggcnn.msg", "ggcnn.msg._Grasp", ..."""
    sources = {package: ""}
    for module in (f"{package}.{kind}" for kind in KINDS):
        names = definitions.names(module)
        sources[module] = "".join(f"from ._{name} import *\n" for name in names)
        sources.update({f"{module}._{name}": definitions.source(module, name) for name in names})
    return sources


def is_package(module: str) -> bool:
    """Tell whether a generated module has modules below it: only the classes' own names start with "_"."""
    return not module.rpartition(".")[2].startswith("_")


def write_sources(sources: Dict[str, str], folder: Path) -> None:
    """Write modules below `folder`, but no top-level `__init__.py` over one that is there."""
    for module, source in sources.items():
        path = folder.joinpath(*module.split("."))
        path = path / "__init__.py" if is_package(module) else path.with_suffix(".py")
        if "." in module or not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source, encoding="utf-8")


def write_packages(names: Sequence[str], folder: Path, root: Optional[Path] = None) -> None:
    """Generate the named packages ("pspgrasp", "ggcnn") below `folder`."""
    definitions = Definitions(interface_packages(root or find_definitions()))
    for name in names:
        write_sources(generate_sources(name, definitions), folder)


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """Write one package's classes: what CMake calls."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--package", required=True, choices=["pspgrasp", "ggcnn"])
    parser.add_argument("--output", required=True, type=Path, help="the folder that gets the package")
    options = parser.parse_args(arguments)
    write_packages([options.package], options.output)


if __name__ == "__main__":
    main()
