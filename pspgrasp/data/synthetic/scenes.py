"""Scenes by chance: things dropped on a table or into a bin, and a camera that looks at them.

Frame of a scene: z up, the table's top is z = 0, the camera's target near the origin [m].
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import List, NamedTuple, Sequence, Tuple, Union

import numpy as np
import torch

from pspgrasp.config import setting
from pspgrasp.data.batch import on_device
from pspgrasp.data.synthetic.meshes import Triangles, joined, random_mesh
from pspgrasp.data.synthetic.settling import Solids, drop
from pspgrasp.data.synthetic.solids import Part, Parts, stacked
from pspgrasp.data.synthetic.things import box, random_thing, random_turn
from pspgrasp.data.tabletop import looking_at

REFERENCE_PX = 300  # the side of the image for which focal lengths are given

Thing = Union[List[Part], np.ndarray]


@dataclass(frozen=True)
class SceneConfig:
    """What scenes look like. Shares are chances."""

    single_share: float = setting(0.42, "scenes with one thing", 0.0, 1.0)
    few_share: float = setting(0.28, "scenes with 2 to 4 things; the others have more", 0.0, 1.0)
    most_things: int = setting(8, "most things of a scene", 1, 30)
    pile_share: float = setting(0.4, "of scenes with several: all in one place, so that they pile up", 0.0, 1.0)
    tilted_share: float = setting(0.2, "things that don't stand or lie as made, but any way", 0.0, 1.0)
    bin_share: float = setting(0.15, "scenes in a bin", 0.0, 1.0)
    edge_share: float = setting(0.15, "scenes with an edge of the table in view", 0.0, 1.0)
    wall_share: float = setting(0.1, "scenes with a wall behind the table", 0.0, 1.0)
    nearest_m: float = setting(0.38, "shortest distance from camera to target [m]", 0.1, 5.0)
    farthest_m: float = setting(1.3, "longest [m]", 0.1, 5.0)
    shortest_focal_px: float = setting(380.0, "shortest focal length, of an image of 300 px [px]", 50.0, 5000.0)
    longest_focal_px: float = setting(650.0, "longest; one scene in seven has up to twice as long [px]", 50.0, 5000.0)
    upright_share: float = setting(0.4, "cameras that look down, within 12 degrees", 0.0, 1.0)
    oblique_share: float = setting(0.35, "cameras at 35 to 52 degrees; the others at 12 to 35", 0.0, 1.0)
    mesh_folder: str = setting("", "folder of meshes (STL, OBJ, PLY, OFF) to take things from; empty: none")
    mesh_share: float = setting(0.5, "things that are meshes, where there is a folder of them", 0.0, 1.0)
    mesh_scale: float = setting(1.0, "metres per unit of the files", 1e-6, 1e3)


class Cameras(NamedTuple):
    """Pinhole cameras of square images: focal length [px] and principal point [px], each (B,)."""

    focal_px: torch.Tensor
    cx: torch.Tensor
    cy: torch.Tensor


class Scenes(NamedTuple):
    """Scenes side by side.

    Attributes:
        parts: Of all things, and of walls.
        triangles: Of the things that are meshes.
        cameras: B of them.
        rotation: (B, 3, 3), from a scene's frame to its camera's optical frame (x right, y down, z forward).
        shift_m: (B, 3), the scene's origin in the optical frame [m].
        edge: (B, 3): the table ends where edge[0] x + edge[1] y > edge[2] [m]; inf for no edge in view.
        floor_m: (B,), how far the floor lies below the table [m].
        reach_m: (B,), half of what the camera sees of the table [m].
    """

    parts: Parts
    triangles: Triangles
    cameras: Cameras
    rotation: torch.Tensor
    shift_m: torch.Tensor
    edge: torch.Tensor
    floor_m: torch.Tensor
    reach_m: torch.Tensor

    @property
    def solids(self) -> Tuple[Solids, ...]:
        """All that rays can meet but the table; kinds of which there is none are left out."""
        return tuple(some for some in (self.parts, self.triangles) if len(some.scene))


@dataclass(frozen=True)
class Layout:
    """One scene as it is drawn by chance, before its things are dropped.

    Attributes:
        things: Each a list of parts, or a mesh (T, 3, 3) [m], at its place on the table, at any height.
        walls: Parts that are no thing.
        camera_pose: (4, 4), optical frame in the scene's frame.
        camera: Focal length, cx, cy [px].
        edge: Direction (2,) and distance [m] of the table's edge.
        floor_m: How far the floor lies below the table [m].
        reach_m: Half of what the camera sees of the table [m].
    """

    things: Tuple[Thing, ...]
    walls: Tuple[Part, ...]
    camera_pose: np.ndarray
    camera: Tuple[float, float, float]
    edge: Tuple[float, float, float]
    floor_m: float
    reach_m: float


def random_layout(rng: np.random.Generator, config: SceneConfig, side_px: int) -> Layout:
    """Return a scene drawn by chance, seen in an image of `side_px` squared."""
    camera, distance_m = _random_camera(rng, config, side_px)
    reach_m = distance_m * side_px / camera[0] / 2
    walls, room_m = _random_bin(rng, reach_m) if rng.random() < config.bin_share else ((), (reach_m, reach_m))
    if rng.random() < config.wall_share:
        walls = (*walls, box((2.0, 0.02, 1.0), (0, rng.uniform(0.5, 1.5) * reach_m, 0.4)))
    heading = rng.uniform(0, 2 * math.pi)
    away_m = rng.uniform(0.3, 1.0) * reach_m if rng.random() < config.edge_share else math.inf
    edge = (math.cos(heading), math.sin(heading), away_m)
    things = _random_things(rng, config, np.minimum(room_m, 0.8 * reach_m), edge)
    pose = _random_pose(rng, config, distance_m, _middle_ray(camera, side_px))
    return Layout(things, walls, pose, camera, edge, rng.uniform(0.1, 0.9), reach_m)


def _random_camera(
    rng: np.random.Generator, config: SceneConfig, side_px: int
) -> Tuple[Tuple[float, float, float], float]:
    low, high = math.log(config.nearest_m), math.log(config.farthest_m)
    focal_px = rng.uniform(config.shortest_focal_px, config.longest_focal_px) * (2 if rng.random() < 0.15 else 1)
    scale = side_px / REFERENCE_PX
    # The image is a window of a larger one: its principal point is anywhere.
    off = rng.normal(0, (40, 30)) if rng.random() < 0.7 else rng.uniform(-170, 170, 2)
    middle = (side_px - 1) / 2 + off * scale
    return (focal_px * scale, float(middle[0]), float(middle[1])), math.exp(rng.uniform(low, high))


def _middle_ray(camera: Tuple[float, float, float], side_px: int) -> np.ndarray:
    focal_px, cx, cy = camera
    middle = (side_px - 1) / 2
    return np.array([(middle - cx) / focal_px, (middle - cy) / focal_px, 1.0])


def _random_pose(
    rng: np.random.Generator, config: SceneConfig, distance_m: float, middle_ray: np.ndarray
) -> np.ndarray:
    """Return (4, 4), optical frame in the scene's frame; the image's middle shows the target."""
    kind = rng.random()
    limits = (0, 12) if kind < config.upright_share else (35, 52) if kind > 1 - config.oblique_share else (12, 35)
    tilt = math.radians(rng.uniform(*limits))
    target = np.array([*rng.normal(0, 0.02, 2), 0.02])
    pose = looking_at(target + distance_m * np.array([0.0, -math.sin(tilt), math.cos(tilt)]), target)
    roll = rng.uniform(-math.pi, math.pi) if rng.random() < 0.25 else rng.normal(0, 0.12)
    c, s = math.cos(roll), math.sin(roll)
    pose[:3, :3] = pose[:3, :3] @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    pose[:3, 3] = target - pose[:3, :3] @ (distance_m * middle_ray)
    return pose


def _random_things(
    rng: np.random.Generator, config: SceneConfig, room_m: np.ndarray, edge: Tuple[float, float, float]
) -> Tuple[Thing, ...]:
    kind = rng.random()
    few, most = min(4, config.most_things), config.most_things
    if kind < config.single_share or most == 1:
        count, spread = 1, 0.3
    elif kind < config.single_share + config.few_share:
        count, spread = int(rng.integers(2, few + 1)), 0.7
    else:
        count, spread = int(rng.integers(min(5, most), most + 1)), 0.85
    if count > 1 and rng.random() < config.pile_share:
        spread *= 0.3
    places = rng.uniform(-1, 1, (count, 2)) * spread * room_m
    # Back from beyond the table's edge, straight onto it.
    beyond_m = np.maximum(places @ edge[:2] - edge[2] + 0.03, 0)
    places = places - beyond_m[:, None] * edge[:2]
    return tuple(_placed(_random_thing(rng, config), np.array([*place, 0.0])) for place in places)


def _random_thing(rng: np.random.Generator, config: SceneConfig) -> Thing:
    if config.mesh_folder and rng.random() < config.mesh_share:
        mesh = random_mesh(rng, config.mesh_folder, config.mesh_scale)
        return mesh @ random_turn(rng, config.tilted_share).T
    return random_thing(rng, config.tilted_share)


def _placed(thing: Thing, place_m: np.ndarray) -> Thing:
    if isinstance(thing, np.ndarray):
        return thing + place_m
    return [part.shifted(place_m) for part in thing]


def _random_bin(rng: np.random.Generator, reach_m: float) -> Tuple[Tuple[Part, ...], Tuple[float, float]]:
    """Return the four walls of a bin, and half of the room within them [m]."""
    x, y = (min(rng.uniform(0.4, 0.9) * reach_m, 0.3) for _ in range(2))
    high, thick = rng.uniform(0.03, 0.15), rng.uniform(0.003, 0.02)
    turn = rng.uniform(-0.2, 0.2) if rng.random() < 0.7 else rng.uniform(0, math.pi)
    c, s = math.cos(turn), math.sin(turn)
    rotation = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    long = [box((2 * x + thick, thick, high), (0, side * y, high / 2)) for side in (-1, 1)]
    short = [box((thick, 2 * y + thick, high), (side * x, 0, high / 2)) for side in (-1, 1)]
    walls = tuple(wall.turned(rotation, np.zeros(3)) for wall in (*long, *short))
    return walls, (0.75 * x, 0.75 * y)


def build_scenes(layouts: Sequence[Layout], device: torch.device) -> Scenes:
    """Return the scenes with every thing dropped to where it touches."""
    return settled(on_device(gathered(layouts), device))


def gathered(layouts: Sequence[Layout]) -> Scenes:
    """Return the scenes side by side on the CPU, their things at any height as laid out."""
    parts, triangles = _solids(layouts)
    poses = torch.from_numpy(np.stack([np.linalg.inv(layout.camera_pose) for layout in layouts])).float()
    return Scenes(
        parts,
        triangles,
        Cameras(*torch.tensor([layout.camera for layout in layouts]).unbind(1)),
        poses[:, :3, :3],
        poses[:, :3, 3],
        torch.tensor([layout.edge for layout in layouts]),
        torch.tensor([layout.floor_m for layout in layouts]),
        torch.tensor([layout.reach_m for layout in layouts]),
    )


def settled(scenes: Scenes) -> Scenes:
    """Return the scenes with every thing dropped to where it touches."""
    parts, triangles = drop((scenes.parts, scenes.triangles), len(scenes.floor_m))
    return scenes._replace(parts=parts, triangles=triangles)


def _solids(layouts: Sequence[Layout]) -> Tuple[Parts, Triangles]:
    """Return all parts and all triangles; walls are thing 0."""
    parts: List[Part] = []
    meshes: List[np.ndarray] = []
    part_owners: List[Tuple[int, int]] = []
    mesh_owners: List[Tuple[int, int]] = []
    for scene, layout in enumerate(layouts):
        for number, thing in enumerate((list(layout.walls), *layout.things)):
            if isinstance(thing, np.ndarray):
                meshes.append(thing)
                mesh_owners.append((scene, number))
            else:
                parts += thing
                part_owners += [(scene, number)] * len(thing)
    cpu = torch.device("cpu")
    return stacked(parts, part_owners, cpu), joined(meshes, mesh_owners, cpu)
