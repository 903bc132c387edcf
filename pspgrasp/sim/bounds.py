"""Two bounds for detectors: the labels themselves on true geometry, and the middles of things."""

from __future__ import annotations

from typing import Tuple

import numpy as np

from pspgrasp.config import DetectionConfig
from pspgrasp.detect import lift
from pspgrasp.evaluation.synthetic_scenes import JudgedScene, SceneLabels
from pspgrasp.grasp import Grasp, ImageGrasp


def labels_grasps(scene: JudgedScene, most: int) -> Tuple[Grasp, ...]:
    """Return the best of a scene's labels, best first and so many at most, as if a network had put them out."""
    return tuple(lifted(grasp, scene) for grasp in SceneLabels(DetectionConfig(max_grasps=most))(scene))


def centroid_grasps(scene: JudgedScene, opening_m: float) -> Tuple[Grasp, ...]:
    """Return a grasp across the middle of each thing, the nearest first, which any network should beat.

    The jaws close along the lesser axis of what is seen of it, opened as far as they can.
    """
    things, depth_m = scene.view.thing[0].numpy(), scene.exact.depth_m
    seen = [things == number for number in np.unique(things[things > 0])]
    nearest_first = sorted(seen, key=lambda mask: float(depth_m[mask].min()))
    return tuple(_across(mask, scene, opening_m) for mask in nearest_first)


def _across(mask: np.ndarray, scene: JudgedScene, opening_m: float) -> Grasp:
    rows, columns = np.nonzero(mask)
    row, column = _nearest_pixel(rows, columns)
    spread = np.cov(np.stack([columns, -rows])) if len(rows) > 1 else np.eye(2)
    lesser = np.linalg.eigh(spread)[1][:, 0]
    angle_rad = float(np.arctan2(lesser[1], lesser[0]))
    width_px = opening_m * scene.exact.camera.fx / float(scene.exact.depth_m[row, column])
    return lifted(ImageGrasp(column, row, angle_rad, width_px, 1.0), scene)


def _nearest_pixel(rows: np.ndarray, columns: np.ndarray) -> Tuple[int, int]:
    """Return the pixel of a thing that is nearest to its centroid."""
    place = np.hypot(rows - rows.mean(), columns - columns.mean()).argmin()
    return int(rows[place]), int(columns[place])


def lifted(grasp: ImageGrasp, scene: JudgedScene) -> Grasp:
    """Return a grasp of a scene's image in the optical frame, at the depth that its pixel truly sees."""
    return lift(grasp, scene.exact, float(scene.exact.depth_m[round(grasp.v), round(grasp.u)]))
