"""What a stereo camera makes of an exact depth image. Its faults arise in disparity, and are made there."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Tuple

import cv2
import numpy as np

from pspgrasp.camera import PinholeCamera


@dataclass(frozen=True)
class StereoNoise:
    """The faults of a stereo camera; the defaults are near a RealSense D435 in good light.

    Attributes:
        baseline_m: Distance between the imagers; the left one's view is the depth image's.
        sigma_px: Noise of the disparity; in depth it is sigma_px * z^2 / (fx * baseline_m).
        step_px: Disparity comes in whole steps of this size.
        steepest: Change of disparity between neighbours [px/px] beyond which matching fails.
        ragged_px: How far edges wander from where they are.
        missing_share: Share of pixels lost in blobs, as on dark or shiny spots.
        flicker: Share of the variance that is new in each frame, 0 to 1; the rest stays with the scene.
    """

    baseline_m: float = 0.05
    sigma_px: float = 0.08
    step_px: float = 1 / 32
    steepest: float = 0.5
    ragged_px: float = 1.0
    missing_share: float = 0.004
    flicker: float = 0.3

    def measure(self, depth_m: np.ndarray, camera: PinholeCamera, seed: int, frame: int = 0) -> np.ndarray:
        """Return what is measured of the exact depth (H, W) [m]: float32 [m], NaN = no measurement."""
        field = _Field(depth_m.shape, seed, frame, self.flicker)
        disparity_px = camera.fx * self.baseline_m / self._with_ragged_edges(depth_m, field)
        missing = _in_shadow(disparity_px) | self._is_too_steep(disparity_px, field)
        missing |= field.smooth(7.0) > NormalDist().inv_cdf(1.0 - self.missing_share)
        return np.where(missing, np.nan, self._with_noise(disparity_px, camera, field))

    def shimmer(self, depth_m: np.ndarray, camera: PinholeCamera, seed: int, frame: int) -> np.ndarray:
        """Return what the next frame of a real picture (H, W) [m] may be: noise, and no new hole."""
        with np.errstate(invalid="ignore"):
            disparity_px = np.float32(camera.fx * self.baseline_m) / depth_m
            return self._with_noise(disparity_px, camera, _Field(depth_m.shape, seed, frame, flicker=1.0))

    def _with_noise(self, disparity_px: np.ndarray, camera: PinholeCamera, field: _Field) -> np.ndarray:
        """Return the depth (H, W) [m] of a noisy disparity that comes in steps; NaN beyond the last step."""
        steps = np.round((disparity_px + self.sigma_px * field.smooth(1.5)) / self.step_px)
        return np.float32(camera.fx * self.baseline_m / self.step_px) / np.where(steps >= 1, steps, np.nan)

    def _with_ragged_edges(self, depth_m: np.ndarray, field: _Field) -> np.ndarray:
        v, u = np.indices(depth_m.shape, dtype=np.float32)
        u, v = u + self.ragged_px * field.smooth(2.0), v + self.ragged_px * field.smooth(2.0)
        return cv2.remap(depth_m, u, v, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)

    def _is_too_steep(self, disparity_px: np.ndarray, field: _Field) -> np.ndarray:
        change = cv2.morphologyEx(disparity_px, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) / 2
        # Whether a window that straddles an edge still finds its match is a matter of luck.
        return np.asarray(change > self.steepest * np.exp(0.5 * field.smooth(2.0)))


class _Field:
    """Smooth random images (H, W) float32 of unit variance: in part the scene's, in part this frame's own."""

    def __init__(self, shape: Tuple[int, ...], seed: int, frame: int, flicker: float) -> None:
        self._shape = shape
        self._lasting, self._passing = np.random.default_rng([seed]), np.random.default_rng([seed, 1 + frame])
        self._weights = np.float32(np.sqrt(1.0 - flicker)), np.float32(np.sqrt(flicker))

    def smooth(self, sigma_px: float) -> np.ndarray:
        """Return the next image, correlated over about `sigma_px`."""
        white = self._weights[0] * self._lasting.standard_normal(self._shape, np.float32)
        white += self._weights[1] * self._passing.standard_normal(self._shape, np.float32)
        # The sum of squares of a Gaussian kernel is 1 / (4 pi sigma^2): this restores unit variance.
        return cv2.GaussianBlur(white, (0, 0), sigma_px) * np.float32(2.0 * np.sqrt(np.pi) * sigma_px)


def _in_shadow(disparity_px: np.ndarray) -> np.ndarray:
    """Return (H, W) bool: what the right imager does not see, being covered or left of its picture."""
    u_right = np.arange(disparity_px.shape[1], dtype=np.float32) - disparity_px
    nearest_cover = np.minimum.accumulate(u_right[:, ::-1], axis=1)[:, ::-1]
    return np.asarray((u_right > nearest_cover) | (u_right < 0))
