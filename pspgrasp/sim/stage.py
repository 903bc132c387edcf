"""A scene of a cell as it is set up: what fell where, and who looks at it. All of it follows from seed and number."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Optional, Tuple

import numpy as np

from pspgrasp.camera import PinholeCamera
from pspgrasp.data.synthetic.antipodal import GripperConfig
from pspgrasp.data.synthetic.solids import Part
from pspgrasp.data.synthetic.things import box
from pspgrasp.evaluation.synthetic_scenes import FIRST_TEST_SEED
from pspgrasp.sim.arrangement import Arrangement
from pspgrasp.sim.camera import REALSENSE, DepthCamera, faults_of, measured
from pspgrasp.sim.cells import Cell
from pspgrasp.sim.model import PhysicsConfig
from pspgrasp.sim.object_sets import object_set
from pspgrasp.sim.objects import SimObject
from pspgrasp.sim.shot import Shot, middle_of, misjudged, random_pose
from pspgrasp.sim.world import World

THINGS, POSE, FAULTS, CALIBRATION, PIXELS, MOTION = range(6)  # what random numbers are drawn for
SPREAD_M = 0.03  # of where things fall, standard deviation for one; n of them need sqrt(n) as much
BIN_HALF_M, BIN_HIGH_M, WALL_M = (0.18, 0.14), 0.05, 0.006  # lower than fingers are long: a palm may be over it
MOST_TAKES = 10  # until something lies at rest where the camera looks


@dataclass(frozen=True)
class Stage:
    """One scene.

    Attributes:
        cell: Its condition.
        key: Seed, number and take: what its random numbers follow from.
        world: With its things at rest.
        walls: Of the bin.
        camera_pose: (4, 4), optical frame in the world's frame.
        believed_pose: (4, 4), where the robot takes it to be.
    """

    cell: Cell
    key: Tuple[int, ...]
    world: World
    walls: Tuple[Part, ...]
    camera_pose: np.ndarray
    believed_pose: np.ndarray

    def shot(self, camera: DepthCamera, look: int = 0, pose: Optional[np.ndarray] = None) -> Shot:
        """Return what the camera measures of the world as it is now.

        Args:
            camera: Gives exact depth.
            look: Number of the image; each has its own noise, and all have the same kind of faults.
            pose: (4, 4), optical frame in the world's frame; None is the scene's own camera.
        """
        pose, believed = (self.camera_pose, self.believed_pose) if pose is None else (pose, pose)
        exact_m = camera.depth_m(self.world, REALSENSE, pose)
        faults = faults_of(self.cell.noise, int(_rng(self.key, FAULTS).integers(2**62)))
        frame = measured(exact_m, REALSENSE, faults, int(_rng(self.key, PIXELS, look).integers(2**62)))
        return Shot(Arrangement.of(self.world, self.walls), pose, believed, frame)

    def again(self) -> Stage:
        """Return the same scene as it was before anything was tried, in a world of its own."""
        world = World(self.world.objects, self.walls, self.world.gripper, self.world.config)
        return replace(self, world=world)

    def motion_rng(self) -> np.random.Generator:
        """Return what draws how things are moved."""
        return _rng(self.key, MOTION)


def set_up(cell: Cell, seed: int, number: int, gripper: GripperConfig, physics: PhysicsConfig) -> Stage:
    """Return a scene of a cell. What is restless or rolls out of the camera's sight is no scene: another one is taken.

    The things depend on seed and number alone, so that cells of other cameras show the same ones, and more of them
    begin with the same ones.
    """
    for take in range(MOST_TAKES):
        stage = _take(cell, (FIRST_TEST_SEED + seed, number, take), gripper, physics)
        if stage.world.exploded or (_shows_anything(stage) and not stage.world.restless):
            break
    return stage


def _take(cell: Cell, key: Tuple[int, ...], gripper: GripperConfig, physics: PhysicsConfig) -> Stage:
    walls = bin_walls() if cell.bin else ()
    world = World(_things(cell, key), walls, gripper, physics)
    pose = random_pose(_rng(key, POSE), cell.height_m, cell.tilt_deg)
    believed = misjudged(pose, _rng(key, CALIBRATION), cell.calibration_mm, cell.calibration_deg)
    return Stage(cell, key, world, walls, pose, believed)


def _things(cell: Cell, key: Tuple[int, ...]) -> Tuple[SimObject, ...]:
    rng, objects = _rng(key, THINGS), object_set(cell.objects)
    most_m = 0.6 * np.array(BIN_HALF_M) if cell.bin else np.full(2, np.inf)
    found = []
    for _ in range(cell.things):
        place_m = (rng.normal(0.0, SPREAD_M, 2) * np.sqrt(cell.things)).clip(-most_m, most_m)
        found.append(objects.draw(rng).moved(np.eye(3), np.array([*place_m, 0.0])))
    return tuple(found)


def _shows_anything(stage: Stage) -> bool:
    """Tell whether the middle of anything is seen in the window that detectors look at."""
    rotation, eye_m = stage.camera_pose[:3, :3], stage.camera_pose[:3, 3]
    camera = middle_of(REALSENSE)
    seen_m = np.array([stage.world.middle_m(thing) - eye_m for thing in stage.world.left]) @ rotation
    return bool(any(_is_in(camera, place_m) for place_m in seen_m))


def _is_in(camera: PinholeCamera, place_m: np.ndarray) -> bool:
    u = camera.cx + camera.fx * place_m[0] / place_m[2]
    v = camera.cy + camera.fy * place_m[1] / place_m[2]
    return 0 <= u < camera.width_px and 0 <= v < camera.height_px


def bin_walls() -> Tuple[Part, ...]:
    """Return the four walls of the bin."""
    x, y = BIN_HALF_M
    long, short = (2 * x + 2 * WALL_M, WALL_M, BIN_HIGH_M), (WALL_M, 2 * y, BIN_HIGH_M)
    return (
        *(box(long, (0.0, side * (y + WALL_M / 2), BIN_HIGH_M / 2)) for side in (-1, 1)),
        *(box(short, (side * (x + WALL_M / 2), 0.0, BIN_HIGH_M / 2)) for side in (-1, 1)),
    )


def _rng(key: Tuple[int, ...], *purpose: int) -> np.random.Generator:
    return np.random.default_rng([*key, *purpose])
