"""Grasps that the robot's own detector published while a bag was recorded."""

from __future__ import annotations

import math
from typing import Any, Dict, Iterator, Tuple, Union

import numpy as np
from scipy.spatial.transform import Rotation

from pspgrasp.bag.formats.container import Connection, Container, Message
from pspgrasp.bag.reading.messages import FLOATS, GRASPS, Decoder, stamp_ns
from pspgrasp.bag.reading.poses import Chain, TransformTree
from pspgrasp.bag.reading.transforms import bare
from pspgrasp.bag.recording import Fault, RecordedGrasp
from pspgrasp.errors import DataError, shown
from pspgrasp.ggcnn_api import SIDE_PX
from pspgrasp.ggcnn_stream import PRESETS
from pspgrasp.grasp import wrap_half_turn

COMMAND = "ggcnn/out/command"
COMMAND_FLOATS = 6  # x, y, z [m], angle [rad], width [px], depth at the gripper [mm]


def grasp_connections(bag: Container, decoder: Decoder) -> Tuple[Connection, ...]:
    """Return the topics of grasps: GraspArray by type, GG-CNN's command by type and name."""
    return tuple(
        connection
        for connection in bag.connections
        if decoder.knows(connection.type_name, connection.md5)
        and (connection.type_name == GRASPS or (connection.type_name == FLOATS and connection.topic.endswith(COMMAND)))
    )


def command_scale(command_width: str) -> float:
    """Return how many pixels of the depth image one of a command's width is, see `Selection.command_width`."""
    return PRESETS[command_width].crop_px / SIDE_PX if command_width in PRESETS else 1.0


class GraspReader:
    """From messages to grasps in the optical frame of a camera."""

    def __init__(self, tree: TransformTree, optical_frame: str, command_scale: float = 1.0) -> None:
        """Take the bag's TF, the frame of the depth images, and how many of their pixels one of a command's is."""
        self._tree, self._optical_frame, self._command_scale = tree, bare(optical_frame), command_scale
        self._chains: Dict[str, Tuple[Chain, Chain]] = {}

    def read(self, message: Message, msg: Any) -> Iterator[Union[RecordedGrasp, Fault]]:
        """Yield the best grasp of a message, if it has one; or why it can't be told.

        One in another frame is turned by TF at its stamp.

        Args:
            message: As it lies in the bag.
            msg: The same, decoded.
        """
        if message.connection.type_name == FLOATS:
            yield _of_command(message, msg, self._command_scale)
            return
        best = next(filter(_is_pose, msg.grasps), None)
        topic = message.connection.topic
        if best is None:
            if len(msg.grasps):
                yield Fault(-1, f"no grasp on {topic}", "none of its poses is one: numbers must be finite")
            return
        try:
            turn = self._to_optical(bare(msg.header.frame_id), stamp_ns(msg))
        except DataError as error:
            yield Fault(-1, f"no TF for {topic}", str(error))
            return
        yield _of_array(topic, stamp_ns(msg), best, turn)

    def _to_optical(self, frame: str, at_ns: int) -> np.ndarray:
        """Return (4, 4), a frame in the optical frame."""
        if frame == self._optical_frame:
            return np.eye(4)
        if frame not in self._chains:
            if self._tree.path(frame)[0] != self._tree.path(self._optical_frame)[0]:
                raise DataError(f"TF doesn't connect {frame!r} with {self._optical_frame!r}")
            self._chains[frame] = self._tree.poses(self._optical_frame), self._tree.poses(frame)
        optical, other = self._chains[frame]
        return np.linalg.inv(optical.at(at_ns)) @ other.at(at_ns)


def _is_pose(grasp: Any) -> bool:
    p, q = grasp.pose.position, grasp.pose.orientation
    return _all_finite(p.x, p.y, p.z, q.x, q.y, q.z, q.w) and any((q.x, q.y, q.z, q.w))


def _of_array(topic: str, at_ns: int, grasp: Any, turn: np.ndarray) -> RecordedGrasp:
    p, q = grasp.pose.position, grasp.pose.orientation
    closing = turn[:3, :3] @ Rotation.from_quat((q.x, q.y, q.z, q.w)).as_matrix()[:, 0]
    # An angle that is anticlockwise in the image (v down) is a negative turn about the forward axis.
    angle_rad = wrap_half_turn(-math.atan2(closing[1], closing[0]))
    position_m = turn[:3, :3] @ np.array((p.x, p.y, p.z)) + turn[:3, 3]
    return RecordedGrasp(topic, at_ns, True, position_m, angle_rad, float(grasp.width), "m")


def _of_command(message: Message, msg: Any, scale: float) -> Union[RecordedGrasp, Fault]:
    topic, when_ns = message.connection.topic, message.recorded_ns
    if len(msg.data) < COMMAND_FLOATS or not _all_finite(*msg.data[:COMMAND_FLOATS]):
        told = f"a command must be {COMMAND_FLOATS} finite numbers, got {shown(msg.data.tolist())}"
        return Fault(-1, f"no grasp on {topic}", told)
    x, y, z, angle_rad, width_px = (float(value) for value in msg.data[:5])
    position_m, angle_rad = np.array((x, y, z)), wrap_half_turn(angle_rad)
    return RecordedGrasp(topic, when_ns, False, position_m, angle_rad, scale * width_px, "px")


def _all_finite(*values: float) -> bool:
    return all(math.isfinite(value) for value in values)
