"""Things that are hard to grasp, built of parts by chance: one function a family. Lengths in metres; z is up.

The ideas, not the shapes, are those of Dex-Net 2.0's adversarial set (Mahler et al. 2017: hardly any pair of points is
antipodal) and of EGAD (Morrison et al. 2020: from easy to hard, and from simple to complex). Each thing is narrower
than 80 mm in some direction that jaws can close along, so a good grasp exists; most others slip, tip it or collide.
"""

from __future__ import annotations

import math
from typing import Dict, List

import numpy as np

from pspgrasp.data.synthetic.solids import Part
from pspgrasp.data.synthetic.things import LEVEL, Family, box, cone, cylinder, ellipsoid, ring

Random = np.random.Generator
NARROW_M, WIDE_M = 0.066, 0.076  # widths that just go between jaws 80 mm apart


def _cone(rng: Random) -> List[Part]:
    """Sides so steep that jaws only just hold: tan of their lean is below a friction of 0.6."""
    low_m, lean = rng.uniform(0.02, WIDE_M / 2), rng.uniform(0.35, 0.5)
    high_m = low_m * rng.uniform(0.05, 0.4)
    return [cone(low_m, high_m, (low_m - high_m) / lean)]


def _lens(rng: Random) -> List[Part]:
    radius_m = rng.uniform(0.02, WIDE_M / 2)
    return [ellipsoid((radius_m, radius_m * rng.uniform(0.7, 1.0), radius_m * rng.uniform(0.25, 0.5)))]


def _disc(rng: Random) -> List[Part]:
    return [cylinder(rng.uniform(NARROW_M, WIDE_M) / 2, rng.uniform(0.006, 0.015))]


def _one_sided(rng: Random) -> List[Part]:
    """A block of which just one side fits."""
    return [box((rng.uniform(0.03, 0.07), rng.uniform(0.09, 0.14), rng.uniform(0.085, 0.1)))]


def _tent(rng: Random) -> List[Part]:
    """Two plates that lean against each other."""
    lean_rad, side_m = math.radians(rng.uniform(58, 72)), rng.uniform(0.05, 0.08)
    plate = box((rng.uniform(0.05, 0.12), rng.uniform(0.008, 0.014), side_m))
    away_m = side_m / 2 * math.cos(lean_rad)
    return [plate.turned(_about_x(s * (math.pi / 2 - lean_rad)), np.array([0, s * away_m, 0])) for s in (-1, 1)]


def _wedge(rng: Random) -> List[Part]:
    """A block with a ridge on it, like a roof: only its lower part has upright sides."""
    width_m, length_m, high_m = rng.uniform(0.03, 0.05), rng.uniform(0.05, 0.12), rng.uniform(0.01, 0.02)
    beam = box((length_m, width_m / math.sqrt(2), width_m / math.sqrt(2)))
    return [box((length_m, width_m, high_m)), beam.turned(_about_x(math.pi / 4), np.array([0, 0, high_m / 2]))]


def _torus(rng: Random) -> List[Part]:
    thick_m = rng.uniform(0.005, 0.009)
    return ring(rng.uniform(0.02, WIDE_M / 2 - thick_m), thick_m, 12)


def _slab(rng: Random) -> List[Part]:
    """Stands on its narrow end; a touch topples it."""
    return [box((rng.uniform(0.012, 0.025), rng.uniform(0.03, 0.06), rng.uniform(0.1, 0.16)))]


def _big_egg(rng: Random) -> List[Part]:
    return [ellipsoid(rng.uniform(NARROW_M, WIDE_M, 3) / 2)]


def _knobs(rng: Random) -> List[Part]:
    """A ball with knobs all over it: no two faces are parallel."""
    radius_m = rng.uniform(0.018, 0.026)
    ways = rng.normal(size=(rng.integers(6, 11), 3))
    knobs = [rng.uniform(0.006, 0.01) for _ in ways]
    places = radius_m * ways / np.linalg.norm(ways, axis=1, keepdims=True)
    return [ellipsoid((radius_m,) * 3), *(ellipsoid((knob,) * 3, place) for knob, place in zip(knobs, places))]


def _thin_rod(rng: Random) -> List[Part]:
    """So low that the tips must all but touch the table."""
    return [cylinder(rng.uniform(0.003, 0.005), rng.uniform(0.06, 0.16), turn=LEVEL)]


def _about_x(angle_rad: float) -> np.ndarray:
    c, s = math.cos(angle_rad), math.sin(angle_rad)
    return np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])


#: name -> what builds one.
ADVERSARIAL: Dict[str, Family] = {
    "cone": _cone,
    "lens": _lens,
    "disc": _disc,
    "one-sided block": _one_sided,
    "tent": _tent,
    "wedge": _wedge,
    "torus": _torus,
    "slab": _slab,
    "big egg": _big_egg,
    "knobs": _knobs,
    "thin rod": _thin_rod,
}
