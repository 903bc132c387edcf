"""A ROS 1 bag with all messages of the recording, and beside them what the live node would have published."""

from __future__ import annotations

import re
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Dict, Iterator, NamedTuple, Optional, Sequence, Tuple, Type

import numpy as np
from rosbags.convert import ConverterError, convert
from rosbags.interfaces import Connection, ConnectionExtRosbag1
from rosbags.rosbag1 import Reader, ReaderError, Writer

from pspgrasp.bag.export import Judged
from pspgrasp.bag.grasp_messages import CAMERA_INFO, COMMAND, GRASPS, IMAGE, MARKERS, GraspMessages, ros1_types
from pspgrasp.bag.image_folder import is_image_folder
from pspgrasp.bag.recording import RecordedFrame
from pspgrasp.errors import DataError

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
    """See `pspgrasp.bag.export.Exporter`."""

    def __init__(self, part: Path, source: Path, models: Sequence[str], compression: str = UNCOMPRESSED) -> None:
        """Begin a bag.

        Args:
            part: The file.
            source: Whose messages are copied; of a folder of images, the images become messages.
            models: Their names.
            compression: One of `COMPRESSIONS`.

        Raises:
            DataError: The source is damaged, or has the models' topics already.
            PspGraspError: It can't be written.
        """
        self._stack = ExitStack()
        self._types = ros1_types()
        self._messages, self._topics = GraspMessages(self._types), topics_of(models)
        self._connections: Dict[str, Connection] = {}
        with ExitStack() as opened:
            self._copier = None if is_image_folder(source) else opened.enter_context(Copier(source, part))
            if self._copier:
                self._copier.check(topic for topics in self._topics.values() for topic in topics)
            self._writer = Writer(part)
            if compression == BZ2:
                self._writer.set_compression(Writer.CompressionFormat.BZ2)
            opened.enter_context(_Writing(self._writer))
            if self._copier:
                self._copier.begin(self._writer)
            self._stack = opened.pop_all()

    def __enter__(self) -> BagExport:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        with self._stack:
            if error is None and self._copier:
                self._copier.copy_until(None)

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


class _Writing:
    """A bag that is being written; after an error it is left as it is, to be thrown away."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def __enter__(self) -> _Writing:
        self._writer.open()
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        if error is None:
            self._writer.close()
        else:
            self._writer.abort()


class Copier:
    """Copies the messages of a bag, byte by byte; those of a rosbag2 are made messages of ROS 1 first."""

    def __init__(self, source: Path, part: Path) -> None:
        self._source, self._part = source, part
        self._stack = ExitStack()
        self._connections: Dict[int, Connection] = {}
        self._next: Optional[Tuple[Connection, int, bytes]] = None
        self._left: Iterator[Tuple[Connection, int, bytes]] = iter(())

    def __enter__(self) -> Copier:
        try:
            with ExitStack() as stack:
                path = self._source if self._source.suffix == ".bag" else self._as_ros1(stack)
                self._reader = stack.enter_context(Reader(path))
                self._stack = stack.pop_all()
        except (ReaderError, ConverterError, OSError) as error:
            said = "--to bag copies every message, so the recording must be whole"
            raise DataError(f"{self._source}: {error}; {said} (rosbag reindex mends a bag without index)") from error
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def _as_ros1(self, stack: ExitStack) -> Path:
        """Return a bag of ROS 1 beside the output; it is gone at the end."""
        folder = tempfile.mkdtemp(prefix=f".{self._part.name}_", dir=self._part.parent)
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        path = Path(folder) / "source.bag"
        convert([self._source], path, "", 0, None, "", None, ros1_types(), [], [], [], [])
        return path

    def check(self, topics: Iterator[str]) -> None:
        """See that the recording has none of some topics.

        Raises:
            DataError: It has.
        """
        held = {connection.topic for connection in self._reader.connections}
        taken = sorted(held & set(topics))
        if taken:
            raise DataError(
                f"{self._source} has {', '.join(taken)} already; rename it there (rosbag filter), or drop it"
            )

    def begin(self, writer: Writer) -> None:
        """Take over the connections."""
        self._writer = writer
        for connection in self._reader.connections:
            latching = connection.ext.latching if isinstance(connection.ext, ConnectionExtRosbag1) else None
            caller = connection.ext.callerid if isinstance(connection.ext, ConnectionExtRosbag1) else None
            self._connections[connection.id] = writer.add_connection(
                connection.topic,
                connection.msgtype,
                msgdef=connection.msgdef.data,
                md5sum=connection.digest,
                callerid=caller,
                latching=latching,
            )
        self._left = iter(self._reader.messages())

    def copy_until(self, stop_ns: Optional[int]) -> None:
        """Copy what was recorded until then; None copies the rest.

        Raises:
            DataError: A message can't be read.
        """
        while True:
            try:
                self._next = self._next or next(self._left, None)
            except (ReaderError, OSError, RuntimeError, ValueError) as error:
                raise DataError(f"{self._source} is damaged: {error}; --to bag needs a whole recording") from error
            if self._next is None or (stop_ns is not None and self._next[1] > stop_ns):
                return
            connection, at_ns, data = self._next
            self._writer.write(self._connections[connection.id], at_ns, data)
            self._next = None
