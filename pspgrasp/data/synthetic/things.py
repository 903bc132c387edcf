"""Things to grasp, built of parts by chance: one function a family. Lengths in metres; z is up, the origin free."""

from __future__ import annotations

import math
from typing import Callable, Dict, List, Optional, Sequence, Tuple, Union

import numpy as np

from pspgrasp.data.synthetic.solids import Part

Random = np.random.Generator
Point = Union[Sequence[float], np.ndarray]
LEVEL = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])  # own z along the scene's x


def box(sides_m: Point, at_m: Point = (0, 0, 0), turn: Optional[np.ndarray] = None) -> Part:
    """Return a box."""
    return Part(_turn(turn), np.array(at_m, float), np.zeros(3), 0.0, -1.0, np.array(sides_m, float) / 2)


def ellipsoid(semi_m: Point, at_m: Point = (0, 0, 0), turn: Optional[np.ndarray] = None) -> Part:
    """Return an ellipsoid."""
    semi = np.array(semi_m, float)
    return Part(_turn(turn), np.array(at_m, float), 1 / semi**2, 0.0, -1.0, semi)


def cylinder(
    radius_m: float,
    height_m: float,
    at_m: Point = (0, 0, 0),
    turn: Optional[np.ndarray] = None,
    flat: float = 1.0,
) -> Part:
    """Return a cylinder along z; `flat` is the ratio of its radii along y and x."""
    radii = np.array([radius_m, radius_m * flat])
    half = np.array([*radii, height_m / 2])
    return Part(_turn(turn), np.array(at_m, float), np.array([*(1 / radii**2), 0.0]), 0.0, -1.0, half)


def cone(
    low_m: float, high_m: float, height_m: float, at_m: Point = (0, 0, 0), turn: Optional[np.ndarray] = None
) -> Part:
    """Return a frustum along z whose radius goes from `low_m` at the bottom to `high_m` on top."""
    middle, slope = (low_m + high_m) / 2, (high_m - low_m) / height_m
    square = np.array([1.0, 1.0, -(slope**2)]) / middle**2
    widest = max(low_m, high_m)
    half = np.array([widest, widest, height_m / 2])
    return Part(_turn(turn), np.array(at_m, float), square, -2 * slope / middle, -1.0, half)


def chain(points_m: Sequence[Point], radius_m: float, flat: float = 1.0) -> List[Part]:
    """Return a rod through the points with round joints; `flat` presses its cross-section down."""
    places = [np.array(p, float) for p in points_m]
    parts = [ellipsoid((radius_m, radius_m, radius_m * flat), p) for p in places]
    for a, b in zip(places, places[1:]):
        along = b - a
        length = float(np.linalg.norm(along))
        if length > 1e-6:
            parts.append(cylinder(radius_m, length, (a + b) / 2, _frame_along(along / length), flat))
    return parts


def ring(radius_m: float, thick_m: float, segments: int = 10, share: float = 1.0) -> List[Part]:
    """Return a ring (or `share` of it) of rods in the plane z = 0."""
    steps = np.linspace(0, 2 * math.pi * share, segments + 1)
    return chain([(radius_m * math.cos(s), radius_m * math.sin(s), 0.0) for s in steps], thick_m)


def _turn(turn: Optional[np.ndarray]) -> np.ndarray:
    return np.eye(3) if turn is None else turn


def _frame_along(z: np.ndarray) -> np.ndarray:
    """Return a rotation whose third column is z, and whose second is as near to up as can be."""
    # By hand: numpy's cross product of two vectors takes longer than the rest of a scene.
    a, b, c = (float(n) for n in z)
    x, y, w = (-b, a, 0.0) if abs(c) < 0.9 else (0.0, -c, b)  # up, or the x axis where z is about up, times z
    length = math.sqrt(x * x + y * y + w * w)
    x, y, w = x / length, y / length, w / length
    return np.array([[x, b * w - c * y, a], [y, c * x - a * w, b], [w, a * y - b * x, c]])


def _log(rng: Random, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(math.log(low), math.log(high))))


def _block(rng: Random) -> List[Part]:
    return [box((_log(rng, 0.015, 0.14), _log(rng, 0.012, 0.08), _log(rng, 0.012, 0.1)))]


def _flat_block(rng: Random) -> List[Part]:
    """A phone, a card, a tile, a ruler."""
    return [box((_log(rng, 0.03, 0.18), _log(rng, 0.012, 0.08), _log(rng, 0.002, 0.012)))]


def _can(rng: Random) -> List[Part]:
    return [cylinder(_log(rng, 0.006, 0.045), _log(rng, 0.01, 0.14), flat=rng.choice([1.0, rng.uniform(0.5, 1.0)]))]


def _roll(rng: Random) -> List[Part]:
    return [cylinder(_log(rng, 0.003, 0.035), _log(rng, 0.03, 0.2), turn=LEVEL)]


def _egg(rng: Random) -> List[Part]:
    return [ellipsoid((_log(rng, 0.01, 0.06), _log(rng, 0.01, 0.04), _log(rng, 0.008, 0.04)))]


def _mug(rng: Random) -> List[Part]:
    radius, height, wall = _log(rng, 0.022, 0.05), rng.uniform(0.05, 0.12), rng.uniform(0.002, 0.006)
    foot = radius * rng.uniform(0.7, 1.0)
    hollow = cone(foot - wall, radius - wall, height, (0, 0, wall))
    body = cone(foot, radius, height)._replace(hole=hollow)
    if rng.random() < 0.35:
        return [body]
    out, reach = radius * 0.95, radius + rng.uniform(0.015, 0.035)
    low, high, thick = -height * 0.25, height * 0.25, rng.uniform(0.003, 0.006)
    handle = [(out, 0, low), (reach, 0, low * 0.7), (reach, 0, high * 0.7), (out, 0, high)]
    return [body, *chain(handle, thick)]


def _bowl(rng: Random) -> List[Part]:
    radius, wall = _log(rng, 0.035, 0.09), rng.uniform(0.002, 0.006)
    depth = radius * rng.uniform(0.35, 0.9)
    outer, inner = ellipsoid((radius, radius, depth)), ellipsoid((radius - wall, radius - wall, depth - wall))
    rim = np.array([radius, radius, depth / 2])  # the lower half
    lowered = outer._replace(half_m=rim, centre_m=np.array([0, 0, -depth / 2]), linear=0.0)
    return [_lower_half(lowered, depth)._replace(hole=inner)]


def _lower_half(part: Part, depth_m: float) -> Part:
    """Return the lower half of an ellipsoid whose own origin was moved down by half its depth."""
    # (z - depth / 2)^2 / depth^2 = z^2 / depth^2 - z / depth + 1 / 4
    return part._replace(linear=-1.0 / depth_m, constant=-0.75)


def _plate(rng: Random) -> List[Part]:
    radius, height, wall = _log(rng, 0.05, 0.11), rng.uniform(0.012, 0.03), rng.uniform(0.003, 0.006)
    foot = radius * rng.uniform(0.5, 0.85)
    hollow = cone(foot - wall, radius - wall, height, (0, 0, wall))
    return [cone(foot, radius, height)._replace(hole=hollow)]


def _tray(rng: Random) -> List[Part]:
    sides = np.array([_log(rng, 0.06, 0.2), _log(rng, 0.05, 0.14), rng.uniform(0.015, 0.06)])
    wall = rng.uniform(0.002, 0.006)
    hollow = box(sides - (2 * wall, 2 * wall, 0), (0, 0, wall))
    return [box(sides)._replace(hole=hollow)]


def _letter(rng: Random) -> List[Part]:
    """An L, a T or a cross of two bars."""
    long, other, thick, high = (
        rng.uniform(0.05, 0.14),
        rng.uniform(0.04, 0.1),
        _log(rng, 0.008, 0.03),
        _log(rng, 0.006, 0.04),
    )
    shift = rng.choice([0.0, 0.5, rng.uniform(-0.5, 0.5)]) * (long - thick)
    middle = rng.choice([0.0, 0.5]) * (other - thick)
    return [box((long, thick, high)), box((thick, other, high), (shift, middle, 0))]


def _hammer(rng: Random) -> List[Part]:
    length, grip, head = rng.uniform(0.1, 0.22), _log(rng, 0.005, 0.015), rng.uniform(0.03, 0.09)
    thick = grip * rng.uniform(1.2, 2.5)
    heads = (
        cylinder(thick, head, (length / 2, 0, 0), _frame_along(np.array([0.0, 1.0, 0.0]))),
        box((2 * thick, head, 2 * thick), (length / 2, 0, 0)),
    )
    return [cylinder(grip, length, turn=LEVEL), heads[rng.integers(2)]]


def _worm(rng: Random) -> List[Part]:
    """A cord, a hook, a bent rod."""
    heading, place = rng.uniform(0, 2 * math.pi), np.zeros(3)
    points, step = [place], rng.uniform(0.015, 0.045)
    for _ in range(rng.integers(2, 7)):
        heading += rng.normal(0, 0.7)
        place = place + step * np.array([math.cos(heading), math.sin(heading), 0.0])
        points.append(place)
    return chain([p - np.mean(points, axis=0) for p in points], _log(rng, 0.0025, 0.014))


def _bottle(rng: Random) -> List[Part]:
    radius, height, neck = _log(rng, 0.015, 0.042), rng.uniform(0.07, 0.2), rng.uniform(0.3, 0.6)
    shoulder, top = radius * 1.2, height * rng.uniform(0.15, 0.3)
    parts = [
        cylinder(radius, height),
        cone(radius, radius * neck, shoulder, (0, 0, height / 2 + shoulder / 2)),
        cylinder(radius * neck, top, (0, 0, height / 2 + shoulder + top / 2)),
    ]
    lying = LEVEL if rng.random() < 0.6 else np.eye(3)
    return [part.turned(lying, np.zeros(3)) for part in parts]


def _scissors(rng: Random) -> List[Part]:
    length, thick, spread = rng.uniform(0.06, 0.1), rng.uniform(0.002, 0.004), rng.uniform(0.05, 0.35)
    blades, grip = [_about_z(s * spread) for s in (-1, 1)], rng.uniform(0.012, 0.02)
    back = 1.5 * grip  # as far as the rings of the grip
    blank = box((length + back, 0.01, 2 * thick), ((length - back) / 2, 0, 0))
    parts = [blank.turned(b, np.zeros(3)) for b in blades]
    for sign, blade in zip((1, -1), blades):
        shift = blade @ np.array([-grip * 2.2, sign * grip * 0.6, 0])
        parts += [p.shifted(shift) for p in ring(grip, thick, 8)]
    return parts


def _banana(rng: Random) -> List[Part]:
    radius, bend, thick = rng.uniform(0.05, 0.12), rng.uniform(0.15, 0.4), _log(rng, 0.008, 0.02)
    return [p.shifted(np.array([-radius * 0.8, 0, 0])) for p in ring(radius, thick, 6, bend)]


def _torus(rng: Random) -> List[Part]:
    radius = _log(rng, 0.015, 0.05)
    return ring(radius, radius * rng.uniform(0.12, 0.4), 12)


def _funnel(rng: Random) -> List[Part]:
    low = _log(rng, 0.012, 0.045)
    return [cone(low, low * rng.uniform(0.1, 0.9), rng.uniform(0.02, 0.12))]


def _spoon(rng: Random) -> List[Part]:
    length, thin, head = rng.uniform(0.08, 0.16), rng.uniform(0.0025, 0.006), rng.uniform(0.012, 0.025)
    bowl = ellipsoid((head * 1.4, head, rng.uniform(0.003, 0.012)), (length / 2 + head, 0, 0))
    return [cylinder(thin, length, turn=LEVEL, flat=rng.uniform(0.5, 1.0)), bowl]


def _dumbbell(rng: Random) -> List[Part]:
    length, grip, end = rng.uniform(0.06, 0.14), _log(rng, 0.004, 0.018), _log(rng, 0.014, 0.04)
    across = [cylinder(end, rng.uniform(0.01, 0.04), (s * length / 2, 0, 0), LEVEL) for s in (-1, 1)]
    balls = [ellipsoid((end, end, end), (s * length / 2, 0, 0)) for s in (-1, 1)]
    return [cylinder(grip, length, turn=LEVEL), *(across if rng.random() < 0.5 else balls)]


def _heap(rng: Random) -> List[Part]:
    """A union of anything."""
    parts: List[Part] = []
    for _ in range(rng.integers(2, 5)):
        simple = SIMPLE[rng.integers(len(SIMPLE))](rng)
        turn = _about_z(rng.uniform(0, math.pi)) @ (_tumble(rng) if rng.random() < 0.3 else np.eye(3))
        shift = rng.normal(0, 1, 3) * (0.02, 0.02, 0.006)
        parts += [part.turned(turn, shift) for part in simple]
    return parts


Family = Callable[[Random], List[Part]]
SIMPLE: Tuple[Family, ...] = (_block, _can, _roll, _egg, _funnel)
#: name -> what builds one; a new family is a function and a line here.
FAMILIES: Dict[str, Family] = {
    "block": _block,
    "flat block": _flat_block,
    "can": _can,
    "roll": _roll,
    "egg": _egg,
    "mug": _mug,
    "bowl": _bowl,
    "plate": _plate,
    "tray": _tray,
    "letter": _letter,
    "hammer": _hammer,
    "worm": _worm,
    "bottle": _bottle,
    "scissors": _scissors,
    "banana": _banana,
    "torus": _torus,
    "funnel": _funnel,
    "spoon": _spoon,
    "dumbbell": _dumbbell,
    "heap": _heap,
}


def random_thing(rng: Random, tilted_share: float) -> List[Part]:
    """Return a thing about its own origin, turned about z at random; some are tilted, too."""
    parts = FAMILIES[list(FAMILIES)[rng.integers(len(FAMILIES))]](rng)
    turn = random_turn(rng, tilted_share)
    return [part.turned(turn, np.zeros(3)) for part in parts]


def random_turn(rng: Random, tilted_share: float) -> np.ndarray:
    """Return a rotation about z at random; some are any rotation."""
    turn = _about_z(rng.uniform(0, 2 * math.pi))
    return turn @ _tumble(rng) if rng.random() < tilted_share else turn


def _about_z(angle_rad: float) -> np.ndarray:
    c, s = math.cos(angle_rad), math.sin(angle_rad)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def _tumble(rng: Random) -> np.ndarray:
    """Return a random rotation, all equally likely (Shoemake 1992)."""
    w, x, y, z = rng.normal(size=4)
    n = math.sqrt(w * w + x * x + y * y + z * z)
    w, x, y, z = w / n, x / n, y / n, z / n
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
