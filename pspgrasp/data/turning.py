"""Turn a camera on the spot after the picture was taken: the one motion that is exact for any real scene."""

from __future__ import annotations

import cv2
import numpy as np

from pspgrasp.camera import PinholeCamera


def turned_depth(depth_m: np.ndarray, camera: PinholeCamera, rotation: np.ndarray) -> np.ndarray:
    """Return the depth (H, W) float32 [m] that a turned camera sees; NaN where the picture has nothing.

    Args:
        depth_m: (H, W) [m] along the optical axis, NaN = no measurement.
        camera: The camera that took it.
        rotation: (3, 3) axes of the turned optical frame in the old one.
    """
    u, v = np.meshgrid(np.arange(camera.width_px), np.arange(camera.height_px))
    x, y = (u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy
    # A new ray (x, y, 1) has this optical z in the old frame, where depth was measured along the old axis.
    old_z = rotation[2, 0] * x + rotation[2, 1] * y + rotation[2, 2]
    old_m = _turned(depth_m.astype(np.float32), camera, rotation, cv2.INTER_NEAREST, np.nan)
    return np.asarray(old_m / old_z, np.float32)


def turned_colour(picture: np.ndarray, camera: PinholeCamera, rotation: np.ndarray) -> np.ndarray:
    """Return the picture (H, W, 3) uint8 that the camera sees when turned as in `turned_depth`."""
    return _turned(picture, camera, rotation, cv2.INTER_LINEAR, 0)


def _turned(
    image: np.ndarray, camera: PinholeCamera, rotation: np.ndarray, interpolation: int, outside: float
) -> np.ndarray:
    k = np.array([[camera.fx, 0.0, camera.cx], [0.0, camera.fy, camera.cy], [0.0, 0.0, 1.0]])
    old_from_new_px = k @ rotation @ np.linalg.inv(k)
    size_px, flags = (camera.width_px, camera.height_px), interpolation | cv2.WARP_INVERSE_MAP
    return cv2.warpPerspective(image, old_from_new_px, size_px, flags=flags, borderValue=(outside,) * 4)
