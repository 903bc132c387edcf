"""A depth camera as a topic: images and their camera_info in, depth frames out, the newest first."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Optional

import rospy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from pspgrasp.depth import DepthFrame
from pspgrasp.ros.calibrations import WAIT_S, Calibrations
from pspgrasp.ros.mailbox import Mailbox
from pspgrasp.ros.messages import from_camera_info_msg, from_image_msg
from pspgrasp.ros.outcome import FrameError, Outcome

WARN_S = 30.0  # between two warnings of one kind


@dataclass(frozen=True)
class Arrival:
    """A depth message and when it came.

    Attributes:
        msg: Image or CompressedImage.
        time_s: Of `time.monotonic` [s].
    """

    msg: Any
    time_s: float


class DepthTopic:
    """Subscribes to a depth image and its camera_info; callbacks only store.

    Attributes:
        depth: The image's topic.
        camera_info: That of its camera_info.
        mailbox: Holds the newest image.
        heard_s: When the last image came, of `time.monotonic` [s]; None if none has.
    """

    def __init__(self, depth: str, camera_info: str) -> None:
        self.depth, self.camera_info = rospy.resolve_name(depth), rospy.resolve_name(camera_info)
        self.mailbox: Mailbox[Arrival] = Mailbox()
        self.heard_s: Optional[float] = None
        self._infos: Calibrations[CameraInfo] = Calibrations()
        kind = CompressedImage if depth.endswith("/compressedDepth") else Image
        self._subscribers = [
            rospy.Subscriber(camera_info, CameraInfo, self._store_info, queue_size=100, tcp_nodelay=True),
            # The default buffer is smaller than an image, which lets stale frames queue in the socket.
            rospy.Subscriber(depth, kind, self._store, queue_size=1, buff_size=2**24, tcp_nodelay=True),
        ]

    def frame(self, arrival: Arrival) -> DepthFrame:
        """Return the depth frame of an arrival, with its own camera_info where the camera sends one with each image.

        Raises:
            FrameError: No camera_info yet, or not its own.
            DepthError: Image and camera don't go together.
        """
        header = arrival.msg.header
        info = self._infos.at(header.stamp.to_nsec())
        if info is None:
            raise FrameError(Outcome.NO_CAMERA_INFO, self._why_no_info())
        image_frame, info_frame = header.frame_id, info.header.frame_id
        if image_frame and info_frame and image_frame != info_frame:
            rospy.logwarn_throttle(
                WARN_S, f"image in frame {image_frame!r}, camera_info in {info_frame!r}: is it the same camera's?"
            )
        return from_image_msg(arrival.msg, from_camera_info_msg(info))

    def missing(self) -> str:
        """Return what has never come, in words; "" if all has."""
        silent = [] if self._infos.newest else [f"camera_info on {self.camera_info}"]
        silent += [] if self.mailbox.received else [f"depth image on {self.depth}"]
        return " and ".join(silent)

    def close(self) -> None:
        """Stop listening."""
        for subscriber in self._subscribers:
            subscriber.unregister()

    def _why_no_info(self) -> str:
        if self._infos.newest:
            return f"no camera_info of its stamp on {self.camera_info} in {WAIT_S:g} s, as the images before it had"
        return f"no camera_info on {self.camera_info} yet; without it a pixel is no point in space"

    def _store_info(self, msg: CameraInfo) -> None:
        self._infos.put(msg.header.stamp.to_nsec(), msg)

    def _store(self, msg: Any) -> None:
        self.heard_s = time.monotonic()
        self.mailbox.put(Arrival(msg, self.heard_s))
