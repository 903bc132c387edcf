"""What lies in a bag beside its depth images: grasps of the robot's own detector, and where the camera was."""

from __future__ import annotations

from functools import cached_property, partial
from typing import Iterator, Union

from pspgrasp.bag.formats.container import Container
from pspgrasp.bag.reading.messages import Decoder
from pspgrasp.bag.reading.poses import TransformTree
from pspgrasp.bag.reading.recorded_grasps import GraspReader, grasp_connections
from pspgrasp.bag.reading.transforms import bare, camera_poses, decoded, transforms
from pspgrasp.bag.recording import Poses, RecordedGrasp
from pspgrasp.errors import DataError


class Beside:
    """Reads it from the bag when it is asked for; memory stays flat."""

    def __init__(self, bag: Container, optical_frame: str, pose_topic: str) -> None:
        """Look beside the images of a camera, whose poses are told by a topic or, if that is "", by TF."""
        self._bag, self._optical_frame, self._pose_topic = bag, optical_frame, pose_topic
        self._decoder = Decoder(bag.is_ros2)

    def grasps(self) -> Iterator[RecordedGrasp]:
        """Yield the best grasp of each message, by recorded time."""
        connections = set(grasp_connections(self._bag, self._decoder))
        if connections:
            reader = GraspReader(self._tree, self._optical_frame)
            for message, msg in decoded(self._bag, self._decoder, connections):
                yield from reader.read(message, msg)

    def poses(self) -> Union[Poses, None]:
        """Return where the optical frame was; None where the bag doesn't say, or what it says is wrong."""
        return None if self.why_no_poses or not self._is_known else self._poses_tree.poses(self._optical_frame)

    @cached_property
    def why_no_poses(self) -> str:
        """What is wrong with what the bag says; "" if nothing is."""
        try:
            self._poses_tree.path(self._optical_frame)
        except DataError as error:
            return str(error)
        return ""

    @property
    def _is_known(self) -> bool:
        """Whether the bag says where the camera was, and not just how it is built.

        A root of TF whose name begins like the camera's is a part of it.
        """
        if not self._poses_tree.knows(self._optical_frame):
            return False
        root = self._poses_tree.path(self._optical_frame)[0]
        return bool(self._pose_topic) or root.split("_")[0] != bare(self._optical_frame).split("_")[0]

    @cached_property
    def _tree(self) -> TransformTree:
        return TransformTree(partial(transforms, self._bag, self._decoder))

    @cached_property
    def _poses_tree(self) -> TransformTree:
        if not self._pose_topic:
            return self._tree
        return TransformTree(partial(camera_poses, self._bag, self._decoder, self._pose_topic, self._optical_frame))
