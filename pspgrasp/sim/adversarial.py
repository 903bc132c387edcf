"""Things that are hard to grasp, built of parts by chance: one function a family. Lengths in metres; z is up.

The ideas, not the shapes, are those of Dex-Net 2.0's adversarial set (Mahler et al. 2017: hardly any pair of points is
antipodal) and of EGAD (Morrison et al. 2020: from easy to hard, and from simple to complex). Where it is widest, and
that is mostly about its middle, each thing is wider than jaws that open 80 mm, and round, flat or hollow; somewhere
off its middle there is a handle, a rim or a knob that they can close on. They stand as they are built: upside down
most can't be grasped at all.
"""

from __future__ import annotations

import math
from typing import Dict, List

import numpy as np

from pspgrasp.data.synthetic.solids import Part
from pspgrasp.data.synthetic.things import LEVEL, Family, box, cone, cylinder, ellipsoid, ring

Random = np.random.Generator
TOO_WIDE_M = (0.043, 0.055)  # half of what doesn't go between the jaws


def _pan(rng: Random) -> List[Part]:
    """A thick disc with a handle."""
    radius_m, high_m = rng.uniform(*TOO_WIDE_M), rng.uniform(0.02, 0.03)
    return [cylinder(radius_m, high_m), _handle(rng, radius_m, high_m)]


def _mallet(rng: Random) -> List[Part]:
    """A head that is too wide both ways, and heavy; the handle is far from the centre of mass."""
    half_m, high_m = rng.uniform(*TOO_WIDE_M, 2), rng.uniform(0.025, 0.035)
    return [box((*2 * half_m, high_m)), _handle(rng, half_m[0], high_m)]


def _handle(rng: Random, from_m: float, high_m: float) -> Part:
    """Return a bar along x that begins at an edge, on the same ground as what is as high."""
    long_m, wide_m, own_m = rng.uniform(0.05, 0.08), rng.uniform(0.01, 0.02), rng.uniform(0.012, high_m)
    return box((long_m + 0.02, wide_m, own_m), (from_m + long_m / 2 - 0.01, 0, (own_m - high_m) / 2))


def _gourd(rng: Random) -> List[Part]:
    """A big pebble and a small ball, a neck between them."""
    big_m, small_m, high_m = rng.uniform(*TOO_WIDE_M), rng.uniform(0.012, 0.02), rng.uniform(0.018, 0.024)
    away_m = big_m + rng.uniform(0.025, 0.045)
    neck = cylinder(small_m * rng.uniform(0.5, 0.8), away_m, (away_m / 2, 0, 0), LEVEL)
    return [ellipsoid((big_m, big_m, high_m)), neck, ellipsoid((small_m,) * 3, (away_m, 0, 0))]


def _axle(rng: Random) -> List[Part]:
    """A pebble with a stub at either end."""
    big_m, thick_m = rng.uniform(*TOO_WIDE_M), rng.uniform(0.008, 0.012)
    stubs = cylinder(thick_m, 2 * (big_m + rng.uniform(0.035, 0.06)), turn=LEVEL)
    return [ellipsoid((big_m, big_m, rng.uniform(0.018, 0.024))), stubs]


def _dome(rng: Random) -> List[Part]:
    """A blunt cone, its knob beside the top."""
    low_m, high_m = rng.uniform(*TOO_WIDE_M), rng.uniform(0.015, 0.025)
    knob_m, tall_m, off_m = rng.uniform(0.007, 0.012), rng.uniform(0.02, 0.03), low_m * rng.uniform(0.5, 0.75)
    knob = cylinder(knob_m, high_m / 2 + tall_m, (off_m, 0, (high_m / 2 + tall_m - high_m) / 2))
    return [cone(low_m, low_m * rng.uniform(0.1, 0.3), high_m), knob]


def _fin(rng: Random) -> List[Part]:
    """A plate with an upright fin along one edge."""
    half_m, thick_m = rng.uniform(*TOO_WIDE_M, 2), rng.uniform(0.008, 0.014)
    fin_m, tall_m = rng.uniform(0.006, 0.012), rng.uniform(0.032, 0.045)
    fin = box((rng.uniform(0.8, 1.6) * half_m[0], fin_m, tall_m), (0, half_m[1] - fin_m / 2, tall_m / 2))
    return [box((*2 * half_m, thick_m)), fin]


def _foot(rng: Random) -> List[Part]:
    """A bowl upside down: what sticks out is its foot, a ring."""
    foot_m, wall_m, tall_m = rng.uniform(*TOO_WIDE_M), rng.uniform(0.005, 0.008), rng.uniform(0.028, 0.038)
    high_m = rng.uniform(0.012, 0.018)
    bowl = cone(foot_m + rng.uniform(0.01, 0.02), foot_m, high_m)
    hollow = cylinder(foot_m - wall_m, tall_m + 0.01, (0, 0, (high_m + tall_m + 0.01) / 2))
    return [bowl, cylinder(foot_m, tall_m, (0, 0, (high_m + tall_m) / 2))._replace(hole=hollow)]


def _tray(rng: Random) -> List[Part]:
    """Only its rim can be gripped."""
    sides_m = np.array([*2 * rng.uniform(0.05, 0.08, 2), rng.uniform(0.03, 0.045)])
    wall_m = rng.uniform(0.004, 0.008)
    hollow = box(sides_m - (2 * wall_m, 2 * wall_m, 0), (0, 0, wall_m))
    return [box(sides_m)._replace(hole=hollow)]


def _trough(rng: Random) -> List[Part]:
    """A floor between two walls."""
    half_m, long_m, wall_m = rng.uniform(0.05, 0.065), rng.uniform(0.085, 0.12), rng.uniform(0.005, 0.01)
    tall_m, floor_m = rng.uniform(0.025, 0.04), rng.uniform(0.005, 0.01)
    walls = [box((long_m, wall_m, tall_m), (0, s * (half_m - wall_m / 2), (tall_m - floor_m) / 2)) for s in (-1, 1)]
    return [box((long_m, 2 * half_m, floor_m)), *walls]


def _star(rng: Random) -> List[Part]:
    """A hub with rays."""
    hub_m, high_m, wide_m = rng.uniform(*TOO_WIDE_M), rng.uniform(0.015, 0.025), rng.uniform(0.01, 0.018)
    long_m, rays = hub_m + rng.uniform(0.03, 0.045), rng.integers(3, 6)
    ray = box((long_m, wide_m, 0.9 * high_m), (long_m / 2, 0, -0.05 * high_m))
    return [cylinder(hub_m, high_m), *(ray.turned(_about_z(2 * math.pi * n / rays), np.zeros(3)) for n in range(rays))]


def _wide_ring(rng: Random) -> List[Part]:
    """Nothing is in its middle."""
    return ring(rng.uniform(0.055, 0.075), rng.uniform(0.006, 0.01), 16)


def _crown(rng: Random) -> List[Part]:
    """A plate with pegs round its edge."""
    radius_m, thick_m, pegs = rng.uniform(0.048, 0.06), rng.uniform(0.008, 0.012), rng.integers(2, 5)
    peg_m, tall_m = rng.uniform(0.006, 0.01), rng.uniform(0.025, 0.035)
    peg = cylinder(peg_m, tall_m, (radius_m - peg_m, 0, tall_m / 2))
    return [
        cylinder(radius_m, thick_m),
        *(peg.turned(_about_z(2 * math.pi * n / pegs), np.zeros(3)) for n in range(pegs)),
    ]


def _about_z(angle_rad: float) -> np.ndarray:
    c, s = math.cos(angle_rad), math.sin(angle_rad)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


#: name -> what builds one.
ADVERSARIAL: Dict[str, Family] = {
    "pan": _pan,
    "mallet": _mallet,
    "gourd": _gourd,
    "axle": _axle,
    "dome": _dome,
    "fin": _fin,
    "foot": _foot,
    "tray": _tray,
    "trough": _trough,
    "star": _star,
    "wide ring": _wide_ring,
    "crown": _crown,
}
