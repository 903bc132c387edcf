"""Labels of generated scenes, judged again by lifting: how many hold, and a data set of those that do.

The labeller works on geometry: friction cones, room for the fingers. Here each label is tried by the hand of the bench,
which opens less than what labels are made for and has a palm, in a world where things tip and roll. Scenes are those
that training is fed with, their things fallen by physics.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import List, NamedTuple, Sequence, Tuple

import numpy as np

from pspgrasp.config import DetectionConfig, PreprocessConfig
from pspgrasp.data.labelling.label_folder import corner_lines
from pspgrasp.data.output import write_text
from pspgrasp.data.sheet import write_picture
from pspgrasp.data.synthetic.antipodal import GripperConfig
from pspgrasp.data.synthetic.scenes import REFERENCE_PX, Layout, gathered
from pspgrasp.data.synthetic.source import SyntheticConfig, SyntheticSource
from pspgrasp.depth import DepthFrame
from pspgrasp.evaluation.interval import wilson_interval
from pspgrasp.evaluation.synthetic_scenes import JUDGED_CONFIG, WIDTH_SCALE_PX, JudgedScene, SceneLabels, judged_scene
from pspgrasp.grasp import ImageGrasp
from pspgrasp.rectangle import GraspRectangle
from pspgrasp.sim.arrangement import Arrangement
from pspgrasp.sim.attempt import Outcome, Plan, attempt
from pspgrasp.sim.bench import BenchConfig
from pspgrasp.sim.bounds import lifted
from pspgrasp.sim.model import HAND, PhysicsConfig
from pspgrasp.sim.objects import of_parts
from pspgrasp.sim.planning import hand_pose, target_of
from pspgrasp.sim.shot import NO_EDGE
from pspgrasp.sim.touch import touches
from pspgrasp.sim.world import World

LABELS = DetectionConfig(min_quality=0.3, max_grasps=12, min_distance_px=8.0, depth_radius_px=0)


class Verified(NamedTuple):
    """A label that was tried.

    Attributes:
        grasp: In the image; the hand came down as wide, or as wide as it opens.
        rectangle: As training takes it; its opening is the contact width.
        outcome: Of the attempt.
        by_palm: Whether it collided, and then the palm touched something.
    """

    grasp: ImageGrasp
    rectangle: GraspRectangle
    outcome: Outcome
    by_palm: bool

    @property
    def held(self) -> bool:
        """Whether physics agrees with the label."""
        return self.outcome is Outcome.HELD

    @property
    def telling(self) -> bool:
        """Whether physics tells anything about the label: an attempt that exploded doesn't."""
        return self.outcome is not Outcome.EXPLODED


class VerifiedScene(NamedTuple):
    """A scene whose labels were tried.

    Attributes:
        number: Of the scene.
        frame: What its camera measured.
        labels: Best first; none where the simulation failed or nothing can be grasped.
        failed: Whether the simulation failed before anything was tried, or things didn't come to rest.
    """

    number: int
    frame: DepthFrame
    labels: Tuple[Verified, ...]
    failed: bool


@dataclass(frozen=True)
class VerifyJob:
    """One scene whose labels are to be tried; it follows from seed and number."""

    seed: int
    number: int
    config: SyntheticConfig = JUDGED_CONFIG
    gripper: GripperConfig = field(default_factory=lambda: BenchConfig(()).gripper)
    physics: PhysicsConfig = field(default_factory=PhysicsConfig)

    def __str__(self) -> str:
        """Name it for people."""
        return f"scene {self.number}"


def verified(job: VerifyJob) -> VerifiedScene:
    """Return a scene and what became of its best labels."""
    preprocess = PreprocessConfig(input_size_px=REFERENCE_PX)
    source = SyntheticSource(job.config, preprocess, WIDTH_SCALE_PX, job.seed)
    # A table that ends, and things that are meshes, are left to the labeller.
    layout = replace(source.layout(job.number), edge=NO_EDGE)
    things = [of_parts(thing) for thing in layout.things if isinstance(thing, list)]
    world = World(things, layout.walls, job.gripper, job.physics)
    failed = world.exploded or world.restless
    scene = _seen(source, job.number, replace(layout, things=world.shapes()))
    grasps = () if failed else SceneLabels(LABELS)(scene)
    lying = Arrangement.of(world, layout.walls)
    found = tuple(_tried(grasp, scene, layout.camera_pose, world, lying) for grasp in grasps)
    return VerifiedScene(job.number, scene.measured, found, failed)


def _seen(source: SyntheticSource, number: int, layout: Layout) -> JudgedScene:
    pictures = source.seen(source.sketch([number])._replace(scenes=gathered([layout])))
    return judged_scene(str(number), (), pictures, 0)


def _tried(
    grasp: ImageGrasp, scene: JudgedScene, camera_pose: np.ndarray, world: World, lying: Arrangement
) -> Verified:
    found = lifted(grasp, scene)
    plan = Plan(hand_pose(found, camera_pose, world.gripper), found.width_m)
    outcome = attempt(world, plan, target_of(found, camera_pose, lying)).outcome
    px_per_m = grasp.width_px / found.width_m
    contact_px = grasp.width_px - LABELS.clearance_m * px_per_m
    rectangle = GraspRectangle(grasp.u, grasp.v, grasp.angle_rad, contact_px, world.gripper.jaw_m * px_per_m)
    by_palm = outcome is Outcome.COLLIDED and any(touch.part == HAND for touch in touches(world))
    return Verified(grasp, rectangle, outcome, by_palm)


def write_scene(scene: VerifiedScene, folder: Path) -> None:
    """Write a scene as Cornell does: depth [m], rectangles that hold, rectangles that don't.

    Nothing is written of a scene whose labels tell nothing.

    Raises:
        PspGraspError: The disk says no.
    """
    telling = [label for label in scene.labels if label.telling]
    if not telling:
        return
    stem = folder / f"pcd{scene.number:06d}"
    write_picture(stem.with_name(f"{stem.name}d.tiff"), scene.frame.depth_m)
    for suffix, held in (("cneg.txt", False), ("cpos.txt", True)):
        lines = corner_lines([label.rectangle for label in telling if label.held is held])
        write_text(stem.with_name(stem.name + suffix), lines)


def lines_of(scenes: Sequence[VerifiedScene]) -> List[str]:
    """Return what became of labels, for people: all, the best of each scene, and by how good they are said to be."""
    failed, bare = sum(scene.failed for scene in scenes), sum(not scene.labels for scene in scenes)
    count = f"{len(scenes)} scenes: {failed} failed in simulation, {bare - failed} more without a label"
    best = [scene.labels[0] for scene in scenes if scene.labels]
    every = [label for scene in scenes for label in scene.labels]
    by_band = {
        f"quality {low / 10:.1f} to {(low + 1) / 10:.1f}": [one for one in every if _tenth(one) == low]
        for low in range(round(10 * LABELS.min_quality), 10)
    }
    kinds = {"all labels": every, "best of a scene": best, **by_band}
    return [count, *(_line(name, some) for name, some in kinds.items() if some)]


def _tenth(label: Verified) -> int:
    return min(9, int(10 * label.grasp.quality))


def _line(name: str, labels: Sequence[Verified]) -> str:
    fair = sum(label.telling for label in labels)
    held = sum(label.held for label in labels)
    low, high = wilson_interval(held, fair)
    counts = Counter(label.outcome for label in labels if not label.held)
    others = [f"{count} {outcome.value}" for outcome, count in sorted(counts.items())]
    by_palm = sum(label.by_palm for label in labels)
    others += [f"{by_palm} of the collisions with the palm"] if by_palm else []
    told = f"{name}: {held} of {fair} held ({held / max(1, fair):.2f}; {low:.2f} to {high:.2f})"
    return ", ".join([told, *others])
