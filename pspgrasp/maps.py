"""Grasp maps Q, Phi, W of Morrison et al. 2018: a grasp at every pixel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Callable, Dict, List, Protocol, Tuple

import cv2
import numpy as np

from pspgrasp.config import DetectionConfig
from pspgrasp.errors import NetworkError

NOT_FINITE = "the network put out NaN or infinity; its weights or its precision are broken"
MOST_PLACES = 64  # summits that come from elsewhere: the best; limits refuse some, and a grasp keeps others away


class ReadableMaps(Protocol):
    """What grasps are read from: where quality is highest, and what the maps are there."""

    def summits(self, min_quality: float) -> List[Tuple[int, int]]:
        """Return row and column of the local maxima of quality, best first; one for each plateau."""

    def at(self, row: int, column: int) -> Tuple[float, float, float, float]:
        """Return quality, cos 2phi, sin 2phi and width [map px] of a summit."""


class FrameMaps(ReadableMaps, Protocol):
    """The same, of a frame: whoever wants to see them gets all of them."""

    @property
    def whole(self) -> GraspMaps:
        """All maps after the Gaussians."""


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
        # One value that isn't finite is the smallest or the largest; NaN is both.
        if not (np.isfinite(output.min()) and np.isfinite(output.max())):
            raise NetworkError(NOT_FINITE)
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
        return replace(self, quality=cv2.copyTo(self.quality, (~missing).view(np.uint8)))

    def opened(self, clearance_px: np.ndarray) -> GraspMaps:
        """Return maps whose width is larger by `clearance_px` (H, W) [map px]: contact widths become openings."""
        width_px = np.maximum(self.width_px, 0)
        width_px += clearance_px
        return replace(self, width_px=width_px)

    def summits(self, min_quality: float) -> List[Tuple[int, int]]:
        """See `ReadableMaps`."""
        return _summits(self.quality, min_quality)

    def at(self, row: int, column: int) -> Tuple[float, float, float, float]:
        """See `ReadableMaps`."""
        maps = (self.quality, self.cos_2phi, self.sin_2phi, self.width_px)
        quality, cos_2phi, sin_2phi, width_px = (float(image[row, column]) for image in maps)
        return quality, cos_2phi, sin_2phi, width_px

    def smoothed(self, config: DetectionConfig) -> GraspMaps:
        """Return maps after the Gaussians of `config`; the angle is smoothed as cos and sin, never as a number."""
        return SmoothedMaps.of(self, config).whole


@dataclass(frozen=True)
class SmoothedMaps:
    """Maps after the Gaussians: quality everywhere, angle and width where they are read.

    A frame has a few peaks; smoothing three more maps for them costs more than all the rest of detection.

    Attributes:
        quality: (H, W) float32, smoothed.
        raw: The maps before the Gaussians.
        config: Its Gaussians count.
    """

    quality: np.ndarray
    raw: GraspMaps
    config: DetectionConfig

    @classmethod
    def of(cls, raw: GraspMaps, config: DetectionConfig) -> SmoothedMaps:
        """Return maps after the Gaussians of `config`."""
        return cls(_gaussian(raw.quality, config.sigma_quality_px), raw, config)

    @cached_property
    def whole(self) -> GraspMaps:
        """All maps, smoothed everywhere; the angle as cos and sin, never as a number."""
        return GraspMaps(
            self.quality,
            _gaussian(self.raw.cos_2phi, self.config.sigma_angle_px),
            _gaussian(self.raw.sin_2phi, self.config.sigma_angle_px),
            _gaussian(self.raw.width_px, self.config.sigma_width_px),
        )

    def summits(self, min_quality: float) -> List[Tuple[int, int]]:
        """See `ReadableMaps`."""
        return _summits(self.quality, min_quality)

    def at(self, row: int, column: int) -> Tuple[float, float, float, float]:
        """See `ReadableMaps`; what `whole` has there."""
        return (
            float(self.quality[row, column]),
            _gaussian_at(self.raw.cos_2phi, row, column, self.config.sigma_angle_px),
            _gaussian_at(self.raw.sin_2phi, row, column, self.config.sigma_angle_px),
            _gaussian_at(self.raw.width_px, row, column, self.config.sigma_width_px),
        )


@dataclass(frozen=True)
class PlacedMaps:
    """Maps that lie elsewhere, on a GPU or in a graph, of which only the summits have come.

    Attributes:
        places: (K, 6) float32: row, column, quality, cos 2phi, sin 2phi, width [map px] of the best summits, after the
            Gaussians; quality is 0 where there are fewer.
        fetched: Brings all maps.
    """

    places: np.ndarray
    fetched: Callable[[], GraspMaps]

    @classmethod
    def checked(cls, places: np.ndarray, level: float, fetched: Callable[[], GraspMaps]) -> PlacedMaps:
        """Return maps of which `places` have come.

        Args:
            places: See above.
            level: Mean size of the network's output: not finite if any of it isn't.
            fetched: See above.

        Raises:
            NetworkError: The output is not finite (poisoned or overflowing weights).
        """
        if not np.isfinite(level):
            raise NetworkError(NOT_FINITE)
        return cls(places, fetched)

    @cached_property
    def whole(self) -> GraspMaps:
        """All maps after the Gaussians; they come when first asked for."""
        return self.fetched()

    def summits(self, min_quality: float) -> List[Tuple[int, int]]:
        """See `ReadableMaps`; no more than came."""
        found: List[Tuple[int, int]] = []
        seen: Dict[Tuple[int, int], float] = {}
        for row, column in sorted(self._at, key=lambda place: (-self._at[place][0], place)):
            quality = self._at[row, column][0]
            around = ((row + down, column + right) for down in (-1, 0, 1) for right in (-1, 0, 1))
            if quality >= min_quality and not any(seen.get(place) == quality for place in around):
                found.append((row, column))
            seen[row, column] = quality
        return found

    def at(self, row: int, column: int) -> Tuple[float, float, float, float]:
        """See `ReadableMaps`."""
        return self._at[row, column]

    @cached_property
    def _at(self) -> Dict[Tuple[int, int], Tuple[float, float, float, float]]:
        rows = (tuple(map(float, place)) for place in self.places if place[2] > 0)
        return {(int(row), int(column)): (q, cos, sin, width) for row, column, q, cos, sin, width in rows}


def _summits(quality: np.ndarray, min_quality: float) -> List[Tuple[int, int]]:
    quality = np.ascontiguousarray(quality)
    summit = (quality == cv2.dilate(quality, np.ones((3, 3), np.uint8))) & (quality >= min_quality) & (quality > 0)
    places = np.flatnonzero(summit)  # few: what follows isn't done for every pixel
    plateaus = cv2.connectedComponents(summit.view(np.uint8), connectivity=8)[1].ravel()[places]
    places = np.sort(places[np.unique(plateaus, return_index=True)[1]])
    # A stable sort: equal peaks come in reading order, on every machine.
    best_first = places[np.argsort(-quality.ravel()[places], kind="stable")]
    return [(int(place) // quality.shape[1], int(place) % quality.shape[1]) for place in best_first]


def _gaussian(image: np.ndarray, sigma_px: float) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), sigma_px) if sigma_px > 0 else image


def _gaussian_at(image: np.ndarray, row: int, column: int, sigma_px: float) -> float:
    """Return one pixel of `_gaussian`."""
    if sigma_px <= 0:
        return float(image[row, column])
    kernel = gaussian_weights(sigma_px)
    return float(kernel @ _around(image, row, column, len(kernel) // 2) @ kernel)


@lru_cache(maxsize=8)
def gaussian_weights(sigma_px: float) -> np.ndarray:
    """Return the weights (2 r + 1,) float32 that OpenCV's blur of a float image takes: up to 4 sigma."""
    return cv2.getGaussianKernel(round(8 * sigma_px + 1) | 1, sigma_px, cv2.CV_32F)[:, 0]


def _around(image: np.ndarray, row: int, column: int, reach_px: int) -> np.ndarray:
    """Return the square (2 r + 1, 2 r + 1) about a pixel; beyond its border the image is mirrored, as in a blur."""
    last_row, last_column = image.shape[0] - 1, image.shape[1] - 1
    inside = image[max(0, row - reach_px) : row + reach_px + 1, max(0, column - reach_px) : column + reach_px + 1]
    room_px = (row, last_row - row, column, last_column - column)
    above, below, left, right = (max(0, reach_px - room) for room in room_px)
    if above + below + left + right == 0:
        return inside
    return cv2.copyMakeBorder(inside, above, below, left, right, cv2.BORDER_REFLECT_101)
