"""What the node says of itself: ~state, and ~status for each frame."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any, Dict, Optional, Tuple

import rospy
from std_msgs.msg import Header

from pspgrasp.ros.interfaces import DetectorState, FrameStatus
from pspgrasp.ros.judge import Judgement
from pspgrasp.ros.messages import to_detector_state_msg, to_frame_status_msg
from pspgrasp.ros.states import Standing, State, Trouble

LOG: Dict[State, Any] = {State.DEGRADED: rospy.logwarn, State.FAILED: rospy.logerr}


class Announcer:
    """The publishers of ~state and ~status, which keep their last message for whoever comes later."""

    def __init__(self) -> None:
        """Advertise."""
        self._state = rospy.Publisher("~state", DetectorState, queue_size=1, latch=True)
        self._status = rospy.Publisher("~status", FrameStatus, queue_size=1, latch=True)
        self._lock = threading.Lock()
        self._told: Optional[Tuple[State, Tuple[Trouble, ...]]] = None

    def state(self, standing: Standing) -> None:
        """Publish and log the node's state if it has changed, or what degrades it; safe to use from several threads."""
        with self._lock:
            change = (standing.state, standing.troubles)
            if change == self._told:
                return
            self._told = change
            LOG.get(standing.state, rospy.loginfo)("%s: %s", standing.state.value, standing.reason)
            _publish(self._state, to_detector_state_msg(standing, Header(stamp=rospy.Time.now())))

    def status(self, judgement: Judgement) -> None:
        """Publish what became of a frame."""
        message = judgement.message or judgement.outcome.value
        header = judgement.arrival.msg.header
        _publish(self._status, to_frame_status_msg(judgement.outcome, message, judgement.refused, header))


def _publish(publisher: rospy.Publisher, message: Any) -> None:
    with suppress(rospy.ROSException):  # ROS has shut down meanwhile
        publisher.publish(message)
