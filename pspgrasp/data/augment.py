"""Augmentation of whole samples: pixels, labels and depth move together. For training, never for validation."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from pspgrasp.config import setting
from pspgrasp.data.sample import GraspSample
from pspgrasp.data.similarity import PlanarSimilarity
from pspgrasp.errors import ConfigError

DRAWS = 10  # of a motion, until one keeps a label in the picture


@dataclass(frozen=True)
class AugmentConfig:
    """How far samples are moved. Each is drawn on its own, evenly within its range; factors in their logarithm."""

    probability: float = setting(1.0, "share of samples that are changed at all", 0.0, 1.0)
    turn_rad: float = setting(math.pi, "turned by up to this to either side [rad]", 0.0, math.pi)
    smallest_zoom: float = setting(0.8, "zoom, at least", 0.1, 10.0)
    largest_zoom: float = setting(1.25, "zoom, at most", 0.1, 10.0)
    flip_probability: float = setting(0.5, "share of samples that are mirrored", 0.0, 1.0)
    shift_px: float = setting(20.0, "moved by up to this to either side and up and down [image px]", 0.0, 1000.0)
    depth_offset_m: float = setting(0.03, "farther or nearer by up to this [m]", 0.0, 1.0)
    depth_scale: float = setting(1.1, "depth is multiplied by up to this, or divided: the scene grows", 1.0, 10.0)

    def __post_init__(self) -> None:
        if self.smallest_zoom > self.largest_zoom:
            raise ConfigError(
                f"smallest_zoom ({self.smallest_zoom:g}) must not be above largest_zoom ({self.largest_zoom:g})"
            )


@dataclass(frozen=True)
class Augmentation:
    """One change of a sample.

    Attributes:
        similarity: Of the pixels. Zoom leaves depth as it is (see there): who knows the focal length multiplies it.
        depth_scale: Multiplies depth: the same picture of a scene that is larger by this factor.
        depth_offset_m: Added after that [m].
    """

    similarity: PlanarSimilarity
    depth_scale: float = 1.0
    depth_offset_m: float = 0.0

    def keeps(self, sample: GraspSample) -> np.ndarray:
        """Return for each label (N,) bool whether its centre stays in the picture."""
        centres_px = self.similarity.points(np.array([(r.u, r.v) for r in sample.rectangles]))
        height_px, width_px = sample.depth_m.shape
        return np.all((centres_px >= -0.5) & (centres_px <= (width_px - 0.5, height_px - 0.5)), axis=1)

    def apply(self, sample: GraspSample) -> GraspSample:
        """Return the changed sample; labels that leave the picture are dropped.

        Raises:
            DataError: All of them leave it.
        """
        kept = np.flatnonzero(self.keeps(sample))
        return replace(
            sample,
            depth_m=self.similarity.warp(sample.depth_m) * np.float32(self.depth_scale)
            + np.float32(self.depth_offset_m),
            rectangles=tuple(self.similarity.rectangle(sample.rectangles[index]) for index in kept),
            corners_px=self.similarity.points(sample.corners_px[kept]),
        )


def draw_augmentation(sample: GraspSample, config: AugmentConfig, rng: np.random.Generator) -> Augmentation:
    """Return a change for a sample: turned, zoomed and mirrored about the middle of its labels, then shifted.

    What loses every label is drawn again, up to ten times; a sample whose labels lie that near to its border is left
    as it was.
    """
    if rng.random() >= config.probability:
        return Augmentation(PlanarSimilarity())
    drawn = (_drawn(sample, config, rng) for _ in range(DRAWS))
    kept = (augmentation for augmentation in drawn if augmentation.keeps(sample).any())
    return next(kept, Augmentation(PlanarSimilarity()))


def _drawn(sample: GraspSample, config: AugmentConfig, rng: np.random.Generator) -> Augmentation:
    turn_rad = rng.uniform(-config.turn_rad, config.turn_rad)
    zoom = math.exp(rng.uniform(math.log(config.smallest_zoom), math.log(config.largest_zoom)))
    flipped = bool(rng.random() < config.flip_probability)
    shift_u, shift_v = rng.uniform(-config.shift_px, config.shift_px, 2)
    u, v = np.mean([(r.u, r.v) for r in sample.rectangles], axis=0)
    similarity = PlanarSimilarity(turn_rad, zoom, flipped, (float(shift_u), float(shift_v))).about((u, v))
    depth_scale = math.exp(rng.uniform(-1, 1) * math.log(config.depth_scale))
    return Augmentation(similarity, depth_scale, rng.uniform(-config.depth_offset_m, config.depth_offset_m))


def augment(sample: GraspSample, config: AugmentConfig, rng: np.random.Generator) -> GraspSample:
    """Return a sample, changed at random as `config` allows; the same state of `rng` gives the same change."""
    return draw_augmentation(sample, config, rng).apply(sample)
