"""Is a runtime the network that it should be? Its maps and its clear grasps against those of a reference."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Callable, Dict, List, Sequence

import numpy as np

from pspgrasp.config import DetectionConfig, PreprocessConfig
from pspgrasp.detect import peaks
from pspgrasp.errors import NetworkError
from pspgrasp.grasp import ImageGrasp, wrap_half_turn
from pspgrasp.maps import FrameMaps, GraspMaps
from pspgrasp.network_file.metadata import MAPS
from pspgrasp.preprocess import network_input

Run = Callable[[np.ndarray], np.ndarray]

HOLES = 0.02  # of the pixels of a probe
RANDOM_M = 0.1  # spread of the random input
AROUND_PX = 20.0  # two grasps nearer than this are one place
LEAST_SPREAD = 0.003  # of a map; what differs less in a flat one is noise


@dataclass(frozen=True)
class Tolerance:
    """How far a runtime may be off.

    Attributes:
        error: Of a map, as `Parity` has it, of what a camera might see.
        error_on_noise: The same on noise.
        place_px: Of a clear grasp [map px].
        angle_rad: Of a clear grasp.
        clearly: By how much its quality must stand out around it; else one of two may take the other's place.
    """

    error: float
    error_on_noise: float
    place_px: float
    angle_rad: float
    clearly: float


#: By precision. A quantised network is judged by what its grasps come to, when it is made; here only that it is it:
#: noise, which no camera sees, leaves the ranges that it knows.
TOLERANCES: Dict[str, Tolerance] = {
    "float32": Tolerance(1e-3, 1e-3, 1.0, math.radians(2), 0.05),
    "half": Tolerance(0.1, 0.1, 3.0, math.radians(5), 0.2),
    "int8": Tolerance(0.3, 0.9, math.inf, math.inf, math.inf),
}


@dataclass(frozen=True)
class Parity:
    """How a runtime compares with the reference.

    Attributes:
        error: Root mean square difference of the worst map, as a share of the reference's standard deviation.
        objection: What is wrong, in words; "" if nothing is.
    """

    error: float
    objection: str


def parity(reference: Run, other: Run, config: PreprocessConfig, precision: str) -> Parity:
    """Return how a runtime compares with the reference on what a camera might see, and on noise.

    Args:
        reference: Of the same network, in float32.
        other: The runtime.
        config: Of the network's input.
        precision: Of the runtime: a key of TOLERANCES.
    """
    tolerance = TOLERANCES[precision]
    seen, noise = probes(config)
    found = [
        compare(reference(seen), other(seen), tolerance),
        compare(reference(noise), other(noise), replace(tolerance, error=tolerance.error_on_noise)),
    ]
    objections = [one.objection for one in found if one.objection]
    return Parity(max(one.error for one in found), objections[0] if objections else "")


def compare(wanted: np.ndarray, found: np.ndarray, tolerance: Tolerance) -> Parity:
    """Return how the output `found` compares with the output `wanted`, both (4, S, S)."""
    if found.shape != wanted.shape:
        return Parity(math.inf, f"its output is {found.shape}, not {wanted.shape}")
    if not np.isfinite(found).all():
        return Parity(math.inf, "it puts out NaN or infinity")
    off = _off(wanted, found, tolerance)
    return off if off.objection else replace(off, objection=_moved(_grasps(wanted), _grasps(found), tolerance))


def check_road(wanted: FrameMaps, found: FrameMaps, precision: str, name: str) -> None:
    """See that a road walked elsewhere leads where ours does: the same maps, and the same clear grasps.

    Args:
        wanted: As the road is walked here, with the same network.
        found: As it was walked there.
        precision: In which it was walked: a key of TOLERANCES.
        name: Of the runtime that walked it, for people.

    Raises:
        NetworkError: It doesn't.
    """
    tolerance = TOLERANCES[precision]
    off = _off(wanted.whole.encode(1.0), found.whole.encode(1.0), tolerance).objection
    off = off or _moved(list(peaks(wanted, 0.0)), list(peaks(found, 0.0)), tolerance)
    if off:
        raise NetworkError(f"{name} does not walk the road from depth to grasps as it should: {off}")


def _off(wanted: np.ndarray, found: np.ndarray, tolerance: Tolerance) -> Parity:
    """Return how far maps (4, S, S) are from the wanted ones."""
    errors = np.sqrt(np.mean((found - wanted) ** 2, axis=(1, 2))) / np.maximum(wanted.std((1, 2)), LEAST_SPREAD)
    worst = int(errors.argmax())
    off = f"{MAPS[worst]} is off by {errors[worst]:.1%} of its spread; {tolerance.error:.1%} is allowed"
    return Parity(float(errors[worst]), "" if errors[worst] <= tolerance.error else off)


def probes(config: PreprocessConfig) -> List[np.ndarray]:
    """Return two network inputs (C, S, S) float32: a table with things on it as a camera sees them, and noise."""
    side = config.input_size_px
    rng = np.random.default_rng(0)
    noise = rng.normal(0, RANDOM_M, (config.channels, side, side)).astype(np.float32)
    return [
        network_input(_table_m(side, rng), config, focal_px=2.0 * side),
        np.clip(noise, -config.clip_m, config.clip_m),
    ]


def probe_depth_m(side: int) -> np.ndarray:
    """Return depth (side, side) float32 [m] of a table with things on it as a camera sees it, holes (NaN) and all."""
    rng = np.random.default_rng(0)
    depth_m = _table_m(side, rng)
    depth_m[rng.random(depth_m.shape) < HOLES] = np.nan
    depth_m[side // 2 : side // 2 + side // 6, : side // 5] = np.nan  # what a camera doesn't see lies together
    return depth_m


def _table_m(side: int, rng: np.random.Generator) -> np.ndarray:
    """Return depth (side, side) float32 [m] of a tilted table with a box, a bar and a ball, and a camera's noise."""
    v, u = np.mgrid[:side, :side].astype(np.float32) / side - 0.5
    depth_m = 0.6 + 0.1 * v
    depth_m -= 0.05 * ((np.abs(u + 0.2) < 0.06) & (np.abs(v + 0.15) < 0.1))
    along, across = 0.8 * (u - 0.15) + 0.6 * (v + 0.2), 0.6 * (u - 0.15) - 0.8 * (v + 0.2)
    depth_m -= 0.03 * ((np.abs(along) < 0.17) & (np.abs(across) < 0.025))
    depth_m -= np.sqrt(np.maximum(0.08**2 - (u - 0.05) ** 2 - (v - 0.2) ** 2, 0))
    return (depth_m + rng.normal(0, 0.001, depth_m.shape)).astype(np.float32)


def _grasps(output: np.ndarray) -> List[ImageGrasp]:
    """Return all peaks, smoothed as on a robot, best first; their widths mean nothing."""
    return list(peaks(GraspMaps.decode(output, width_scale_px=1.0).smoothed(DetectionConfig()), 0.0))


def _rivals(grasp: ImageGrasp, other: ImageGrasp, clearly: float) -> bool:
    return other is not grasp and _apart_px(grasp, other) < AROUND_PX and other.quality > grasp.quality - clearly


def _apart_px(grasp: ImageGrasp, other: ImageGrasp) -> float:
    return math.hypot(grasp.u - other.u, grasp.v - other.v)


def _clear(grasps: Sequence[ImageGrasp], clearly: float) -> List[ImageGrasp]:
    """Return the good grasps around which none comes near in quality."""
    good = [grasp for grasp in grasps if grasp.quality >= DetectionConfig.min_quality]
    return [grasp for grasp in good if not any(_rivals(grasp, other, clearly) for other in good)]


def _moved(wanted: Sequence[ImageGrasp], found: Sequence[ImageGrasp], tolerance: Tolerance) -> str:
    """Say which of the clear ones of the wanted grasps isn't where it was; "" if all are."""
    for grasp in _clear(wanted, tolerance.clearly):
        near = [other for other in found if _apart_px(grasp, other) < AROUND_PX]
        if not near:
            return f"it misses a grasp of quality {grasp.quality:.2f}"
        place_px = _apart_px(grasp, near[0])
        angle_rad = abs(wrap_half_turn(near[0].angle_rad - grasp.angle_rad))
        if place_px > tolerance.place_px or angle_rad > tolerance.angle_rad:
            return f"a clear grasp is {place_px:.0f} px and {math.degrees(angle_rad):.0f} degrees off"
    return ""
