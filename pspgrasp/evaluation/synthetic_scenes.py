"""Generated scenes that nothing is trained on, and what is tried on them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Iterator, Protocol, Tuple

import numpy as np
import torch

from pspgrasp.camera import PinholeCamera
from pspgrasp.config import CropConfig, DetectionConfig, LimitsConfig, PreprocessConfig
from pspgrasp.crop import SquareCrop
from pspgrasp.data.synthetic.render import View
from pspgrasp.data.synthetic.scenes import REFERENCE_PX, Cameras, Layout
from pspgrasp.data.synthetic.sensor import SensorConfig
from pspgrasp.data.synthetic.source import Pictures, SyntheticConfig, SyntheticSource
from pspgrasp.depth import DepthFrame
from pspgrasp.detect import detect
from pspgrasp.grasp import ImageGrasp
from pspgrasp.maps import GraspMaps
from pspgrasp.predictor import GraspPredictor

FIRST_TEST_SEED = 2**31  # a training run takes seeds below: none can have seen these scenes
SCENES_A_BATCH = 8
WIDTH_SCALE_PX = 150.0  # of label maps; any will do, since they are decoded by the same
GRASPABLE_QUALITY = 0.1  # a scene whose best label is poorer has hardly anything to grasp
BIN_WALLS = 4  # a scene with fewer walls stands on a table

#: A robot's camera says z. Cornell's range is a way to store depth that a robot's driver doesn't have.
JUDGED_CONFIG = SyntheticConfig(sensor=SensorConfig(range_share=0.0))


@dataclass(frozen=True)
class JudgedScene:
    """One scene: what a camera measured, and what is there.

    Attributes:
        name: Seed and number: "0/17".
        kinds: What kind of scene it is, one word for each question: how many things, where, how seen.
        measured: What the camera measured, holes and all.
        exact: The same without any fault.
        view: What is truly there, as a batch of one.
        cameras: The camera, as a batch of one.
        labels: The label maps; their widths are contact widths.
    """

    name: str
    kinds: Tuple[str, ...]
    measured: DepthFrame
    exact: DepthFrame
    view: View
    cameras: Cameras
    labels: GraspMaps

    @property
    def graspable(self) -> bool:
        """Whether the best label is worth the name."""
        return bool(self.labels.quality.max() >= GRASPABLE_QUALITY)


@dataclass(frozen=True)
class JudgedScenes:
    """Scenes 0 to count - 1 of a seed, the same ones on every machine.

    Attributes:
        count: How many.
        seed: Another seed gives others. It counts from FIRST_TEST_SEED.
        config: What they look like, and the gripper.
        side_px: Of the images, which are square.
    """

    count: int
    seed: int = 0
    config: SyntheticConfig = JUDGED_CONFIG
    side_px: int = REFERENCE_PX

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[JudgedScene]:
        for first in range(0, self.count, SCENES_A_BATCH):
            numbers = range(first, min(first + SCENES_A_BATCH, self.count))
            # A GPU draws other random numbers than a CPU.
            pictures = self.source.pictures(numbers, torch.device("cpu"))
            yield from (self.scene(number, pictures, place) for place, number in enumerate(numbers))

    @property
    def description(self) -> str:
        """Say which, for a report."""
        return f"generated scenes 0 to {self.count - 1} of seed {self.seed}"

    @property
    def source(self) -> SyntheticSource:
        """What generates them."""
        preprocess = PreprocessConfig(input_size_px=self.side_px)
        return SyntheticSource(self.config, preprocess, WIDTH_SCALE_PX, FIRST_TEST_SEED + self.seed)

    def scene(self, number: int, pictures: Pictures, place: int) -> JudgedScene:
        """Return the scene at a place among pictures, under its number."""
        return judged_scene(f"{self.seed}/{number}", kinds_of(self.layout(number)), pictures, place)

    def layout(self, number: int) -> Layout:
        """Return how a scene was laid out."""
        return self.source.layout(number)


def judged_scene(name: str, kinds: Tuple[str, ...], pictures: Pictures, place: int) -> JudgedScene:
    """Return the scene at a place among pictures, whose label maps have widths of `WIDTH_SCALE_PX`."""
    here = slice(place, place + 1)
    view, cameras = View(*(f[here] for f in pictures.view)), Cameras(*(f[here] for f in pictures.cameras))
    focal_px, cx, cy = (float(f) for f in cameras)
    side_px = pictures.measured_m.shape[-1]
    camera = PinholeCamera(side_px, side_px, focal_px, focal_px, cx, cy)
    return JudgedScene(
        name,
        kinds,
        DepthFrame(pictures.measured_m[place].numpy(), camera),
        DepthFrame(view.depth_m[0].numpy(), camera),
        view,
        cameras,
        GraspMaps.decode(pictures.target[place].numpy(), WIDTH_SCALE_PX),
    )


def kinds_of(layout: Layout) -> Tuple[str, str, str]:
    """Return how many things there are, where they are, and how they are seen, in a word each."""
    count, tilt_deg = len(layout.things), math.degrees(tilt_rad(layout))
    things = "single" if count == 1 else "few" if count <= 4 else "clutter"
    seen = "upright" if tilt_deg < 12 else "tilted" if tilt_deg < 35 else "oblique"
    return things, "bin" if len(layout.walls) >= BIN_WALLS else "table", seen


def tilt_rad(layout: Layout) -> float:
    """Return the angle [rad] between the optical axis and straight down."""
    return math.acos(float(np.clip(-layout.camera_pose[2, 2], -1, 1)))


class SceneSource(Protocol):
    """The contract of whatever is judged on scenes."""

    @property
    def description(self) -> str:
        """What is done with a scene, for a report."""

    def __call__(self, scene: JudgedScene) -> Tuple[ImageGrasp, ...]:
        """Return the grasps of a scene, best first."""


@dataclass(frozen=True)
class ScenePredictor:
    """Our own road, as on a robot: what was measured goes in, holes and all; the window is the whole image."""

    predictor: GraspPredictor

    @property
    def description(self) -> str:
        """Say what is done, for a report."""
        detection = self.predictor.detection
        opening = told_opening(self.predictor)
        return f"whole image, quality above {detection.min_quality:g}, {opening}{_limited(self.predictor.limits)}"

    def __call__(self, scene: JudgedScene) -> Tuple[ImageGrasp, ...]:
        """Return the grasps of a scene, best first."""
        crop = replace(self.predictor.crop, size_px=scene.measured.camera.width_px, offset_u_px=0, offset_v_px=0)
        return replace(self.predictor, crop=crop).predict(scene.measured).image_grasps


@dataclass(frozen=True)
class SceneLabels:
    """The labels themselves, opened by the clearance, placed exactly: what the check says of a perfect network.

    Attributes:
        detection: Its clearance, its distance between grasps and its number of them count.
        limits: Of the gripper.
    """

    detection: DetectionConfig = DetectionConfig()
    limits: LimitsConfig = LimitsConfig()

    @property
    def description(self) -> str:
        """Say what is done, for a report."""
        clearance_mm = 1000 * self.detection.clearance_m
        return f"the labels themselves, opening contact + {clearance_mm:g} mm{_limited(self.limits)}"

    def __call__(self, scene: JudgedScene) -> Tuple[ImageGrasp, ...]:
        """Return the maxima of a scene's labels, best first."""
        depth_m, camera = scene.exact.depth_m, scene.exact.camera
        maps = scene.labels.opened(np.float32(self.detection.clearance_m * camera.focal_px) / depth_m)
        crop = SquareCrop.placed(CropConfig(size_px=camera.width_px), depth_m.shape, camera.width_px)
        exactly = replace(self.detection, min_quality=0.0, depth_radius_px=0)
        return detect(maps, crop, scene.exact, exactly, self.limits)[0]


def told_opening(predictor: GraspPredictor) -> str:
    """Say how a predictor's widths become openings, for a report."""
    contact = predictor.width == "contact"
    return f"opening contact + {1000 * predictor.detection.clearance_m:g} mm" if contact else "opening as put out"


def _limited(limits: LimitsConfig) -> str:
    most_m = limits.max_width_m
    return "" if most_m == LimitsConfig().max_width_m else f", none above {1000 * most_m:g} mm"
