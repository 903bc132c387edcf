"""Parts in double precision, by their definition: an oracle that knows no rays."""

from __future__ import annotations

from typing import Sequence

import numpy as np

from pspgrasp.data.synthetic.solids import Part
from pspgrasp.data.synthetic.things import FAMILIES


def outside_m(part: Part, points_m: np.ndarray) -> np.ndarray:
    """Return about how far outside of the part points (..., 3) lie [m], less its hole; negative inside."""
    outside = _outside_of_body_m(part, points_m)
    return outside if part.hole is None else np.maximum(outside, -_outside_of_body_m(part.hole, points_m))


def _outside_of_body_m(part: Part, points_m: np.ndarray) -> np.ndarray:
    own = (points_m - part.centre_m) @ part.rotation
    value = (part.square * own * own).sum(-1) + part.linear * own[..., 2] + part.constant
    gradient = 2 * part.square * own
    gradient[..., 2] += part.linear
    steepness = np.linalg.norm(gradient, axis=-1)
    # To first order; where the quadric is flat (the middle of a ball) it is far from its border.
    quadric = np.where(steepness > 1e-6, value / np.maximum(steepness, 1e-6), np.sign(value))
    return np.maximum(quadric, (np.abs(own) - part.half_m).max(-1))


def corners_m(parts: Sequence[Part]) -> np.ndarray:
    """Return the corners (8 P, 3) [m] of the boxes around the parts."""
    signs = np.stack(np.meshgrid(*[(-1.0, 1.0)] * 3), axis=-1).reshape(8, 3)
    return np.concatenate([part.centre_m + signs * part.half_m @ part.rotation.T for part in parts])


def points_in(part: Part, count: int, seed: int) -> np.ndarray:
    """Return points (M, 3) [m] spread evenly over the part, out of `count` in the box around it."""
    share = np.random.default_rng(seed).uniform(-1, 1, (count, 3))
    points_m = part.centre_m + share * part.half_m @ part.rotation.T
    return points_m[outside_m(part, points_m) < 0]


def example(family: str, seed: int = 0) -> Sequence[Part]:
    """Return one thing of a family."""
    return FAMILIES[family](np.random.default_rng([seed, list(FAMILIES).index(family)]))


def any_rotation(rng: np.random.Generator) -> np.ndarray:
    """Return a rotation (3, 3) by chance."""
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    return turn * np.sign(np.linalg.det(turn))
