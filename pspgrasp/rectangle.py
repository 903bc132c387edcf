"""The grasp rectangle of Jiang et al. 2011: an opening between two jaws, at an angle."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import ModuleType
from typing import Sequence

import numpy as np

from pspgrasp.errors import DataError, PspGraspError
from pspgrasp.grasp import ImageGrasp, wrap_half_turn


@dataclass(frozen=True)
class GraspRectangle:
    """A rectangle in the image, floats all the way.

    Attributes:
        u: Column of the centre [px].
        v: Row of the centre [px].
        angle_rad: Direction of the opening, anticlockwise as seen.
        opening_px: Side along the opening [px].
        jaw_px: Side along the jaws [px].
    """

    u: float
    v: float
    angle_rad: float
    opening_px: float
    jaw_px: float

    @classmethod
    def of_grasp(cls, grasp: ImageGrasp, jaw_px: float) -> GraspRectangle:
        """Return the rectangle that a gripper with jaws of `jaw_px` sweeps."""
        return cls(grasp.u, grasp.v, grasp.angle_rad, grasp.width_px, jaw_px)

    @classmethod
    def from_corners(cls, corners_px: np.ndarray) -> GraspRectangle:
        """Return the rectangle with these corners (4, 2) (u, v) [px], in Cornell's order: 0 to 1 is the opening.

        Corners drawn by hand make no exact rectangle: opposite edges are averaged, the direction of the opening
        counts, and the jaw is what keeps the area. The inverse of `corners`.

        Raises:
            DataError: Not four corners, not finite, or without area.
        """
        corners = np.asarray(corners_px, float)
        if corners.shape != (4, 2) or not np.isfinite(corners).all():
            raise DataError(f"a grasp rectangle has four finite corners (u, v); got {np.asarray(corners_px).tolist()}")
        a, b, c, d = corners
        along, across = (b - a + c - d) / 2, (c - b + d - a) / 2
        opening_px = math.hypot(*along)
        area_px2 = abs(along[0] * across[1] - along[1] * across[0])
        if not 1e-9 <= area_px2 < math.inf:
            raise DataError(f"a grasp rectangle has an area; that of corners {corners.tolist()} is {area_px2:.0f}")
        u, v = corners.mean(axis=0)
        angle_rad = wrap_half_turn(math.atan2(-along[1], along[0]))
        return cls(float(u), float(v), angle_rad, opening_px, float(area_px2 / opening_px))

    def corners(self) -> np.ndarray:
        """Return (4, 2) float64 (u, v) [px]; corner 0 to 1 runs along the opening, as in Cornell."""
        along = self.opening_px / 2 * np.array([math.cos(self.angle_rad), -math.sin(self.angle_rad)])
        across = self.jaw_px / 2 * np.array([math.sin(self.angle_rad), math.cos(self.angle_rad)])
        centre = np.array([self.u, self.v])
        return np.stack(
            [
                centre - along - across,
                centre + along - across,
                centre + along + across,
                centre - along + across,
            ]
        )


def overlaps(first: Sequence[GraspRectangle], second: Sequence[GraspRectangle]) -> np.ndarray:
    """Return the area of intersection over that of union of each pair, (N, M) float64 in [0, 1].

    Exact polygon areas, not painted pixels.

    Raises:
        PspGraspError: shapely is not installed.
    """
    if not first or not second:
        return np.zeros((len(first), len(second)))
    shapely = _shapely()
    rows, columns = (shapely.polygons(np.stack([r.corners() for r in some])) for some in (first, second))
    shared_px2 = shapely.area(shapely.intersection(rows[:, None], columns[None]))
    union_px2 = shapely.area(rows)[:, None] + shapely.area(columns)[None] - shared_px2
    return np.divide(shared_px2, union_px2, out=np.zeros_like(union_px2), where=union_px2 > 0)


def angle_distance_rad(first_rad: np.ndarray, second_rad: np.ndarray) -> np.ndarray:
    """Return how far angles of grasps are apart, [0, pi/2], as numpy broadcasts: half a turn is the same grasp."""
    off_rad = np.mod(np.subtract(first_rad, second_rad), math.pi)
    return np.minimum(off_rad, math.pi - off_rad)


def _shapely() -> ModuleType:
    try:
        import shapely
    except ImportError as error:
        raise PspGraspError(
            "the overlap of rectangles needs shapely >= 2: pip install 'pspgrasp[evaluation]'"
        ) from error
    if not hasattr(shapely, "polygons"):  # shapely 1 works on one shape at a time
        raise PspGraspError(
            f"the overlap of rectangles needs shapely >= 2, and this is {shapely.__version__}: "
            "pip install 'pspgrasp[evaluation]'"
        )
    return shapely
