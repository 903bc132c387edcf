"""What lies in a bag beside its depth images: grasps of the robot's own detector, and where the camera was."""

from __future__ import annotations

from functools import cached_property
from typing import Iterator, Union

from pspgrasp.bag.formats.container import Container
from pspgrasp.bag.reading.messages import Decoder
from pspgrasp.bag.reading.poses import TransformTree
from pspgrasp.bag.reading.recorded_grasps import GraspReader, command_scale, grasp_connections
from pspgrasp.bag.reading.transforms import Sample, camera_poses, decoded, transforms
from pspgrasp.bag.recording import Fault, Poses, RecordedGrasp, Selection, Told, silent
from pspgrasp.errors import DataError


class Beside:
    """Reads it from the bag when it is asked for; memory stays flat."""

    def __init__(self, bag: Container, optical_frame: str, selection: Selection) -> None:
        """Look beside the images of a camera, whose poses are told by a topic or, if none is chosen, by TF."""
        self._bag, self._optical_frame, self._selection = bag, optical_frame, selection
        self._decoder = Decoder(bag.is_ros2)
        self._told: Told = silent

    def look(self, told: Told) -> Iterator[Fault]:
        """Go through the poses once; yield what can't be read of them."""
        self._told = told
        try:
            yield from self._poses_tree.read()
        finally:
            self._told = silent

    def grasps(self) -> Iterator[Union[RecordedGrasp, Fault]]:
        """Yield the best grasp of each message, by recorded time, or why there is none."""
        connections = set(grasp_connections(self._bag, self._decoder))
        if connections:
            reader = GraspReader(self._tree, self._optical_frame, command_scale(self._selection.command_width))
            yield from self._tree.read()
            for item in decoded(self._bag, self._decoder, connections):
                if isinstance(item, Fault):
                    yield item
                else:
                    yield from reader.read(*item)

    def poses(self) -> Union[Poses, None]:
        """Return where the optical frame was; None where the bag doesn't say, or what it says is wrong."""
        return self._poses_tree.poses(self._optical_frame, self._selection.fixed_frame) if self.fixed_frame else None

    @cached_property
    def fixed_frame(self) -> str:
        """The frame that stands still, in which poses are; "" where there are none.

        That is the root from which the camera hangs, if TF knows more than how the camera is built.
        """
        selection, tree, frame = self._selection, self._poses_tree, self._optical_frame
        if self.why_no_poses or not tree.knows(frame):
            return ""
        is_told = bool(selection.pose_topic or selection.fixed_frame)
        return tree.path(frame, selection.fixed_frame)[0] if is_told or tree.is_more_than(frame) else ""

    @cached_property
    def why_no_poses(self) -> str:
        """What is wrong with what the bag says; "" if nothing is."""
        try:
            self._poses_tree.path(self._optical_frame, self._selection.fixed_frame)
        except DataError as error:
            return str(error)
        return ""

    @cached_property
    def _tree(self) -> TransformTree:
        return TransformTree(self._transforms)

    @cached_property
    def _poses_tree(self) -> TransformTree:
        return TransformTree(self._camera_poses) if self._selection.pose_topic else self._tree

    def _transforms(self) -> Iterator[Union[Sample, Fault]]:
        return transforms(self._bag, self._decoder, self._told)

    def _camera_poses(self) -> Iterator[Union[Sample, Fault]]:
        topic = self._selection.pose_topic
        return camera_poses(self._bag, self._decoder, topic, self._optical_frame, self._told)
