"""Laws of convex pieces: together they are the part, and a hole stays a hole."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial import ConvexHull

from pspgrasp.data.synthetic.solids import Part, stacked
from pspgrasp.data.synthetic.things import FAMILIES, box, cylinder
from pspgrasp.sim.hulls import hulls

#: Share of a part's volume that its pieces may have wrong: walls are thin, and pieces have flat sides.
TOLERATED = {"bowl": 0.45, "mug": 0.25, "plate": 0.2}


def contained(part: Part, points_m: np.ndarray) -> np.ndarray:
    parts, points = stacked([part], [(0, 1)], torch.device("cpu")), torch.from_numpy(points_m).float()[None]
    return (parts.body.contains(points) & ~parts.hole.contains(points))[0].numpy()


def contained_by_pieces(part: Part, points_m: np.ndarray) -> np.ndarray:
    inside = np.zeros(len(points_m), bool)
    for piece in hulls(part):
        sides = ConvexHull(piece, qhull_options="QJ").equations
        inside |= (points_m @ sides[:, :3].T + sides[:, 3] <= 1e-9).all(axis=1)
    return inside


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_the_pieces_of_a_part_are_the_part(family: str) -> None:
    rng = np.random.default_rng(1)
    for part in (part for _ in range(3) for part in FAMILIES[family](rng)):
        corners = np.concatenate(hulls(part))
        points_m = rng.uniform(corners.min(0) - 0.002, corners.max(0) + 0.002, (4000, 3))
        true = contained(part, points_m)
        wrong = contained_by_pieces(part, points_m) != true
        assert wrong.sum() <= TOLERATED.get(family, 0.1) * max(1, true.sum())


@pytest.mark.parametrize(
    "hollow",
    [
        box((0.1, 0.06, 0.05))._replace(hole=box((0.09, 0.05, 0.05), (0, 0, 0.005))),
        cylinder(0.04, 0.08)._replace(hole=cylinder(0.036, 0.08, (0, 0, 0.004))),
    ],
)
def test_a_hole_stays_empty_and_its_floor_whole(hollow: Part) -> None:
    turned = hollow.turned(np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), np.array([0.1, 0.2, 0.3]))
    for part in (hollow, turned):
        middle, floor = np.array([[0.0, 0.0, 0.01]]), np.array([[0.0, 0.0, -part.half_m[2] + 0.002]])
        there = [part.rotation @ place[0] + part.centre_m for place in (middle, floor)]
        assert contained_by_pieces(part, np.array(there)).tolist() == [False, True]
