"""Labels of generated scenes, judged again by lifting: how many hold, and a data set of those that do.

The labeller works on geometry: friction cones, room for the fingers. Here each label is tried by a gripper that has a
palm, in a world where things tip and roll. Scenes are those that training is fed with, their things fallen by physics.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Dict, List, NamedTuple, Sequence, Tuple

import numpy as np

from pspgrasp.config import DetectionConfig, PreprocessConfig
from pspgrasp.data.labelling.label_folder import corner_lines
from pspgrasp.data.output import write_text
from pspgrasp.data.sheet import write_picture
from pspgrasp.data.synthetic.scenes import REFERENCE_PX, Layout, gathered
from pspgrasp.data.synthetic.source import SyntheticConfig, SyntheticSource
from pspgrasp.depth import DepthFrame
from pspgrasp.evaluation.interval import wilson_interval
from pspgrasp.evaluation.synthetic_scenes import JUDGED_CONFIG, WIDTH_SCALE_PX, JudgedScene, SceneLabels, judged_scene
from pspgrasp.grasp import ImageGrasp
from pspgrasp.rectangle import GraspRectangle
from pspgrasp.sim.attempt import Outcome, Plan, attempt
from pspgrasp.sim.bounds import lifted
from pspgrasp.sim.model import PhysicsConfig
from pspgrasp.sim.objects import of_parts
from pspgrasp.sim.planning import hand_pose
from pspgrasp.sim.shot import NO_EDGE
from pspgrasp.sim.world import World

LABELS = DetectionConfig(min_quality=0.3, max_grasps=12, min_distance_px=8.0, depth_radius_px=0)


class Verified(NamedTuple):
    """A label that was tried.

    Attributes:
        grasp: In the image; its width is the opening it was tried with.
        rectangle: As training takes it; its opening is the contact width.
        outcome: Of the attempt.
    """

    grasp: ImageGrasp
    rectangle: GraspRectangle
    outcome: Outcome

    @property
    def held(self) -> bool:
        """Whether physics agrees with the label."""
        return self.outcome is Outcome.HELD


class VerifiedScene(NamedTuple):
    """A scene whose labels were tried.

    Attributes:
        number: Of the scene.
        frame: What its camera measured.
        labels: Best first; none where the simulation failed or nothing can be grasped.
    """

    number: int
    frame: DepthFrame
    labels: Tuple[Verified, ...]


@dataclass(frozen=True)
class VerifyJob:
    """One scene whose labels are to be tried; it follows from seed and number."""

    seed: int
    number: int
    config: SyntheticConfig = JUDGED_CONFIG
    physics: PhysicsConfig = field(default_factory=PhysicsConfig)


def verified(job: VerifyJob) -> VerifiedScene:
    """Return a scene and what became of its best labels."""
    preprocess = PreprocessConfig(input_size_px=REFERENCE_PX)
    source = SyntheticSource(job.config, preprocess, WIDTH_SCALE_PX, job.seed)
    # A table that ends, and things that are meshes, are left to the labeller.
    layout = replace(source.layout(job.number), edge=NO_EDGE)
    gripper = job.config.gripper
    things = [of_parts(thing) for thing in layout.things if isinstance(thing, list)]
    world = World(things, layout.walls, gripper, job.physics)
    scene = _seen(source, job.number, replace(layout, things=world.shapes()))
    grasps = () if world.exploded else SceneLabels(LABELS)(scene)
    found = tuple(_tried(grasp, scene, layout.camera_pose, world) for grasp in grasps)
    return VerifiedScene(job.number, scene.measured, found)


def _seen(source: SyntheticSource, number: int, layout: Layout) -> JudgedScene:
    pictures = source.seen(source.sketch([number])._replace(scenes=gathered([layout])))
    return judged_scene(str(number), (), pictures, 0)


def _tried(grasp: ImageGrasp, scene: JudgedScene, camera_pose: np.ndarray, world: World) -> Verified:
    found = lifted(grasp, scene)
    target = int(scene.view.thing[0, round(grasp.v), round(grasp.u)]) - 1
    plan = Plan(hand_pose(found, camera_pose, world.gripper), found.width_m)
    outcome = attempt(world, plan, target if target >= 0 else None).outcome
    px_per_m = grasp.width_px / found.width_m
    contact_px = grasp.width_px - LABELS.clearance_m * px_per_m
    rectangle = GraspRectangle(grasp.u, grasp.v, grasp.angle_rad, contact_px, world.gripper.jaw_m * px_per_m)
    return Verified(grasp, rectangle, outcome)


def write_scene(scene: VerifiedScene, folder: Path) -> None:
    """Write a scene as Cornell does: depth [m], rectangles that hold, rectangles that don't.

    Raises:
        PspGraspError: The disk says no.
    """
    stem = folder / f"pcd{scene.number:06d}"
    write_picture(stem.with_name(f"{stem.name}d.tiff"), scene.frame.depth_m)
    for suffix, held in (("cneg.txt", False), ("cpos.txt", True)):
        lines = corner_lines([label.rectangle for label in scene.labels if label.held is held])
        write_text(stem.with_name(stem.name + suffix), lines)


def lines_of(scenes: Sequence[VerifiedScene]) -> List[str]:
    """Return what became of labels, for people: all, the best of each scene, and by how good they are said to be."""
    best = [scene.labels[0] for scene in scenes if scene.labels]
    every = [label for scene in scenes for label in scene.labels]
    by_band = {
        f"quality {low / 10:.1f} to {(low + 1) / 10:.1f}": [one for one in every if _tenth(one) == low]
        for low in range(round(10 * LABELS.min_quality), 10)
    }
    kinds = {"all labels": every, "best of a scene": best, **by_band}
    return [_line(name, some) for name, some in kinds.items() if some]


def _tenth(label: Verified) -> int:
    return min(9, int(10 * label.grasp.quality))


def _line(name: str, labels: Sequence[Verified]) -> str:
    fair = [label for label in labels if label.outcome is not Outcome.EXPLODED]
    held = sum(label.held for label in fair)
    low, high = wilson_interval(held, len(fair))
    others: Dict[str, int] = dict(Counter(label.outcome.value for label in labels if not label.held))
    told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(others.items()))
    return f"{name}: {held} of {len(fair)} held ({held / max(1, len(fair)):.2f}; {low:.2f} to {high:.2f}); {told}"
