"""Draw how an image was judged."""

from __future__ import annotations

import cv2
import numpy as np

from pspgrasp.data.sample import GraspSample
from pspgrasp.data.sheet import TILE_PX, Colour, Tile, draw_labels, levelled, short_name, tile_around
from pspgrasp.data.synthetic.antipodal import GripperConfig
from pspgrasp.evaluation.evaluator import ImageOutcome
from pspgrasp.evaluation.scene_evaluator import SceneOutcome
from pspgrasp.evaluation.synthetic_scenes import JudgedScene
from pspgrasp.grasp import ImageGrasp
from pspgrasp.overlay import colour_depth
from pspgrasp.rectangle import GraspRectangle

HIT_BGR, MISS_BGR, OTHER_BGR = (90, 230, 90), (80, 80, 255), (60, 190, 255)


def outcome_tile(sample: GraspSample, outcome: ImageOutcome) -> Tile:
    """Return an image with its labels, thin, and the judged grasps, bold: the best is green or red."""
    corners = [guess.rectangle.corners() for guess in outcome.guesses]
    colour = HIT_BGR if outcome.hit else MISS_BGR
    around = np.vstack(corners) if corners else np.zeros((0, 2))
    tile = tile_around(sample, around, f"{short_name(outcome.name)}  {_verdict(outcome)}", colour)
    draw_labels(tile, sample)
    for rank in reversed(range(len(corners))):
        _draw_guess(tile, corners[rank], colour if rank == 0 else OTHER_BGR, bold=rank == 0)
    return tile


def scene_tile(scene: JudgedScene, outcome: SceneOutcome, gripper: GripperConfig) -> Tile:
    """Return what the camera measured of a scene, with the judged grasps: the best is green or red."""
    level_m = levelled(scene.measured.depth_m)
    picture = cv2.resize(colour_depth(level_m, level_m), (TILE_PX, TILE_PX), interpolation=cv2.INTER_AREA)
    colour = HIT_BGR if outcome.hit else MISS_BGR
    tile = Tile(picture, 0, 0, TILE_PX / len(level_m), f"{outcome.name}  {outcome.verdict.value}", colour)
    for rank, guess in reversed(list(enumerate(outcome.guesses))):
        corners_px = GraspRectangle.of_grasp(guess.grasp, _jaw_px(scene, guess.grasp, gripper)).corners()
        _draw_guess(tile, corners_px, colour if rank == 0 else OTHER_BGR, bold=rank == 0)
    return tile


def _jaw_px(scene: JudgedScene, grasp: ImageGrasp, gripper: GripperConfig) -> float:
    depth_m = float(scene.exact.depth_m[round(grasp.v), round(grasp.u)])
    return gripper.jaw_m * scene.exact.camera.focal_px / depth_m


def _draw_guess(tile: Tile, corners_px: np.ndarray, colour: Colour, bold: bool) -> None:
    if bold:
        tile.draw(corners_px, (0, 0, 0), 4)
    tile.draw(corners_px, colour, 2 if bold else 1)


def _verdict(outcome: ImageOutcome) -> str:
    if not outcome.guesses:
        return "miss: no grasp"
    found = outcome.guesses[0].match
    if outcome.hit:
        return f"hit {found.iou:.2f}"
    turned = found.iou_any_angle > 0.25
    return f"miss: {np.degrees(found.angle_off_rad):.0f} deg off" if turned else f"miss {found.iou_any_angle:.2f}"
