"""Settings as frozen dataclasses: each constant lives here once, with its unit, its bounds and its reason.

A tree of plain values (YAML, JSON, ROS parameters) becomes a dataclass by `from_tree`; an unknown key or a
value of the wrong type is an error that names the place and the near miss.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Tuple, Type, TypeVar, Union, get_type_hints

from pspgrasp.errors import ConfigError, shown, unknown_name

Config = TypeVar("Config")

#: How holes in depth can be filled; what does it is in preprocess.py.
FILLS = ("push_pull", "navier_stokes")


def setting(default: Any, doc: str, low: float = -float("inf"), high: float = float("inf")) -> Any:
    """Return a dataclass field with its description and its bounds (both included)."""
    return field(default=default, metadata={"doc": doc, "low": low, "high": high})


@dataclass(frozen=True)
class PreprocessConfig:
    """How depth becomes network input; travels in the checkpoint, since the weights depend on it."""

    input_size_px: int = setting(300, "side of the square network input [px]", 32, 4096)
    clip_m: float = setting(1.0, "depth minus its mean is clipped to +-clip_m [m] (GG-CNN: 1)", 0.01, 100.0)
    pixel_size_channel: bool = setting(
        False, "a second channel, log(1000 depth / focal length): how many millimetres a pixel spans"
    )
    fill: str = setting("push_pull", "how holes are filled: push_pull, or navier_stokes as GG-CNN fills them")

    def __post_init__(self) -> None:
        if self.fill not in FILLS:
            raise ConfigError(unknown_name("fill", self.fill, FILLS))

    @property
    def channels(self) -> int:
        """Channels of the network input."""
        return 2 if self.pixel_size_channel else 1


@dataclass(frozen=True)
class CropConfig:
    """The square window of the depth image that the network looks at."""

    size_px: int = setting(300, "side of the window in the depth image [px]", 16, 4096)
    offset_u_px: int = setting(0, "shift of the window to the right of the image centre [px]", -4096, 4096)
    offset_v_px: int = setting(0, "shift of the window below the image centre [px]", -4096, 4096)
    near_m: float = setting(0.1, "nearer depth counts as missing [m]", 0.0, 100.0)
    far_m: float = setting(2.0, "farther depth counts as missing, before the mean is taken [m]", 0.0, 100.0)

    def __post_init__(self) -> None:
        _ordered("near_m", self.near_m, "far_m", self.far_m)


@dataclass(frozen=True)
class DetectionConfig:
    """How maps become grasps. Lengths are pixels of the network's maps."""

    min_quality: float = setting(
        0.35, "peaks below this quality are no grasps (one empty bin in eight shows a false one above)", 0.0, 1.0
    )
    max_grasps: int = setting(5, "most grasps of one image", 1, 100)
    min_distance_px: float = setting(20.0, "two grasps are at least this far apart [map px]", 0.0, 300.0)
    sigma_quality_px: float = setting(2.0, "Gaussian over quality [map px]; 0 is none", 0.0, 50.0)
    sigma_angle_px: float = setting(2.0, "Gaussian over cos 2phi and sin 2phi [map px]; 0 is none", 0.0, 50.0)
    sigma_width_px: float = setting(1.0, "Gaussian over width [map px]; 0 is none", 0.0, 50.0)
    depth_radius_px: int = setting(2, "depth at a grasp: median within this many image px around it", 0, 20)
    clearance_m: float = setting(
        0.01,
        "opening beyond the contact width, both sides together [m]; for networks that put out contact widths",
        0.0,
        1.0,
    )


@dataclass(frozen=True)
class LimitsConfig:
    """Which grasps the gripper and the cell allow; each removed grasp is reported with its reason."""

    min_width_m: float = setting(0.0, "smallest opening of the gripper [m]", 0.0, 10.0)
    max_width_m: float = setting(10.0, "largest opening of the gripper [m]", 0.0, 10.0)
    min_depth_m: float = setting(0.0, "nearest grasp along the optical axis [m]", 0.0, 100.0)
    max_depth_m: float = setting(100.0, "farthest grasp along the optical axis [m]", 0.0, 100.0)
    workspace_px: Tuple[Tuple[float, float], ...] = field(
        default=(),
        metadata={"doc": "polygon of at least three [u, v] in the depth image [px]; empty is everywhere"},
    )

    def __post_init__(self) -> None:
        _ordered("min_width_m", self.min_width_m, "max_width_m", self.max_width_m)
        _ordered("min_depth_m", self.min_depth_m, "max_depth_m", self.max_depth_m)
        if 0 < len(self.workspace_px) < 3:
            raise ConfigError(f"workspace_px needs at least three corners, got {len(self.workspace_px)}")
        if not all(abs(place) <= 1e5 for corner in self.workspace_px for place in corner):
            raise ConfigError(f"workspace_px needs corners in pixels of the image, got {self.workspace_px}")


def _ordered(low_name: str, low: float, high_name: str, high: float) -> None:
    if low >= high:
        raise ConfigError(f"{low_name} ({low:g}) must be below {high_name} ({high:g})")


def to_yaml(config: Any, indent: str = "") -> str:
    """Return the dataclass as YAML, each setting with its description as a comment."""
    lines = []
    for entry in dataclasses.fields(config):
        value = getattr(config, entry.name)
        if dataclasses.is_dataclass(value):
            lines += [f"{indent}{entry.name}:", to_yaml(value, indent + "  ")]
        else:
            doc = entry.metadata.get("doc", "")
            lines.append(f"{indent}{entry.name}: {_yaml_value(_plain(value))}" + (f"  # {doc}" if doc else ""))
    return "\n".join(lines)


def _yaml_value(value: Any) -> str:
    """Return a plain value as JSON, which is YAML, and quotes what YAML would misread: off is a boolean there."""
    if isinstance(value, list):
        return f"[{', '.join(_yaml_value(v) for v in value)}]"
    text = json.dumps(value)
    # PyYAML takes 1e-05 for a text; 1.0e-05 is a number.
    return text.replace("e", ".0e") if isinstance(value, float) and "." not in text else text


def to_tree(config: Any) -> Dict[str, Any]:
    """Return the dataclass as plain values (tuples as lists), the inverse of `from_tree`."""
    return {f.name: _plain(getattr(config, f.name)) for f in dataclasses.fields(config)}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return to_tree(value)
    return [_plain(v) for v in value] if isinstance(value, (tuple, list)) else value


def from_tree(kind: Type[Config], tree: Any, place: str = "") -> Config:
    """Return a `kind` filled from plain values; what is absent keeps its default.

    Raises:
        ConfigError: An unknown key (with the near miss), a wrong type, or a value out of bounds.
    """
    if not isinstance(tree, Mapping):
        raise ConfigError(f"{place or kind.__name__} must be a mapping, got {shown(tree)}")
    hints = get_type_hints(kind)
    fields = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    values = {}
    for key, value in tree.items():
        name = key if isinstance(key, str) and key.isprintable() and len(key) < 60 else shown(key)
        here = f"{place}/{name}" if place else name
        if key not in fields:
            raise ConfigError(f"{unknown_name('parameter', key, fields)} (at {here})")
        values[key] = _bounded(_typed(hints[key], value, here), fields[key].metadata, here)
    return kind(**values)


def _typed(hint: Any, value: Any, place: str) -> Any:
    if dataclasses.is_dataclass(hint):
        return from_tree(hint, value, place)  # type: ignore[arg-type]
    origin, arguments = getattr(hint, "__origin__", None), getattr(hint, "__args__", ())
    if origin is tuple and isinstance(value, (list, tuple)):
        return _typed_tuple(arguments, value, place)
    if origin is dict and isinstance(value, Mapping):
        return dict(value)
    if hint is float and _whole(value) and abs(value) <= sys.float_info.max:
        return float(value)
    if origin is None and isinstance(value, hint) and (hint is bool or not isinstance(value, bool)):
        return value
    raise ConfigError(f"{place} must be {_spoken(hint)}, got {shown(value)} ({type(value).__name__})")


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _typed_tuple(arguments: Tuple[Any, ...], value: Any, place: str) -> Tuple[Any, ...]:
    if arguments[-1] is Ellipsis:
        arguments = (arguments[0],) * len(value)
    if len(value) != len(arguments):
        raise ConfigError(f"{place} must hold {len(arguments)} values, got {len(value)}")
    return tuple(_typed(a, v, f"{place}[{i}]") for i, (a, v) in enumerate(zip(arguments, value)))


def _bounded(value: Any, bounds: Mapping[str, Any], place: str) -> Any:
    if "low" in bounds and isinstance(value, (int, float)) and not bounds["low"] <= value <= bounds["high"]:
        raise ConfigError(f"{place} must lie in [{bounds['low']:g}, {bounds['high']:g}], got {shown(value)}")
    return value


def _spoken(hint: Any) -> str:
    names: Dict[Union[type, str], str] = {
        float: "a number",
        int: "a whole number",
        str: "a text",
        bool: "true or false",
    }
    return names.get(hint, str(hint).replace("typing.", ""))
