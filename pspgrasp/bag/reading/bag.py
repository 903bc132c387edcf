"""A bag as a recording: depth frames of one camera."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from typing import Iterator, Union

from pspgrasp.bag.formats.container import Container, Message
from pspgrasp.bag.reading.beside import Beside
from pspgrasp.bag.reading.frames import BagImage, FrameReader
from pspgrasp.bag.reading.messages import POSE, Decoder
from pspgrasp.bag.reading.topics import check_topic, choose_camera
from pspgrasp.bag.reading.window import span_ns, thinned, within
from pspgrasp.bag.recording import Fault, Poses, RecordedFrame, RecordedGrasp, Selection, Told, silent
from pspgrasp.errors import DataError


class BagRecording:
    """See `pspgrasp.bag.recording.Recording`."""

    has_guessed_camera = False  # without a camera_info an image isn't judged

    def __init__(self, bag: Container, selection: Selection, name: str) -> None:
        """Choose the camera.

        Raises:
            DataError: There is none, or more than one.
        """
        self._bag, self._selection = bag, selection
        self.name = f"{name} {selection.depth_topic}" if selection.depth_topic else name
        decoder = Decoder(bag.is_ros2)
        self._camera = choose_camera(bag, decoder, selection)
        if selection.pose_topic:
            check_topic(bag, decoder, selection.pose_topic, "pose", (POSE,))
        if selection.fixed_frame and self._beside.why_no_poses:
            raise DataError(f"{bag.path}: {self._beside.why_no_poses}; see --fixed-frame")

    @property
    def description(self) -> str:
        """Say what is read."""
        beside = self._camera.info or "the camera that was given"
        return f"{self._bag.kind}: {len(self)} images of {self._camera.depth} with {beside}{self._poses_said}"

    @property
    def _poses_said(self) -> str:
        if self._beside.why_no_poses:
            return f"; where the camera was can't be told: {self._beside.why_no_poses}"
        fixed = self._beside.fixed_frame
        return f"; the camera's poses are in {fixed!r}, which is taken to stand still" if fixed else ""

    def __len__(self) -> int:
        """How many depth images of the selection it says it has."""
        start_ns, stop_ns = 0, 2**63 - 1
        if self._selection.start_s or self._selection.seconds:
            first = next((i for i in self._images() if isinstance(i, BagImage)), None)
            start_ns, stop_ns = span_ns(first.recorded_ns if first else 0, self._selection)
        return thinned(self._bag.count(self._camera.images, start_ns, stop_ns), self._selection)

    def __iter__(self) -> Iterator[Union[RecordedFrame, Fault]]:
        """Yield frames by recorded time, and faults where they are met."""
        yield from self._bag.faults
        reader = FrameReader(Decoder(self._bag.is_ros2), self._selection.camera)
        first_info = self._first_info()
        for image in within(self._images(), self._selection):
            if isinstance(image, Fault):
                yield image
            else:
                yield from reader.read(image._replace(info=image.info or first_info))

    def look_beside(self, told: Told = silent) -> Iterator[Fault]:
        """Go once through TF or the poses of a topic, and yield what can't be read of it."""
        return self._beside.look(told)

    def grasps(self) -> Iterator[Union[RecordedGrasp, Fault]]:
        """Yield what the robot's own detector published: the best grasp of each message, or why there is none."""
        return self._beside.grasps()

    def poses(self) -> Union[Poses, None]:
        """Return where the camera was; None where the bag doesn't say, or contradicts itself (see `description`)."""
        return self._beside.poses()

    @cached_property
    def _beside(self) -> Beside:
        return Beside(self._bag, self._optical_frame(), self._selection)

    def _optical_frame(self) -> str:
        """Return the frame of the first image that can be decoded."""
        decoder = Decoder(self._bag.is_ros2)
        for image in self._images():
            if isinstance(image, BagImage) and isinstance(image.item, Message):
                with suppress(DataError):
                    return str(decoder.decode(image.item).msg.header.frame_id)
        return ""

    def _first_info(self) -> Union[Message, None]:
        """Return the first camera_info: bags that were written, not recorded, may have it behind the images."""
        infos = self._bag.messages([self._camera.info])
        return next((info for info in infos if isinstance(info, Message)), None)

    def _images(self) -> Iterator[Union[BagImage, Fault]]:
        """Yield the images, numbered, each with the newest camera_info, as the live node has it."""
        number, info = 0, None
        for item in self._bag.messages([self._camera.depth, self._camera.info]):
            if isinstance(item, Fault):
                yield item
            elif item.connection.topic == self._camera.info:
                if isinstance(item, Message):
                    info = item
                else:
                    yield Fault(-1, f"camera_info {item.kind}", item.detail)
            elif item.connection not in self._camera.images:
                yield Fault(-1, "wrong type", f"{item.connection.topic} has a {item.connection.type_name} in between")
            else:
                yield BagImage(number, item.recorded_ns, item, info)
                number += 1
