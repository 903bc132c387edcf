"""Pictures of generated scenes: what the camera measured, and what is to be learned of it."""

from __future__ import annotations

import math
from typing import List, Sequence

import cv2
import numpy as np
import torch

from pspgrasp.data.sheet import TILE_PX, Tile, levelled
from pspgrasp.data.synthetic.antipodal import GripperConfig
from pspgrasp.data.synthetic.source import Pictures, SyntheticSource
from pspgrasp.detect import peaks
from pspgrasp.grasp import ImageGrasp
from pspgrasp.maps import GraspMaps
from pspgrasp.overlay import colour_depth
from pspgrasp.rectangle import GraspRectangle

SHOWN_QUALITY, SHOWN_GRASPS = 0.2, 5
APART_PX = 40.0  # of a tile
JAW_BGR = (255, 255, 255)


def scene_tiles(source: SyntheticSource, indices: Sequence[int]) -> List[Tile]:
    """Return two tiles a scene: the measured depth with the best grasps of its labels, and the quality map."""
    pictures = source.pictures(indices, torch.device("cpu"))
    tiles: List[Tile] = []
    for place, index in enumerate(indices):
        maps = GraspMaps.decode(pictures.target[place].numpy(), source.width_scale_px)
        measured_m = pictures.measured_m[place].numpy()
        level_m = levelled(measured_m)
        tiles.append(_tile(colour_depth(level_m, level_m), f"scene {index}"))
        for grasp in best_grasps(maps, APART_PX / tiles[-1].scale):
            jaw_px = _jaw_px(pictures, place, grasp, source.config.gripper)
            tiles[-1].draw(GraspRectangle.of_grasp(grasp, jaw_px).corners(), JAW_BGR, 1)
        missing = float(np.isnan(measured_m).mean())
        caption = f"quality up to {maps.quality.max():.2f}, {missing:.0%} missing"
        tiles.append(_tile(_heat(maps.quality, pictures.view.depth_m[place].numpy()), caption))
    return tiles


def best_grasps(maps: GraspMaps, apart_px: float) -> List[ImageGrasp]:
    """Return the best labels of a scene that are some way apart."""
    chosen: List[ImageGrasp] = []
    for grasp in peaks(maps, SHOWN_QUALITY):
        if all(math.hypot(grasp.u - other.u, grasp.v - other.v) >= apart_px for other in chosen):
            chosen.append(grasp)
        if len(chosen) == SHOWN_GRASPS:
            break
    return chosen


def _jaw_px(pictures: Pictures, place: int, grasp: ImageGrasp, gripper: GripperConfig) -> float:
    depth_m = float(pictures.view.depth_m[place, int(grasp.v), int(grasp.u)])
    return gripper.jaw_m * float(pictures.cameras.focal_px[place]) / depth_m


def _tile(picture: np.ndarray, caption: str) -> Tile:
    scale = TILE_PX / len(picture)
    return Tile(cv2.resize(picture, (TILE_PX, TILE_PX), interpolation=cv2.INTER_AREA), 0, 0, scale, caption)


def _heat(quality: np.ndarray, depth_m: np.ndarray) -> np.ndarray:
    """Return quality in colours over the true depth in grey."""
    grey = cv2.cvtColor(colour_depth(levelled(depth_m), levelled(depth_m)), cv2.COLOR_BGR2GRAY)
    grey = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR) // 2
    colours = cv2.applyColorMap(np.rint(255 * np.clip(quality, 0, 1)).astype(np.uint8), cv2.COLORMAP_TURBO)
    share = np.minimum(1.0, 4 * quality)[:, :, None]
    return np.rint(share * colours + (1 - share) * grey).astype(np.uint8)
