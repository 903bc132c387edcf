"""Two bounds for detectors: the labels themselves on true geometry, and the middle of the nearest thing."""

from __future__ import annotations

from typing import Optional, Tuple

import numpy as np

from pspgrasp.detect import lift
from pspgrasp.evaluation.synthetic_scenes import JudgedScene, SceneLabels
from pspgrasp.grasp import Grasp, ImageGrasp


def labels_grasps(scene: JudgedScene) -> Tuple[Grasp, ...]:
    """Return the best of a scene's labels, best first, as if a network had put them out."""
    return tuple(lifted(grasp, scene) for grasp in SceneLabels()(scene))


def centroid_grasp(scene: JudgedScene, opening_m: float) -> Optional[Grasp]:
    """Return a grasp across the middle of the nearest thing, which any network should beat; None without a thing.

    The jaws close along the lesser axis of what is seen of it, opened as far as they can.
    """
    things, depth_m = scene.view.thing[0].numpy(), scene.exact.depth_m
    seen = things > 0
    if not seen.any():
        return None
    nearest = things[seen][depth_m[seen].argmin()]
    rows, columns = np.nonzero(things == nearest)
    row, column = _nearest_pixel(rows, columns)
    spread = np.cov(np.stack([columns, -rows])) if len(rows) > 1 else np.eye(2)
    lesser = np.linalg.eigh(spread)[1][:, 0]
    angle_rad = float(np.arctan2(lesser[1], lesser[0]))
    width_px = opening_m * scene.exact.camera.fx / float(depth_m[row, column])
    return lifted(ImageGrasp(column, row, angle_rad, width_px, 1.0), scene)


def _nearest_pixel(rows: np.ndarray, columns: np.ndarray) -> Tuple[int, int]:
    """Return the pixel of a thing that is nearest to its centroid."""
    place = np.hypot(rows - rows.mean(), columns - columns.mean()).argmin()
    return int(rows[place]), int(columns[place])


def lifted(grasp: ImageGrasp, scene: JudgedScene) -> Grasp:
    """Return a grasp of a scene's image in the optical frame, at the depth that its pixel truly sees."""
    return lift(grasp, scene.exact, float(scene.exact.depth_m[round(grasp.v), round(grasp.u)]))
