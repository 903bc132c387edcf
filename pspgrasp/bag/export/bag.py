"""A ROS 1 bag with all messages of the recording, and beside them what the live node would have published."""

from __future__ import annotations

import re
from pathlib import Path
from types import TracebackType
from typing import Callable, Dict, NamedTuple, Optional, Sequence, Type

import numpy as np
from rosbags.interfaces import Connection
from rosbags.rosbag1 import Writer

from pspgrasp.bag.export.copier import Copier
from pspgrasp.bag.export.exporter import Judged
from pspgrasp.bag.export.grasp_messages import CAMERA_INFO, COMMAND, GRASPS, IMAGE, MARKERS, GraspMessages, ros1_types
from pspgrasp.bag.reading.image_folder import is_image_folder
from pspgrasp.bag.reading.open import open_bag
from pspgrasp.bag.recording import Fault, RecordedFrame

NODE = "/grasp_detector"  # of the launch file
GGCNN_COMMAND = "ggcnn/out/command"
DEPTH, INFO = "/camera/depth/image_rect_raw", "/camera/depth/camera_info"  # of images that come from no bag
UNCOMPRESSED, BZ2 = "none", "bz2"
COMPRESSIONS = (UNCOMPRESSED, BZ2)  # what ROS 1 reads; it doesn't read rosbags' lz4


class Topics(NamedTuple):
    """Where a model's messages go.

    Attributes:
        grasps: As the node's ~grasps.
        markers: As its ~markers.
        command: As GG-CNN's node.
    """

    grasps: str
    markers: str
    command: str


def topics_of(models: Sequence[str]) -> Dict[str, Topics]:
    """Return each model's topics: the live node's; of several models, below the model's name."""
    if len(models) == 1:
        return {models[0]: Topics(f"{NODE}/grasps", f"{NODE}/markers", f"/{GGCNN_COMMAND}")}
    names = [f"{NODE}/{re.sub('[^A-Za-z0-9_]', '_', model)}" for model in models]
    return {model: Topics(f"{n}/grasps", f"{n}/markers", f"{n}/{GGCNN_COMMAND}") for model, n in zip(models, names)}


class BagExport:
    """See `pspgrasp.bag.export.exporter.Exporter`."""

    def __init__(
        self, part: Path, source: Path, models: Sequence[str], compression: str, lost: Callable[[Fault], None]
    ) -> None:
        """Begin a bag.

        Args:
            part: The file.
            source: Whose messages are copied; of a folder of images, the images become messages.
            models: Their names.
            compression: One of `COMPRESSIONS`.
            lost: Hears of each message that can't be copied.

        Raises:
            DataError: The source can't be read, or has the models' topics already.
            PspGraspError: It can't be written.
        """
        self._types = ros1_types()
        self._messages, self._topics = GraspMessages(self._types), topics_of(models)
        self._connections: Dict[str, Connection] = {}
        self._copier = None if is_image_folder(source) else Copier(open_bag(source), lost)
        if self._copier:
            self._copier.check(topic for topics in self._topics.values() for topic in topics)
        self._writer = Writer(part)
        if compression == BZ2:
            self._writer.set_compression(Writer.CompressionFormat.BZ2)

    def __enter__(self) -> BagExport:
        self._writer.open()
        if self._copier:
            self._copier.begin(self._writer)
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        try:
            if error is None and self._copier:
                self._copier.copy_until(None)
        except BaseException:
            self._writer.abort()
            raise
        if error is None:
            self._writer.close()
        else:
            self._writer.abort()  # what there is of it is thrown away

    def add(self, recorded: RecordedFrame, judged: Sequence[Judged], pose: Optional[np.ndarray]) -> None:  # noqa: ARG002 (what TF the source has is copied)
        """See `Exporter`."""
        at_ns = recorded.recorded_ns
        if self._copier:
            self._copier.copy_until(at_ns)
        else:
            self._write(DEPTH, IMAGE, at_ns, self._messages.depth(recorded.frame))
            self._write(INFO, CAMERA_INFO, at_ns, self._messages.camera_info(recorded.frame))
        for one in judged:
            topics = self._topics[one.model]
            self._write(topics.grasps, GRASPS, at_ns, self._messages.grasps(one.result.grasps, recorded.frame))
            self._write(topics.markers, MARKERS, at_ns, self._messages.markers(one.result.grasps, recorded.frame))
            if one.command:
                self._write(topics.command, COMMAND, at_ns, self._messages.command(one.command))

    def _write(self, topic: str, type_name: str, at_ns: int, data: bytes) -> None:
        if topic not in self._connections:
            self._connections[topic] = self._writer.add_connection(topic, type_name, typestore=self._types)
        self._writer.write(self._connections[topic], at_ns, data)
