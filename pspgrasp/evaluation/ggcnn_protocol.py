"""GG-CNN's own way of evaluating (dougsm/ggcnn 0c50aa7, utils/ and models/common.py), for any network of 300 px.

Cornell: a window of 300 px centred on the labels. Jacquard: the whole image, shrunk to 300 px. The mean is taken off
before shrinking. The angle is smoothed as a number, and no grasp lies within 20 px of the border: faults that belong
to its published figures. Holes are filled here; the original has none in Cornell (filled beforehand) nor in Jacquard's
perfect depth.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import List, Tuple

import numpy as np
from scipy import ndimage

from pspgrasp.data.sample import GraspSample
from pspgrasp.errors import ConfigError, DataError
from pspgrasp.ggcnn_api import SIDE_PX, check_map_size
from pspgrasp.ggcnn_stream import local_maxima
from pspgrasp.grasp import ImageGrasp, wrap_half_turn
from pspgrasp.maps import GraspMaps
from pspgrasp.predictor import GraspPredictor
from pspgrasp.preprocess import navier_stokes, normalise

PEAK_DISTANCE_PX, PEAK_THRESHOLD = 20, 0.2  # of map px, and of quality
SIGMA_QUALITY_PX, SIGMA_ANGLE_PX, SIGMA_WIDTH_PX = 2.0, 2.0, 1.0


@dataclass(frozen=True)
class GgcnnProtocol:
    """GG-CNN's road from an image to grasps.

    Attributes:
        predictor: Its network is used, and nothing else of it.
        whole: Shrink the whole image, as for Jacquard, instead of cutting 300 px at the labels, as for Cornell.
        top: Most grasps of an image.
    """

    predictor: GraspPredictor
    whole: bool
    top: int = 1

    def __post_init__(self) -> None:
        check_map_size(self.predictor)
        if self.predictor.width == "contact" or self.predictor.preprocess.channels > 1:
            raise ConfigError(
                f"checkpoint {self.predictor.name!r} needs a camera's focal length, which GG-CNN's protocol lacks"
            )

    @property
    def description(self) -> str:
        """Say what is done, for a report."""
        window = "whole image" if self.whole else f"{SIDE_PX} px at the labels"
        return f"GG-CNN's own: {window}, quality above {PEAK_THRESHOLD}"

    def __call__(self, sample: GraspSample) -> Tuple[ImageGrasp, ...]:
        """Return the grasps of an image, best first, in its pixels.

        Raises:
            DataError: The image is smaller than the window, or not square.
        """
        depth_m = self.network_input(sample)
        maps = smoothed(self.predictor.run(depth_m[None].astype(np.float32, copy=False)))
        left, top, scale = self._place(sample)
        found = detect_grasps(*maps, self.top)
        return tuple(
            replace(
                g,
                u=left + g.u * scale,
                v=top + g.v * scale,
                angle_rad=wrap_half_turn(g.angle_rad),
                width_px=g.width_px * scale,
            )
            for g in found
        )

    def network_input(self, sample: GraspSample) -> np.ndarray:
        """Return the network's input (300, 300) float32 [m] for an image."""
        left, top, _ = self._place(sample)
        window_m = sample.depth_m if self.whole else sample.depth_m[top : top + SIDE_PX, left : left + SIDE_PX]
        missing = np.isnan(window_m)
        filled_m = navier_stokes(window_m, missing) if missing.any() else window_m
        relative_m = normalise(filled_m, self.predictor.preprocess.clip_m)
        return shrunk(relative_m, SIDE_PX) if self.whole else relative_m

    def _place(self, sample: GraspSample) -> Tuple[int, int, float]:
        """Return left, top [image px] of the window and image pixels per map pixel."""
        height_px, width_px = sample.depth_m.shape
        if self.whole:
            if height_px != width_px:
                raise DataError(f"{sample.name}: GG-CNN shrinks square images; this one is {width_px}x{height_px} px")
            return 0, 0, width_px / SIDE_PX
        if min(height_px, width_px) < SIDE_PX:
            raise DataError(f"{sample.name}: GG-CNN's window of {SIDE_PX} px doesn't fit {width_px}x{height_px} px")
        # The mean of corners that were rounded, cut to whole pixels.
        u, v = (int(n) for n in np.rint(sample.corners_px).reshape(-1, 2).mean(axis=0))
        left = max(0, min(u - SIDE_PX // 2, width_px - SIDE_PX))
        top = max(0, min(v - SIDE_PX // 2, height_px - SIDE_PX))
        return left, top, 1.0


def shrunk(image: np.ndarray, side_px: int) -> np.ndarray:
    """Return a square image resized to (side, side) float32: smoothed first, then linear between pixel areas.

    As scikit-image's `resize` does by default when it makes an image smaller.
    """
    factor = image.shape[0] / side_px
    smooth = ndimage.gaussian_filter(image, max(0.0, (factor - 1) / 2), mode="mirror")
    return ndimage.zoom(smooth, 1 / factor, order=1, mode="mirror", grid_mode=True)


def smoothed(maps: GraspMaps) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return quality, angle [rad] and width [px] (H, W) after GG-CNN's Gaussians; border pixels are repeated."""
    pairs = ((maps.quality, SIGMA_QUALITY_PX), (maps.angle_rad(), SIGMA_ANGLE_PX), (maps.width_px, SIGMA_WIDTH_PX))
    quality, angle_rad, width_px = (ndimage.gaussian_filter(m, sigma, mode="nearest") for m, sigma in pairs)
    return quality, angle_rad, width_px


def detect_grasps(quality: np.ndarray, angle_rad: np.ndarray, width_px: np.ndarray, top: int) -> List[ImageGrasp]:
    """Return at most `top` grasps of maps (H, W), best first, in map pixels; angle and width are as the maps say."""
    if quality.min() == quality.max():  # a flat image has no peak
        return []
    return [
        ImageGrasp(float(c), float(r), float(angle_rad[r, c]), float(width_px[r, c]), float(quality[r, c]))
        for r, c in local_maxima(quality, PEAK_DISTANCE_PX, PEAK_THRESHOLD, top, PEAK_DISTANCE_PX)
    ]
