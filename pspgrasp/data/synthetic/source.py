"""Generated samples by number, as training takes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Sequence, Tuple

import numpy as np
import torch

from pspgrasp.config import PreprocessConfig
from pspgrasp.data.batch import GraspBatch, on_device
from pspgrasp.data.synthetic.antipodal import GripperConfig
from pspgrasp.data.synthetic.labels import label
from pspgrasp.data.synthetic.render import View, render
from pspgrasp.data.synthetic.scenes import Cameras, Layout, SceneConfig, Scenes, gathered, random_layout, settled
from pspgrasp.data.synthetic.sensor import Faults, SensorConfig, measure, random_faults
from pspgrasp.device_road import network_input, push_pull
from pspgrasp.errors import ConfigError


@dataclass(frozen=True)
class SyntheticConfig:
    """Which scenes, seen by which cameras, for which gripper."""

    scene: SceneConfig = SceneConfig()
    sensor: SensorConfig = SensorConfig()
    gripper: GripperConfig = GripperConfig()


class Pictures(NamedTuple):
    """Generated scenes and what a camera measured of them.

    Attributes:
        view: What is truly there.
        cameras: That look at it.
        measured_m: (B, N, N) float32 [m], NaN = no measurement.
        target: (B, 4, N, N), what a network should put out.
    """

    view: View
    cameras: Cameras
    measured_m: torch.Tensor
    target: torch.Tensor


class Sketch(NamedTuple):
    """Scenes before anything is worked out.

    Attributes:
        scenes: Their things not yet dropped.
        faults: Of the cameras.
        seeds: Of their noise.
    """

    scenes: Scenes
    faults: Faults
    seeds: Tuple[int, ...]


@dataclass(frozen=True)
class SyntheticSource:
    """Endless generated scenes; a `BatchSource` and a `SketchedSource`.

    Attributes:
        config: What they look like.
        preprocess: How the network's input is made of them.
        width_scale_px: Of the width map; widths are contact widths.
        seed: Another seed gives other scenes.

    Raises:
        ConfigError: Holes are to be filled in another way.
    """

    config: SyntheticConfig
    preprocess: PreprocessConfig
    width_scale_px: float
    seed: int

    def __post_init__(self) -> None:
        if self.preprocess.fill != "push_pull":
            raise ConfigError(f"generated scenes are filled by push_pull, not by {self.preprocess.fill!r}")

    def batch(self, indices: Sequence[int], device: torch.device) -> GraspBatch:
        """Return the samples of these numbers on `device`."""
        return self.finished(on_device(self.sketch(indices), device))

    def sketch(self, indices: Sequence[int]) -> Sketch:
        """Return all that is drawn by chance but the noise: the work of the CPU."""
        scenes = gathered([self.layout(index) for index in indices])
        faults = random_faults([self._rng(index, 1) for index in indices], self.config.sensor)
        seeds = tuple(int(self._rng(index, 2).integers(2**62)) for index in indices)
        return Sketch(scenes, faults, seeds)

    def finished(self, sketch: Sketch) -> GraspBatch:
        """Return the samples of a sketch."""
        pictures = self.developed(sketch)
        filled_m = without_holes(pictures.measured_m)
        return GraspBatch(network_input(filled_m, self.preprocess, pictures.cameras.focal_px), pictures.target)

    def pictures(self, indices: Sequence[int], device: torch.device) -> Pictures:
        """Return the scenes of these numbers, their truth included."""
        return self.developed(on_device(self.sketch(indices), device))

    @torch.no_grad()
    def developed(self, sketch: Sketch) -> Pictures:
        """Return the scenes of a sketch: settled, seen, measured and labelled."""
        return self.seen(sketch._replace(scenes=settled(sketch.scenes)))

    @torch.no_grad()
    def seen(self, sketch: Sketch) -> Pictures:
        """Return the scenes of a sketch whose things lie where they should: seen, measured and labelled."""
        scenes = sketch.scenes
        view = render(scenes, self.preprocess.input_size_px)
        far_m = self.config.sensor.far_m
        measured_m = measure(view.depth_m, scenes.cameras, sketch.faults, sketch.seeds, far_m)
        target = label(view, scenes.cameras, self.config.gripper, self.width_scale_px)
        return Pictures(view, scenes.cameras, measured_m, target)

    def layout(self, index: int) -> Layout:
        """Return how the scene of a number is laid out."""
        return random_layout(self._rng(index, 0), self.config.scene, self.preprocess.input_size_px)

    def _rng(self, index: int, purpose: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, index, purpose])


def without_holes(depth_m: torch.Tensor) -> torch.Tensor:
    """Return depth (B, 1, N, N) [m] of depth (B, N, N) [m] whose holes (NaN) are filled."""
    return push_pull(depth_m.nan_to_num(0.0)[:, None], (~depth_m.isnan()).float()[:, None])
