"""What lies in a bag beside its depth images: grasps of the robot's own detector, and where the camera was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List, Tuple, Union

from pspgrasp.bag.bag_messages import POSE, TRANSFORMS, Decoder, stamp_ns
from pspgrasp.bag.container import Container, Message
from pspgrasp.bag.poses import Samples, Track, TransformTree
from pspgrasp.bag.recorded_grasps import grasp_connections, grasps_of
from pspgrasp.bag.recording import Poses, RecordedGrasp
from pspgrasp.errors import DataError


@dataclass(frozen=True)
class Beside:
    """See above.

    Attributes:
        grasps: By recorded time; those of one message best first.
        poses: Of the optical frame; None where the bag doesn't say.
        why_no_poses: What is wrong with what it says; "" if nothing is.
    """

    grasps: Tuple[RecordedGrasp, ...]
    poses: Union[Poses, None]
    why_no_poses: str = ""


def read_beside(bag: Container, decoder: Decoder, optical_frame: str, pose_topic: str) -> Beside:
    """Return what lies beside the images; the bag is gone through once, and not at all where there is nothing."""
    wanted = set(grasp_connections(bag, decoder))
    wanted |= {c for c in bag.connections if c.type_name in TRANSFORMS and decoder.knows(c.type_name, c.md5)}
    wanted |= {c for c in bag.connections if c.topic == pose_topic and c.type_name == POSE}
    tree, samples = TransformTree(), Samples()
    grasps: List[Tuple[Message, Any]] = []
    for item in bag.messages({connection.topic for connection in wanted}) if wanted else ():
        if not isinstance(item, Message) or item.connection not in wanted:
            continue
        try:
            msg = decoder.decode(item).msg
        except DataError:
            continue
        if item.connection.type_name in TRANSFORMS:
            tree.add(item.connection.topic, msg)
        elif item.connection.type_name == POSE:
            samples.add(stamp_ns(msg), msg.pose.position, msg.pose.orientation)
        else:
            grasps.append((item._replace(data=b""), msg))
    found = tuple(grasp for message, msg in grasps for grasp in grasps_of(message, msg, tree, optical_frame))
    try:
        track = Track(f"the pose on {pose_topic}", samples) if len(samples) else None
        return Beside(found, track if pose_topic else tree.camera_poses(optical_frame))
    except DataError as error:
        return Beside(found, None, str(error))
