"""Where the camera stands, by TF at the image's stamp; a failed look-up is an error, never identity."""

from __future__ import annotations

import time
from typing import Tuple

import numpy as np
import rospy
import tf2_ros

from pspgrasp.ros.messages import from_transform_msg
from pspgrasp.ros.outcome import FrameError, Outcome

POLL_S = 0.005  # between two looks at TF


class CameraPoses:
    """Looks up a camera's pose in a base frame."""

    def __init__(self, timeout_s: float) -> None:
        """Listen to TF; a look-up waits at most `timeout_s`."""
        self._timeout_s = timeout_s
        self._buffer = tf2_ros.Buffer()
        self._listener = tf2_ros.TransformListener(self._buffer)

    def pose(self, base: str, camera: str, stamp: rospy.Time) -> Tuple[np.ndarray, np.ndarray]:
        """Return the rotation (3, 3) and the translation (3,) [m] of the camera in the base frame at `stamp`.

        Raises:
            FrameError: TF doesn't know one of the frames, or not at that time.
        """
        # tf2 itself would wait in ROS time, which stands still while a bag is paused.
        deadline_s = time.monotonic() + self._timeout_s
        while True:
            try:
                return from_transform_msg(self._buffer.lookup_transform(base, camera, stamp))
            except tf2_ros.TransformException as error:
                if time.monotonic() > deadline_s:
                    raise FrameError(
                        Outcome.NO_TRANSFORM,
                        f"no transform from {camera!r} to {base!r} at {stamp.to_sec():.3f} s: {error}",
                    ) from error
            time.sleep(POLL_S)

    def forget(self) -> None:
        """Drop all transforms, after time went back."""
        self._buffer.clear()
