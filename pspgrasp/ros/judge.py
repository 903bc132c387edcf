"""What becomes of one depth image: grasps on the node's topics, or a reason why there are none."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Optional, Tuple

import rospy
from std_msgs.msg import Header

from pspgrasp.crop import SquareCrop
from pspgrasp.depth import DepthFrame
from pspgrasp.detect import Reason
from pspgrasp.errors import PspGraspError
from pspgrasp.node_config import NodeConfig
from pspgrasp.predictor import GraspPredictor, Prediction
from pspgrasp.ros.depth_topic import Arrival, DepthTopic
from pspgrasp.ros.ggcnn_compat import GgcnnTopics
from pspgrasp.ros.health import Health
from pspgrasp.ros.interfaces import GraspArray
from pspgrasp.ros.messages import to_grasp_msg, to_pose_msg
from pspgrasp.ros.outcome import FrameError, Outcome, outcome_of
from pspgrasp.ros.outputs import Outputs
from pspgrasp.ros.transforms import CameraPoses
from pspgrasp.table_plane import TablePlane
from pspgrasp.tracker import GraspTracker


@dataclass(frozen=True)
class Judgement:
    """What became of one arrival.

    Attributes:
        arrival: The depth message.
        array: Its grasps; None where the frame failed, or nobody asked for more than GG-CNN's topics.
        outcome: Which kind of answer it is.
        message: Why there is no grasp, and which peaks were refused.
        refused: Why peaks were refused, best first.
    """

    arrival: Arrival
    array: Optional[GraspArray]
    outcome: Outcome
    message: str
    refused: Tuple[Reason, ...] = ()


class Judge:
    """Takes one arrival at a time, from one thread; survives whatever a frame does."""

    def __init__(
        self,
        config: NodeConfig,
        outputs: Outputs,
        health: Health,
        poses: Optional[CameraPoses],
        ggcnn: Optional[GgcnnTopics],
        network: threading.Lock,
    ) -> None:
        """Judge by `config`; `network` is held while a network runs."""
        self._config, self._outputs, self._health = config, outputs, health
        self._poses, self._ggcnn, self._network = poses, ggcnn, network
        self._tracker: Optional[GraspTracker] = None
        self._last_stamp = rospy.Time(0)

    def judge(self, arrival: Arrival, depth: DepthTopic, predictor: GraspPredictor, asked: bool) -> Judgement:
        """Publish what the arrival gives and return it; an error becomes a reason.

        Args:
            arrival: The depth message.
            depth: The topic that it came on.
            predictor: The one that runs now.
            asked: Whether a call waits for our own grasps, beside the topics' listeners.
        """
        try:
            judgement = self._judged(arrival, depth, predictor, asked)
        except PspGraspError as error:
            return self._failed(arrival, outcome_of(error), str(error))
        except Exception as error:  # noqa: BLE001 (whatever torch or OpenCV raise, the next frame must be served)
            return self._failed(arrival, Outcome.UNEXPECTED, f"unexpected {type(error).__name__}: {error}")
        latency_ms = 1000 * (time.monotonic() - arrival.time_s)
        count = len(judgement.array.grasps) if judgement.array else 0
        self._health.judged(latency_ms, 1000 * age_s(arrival), count, judgement.message)
        return judgement

    def reset_tracking(self) -> None:
        """Let tracking start anew with the next frame."""
        self._tracker = None
        if self._ggcnn:
            self._ggcnn.reset()

    def _failed(self, arrival: Arrival, outcome: Outcome, why: str) -> Judgement:
        rospy.logwarn_throttle(self._config.info_timeout_s, f"frame dropped: {why}")
        self._health.failed(why, outcome is Outcome.UNEXPECTED)
        return Judgement(arrival, None, outcome, why)

    def _judged(self, arrival: Arrival, depth: DepthTopic, predictor: GraspPredictor, asked: bool) -> Judgement:
        self._check_future(arrival)
        self._check_order(arrival.msg.header.stamp)
        frame = depth.frame(arrival)
        if self._ggcnn is None:
            return self._answer(frame, predictor, arrival)
        # With GG-CNN's interfaces on, our own road is walked only for somebody, and whatever becomes of theirs.
        if not asked and not self._outputs.wanted():
            silence = self._answer_as_ggcnn(self._ggcnn, frame, predictor, arrival)
            return Judgement(arrival, None, Outcome.GGCNN_SILENT if silence else Outcome.GRASPS, silence)
        try:
            self._answer_as_ggcnn(self._ggcnn, frame, predictor, arrival)
        except PspGraspError as error:
            rospy.logwarn_throttle(self._config.info_timeout_s, f"nothing for GG-CNN's topics: {error}")
        return self._answer(frame, predictor, arrival)

    def _answer_as_ggcnn(
        self, ggcnn: GgcnnTopics, frame: DepthFrame, predictor: GraspPredictor, arrival: Arrival
    ) -> str:
        with self._network:
            output = ggcnn.judge(frame, predictor)
        self._check_age(arrival)
        return ggcnn.publish(output, arrival.msg)

    def _answer(self, frame: DepthFrame, predictor: GraspPredictor, arrival: Arrival) -> Judgement:
        table = self._table(frame, arrival.msg.header)
        with self._network:
            prediction = predictor.predict(frame, table)
        self._warn_of_crop(predictor, frame, prediction.crop)
        array = self._array(frame, prediction, arrival.msg.header)
        self._check_age(arrival)
        self._outputs.publish(array, self._chosen(prediction), arrival.msg, frame, prediction)
        outcome = Outcome[prediction.nothing.name] if prediction.nothing else Outcome.GRASPS
        refused = tuple(rejection.reason for rejection in prediction.rejections)
        return Judgement(arrival, array, outcome, prediction.remarks(), refused)

    def _table(self, frame: DepthFrame, header: Header) -> Optional[TablePlane]:
        """Return the table that the base frame knows of; None if it isn't asked."""
        if self._config.table.plane != "base" or self._poses is None:
            return None
        turn, shift_m = self._poses.pose(self._config.frames.base, frame.frame_id, header.stamp)
        return TablePlane.level(self._config.table.base_z_m, turn, shift_m)

    def _array(self, frame: DepthFrame, prediction: Prediction, header: Header) -> GraspArray:
        """Return the grasps as a message, in the base frame if one is set."""
        base = self._config.frames.base
        turn, shift_m = None, None
        if base and self._poses:
            turn, shift_m = self._poses.pose(base, frame.frame_id, header.stamp)
        array = GraspArray(header=Header(stamp=header.stamp, frame_id=base or frame.frame_id))
        for image_grasp, grasp in zip(prediction.image_grasps, prediction.grasps):
            position_m, rotation = grasp.position_m, grasp.rotation()
            if turn is not None:
                position_m, rotation = turn @ position_m + shift_m, turn @ rotation
            array.grasps.append(to_grasp_msg(grasp, image_grasp, to_pose_msg(position_m, rotation)))
        return array

    def _chosen(self, prediction: Prediction) -> int:
        """Return the index of the grasp for ~grasp: the best, or with tracking the one nearest to the last."""
        if not self._config.tracking or not prediction.image_grasps:
            return 0
        places = [(g.v, g.u) for g in prediction.image_grasps]
        # A service may reset it meanwhile, from another thread.
        tracker = self._tracker = self._tracker or GraspTracker(places[0])
        return tracker.select(places)

    def _check_future(self, arrival: Arrival) -> None:
        """Refuse a frame whose age can't be known; the next one isn't held to its stamp."""
        if 0 < self._config.max_age_s < -age_s(arrival):
            raise FrameError(
                Outcome.IN_FUTURE,
                f"the image is stamped {-age_s(arrival):.1f} s in the future, max_age_s is "
                f"{self._config.max_age_s:g}; are the clocks out of step? (a bag plays with --clock and /use_sim_time)",
            )

    def _check_order(self, stamp: rospy.Time) -> None:
        """Refuse one frame when stamps go back; if they stay back, time was reset, and all goes on from there."""
        last, self._last_stamp = self._last_stamp, stamp
        if stamp < last:
            self.reset_tracking()
            if self._poses:
                self._poses.forget()
            told = f"stamps went back from {last.to_sec():.3f} to {stamp.to_sec():.3f} s"
            raise FrameError(Outcome.STAMP_WENT_BACK, told)

    def _check_age(self, arrival: Arrival) -> None:
        if 0 < self._config.max_age_s < age_s(arrival):
            here_s = time.monotonic() - arrival.time_s
            raise FrameError(
                Outcome.TOO_OLD,
                f"the image is {age_s(arrival):.1f} s old, {here_s:.1f} s of it spent on it here, max_age_s is "
                f"{self._config.max_age_s:g}; is this computer too slow, or are the clocks out of step? "
                "(a bag plays with --clock and /use_sim_time)",
            )

    def _warn_of_crop(self, predictor: GraspPredictor, frame: DepthFrame, crop: SquareCrop) -> None:
        asked = SquareCrop.asked(predictor.crop, frame.depth_m.shape, crop.out_px)
        if asked != crop:
            rospy.logwarn_throttle(
                self._config.info_timeout_s,
                f"the window of {asked.size_px} px at ({asked.left_px}, {asked.top_px}) doesn't fit into the image; "
                f"used: {crop.size_px} px at ({crop.left_px}, {crop.top_px})",
            )


def age_s(arrival: Arrival) -> float:
    """Return how long ago the image was taken [s], by ROS time."""
    return float((rospy.Time.now() - arrival.msg.header.stamp).to_sec())
