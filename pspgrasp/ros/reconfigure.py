"""dynamic_reconfigure from the dataclasses themselves: their bounds and descriptions are written once.

Each group is a server of its own, in `~detection` for one, so its values lie in the same parameter tree that the node
reads at its start.
"""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any, Callable, Dict, Type, get_type_hints

import rospy
from dynamic_reconfigure.server import Server

from pspgrasp.config import from_tree
from pspgrasp.errors import ConfigError

KINDS = {float: "double", int: "int", bool: "bool", str: "str"}


def serve(group: str, kind: Type[Any], current: Any, changed: Callable[[Any], None]) -> Server:
    """Offer the settings of a config dataclass in `~group`; each valid change goes to `changed`.

    A change that the dataclass refuses is logged, and the values go back to what they were.
    """
    state = {"valid": current}

    def apply(values: Dict[str, Any], _level: int) -> Dict[str, Any]:
        names = [parameter["name"] for parameter in description(kind)["parameters"]]
        try:
            tree = {**_other_values(state["valid"], names), **{name: values[name] for name in names}}
            state["valid"] = from_tree(kind, tree, group)
            changed(state["valid"])
        except ConfigError as error:
            rospy.logerr("%s; the old values stay", error)
            values.update({name: getattr(state["valid"], name) for name in names})
        return values

    return Server(config_type(kind), apply, group)


def description(kind: Type[Any]) -> Dict[str, Any]:
    """Return dynamic_reconfigure's description of a config dataclass; tuples are left out."""
    hints = get_type_hints(kind)
    parameters = [_parameter(f, KINDS[hints[f.name]]) for f in dataclasses.fields(kind) if hints[f.name] in KINDS]
    return {
        "name": "Default",
        "type": "",
        "state": True,
        "cstate": "true",
        "id": 0,
        "parent": 0,
        "parameters": parameters,
        "groups": [],
    }


def config_type(kind: Type[Any]) -> SimpleNamespace:
    """Return what dynamic_reconfigure's generator would have written as a module."""
    tree = description(kind)
    by_name = {key: {p["name"]: p[key] for p in tree["parameters"]} for key in ("min", "max", "level", "type")}
    defaults = {p["name"]: p["default"] for p in tree["parameters"]}
    return SimpleNamespace(config_description=tree, defaults=defaults, all_level=1, **by_name)


def _parameter(entry: Any, kind: str) -> Dict[str, Any]:
    bounded = kind in ("double", "int")
    return {
        "name": entry.name,
        "type": kind,
        "default": entry.default,
        "level": 1,
        "edit_method": "",
        "description": entry.metadata["doc"],
        "min": entry.metadata["low"] if bounded else ("" if kind == "str" else False),
        "max": entry.metadata["high"] if bounded else ("" if kind == "str" else True),
    }


def _other_values(config: Any, names: Any) -> Dict[str, Any]:
    return {f.name: getattr(config, f.name) for f in dataclasses.fields(config) if f.name not in names}
