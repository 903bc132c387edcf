"""Generated scenes whose things came to rest by physics, and grasps of a camera brought to the gripper."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Iterator

import numpy as np

from pspgrasp.data.synthetic.scenes import Layout, gathered
from pspgrasp.evaluation.synthetic_scenes import JudgedScene, JudgedScenes
from pspgrasp.sim.bounds import centroid_grasp, labels_grasp  # noqa: F401
from pspgrasp.sim.objects import of_parts
from pspgrasp.sim.planning import hand_pose  # noqa: F401
from pspgrasp.sim.world import PhysicsConfig, World

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
