"""The one place where message classes come from: those that catkin or pip built, else made in memory."""

from __future__ import annotations

import importlib
import sys
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from types import ModuleType
from typing import Any, Dict, Optional

from pspgrasp.ros.message_generation import (
    KINDS,
    Definitions,
    InterfaceError,
    find_definitions,
    generate_sources,
    interface_packages,
    is_package,
)


class GeneratedModules(MetaPathFinder, InspectLoader):
    """Serves generated classes to `import`."""

    def __init__(self, sources: Dict[str, str]) -> None:
        self._sources = dict(sources)

    def find_spec(
        self, fullname: str, _path: object = None, _target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        """Return the spec of a generated module, None for every other."""
        return spec_from_loader(fullname, self) if fullname in self._sources else None

    def get_source(self, fullname: str) -> str:
        """Return the generated source."""
        return self._sources[fullname]

    def is_package(self, fullname: str) -> bool:
        """Tell whether a module has modules below it."""
        return is_package(fullname)


def provide_classes() -> None:
    """Make pspgrasp.msg, pspgrasp.srv, ggcnn.msg and ggcnn.srv importable, and check them by their md5.

    Raises:
        InterfaceError: a class is another than the one defined here, or nothing can generate it.
    """
    packages = interface_packages(find_definitions())
    definitions = Definitions(packages)
    for package in packages:
        # Last in the search, so that what catkin or pip built comes first.
        sys.meta_path.append(GeneratedModules(generate_sources(package.name, definitions)))
    for module in (f"{package.name}.{kind}" for package in packages for kind in KINDS):
        _check_module(module, definitions)


def _check_module(name: str, definitions: Definitions) -> None:
    module = _import_module(name)
    for class_name in definitions.names(name):
        _check_class(module, class_name, definitions.md5(name, class_name))


def _import_module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InterfaceError(
            f"{name} cannot be imported: {error}; take the other Python package of this name "
            f"({_origin(name)}) off PYTHONPATH"
        ) from error


def _check_class(module: ModuleType, name: str, md5: str) -> None:
    found: Any = getattr(getattr(module, name, None), "_md5sum", None)
    if found != md5:
        what = "has no" if found is None else f"has md5 {found} for"
        raise InterfaceError(
            f"{module.__name__} ({_origin(module.__name__)}) {what} {name}, while its definition here has "
            f"md5 {md5}; build the workspace again, or take the other {module.__name__} off PYTHONPATH"
        )


def _origin(name: str) -> str:
    module = sys.modules.get(name) or sys.modules.get(name.split(".")[0])
    return str(getattr(module, "__file__", None) or "no file")


provide_classes()

from ggcnn.msg import Grasp as GgcnnGrasp  # noqa: E402
from ggcnn.srv import (  # noqa: E402
    GraspPrediction,
    GraspPredictionRequest,
    GraspPredictionResponse,
)

from pspgrasp.msg import DetectorState, FrameStatus, Grasp, GraspArray  # noqa: E402
from pspgrasp.srv import (  # noqa: E402
    Predict,
    PredictRequest,
    PredictResponse,
    SetModel,
    SetModelRequest,
    SetModelResponse,
)

__all__ = [
    "DetectorState",
    "FrameStatus",
    "GgcnnGrasp",
    "Grasp",
    "GraspArray",
    "GraspPrediction",
    "GraspPredictionRequest",
    "GraspPredictionResponse",
    "Predict",
    "PredictRequest",
    "PredictResponse",
    "SetModel",
    "SetModelRequest",
    "SetModelResponse",
]
