"""Convex parts, each a quadric cut by a box, less one such hole: exact ray casting without iteration.

In a part's own coordinates (x, y, z) it is the set where

    square . (x^2, y^2, z^2) + linear z + constant <= 0   and   |x|, |y|, |z| <= half_m,

which holds boxes, ellipsoids, cylinders and cones; a chain of them makes rings, hooks and handles. A part may have a
hole, a set of the same kind: that makes mugs and bowls.
"""

from __future__ import annotations

from typing import List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import torch

NEVER = float("inf")


class Quadrics(NamedTuple):
    """Many sets, side by side.

    Attributes:
        rotation: (P, 3, 3), own coordinates in the scene's.
        centre_m: (P, 3) [m] in the scene's.
        square: (P, 3) [1/m^2].
        linear: (P,) [1/m].
        constant: (P,).
        half_m: (P, 3) [m]; negative is the empty set.
    """

    rotation: torch.Tensor
    centre_m: torch.Tensor
    square: torch.Tensor
    linear: torch.Tensor
    constant: torch.Tensor
    half_m: torch.Tensor

    def of(self, indices: torch.Tensor) -> Quadrics:
        """Return the sets of these indices."""
        return Quadrics(*(field[indices] for field in self))

    def span(self, origin_m: torch.Tensor, direction: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        """Return where each of P rays enters and leaves the set of its number, as ray parameters (P,).

        In a miss not enter < leave.

        Args:
            origin_m: (P, 3) [m].
            direction: (P, 3); its length is the unit of the parameters.
        """
        ray, start = turned_back(self.rotation, direction), turned_back(self.rotation, origin_m - self.centre_m)
        # From the point of the ray that is nearest to the centre: else a small set far away drowns in rounding.
        nearest = -(start * ray).sum(1) / (ray * ray).sum(1)
        start = start + nearest[:, None] * ray
        enter, leave = self._within_box(start, ray)
        enter, leave = self._within_quadric(start, ray, enter, leave)
        return enter + nearest, leave + nearest

    def _within_box(self, start: torch.Tensor, ray: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        slope = torch.where(ray.abs() < 1e-9, torch.full_like(ray, 1e-9), ray)
        one, other = (-self.half_m - start) / slope, (self.half_m - start) / slope
        empty = (self.half_m < 0).any(1)
        enter = torch.minimum(one, other).amax(1)
        return enter.masked_fill(empty, NEVER), torch.maximum(one, other).amin(1)

    def _within_quadric(
        self, start: torch.Tensor, ray: torch.Tensor, enter: torch.Tensor, leave: torch.Tensor
    ) -> Tuple[torch.Tensor, torch.Tensor]:
        """Cut a span down to where a t^2 + 2 b t + c <= 0."""
        a = (self.square * ray * ray).sum(1)
        a = torch.where(a.abs() < 1e-9, torch.full_like(a, 1e-9), a)
        b = (self.square * start * ray).sum(1) + self.linear * ray[:, 2] / 2
        c = (self.square * start * start).sum(1) + self.linear * start[:, 2] + self.constant
        square = b * b - a * c
        root = square.clamp(min=0).sqrt()
        low, high = torch.minimum((-b - root) / a, (-b + root) / a), torch.maximum((-b - root) / a, (-b + root) / a)
        # An opening quadric (a < 0: a cone) is met outside its two roots, on one nappe: the box leaves one of them.
        opening = a < 0
        before = opening & (enter < low)
        cut_enter = torch.where(opening, torch.where(before, enter, torch.maximum(enter, high)), enter.maximum(low))
        cut_leave = torch.where(opening, torch.where(before, leave.minimum(low), leave), leave.minimum(high))
        missed = square < 0
        cut_enter = torch.where(missed, torch.where(opening, enter, torch.full_like(enter, NEVER)), cut_enter)
        return cut_enter, torch.where(missed & opening, leave, cut_leave)

    def moved(self, rotation: torch.Tensor, translation_m: torch.Tensor) -> Quadrics:
        """Return the sets after x -> rotation x + translation; (P, 3, 3) and (P, 3) [m]."""
        centre_m = (rotation @ self.centre_m[:, :, None])[:, :, 0] + translation_m
        return self._replace(rotation=rotation @ self.rotation, centre_m=centre_m)

    def contains(self, points_m: torch.Tensor) -> torch.Tensor:
        """Return (P, N) bool: whether the set of each row holds its points (P, N, 3) [m]."""
        own = (points_m - self.centre_m[:, None]) @ self.rotation
        within = (own.abs() <= self.half_m[:, None]).all(2)
        value = (self.square[:, None] * own * own).sum(2) + self.linear[:, None] * own[:, :, 2]
        return within & (value + self.constant[:, None] <= 0)


def turned_back(rotation: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
    """Return rotation^T v for rotations (N, 3, 3) and vectors (N, 3); `@` takes a GPU ten times as long."""
    sums = rotation[:, 0] * vectors[:, :1]
    return sums.addcmul_(rotation[:, 1], vectors[:, 1:2]).addcmul_(rotation[:, 2], vectors[:, 2:])


class Parts(NamedTuple):
    """Many parts of many things.

    Attributes:
        body: What is there, P of them.
        hole: What is missing from it; the empty set where nothing is.
        scene: (P,) int64, which scene a part belongs to.
        thing: (P,) int64, which thing of its scene, from 1; 0 is no thing to grasp, such as the wall of a bin.
    """

    body: Quadrics
    hole: Quadrics
    scene: torch.Tensor
    thing: torch.Tensor

    def of(self, indices: torch.Tensor) -> Parts:
        """Return the parts of these indices."""
        return Parts(self.body.of(indices), self.hole.of(indices), self.scene[indices], self.thing[indices])

    def outline_m(self) -> torch.Tensor:
        """Return points (P, 8, 3) [m] whose convex hull holds each part: the corners of its box."""
        signs = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0], device=self.scene.device)] * 3)
        corners = self.body.rotation @ (signs[None] * self.body.half_m[:, None]).transpose(1, 2)
        return corners.transpose(1, 2) + self.body.centre_m[:, None]

    def first_hit(self, origin_m: torch.Tensor, direction: torch.Tensor) -> torch.Tensor:
        """Return the ray parameter (P,) at which each of P rays first meets the part of its number; inf in a miss."""
        enter, leave = self.body.span(origin_m, direction)
        hollow = (self.hole.half_m[:, 0] > 0).nonzero()[:, 0]
        if len(hollow):
            hole_enter, hole_leave = self.hole.of(hollow).span(origin_m[hollow], direction[hollow])
            own = enter[hollow]
            inside = (own >= hole_enter) & (own < hole_leave)
            enter = enter.index_put((hollow,), torch.where(inside, hole_leave, own))
        return torch.where(enter < leave, enter, torch.full_like(enter, NEVER))

    def moved(self, rotation: torch.Tensor, translation_m: torch.Tensor) -> Parts:
        """Return the parts after x -> rotation x + translation; (P, 3, 3) and (P, 3) [m]."""
        body, hole = self.body.moved(rotation, translation_m), self.hole.moved(rotation, translation_m)
        return self._replace(body=body, hole=hole)


class Part(NamedTuple):
    """One part, as a thing is built of it: the fields of `Quadrics` as arrays, and its hole."""

    rotation: np.ndarray
    centre_m: np.ndarray
    square: np.ndarray
    linear: float
    constant: float
    half_m: np.ndarray
    hole: Optional[Part] = None

    def turned(self, rotation: np.ndarray, shift_m: np.ndarray) -> Part:
        """Return the part after x -> rotation x + shift."""
        moved = self._replace(rotation=rotation @ self.rotation, centre_m=rotation @ self.centre_m + shift_m)
        return moved._replace(hole=self.hole.turned(rotation, shift_m)) if self.hole else moved

    def shifted(self, shift_m: np.ndarray) -> Part:
        """Return the part after x -> x + shift."""
        moved = self._replace(centre_m=self.centre_m + shift_m)
        return moved._replace(hole=self.hole.shifted(shift_m)) if self.hole else moved


EMPTY = Part(np.eye(3), np.zeros(3), np.zeros(3), 0.0, -1.0, np.full(3, -1.0))


def stacked(parts: Sequence[Part], owners: Sequence[Tuple[int, int]], device: torch.device) -> Parts:
    """Return parts side by side on a device; `owners` tells scene and thing of each."""
    body, hole = _quadrics(parts, device), _quadrics([part.hole or EMPTY for part in parts], device)
    scene, thing = torch.tensor(list(owners), dtype=torch.int64, device=device).view(-1, 2).unbind(1)
    return Parts(body, hole, scene, thing)


def _quadrics(parts: Sequence[Part], device: torch.device) -> Quadrics:
    columns: List[np.ndarray] = [np.array([part[i] for part in parts], np.float32) for i in range(6)]
    shapes = ((-1, 3, 3), (-1, 3), (-1, 3), (-1,), (-1,), (-1, 3))
    return Quadrics(*(torch.from_numpy(c.reshape(s)).to(device) for c, s in zip(columns, shapes)))
