"""Small scenes made on purpose: given things, seen by a given camera."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import List, Sequence, Tuple

import numpy as np
import torch

from pspgrasp.data.synthetic.render import View, render
from pspgrasp.data.synthetic.scenes import Layout, SceneConfig, Scenes, build_scenes, random_layout
from pspgrasp.data.synthetic.solids import Part
from pspgrasp.data.tabletop import looking_at

CPU = torch.device("cpu")
SIDE_PX, FOCAL_PX, DISTANCE_M = 123, 200.0, 0.6
MIDDLE_PX = 61  # a pixel, and one of those at which labels are tried


def seen(
    *things: Sequence[Part], walls: Sequence[Part] = (), tilt_rad: float = 0.0, distance_m: float = DISTANCE_M
) -> Layout:
    """Return things on a bare table, seen in SIDE_PX squared from above: x of the scene is right, y is up."""
    eye_m = distance_m * np.array([0.0, -math.sin(tilt_rad), math.cos(tilt_rad)])
    pose = looking_at(eye_m, np.zeros(3))
    reach_m = distance_m * SIDE_PX / FOCAL_PX / 2
    camera = (FOCAL_PX, float(MIDDLE_PX), float(MIDDLE_PX))
    return Layout(tuple(list(t) for t in things), tuple(walls), pose, camera, (1.0, 0.0, math.inf), 0.5, reach_m)


def rolled(layout: Layout, roll_rad: float) -> Layout:
    """Return the layout with its camera turned about its axis: things turn anticlockwise in the picture."""
    c, s = math.cos(roll_rad), math.sin(roll_rad)
    roll = np.array([[c, -s, 0, 0], [s, c, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    return replace(layout, camera_pose=layout.camera_pose @ roll)


def random_layouts(count: int, seed: int, side_px: int = SIDE_PX, config: SceneConfig = SceneConfig()) -> List[Layout]:
    return [random_layout(np.random.default_rng([seed, i]), config, side_px) for i in range(count)]


def pictured(*layouts: Layout, side_px: int = SIDE_PX) -> Tuple[Scenes, View]:
    scenes = build_scenes(layouts, CPU)
    return scenes, render(scenes, side_px)


def dropped_things(layout: Layout) -> List[List[Part]]:
    """Return the things of a layout where they come to lie, in double precision, without those left out."""
    parts_there = build_scenes([layout], CPU).parts
    things = []
    for number, parts in enumerate(layout.things, 1):
        own = (parts_there.thing == number).nonzero()[:, 0]
        if len(own):
            lowered_m = float(parts_there.body.centre_m[own[0], 2]) - parts[0].centre_m[2]
            things.append([part.turned(np.eye(3), np.array([0.0, 0.0, lowered_m])) for part in parts])
    return things
