"""What the demo leaves behind: a table of the best grasps, a few pictures, a contact sheet and a verdict."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Dict, List, Tuple

import cv2
import numpy as np
from geometry_msgs.msg import Quaternion

from pspgrasp.grasp import wrap_half_turn
from pspgrasp.ros.interfaces import GraspArray

COLUMNS = "frame  time [s]  grasps   x [m]   y [m]   z [m]  angle [deg]  width [mm]  quality  age [ms]"
NO_GRASP = "     -       -       -            -           -        -"


class EvenSpread:
    """Of a stream of unknown length, keeps pictures that lie evenly over it, somewhat more than `count`."""

    def __init__(self, count: int) -> None:
        self._count, self._seen, self._stride = count, 0, 1
        self._kept: List[Tuple[int, np.ndarray]] = []

    def add(self, stamp_ns: int, image: np.ndarray) -> None:
        """Keep the image (H, W, 3) if its turn has come."""
        if self._seen % self._stride == 0:
            self._kept.append((stamp_ns, image))
        self._seen += 1
        if len(self._kept) > 4 * self._count:
            self._kept, self._stride = self._kept[::2], 2 * self._stride

    def chosen(self) -> List[Tuple[int, np.ndarray]]:
        """Return at most `count` stamps [ns] and images, each from the middle of its part of the stream."""
        middles = (np.arange(self._count) + 0.5) / self._count * len(self._kept)
        return [self._kept[index] for index in sorted({int(m) for m in middles if self._kept})]


class Scene:
    """What came of one scene of the recording."""

    def __init__(self, name: str, pictures: int) -> None:
        self.name, self.pictures = name, EvenSpread(pictures)
        self.frames = self.with_grasps = 0
        self.ages_ms: List[float] = []

    def summary(self) -> str:
        """Return one line."""
        age_ms = f"{np.median(self.ages_ms):.0f}" if self.ages_ms else "-"
        judged = f"{len(self.ages_ms)} of {self.frames} frames judged"
        return f"{self.name}: {judged}, {self.with_grasps} with grasps, median age {age_ms} ms"


class DemoReport:
    """Gathers frames, grasps and overlays, scene by scene, in the order in which they arrive."""

    def __init__(self, pictures_a_scene: int) -> None:
        self._pictures = pictures_a_scene
        self._scenes: List[Scene] = []
        self._numbers: Dict[int, int] = {}  # stamp [ns] -> number of the frame
        self._counts: Dict[int, int] = {}  # stamp [ns] -> number of grasps
        self._rows = [COLUMNS]

    def begin_scene(self, name: str) -> None:
        """Count all that follows to a new scene."""
        self._scenes.append(Scene(name, self._pictures))

    def add_frame(self, stamp_ns: int) -> None:
        """Count a frame of the recording, whether or not the detector gets to it."""
        self._scene().frames += 1
        self._numbers.setdefault(stamp_ns, len(self._numbers))

    def add_grasps(self, message: GraspArray, now_ns: int) -> str:
        """Count a frame's grasps and return their row of the table."""
        stamp_ns = message.header.stamp.to_nsec()
        scene, age_ms = self._scene(), (now_ns - stamp_ns) / 1e6
        scene.with_grasps += bool(message.grasps)
        scene.ages_ms.append(age_ms)
        self._counts[stamp_ns] = len(message.grasps)
        time_s = (stamp_ns - min(self._numbers, default=stamp_ns)) / 1e9
        self._rows.append(f"{self._numbers.get(stamp_ns, -1):5d}  {time_s:8.2f}  {best_row(message)}  {age_ms:8.0f}")
        return self._rows[-1]

    def add_overlay(self, stamp_ns: int, image: np.ndarray) -> None:
        """Consider the overlay (H, W, 3) uint8 BGR for the pictures."""
        self._scene().pictures.add(stamp_ns, image)

    def write(self, folder: Path) -> str:
        """Write table, pictures and summary into the folder; return the summary's last line, the verdict."""
        (folder / "grasps.txt").write_text("\n".join(self._rows) + "\n")
        shelves = [self._write_pictures(scene, folder) for scene in self._scenes]
        if any(shelves):
            cv2.imwrite(str(folder / "contact_sheet.png"), contact_sheet(shelves))
        summary = [scene.summary() for scene in self._scenes] + [verdict(self._scenes, shelves)]
        (folder / "summary.txt").write_text("\n".join(summary) + "\n")
        return summary[-1]

    def _scene(self) -> Scene:
        if not self._scenes:
            self.begin_scene("recording")
        return self._scenes[-1]

    def _write_pictures(self, scene: Scene, folder: Path) -> List[np.ndarray]:
        images = []
        for stamp_ns, image in scene.pictures.chosen():
            number, grasps = self._numbers.get(stamp_ns, -1), self._counts.get(stamp_ns, 0)
            images.append(with_caption(image, f"{scene.name}, frame {number}, {grasps} grasps"))
            cv2.imwrite(str(folder / f"{re.sub(r'[^A-Za-z0-9]+', '_', scene.name)}_{number:03d}.png"), images[-1])
        return images


def best_row(message: GraspArray) -> str:
    """Return the columns from the number of grasps to the best one's quality."""
    if not message.grasps:
        return f"{0:6d}  {NO_GRASP}"
    best = message.grasps[0]
    place, angle_deg = best.pose.position, math.degrees(closing_angle_rad(best.pose.orientation))
    pose = f"{place.x:6.3f}  {place.y:6.3f}  {place.z:6.3f}  {angle_deg:11.1f}"
    return f"{len(message.grasps):6d}  {pose}  {1e3 * best.width:10.1f}  {best.quality:7.2f}"


def closing_angle_rad(q: Quaternion) -> float:
    """Return the angle [-pi/2, pi/2) about z of the closing direction, the pose's x axis."""
    return wrap_half_turn(math.atan2(2 * (q.x * q.y + q.w * q.z), 1 - 2 * (q.y * q.y + q.z * q.z)))


def with_caption(image: np.ndarray, caption: str) -> np.ndarray:
    """Return the image (H, W, 3) with a line of text below it."""
    strip = np.full((28, image.shape[1], 3), 255, np.uint8)
    cv2.putText(strip, caption, (8, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (0, 0, 0), 1, cv2.LINE_AA)
    return np.vstack([image, strip])


def contact_sheet(shelves: List[List[np.ndarray]]) -> np.ndarray:
    """Return all images, which are of one size, on one sheet (H, W, 3), a row a scene."""
    columns = max(len(shelf) for shelf in shelves)
    blank = np.full_like(next(image for shelf in shelves for image in shelf), 255)
    return np.vstack([np.hstack(shelf + [blank] * (columns - len(shelf))) for shelf in shelves])


def verdict(scenes: List[Scene], shelves: List[List[np.ndarray]]) -> str:
    """Return PASS, or FAIL and why: each scene has to bring grasps and pictures."""
    if not scenes:
        return "FAIL: the recording brought no frame"
    barren = [scene.name for scene in scenes if not scene.with_grasps]
    unseen = [scene.name for scene, shelf in zip(scenes, shelves) if not shelf]
    faults = [f"no grasp in: {', '.join(barren)}"] * bool(barren) + [f"no picture of: {', '.join(unseen)}"] * bool(
        unseen
    )
    return f"FAIL: {'; '.join(faults)}" if faults else "PASS"
