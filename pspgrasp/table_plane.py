"""The plane on which things stand: fitted to a depth image, or given."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Optional, Tuple

import numpy as np

from pspgrasp.camera import PinholeCamera
from pspgrasp.config import setting
from pspgrasp.errors import ConfigError, DepthError, unknown_name

SAMPLES = 600  # pixels that are looked at, about
TRIPLES = 128  # planes that are tried: with a third of the pixels on the table, all fail once in 100 images
ROUNDS = 3  # of least squares
NEAR_M = 0.01  # from a plane, what counts as on it while planes are tried
LEAST_SHARE = 0.25  # of the pixels, on the table
MOST_BEYOND = 0.1  # of the pixels, behind the table: holes of a bad camera, no more
STEEPEST_RAD = math.radians(70)  # between the table's normal and the line of sight


PLANES = ("none", "fitted", "given", "base")


@dataclass(frozen=True)
class TableConfig:
    """The plane on which things stand: it tells what is flat, and fingertips stay above it."""

    plane: str = setting("fitted", "fitted to each image, given, base: level at base_z_m of frames/base, or none")
    given: Tuple[float, ...] = field(
        default=(),
        metadata={"doc": "normal x, y, z towards the camera and distance [m] of a plane in the camera's optical frame"},
    )
    base_z_m: float = setting(0.0, "height of the table in frames/base [m]", -10.0, 10.0)
    below_m: float = setting(
        0.002, "how far below the plane fingertips may reach, as it isn't known better [m]; negative: above", -0.1, 0.1
    )

    def __post_init__(self) -> None:
        if self.plane not in PLANES:
            raise ConfigError(unknown_name("table plane", self.plane, PLANES))
        if len(self.given) != (4 if self.plane == "given" else 0):
            raise ConfigError(
                f"table plane {self.plane!r} with given {list(self.given)}: four numbers go with the plane 'given', "
                "none with the others"
            )


@dataclass(frozen=True)
class TablePlane:
    """A plane in the optical frame, normal . x + offset = 0.

    Attributes:
        normal: (3,), unit vector from the table towards the camera's side.
        offset_m: Height of the camera over the table [m].

    Raises:
        DepthError: The normal has no length, or the camera isn't above the plane.
    """

    normal: np.ndarray
    offset_m: float

    def __post_init__(self) -> None:
        length = float(np.linalg.norm(self.normal))
        if not (0 < length < math.inf and 0 < self.offset_m < math.inf):
            raise DepthError(
                f"table plane {np.asarray(self.normal).tolist()}, {self.offset_m:g} m: the normal must have a length "
                "and point to the camera, which must be above the table"
            )
        object.__setattr__(self, "normal", np.asarray(self.normal, np.float64) / length)
        object.__setattr__(self, "offset_m", self.offset_m / length)

    @classmethod
    def level(cls, z_m: float, rotation: np.ndarray, shift_m: np.ndarray) -> TablePlane:
        """Return the plane at one height of a robot's base frame.

        Args:
            z_m: Height of the table in the base frame [m].
            rotation: (3, 3), optical frame in the base frame.
            shift_m: (3,), place of the camera in the base frame [m].

        Raises:
            DepthError: The camera is not above the table.
        """
        return cls(rotation[2], float(shift_m[2]) - z_m)

    def height_m(self, points_m: np.ndarray) -> np.ndarray:
        """Return how high points (..., 3) [m] of the optical frame are over the plane, (...) [m]."""
        return points_m @ self.normal + self.offset_m


def find_table(config: TableConfig, depth_m: np.ndarray, camera: PinholeCamera) -> Optional[TablePlane]:
    """Return the plane that is given, or fitted to an image (H, W) [m]; None if there is none.

    Raises:
        DepthError: The plane that is given is none.
        ConfigError: Only who knows the base frame knows the plane.
    """
    if config.plane == "base":
        raise ConfigError("table/plane is 'base', but nobody says where the camera is; fitted and given need no robot")
    if config.plane == "given":
        return TablePlane(np.array(config.given[:3]), config.given[3])
    return fit_table(depth_m, camera) if config.plane == "fitted" else None


def fit_table(depth_m: np.ndarray, camera: PinholeCamera) -> Optional[TablePlane]:
    """Return the plane that most of an image lies on and nearly nothing behind; None if there is none.

    Random triples of pixels propose planes (Fischler and Bolles 1981, RANSAC); the one that most pixels lie on is
    fitted to them by least squares, without outliers. The same image gives the same plane.

    Args:
        depth_m: (H, W) [m], NaN = no measurement.
        camera: That took it.
    """
    points_m = _points(depth_m, camera)
    if len(points_m) < SAMPLES // 20:
        return None
    normals, offsets_m = _proposed(points_m)
    heights_m = normals @ points_m.T + offsets_m[:, None]
    on, beyond = (np.count_nonzero(which, axis=1) for which in (np.abs(heights_m) < NEAR_M, heights_m < -3 * NEAR_M))
    on[beyond > MOST_BEYOND * len(points_m)] = 0
    best = int(on.argmax())
    if on[best] < LEAST_SHARE * len(points_m):
        return None
    return _fitted(points_m, TablePlane(normals[best], float(offsets_m[best])))


def _points(depth_m: np.ndarray, camera: PinholeCamera) -> np.ndarray:
    """Return the points (N, 3) float32 [m] of a grid of measured pixels."""
    step = max(1, int(math.sqrt(depth_m.size / SAMPLES)))
    grid = slice(step // 2, None, step)
    z_m = depth_m[grid, grid]
    columns, rows = (np.arange(size, dtype=np.float32)[grid] for size in depth_m.shape[::-1])
    x_m, y_m = (columns - camera.cx) / camera.fx * z_m, (rows[:, None] - camera.cy) / camera.fy * z_m
    points_m = np.stack([x_m, y_m, z_m], axis=-1).astype(np.float32, copy=False)
    return points_m[~np.isnan(z_m)]


def _proposed(points_m: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Return normals (N, 3) and offsets (N,) [m] of the planes through random triples that may be a table."""
    triples = points_m[np.random.default_rng(0).integers(len(points_m), size=(TRIPLES, 3))]
    normals = np.cross(triples[:, 1] - triples[:, 0], triples[:, 2] - triples[:, 0])
    lengths = np.linalg.norm(normals, axis=1)
    normals = normals / np.where(lengths > 0, lengths, 1.0)[:, None]
    normals = np.where(normals[:, 2:] > 0, -normals, normals)
    level = -normals[:, 2] > math.cos(STEEPEST_RAD)
    # A plane that is ruled out keeps its place, far behind all there is.
    offsets_m = np.where(level, -np.einsum("ni,ni->n", normals, triples[:, 0]), np.inf)
    return normals, offsets_m


def _fitted(points_m: np.ndarray, plane: TablePlane) -> TablePlane:
    """Return the plane through the points that lie on it, by least squares; what stands out counts less each time."""
    for _ in range(ROUNDS):
        off_plane_m = np.abs(plane.height_m(points_m))
        # 1.48 times the median is a standard deviation, where errors are normal.
        spread_m = 1.48 * float(np.median(off_plane_m[off_plane_m < NEAR_M]))
        on = (off_plane_m <= min(NEAR_M, 2.5 * spread_m)).astype(np.float32)
        middle_m = on @ points_m / on.sum()
        off_m = points_m - middle_m
        normal = np.linalg.eigh((off_m * on[:, None]).T @ off_m)[1][:, 0]
        normal = -normal if normal[2] > 0 else normal
        plane = TablePlane(normal, float(-normal @ middle_m))
    return plane
