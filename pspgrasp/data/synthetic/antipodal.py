"""A parallel-jaw gripper comes down onto the table and closes: contacts, their slopes, and room for the fingers.

It comes straight from above, along the table's normal, until its fingertips are `insertion_m` below the surface that
the camera sees at the grasp's centre; then the jaws close, level. What lies below a surface seen from above counts as
solid. So whether a place is taken is one look into the exact map of heights, and nothing is sampled. Places and
directions are given in the image, as a network gives them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, Tuple

import torch
from torch.nn import functional

from pspgrasp.config import setting
from pspgrasp.data.synthetic.render import View
from pspgrasp.data.synthetic.scenes import Cameras
from pspgrasp.data.synthetic.solids import turned_back
from pspgrasp.gripper import FingersConfig

STEP_M = 0.002  # in which closing jaws are followed
LINES = 5  # across the jaw
UPPER_SHARE = 0.75  # of the insertion, where a second look tells how a contact leans
BELOW_TOP_M = 0.004  # farther below what one sees from above, a surface is a side wall


@dataclass(frozen=True)
class GripperConfig(FingersConfig):
    """The gripper for which scenes are labelled; the default is near a Franka hand."""

    opening_m: float = setting(0.085, "widest opening [m]", 0.01, 0.5)
    friction: float = setting(0.5, "coefficient of friction: a contact holds within atan(friction)", 0.05, 2.0)
    spare_m: float = setting(0.004, "room beyond a finger at which a grasp counts in full [m]", 0.001, 0.05)


class Closing(NamedTuple):
    """What closing the jaws meets; each field (N,), for N attempts. Left is against the closing direction.

    Attributes:
        left_m: How far from the centre the left jaw stops [m]; inf if it meets nothing within reach.
        right_m: The same of the right jaw.
        left_slope_rad: Angle between the left contact's normal and the closing direction [rad].
        right_slope_rad: The same of the right contact.
        left_room_m: Free room outside the left contact [m]; negative if the jaw sweeps into something else.
        right_room_m: The same of the right contact.
        held: Share of the lines across the jaw that meet the thing between the jaws; 0 if the middle one doesn't.
        px_per_m: How long a metre in the closing direction is in the image [px/m].
    """

    left_m: torch.Tensor
    right_m: torch.Tensor
    left_slope_rad: torch.Tensor
    right_slope_rad: torch.Tensor
    left_room_m: torch.Tensor
    right_room_m: torch.Tensor
    held: torch.Tensor
    px_per_m: torch.Tensor

    @property
    def width_m(self) -> torch.Tensor:
        """Contact width [m]."""
        return self.left_m + self.right_m

    @property
    def pushed_m(self) -> torch.Tensor:
        """How far the first jaw pushes the thing until both touch it [m]."""
        return (self.left_m - self.right_m).abs().nan_to_num(math.inf) / 2


class Attempts(NamedTuple):
    """Grasps to try, N of them.

    Attributes:
        scene: (N,) int64.
        u: (N,) int64, column of the centre [px].
        v: (N,) int64, row [px].
        insertion_m: (N,), how far fingertips go below the surface at the centre [m].
        angle_rad: (N,), closing direction, anticlockwise as seen [rad].
    """

    scene: torch.Tensor
    u: torch.Tensor
    v: torch.Tensor
    insertion_m: torch.Tensor
    angle_rad: torch.Tensor

    def of(self, indices: torch.Tensor) -> Attempts:
        """Return the attempts of these indices."""
        return Attempts(*(field[indices] for field in self))


class Stand(NamedTuple):
    """Where N attempts are in the scene.

    Attributes:
        point_m: (N, 3), the surface at the grasp's centre in the scene's frame [m].
        closing: (N, 2), direction on the table in which the jaws close.
        px_per_m: (N,), how long a metre in this direction is in the image.
    """

    point_m: torch.Tensor
    closing: torch.Tensor
    px_per_m: torch.Tensor


def stand(view: View, cameras: Cameras, attempts: Attempts) -> Stand:
    """Return where attempts are in the scene, and which level direction looks like theirs in the image."""
    scene, rotation = attempts.scene, view.rotation[attempts.scene]
    depth_m, focal_px = view.depth_m[scene, attempts.v, attempts.u], cameras.focal_px[scene]
    x, y = (attempts.u - cameras.cx[scene]) / focal_px, (attempts.v - cameras.cy[scene]) / focal_px
    # Derivative of the pixel by x and y of the scene, 2x2, inverted by hand.
    scale = (focal_px / depth_m)[:, None]
    right, down = (scale * (rotation[:, i, :2] - p[:, None] * rotation[:, 2, :2]) for i, p in ((0, x), (1, y)))
    cos, sin = attempts.angle_rad.cos(), -attempts.angle_rad.sin()
    determinant = right[:, 0] * down[:, 1] - right[:, 1] * down[:, 0]
    ahead = torch.stack([down[:, 1] * cos - right[:, 1] * sin, right[:, 0] * sin - down[:, 0] * cos], dim=1)
    ahead = ahead / determinant[:, None]
    length = ahead.norm(dim=1)
    point_m = surface_m(view, cameras, scene, attempts.u, attempts.v)
    return Stand(point_m, ahead / length[:, None], 1 / length)


def surface_m(view: View, cameras: Cameras, scene: torch.Tensor, u: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Return the points (N, 3) [m] of the scene's frame that pixels see."""
    depth_m, focal_px = view.depth_m[scene, v, u], cameras.focal_px[scene]
    x, y = (u - cameras.cx[scene]) / focal_px * depth_m, (v - cameras.cy[scene]) / focal_px * depth_m
    seen_m = torch.stack([x, y, depth_m], dim=1) - view.shift_m[scene]
    return turned_back(view.rotation[scene], seen_m)


def insertion_at(
    view: View, cameras: Cameras, scene: torch.Tensor, u: torch.Tensor, v: torch.Tensor, gripper: GripperConfig
) -> torch.Tensor:
    """Return how far (N,) [m] fingertips go below the surface that pixels see: less on what is flat."""
    return gripper.insertion_at(surface_m(view, cameras, scene, u, v)[:, 2])


def seen_from_above(
    view: View, cameras: Cameras, scene: torch.Tensor, u: torch.Tensor, v: torch.Tensor
) -> torch.Tensor:
    """Return (N,) bool: whether nothing is above the surface that pixels see; on a side wall there is."""
    point_m, cells = surface_m(view, cameras, scene, u, v), view.heights_m.shape[-1]
    # A side wall lies on the border of cells, so its neighbours are looked at; slopes of up to 45 degrees pass.
    highest_m = functional.max_pool2d(view.heights_m[:, None], 3, 1, 1)[:, 0]
    column, row = ((point_m[:, i] / view.cells_m[scene] + cells / 2).long().clamp(0, cells - 1) for i in (0, 1))
    return highest_m[scene, row, column] <= point_m[:, 2] + BELOW_TOP_M + view.cells_m[scene]


def close_jaws(view: View, cameras: Cameras, attempts: Attempts, gripper: GripperConfig) -> Closing:
    """Return what the jaws meet."""
    stands = stand(view, cameras, attempts)
    across_m = torch.linspace(-0.5, 0.5, LINES, device=view.depth_m.device) * gripper.jaw_m
    left, right = _taken(view, stands, attempts, across_m, 1.0, gripper)
    left_run, right_run = _run(left), _run(right)
    holding = (left_run > 0) & (right_run > 0) & (left_run[:, LINES // 2] > 0)[:, None]
    upper_runs = [_run(side) for side in _taken(view, stands, attempts, across_m, UPPER_SHARE, gripper)]
    slopes = [
        _slope(run, upper_run, holding, across_m, attempts.insertion_m)
        for run, upper_run in zip((left_run, right_run), upper_runs)
    ]
    left_m, right_m = (_stop_m(run, holding, gripper) for run in (left_run, right_run))
    rooms = [_beyond_m(*side) - stop for *side, stop in ((left, left_run, left_m), (right, right_run, right_m))]
    held = holding.float().mean(1)
    return Closing(left_m, right_m, slopes[0], slopes[1], rooms[0], rooms[1], held, stands.px_per_m)


def promising(view: View, cameras: Cameras, attempts: Attempts, gripper: GripperConfig) -> torch.Tensor:
    """Return (N,) bool: whether the middle line alone doesn't rule out the attempt; a tenth of the work."""
    middle_m = torch.zeros(1, device=view.depth_m.device)
    sides = _taken(view, stand(view, cameras, attempts), attempts, middle_m, 1.0, gripper)
    stops, fits = [], torch.ones_like(attempts.u, dtype=torch.bool)
    for side in sides:
        run = _run(side)
        stop_m = _stop_m(run, run > 0, gripper)
        room_m = _beyond_m(side, run) - stop_m
        fits &= (stop_m <= gripper.opening_m / 2) & (room_m > gripper.finger_m - gripper.spare_m / 2)
        stops.append(stop_m)
    # Other lines may stop the jaws farther out, and so nearer to the middle; hence the looser bound.
    pushed_m = (stops[0] - stops[1]).abs().nan_to_num(math.inf) / 2
    return fits & (pushed_m < 2 * _tolerated_m(stops[0] + stops[1]) + STEP_M)


def _taken(
    view: View, stands: Stand, attempts: Attempts, across_m: torch.Tensor, share: float, gripper: GripperConfig
) -> Tuple[torch.Tensor, torch.Tensor]:
    """Return what is taken left and right of the centre, (N, LINES, S) bool, in the plane at `share` of the insertion.

    LINES run along the closing direction at `across_m`; S are steps from the centre outwards.
    """
    cells, cell_m = view.heights_m.shape[-1], view.cells_m[attempts.scene][:, None]
    plane_m = stands.point_m[:, 2] - share * attempts.insertion_m
    reach_m = gripper.opening_m / 2 + gripper.finger_m + gripper.spare_m
    along_m = torch.arange(math.ceil(reach_m / STEP_M) + 1, device=plane_m.device) * STEP_M
    # Beyond the map nothing is known: taken. The padding of one cell stands for it.
    highest_m = functional.pad(view.heights_m, (1, 1, 1, 1), value=math.inf).flatten()
    # Truncation after adding a half is rounding.
    place = stands.point_m[:, :2] / cell_m + (cells / 2 + 1)
    ahead = stands.closing / cell_m
    line_x = (place[:, :1] - ahead[:, 1:] * across_m)[:, :, None]
    line_y = (place[:, 1:] + ahead[:, :1] * across_m)[:, :, None]
    start = (attempts.scene * (cells + 2) ** 2).to(torch.int32)[:, None, None]
    sides = []
    for sign in (-1, 1):
        x = (line_x + (sign * ahead[:, :1] * along_m)[:, None]).clamp_(0, cells + 1).to(torch.int32)
        y = (line_y + (sign * ahead[:, 1:] * along_m)[:, None]).clamp_(0, cells + 1).to(torch.int32)
        cell = y.mul_(cells + 2).add_(x).add_(start)
        met_m = highest_m.index_select(0, cell.flatten()).view(cell.shape)
        sides.append(met_m > plane_m[:, None, None])
    return sides[0], sides[1]


def _run(taken: torch.Tensor) -> torch.Tensor:
    """Return for each line (N, LINES) uint8 how many steps from the centre are taken without a gap."""
    steps = torch.arange(taken.shape[-1], device=taken.device, dtype=torch.uint8)
    return torch.where(taken, taken.shape[-1], steps).amin(-1)


def _beyond_m(taken: torch.Tensor, run: torch.Tensor) -> torch.Tensor:
    """Return how far from the centre (N,) [m] the next thing begins that is outside of the one held."""
    steps = torch.arange(taken.shape[-1], device=taken.device, dtype=torch.uint8)
    beyond = taken & (steps > run[:, :, None])
    return (torch.where(beyond, steps, taken.shape[-1]).amin((1, 2)).float() - 0.5) * STEP_M


def _stop_m(run: torch.Tensor, holding: torch.Tensor, gripper: GripperConfig) -> torch.Tensor:
    """Return how far from the centre (N,) [m] a jaw stops: where it first meets one of the lines it holds."""
    # The border lies between the last taken and the first free place.
    stop_m = (torch.where(holding, run, 0).amax(1).float() - 0.5) * STEP_M
    within = (stop_m > 0) & (stop_m <= gripper.opening_m / 2 + STEP_M)
    return torch.where(within, stop_m, torch.full_like(stop_m, math.inf))


def _slope(
    run: torch.Tensor, upper_run: torch.Tensor, holding: torch.Tensor, across_m: torch.Tensor, insertion_m: torch.Tensor
) -> torch.Tensor:
    """Return the angle (N,) [rad] between a contact's normal and the closing direction."""
    weight, border_m = holding.float(), run.float() * STEP_M
    count = weight.sum(1).clamp(min=1)
    off_m = across_m - ((weight * across_m).sum(1) / count)[:, None]
    # Least squares over the lines: how the border runs across the jaw.
    turned = (weight * off_m * border_m).sum(1) / (weight * off_m**2).sum(1).clamp(min=1e-9)
    # How it runs along the approach, between the upper look and the full depth; an undercut is not seen.
    deeper_m = (weight * (border_m - upper_run.float() * STEP_M).clamp(min=0)).sum(1) / count
    return torch.atan(torch.hypot(turned, deeper_m / ((1 - UPPER_SHARE) * insertion_m).clamp(min=1e-4)))


def success(closing: Closing, gripper: GripperConfig) -> torch.Tensor:
    """Return the chance (N,) that a grasp succeeds, as a product of its conditions."""
    half_m = torch.maximum(closing.left_m, closing.right_m)
    centred = torch.exp(-((closing.pushed_m / _tolerated_m(closing.width_m)) ** 2) / 2).nan_to_num(0.0)
    opens = ((gripper.opening_m - 2 * half_m) / gripper.spare_m).clamp(0, 1)
    room_m = torch.minimum(closing.left_room_m, closing.right_room_m).nan_to_num(-1.0)
    free = ((room_m - gripper.finger_m) / gripper.spare_m + 0.5).clamp(0, 1)
    steady = _steady(closing.left_slope_rad, gripper) * _steady(closing.right_slope_rad, gripper)
    return centred * opens * free * steady * (closing.held / 0.6).clamp(max=1)


def _tolerated_m(width_m: torch.Tensor) -> torch.Tensor:
    """Return how far a thing may be pushed [m]; a large one turns less."""
    return 0.003 + 0.1 * width_m


def _steady(slope_rad: torch.Tensor, gripper: GripperConfig) -> torch.Tensor:
    """Return the chance that a contact doesn't slip: friction is known to about a quarter."""
    cone_rad = math.atan(gripper.friction)
    return torch.special.ndtr((cone_rad - slope_rad) / (0.25 * cone_rad))


def holds(closing: Closing, opening_m: torch.Tensor, gripper: GripperConfig) -> torch.Tensor:
    """Return (N,) bool: whether a grasp with this opening (N,) [m] is antipodal and free of collision.

    The opening is no wider than the gripper's and takes the thing in; the fingers come down beside it, with nothing in
    their way; both contacts lie within their friction cones.
    """
    half_m = opening_m / 2
    antipodal = torch.maximum(closing.left_slope_rad, closing.right_slope_rad) < math.atan(gripper.friction)
    taken_in = (torch.maximum(closing.left_m, closing.right_m) <= half_m) & (opening_m <= gripper.opening_m)
    outside_m = torch.minimum(closing.left_m + closing.left_room_m, closing.right_m + closing.right_room_m)
    return antipodal & taken_in & (outside_m >= half_m + gripper.finger_m) & (closing.held > 0)
