"""Generated scenes whose things came to rest by physics, and grasps of a camera brought to the gripper."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Iterator, Optional, Tuple

import numpy as np

from pspgrasp.data.synthetic.antipodal import GripperConfig
from pspgrasp.data.synthetic.scenes import Layout, gathered
from pspgrasp.detect import lift
from pspgrasp.evaluation.synthetic_scenes import JudgedScene, JudgedScenes, SceneLabels
from pspgrasp.grasp import Grasp, ImageGrasp
from pspgrasp.sim.objects import of_parts
from pspgrasp.sim.world import HandPose, PhysicsConfig, World

DOWN = np.array([0.0, 0.0, -1.0])
NO_EDGE = (1.0, 0.0, float("inf"))  # the bench's table is endless


@dataclass(frozen=True)
class PhysicalScene:
    """One scene.

    Attributes:
        seen: What a camera sees of it, and what is there.
        world: The same things, to be grasped.
        camera_pose: (4, 4), optical frame in the world's frame.
    """

    seen: JudgedScene
    world: World
    camera_pose: np.ndarray


@dataclass(frozen=True)
class PhysicalScenes:
    """The layouts of judged scenes, with their things dropped by physics instead of straight down.

    Scenes whose simulation failed are left out, as are those of more things than asked for.

    Attributes:
        judged: Which; cameras and sensor are theirs.
        most_things: Scenes with more are left out.
        physics: What the world is like.
    """

    judged: JudgedScenes
    most_things: int = 20
    physics: PhysicsConfig = field(default_factory=PhysicsConfig)

    def __iter__(self) -> Iterator[PhysicalScene]:
        for number in range(self.judged.count):
            layout = replace(self.judged.layout(number), edge=NO_EDGE)
            if len(layout.things) <= self.most_things:
                objects = [of_parts(list(thing)) for thing in layout.things]
                world = World(objects, layout.walls, self.judged.config.gripper, self.physics)
                if not world.exploded:
                    yield PhysicalScene(self._seen(number, layout, world), world, layout.camera_pose)

    def _seen(self, number: int, layout: Layout, world: World) -> JudgedScene:
        source = self.judged.source
        sketch = source.sketch([number])._replace(scenes=gathered([replace(layout, things=world.shapes())]))
        return self.judged.scene(number, source.seen(sketch), 0)


def hand_pose(grasp: Grasp, camera_pose: np.ndarray, gripper: GripperConfig) -> HandPose:
    """Return where a gripper that comes straight down goes for a grasp of a camera.

    Its jaws close in the level direction that looks like the grasp's in the image, and its tips go as far below the
    surface as the labels' do (`antipodal.py`): at most `insertion_m`, less on what is flat.

    Args:
        grasp: In the optical frame.
        camera_pose: (4, 4), optical frame in the world's frame, as the robot believes it to be.
        gripper: That grasps.
    """
    rotation, eye_m = camera_pose[:3, :3], camera_pose[:3, 3]
    surface_m = rotation @ grasp.position_m + eye_m
    # All lines that look like the grasp's lie in one plane through the eye; one of them is level.
    level = np.cross(np.cross(surface_m - eye_m, rotation @ grasp.rotation()[:, 0]), DOWN)
    closing = level / np.linalg.norm(level)
    insertion_m = float(np.clip(gripper.insertion_share * surface_m[2], 0.0, gripper.insertion_m))
    return HandPose(surface_m + insertion_m * DOWN, closing, DOWN)


def labels_grasp(scene: JudgedScene) -> Optional[Grasp]:
    """Return the best of a scene's labels, an upper bound for networks; None where there is none."""
    grasps = SceneLabels()(scene)
    return _lifted(grasps[0], scene) if grasps else None


def centroid_grasp(scene: JudgedScene, opening_m: float) -> Optional[Grasp]:
    """Return a grasp across the middle of the nearest thing, which any network should beat; None without a thing.

    The jaws close along the lesser axis of what is seen of it, opened as far as they can.
    """
    things, depth_m = scene.view.thing[0].numpy(), scene.exact.depth_m
    seen = things > 0
    if not seen.any():
        return None
    nearest = things[seen][depth_m[seen].argmin()]
    rows, columns = np.nonzero(things == nearest)
    row, column = _nearest_pixel(rows, columns)
    spread = np.cov(np.stack([columns, -rows])) if len(rows) > 1 else np.eye(2)
    lesser = np.linalg.eigh(spread)[1][:, 0]
    angle_rad = float(np.arctan2(lesser[1], lesser[0]))
    width_px = opening_m * scene.exact.camera.fx / float(depth_m[row, column])
    return _lifted(ImageGrasp(column, row, angle_rad, width_px, 1.0), scene)


def _nearest_pixel(rows: np.ndarray, columns: np.ndarray) -> Tuple[int, int]:
    """Return the pixel of a thing that is nearest to its centroid."""
    place = np.hypot(rows - rows.mean(), columns - columns.mean()).argmin()
    return int(rows[place]), int(columns[place])


def _lifted(grasp: ImageGrasp, scene: JudgedScene) -> Grasp:
    return lift(grasp, scene.exact, float(scene.exact.depth_m[round(grasp.v), round(grasp.u)]))
