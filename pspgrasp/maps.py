"""Grasp maps Q, Phi, W of Morrison et al. 2018: a grasp at every pixel."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from pspgrasp.config import DetectionConfig
from pspgrasp.errors import NetworkError


@dataclass(frozen=True)
class GraspMaps:
    """One grasp a pixel. The angle is carried by its double, since phi and phi + pi are one grasp.

    Attributes:
        quality: (H, W) float32, 0 to 1.
        cos_2phi: (H, W) float32, -1 to 1.
        sin_2phi: (H, W) float32, -1 to 1.
        width_px: (H, W) float32 [map px]: opening, or what a network for contact widths puts out before `opened`.
    """

    quality: np.ndarray
    cos_2phi: np.ndarray
    sin_2phi: np.ndarray
    width_px: np.ndarray

    @classmethod
    def decode(cls, output: np.ndarray, width_scale_px: float) -> GraspMaps:
        """Return the maps of a network output (4, H, W): quality, cos 2phi, sin 2phi, width / scale.

        Raises:
            NetworkError: The output is not finite (poisoned or overflowing weights).
        """
        if not np.isfinite(output).all():
            raise NetworkError("the network put out NaN or infinity; its weights or its precision are broken")
        quality, cos_2phi, sin_2phi, width = output
        return cls(quality, cos_2phi, sin_2phi, width * np.float32(width_scale_px))

    def encode(self, width_scale_px: float) -> np.ndarray:
        """Return the network output (4, H, W) float32 that decodes to these maps."""
        return np.stack([self.quality, self.cos_2phi, self.sin_2phi, self.width_px / np.float32(width_scale_px)])

    def angle_rad(self) -> np.ndarray:
        """Return phi (H, W) [rad], [-pi/2, pi/2], anticlockwise as seen."""
        return np.arctan2(self.sin_2phi, self.cos_2phi) / 2

    def without(self, missing: np.ndarray) -> GraspMaps:
        """Return maps whose quality is zero where `missing` (H, W) bool is set."""
        return replace(self, quality=np.where(missing, np.float32(0), self.quality))

    def opened(self, clearance_px: np.ndarray) -> GraspMaps:
        """Return maps whose width is larger by `clearance_px` (H, W) [map px]: contact widths become openings."""
        return replace(self, width_px=np.maximum(self.width_px, 0) + clearance_px)

    def smoothed(self, config: DetectionConfig) -> GraspMaps:
        """Return maps after the Gaussians of `config`; the angle is smoothed as cos and sin, never as a number."""
        return GraspMaps(
            _gaussian(self.quality, config.sigma_quality_px),
            _gaussian(self.cos_2phi, config.sigma_angle_px),
            _gaussian(self.sin_2phi, config.sigma_angle_px),
            _gaussian(self.width_px, config.sigma_width_px),
        )


def _gaussian(image: np.ndarray, sigma_px: float) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), sigma_px) if sigma_px > 0 else image
