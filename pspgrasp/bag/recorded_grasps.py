"""Grasps that the robot's own detector published while a bag was recorded."""

from __future__ import annotations

import math
from typing import Any, Iterator, Tuple

import numpy as np
from scipy.spatial.transform import Rotation

from pspgrasp.bag.bag_messages import FLOATS, GRASPS, Decoder, stamp_ns
from pspgrasp.bag.container import Connection, Container, Message
from pspgrasp.bag.poses import TransformTree
from pspgrasp.bag.recording import RecordedGrasp
from pspgrasp.errors import DataError
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


def grasps_of(message: Message, msg: Any, tree: TransformTree, optical_frame: str) -> Tuple[RecordedGrasp, ...]:
    """Return the grasps of a message, best first, in the optical frame of a camera.

    Those in another frame are turned by TF at their stamp; where TF doesn't know, they are left out.

    Args:
        message: As it lies in the bag.
        msg: The same, decoded.
        tree: TF of the whole bag.
        optical_frame: Of the depth images.
    """
    if message.connection.type_name == FLOATS:
        return tuple(_of_command(message, msg))
    try:
        turn = _to_optical(tree, msg.header.frame_id, optical_frame, stamp_ns(msg)) if msg.grasps else np.eye(4)
    except DataError:
        return ()
    return tuple(_of_array(message, msg, turn))


def _to_optical(tree: TransformTree, frame: str, optical_frame: str, at_ns: int) -> np.ndarray:
    """Return (4, 4), a frame in the optical frame."""
    if frame.lstrip("/") == optical_frame.lstrip("/"):
        return np.eye(4)
    if tree.path(frame)[0] != tree.path(optical_frame)[0]:
        raise DataError(f"TF doesn't connect {frame!r} with {optical_frame!r}")
    return np.linalg.inv(tree.poses(optical_frame).at(at_ns)) @ tree.poses(frame).at(at_ns)


def _of_array(message: Message, msg: Any, turn: np.ndarray) -> Iterator[RecordedGrasp]:
    for grasp in msg.grasps:
        p, q = grasp.pose.position, grasp.pose.orientation
        if not _all_finite(p.x, p.y, p.z, q.x, q.y, q.z, q.w) or not any((q.x, q.y, q.z, q.w)):
            continue
        closing = turn[:3, :3] @ Rotation.from_quat((q.x, q.y, q.z, q.w)).as_matrix()[:, 0]
        # An angle that is anticlockwise in the image (v down) is a negative turn about the forward axis.
        angle_rad = wrap_half_turn(-math.atan2(closing[1], closing[0]))
        position_m = turn[:3, :3] @ np.array((p.x, p.y, p.z)) + turn[:3, 3]
        topic, quality = message.connection.topic, float(grasp.quality)
        yield RecordedGrasp(topic, stamp_ns(msg), True, position_m, angle_rad, float(grasp.width), "m", quality)


def _of_command(message: Message, msg: Any) -> Iterator[RecordedGrasp]:
    if len(msg.data) >= COMMAND_FLOATS and _all_finite(*msg.data[:COMMAND_FLOATS]):
        x, y, z, angle_rad, width_px = (float(value) for value in msg.data[:5])
        position_m, angle_rad = np.array((x, y, z)), wrap_half_turn(angle_rad)
        topic, when_ns = message.connection.topic, message.recorded_ns
        yield RecordedGrasp(topic, when_ns, False, position_m, angle_rad, width_px, "px", math.nan)


def _all_finite(*values: float) -> bool:
    return all(math.isfinite(value) for value in values)
