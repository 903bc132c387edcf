"""The ROS node: depth images in, grasps out. Callbacks only store; one worker thread judges the newest frame."""

from __future__ import annotations

import dataclasses
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any, Optional, Tuple

import rospy
from std_msgs.msg import Header
from std_srvs.srv import Trigger, TriggerResponse

from pspgrasp.checkpoint import Checkpoint
from pspgrasp.depth import DepthFrame
from pspgrasp.errors import DepthError, PspGraspError
from pspgrasp.node_config import NodeConfig
from pspgrasp.predictor import GraspPredictor, Prediction
from pspgrasp.ros.cv_bridge_check import check_cv_bridge
from pspgrasp.ros.depth_topic import Arrival, DepthTopic
from pspgrasp.ros.ggcnn_compat import GgcnnService, GgcnnTopics
from pspgrasp.ros.health import Health, updater
from pspgrasp.ros.interfaces import (
    GraspArray, Predict, PredictRequest, PredictResponse, SetModel, SetModelRequest, SetModelResponse,
)  # fmt: skip
from pspgrasp.ros.mailbox import Mailbox
from pspgrasp.ros.messages import to_grasp_msg, to_pose_msg
from pspgrasp.ros.outputs import Outputs
from pspgrasp.ros.reconfigure import serve
from pspgrasp.ros.transforms import CameraPoses
from pspgrasp.shipped import find_checkpoint
from pspgrasp.tracker import GraspTracker

REPORT_S = 1.0  # between two messages on /diagnostics


@dataclass(frozen=True)
class Judgement:
    """What became of one arrival: its grasps, or why it has none."""

    arrival: Arrival
    array: Optional[GraspArray]
    message: str


class GraspNode:
    """Wires topics, services and parameters to a `GraspPredictor`."""

    def __init__(self, config: NodeConfig) -> None:
        """Load the network, warm it up, then listen.

        Raises:
            PspGraspError: No such checkpoint, a broken one, a device that isn't there, a wrong parameter.
        """
        self._config = config
        checkpoint = find_checkpoint(config.checkpoint or config.backbone)
        self._predictor = self._ready(checkpoint)
        self._changing, self._network, self._stop = threading.Lock(), threading.Lock(), threading.Event()
        self._health = Health(self._predictor.runtime.device, checkpoint.name)
        self._tracker: Optional[GraspTracker] = None
        self._last_stamp = rospy.Time(0)
        self._waiting = 0  # calls of ~predict under way
        self._judgements: Mailbox[Judgement] = Mailbox()
        needs_tf = bool(config.frames.base) or config.ggcnn != "off"
        self._poses = CameraPoses(config.frames.tf_timeout_s) if needs_tf else None
        self._outputs = Outputs(config.publish_maps, config.frames.broadcast)
        topics = config.topics.resolved(config.ggcnn != "off")
        self._ggcnn = self._speak_ggcnn(topics.robot_pose)
        self._servers = [
            serve(name, type(group), group, self._setter(name)) for name, group in self._groups()
        ]
        self._depth = DepthTopic(topics.depth, topics.camera_info)
        self._services = [
            rospy.Service("~predict", Predict, self._predict),
            rospy.Service("~set_model", SetModel, self._set_model),
            rospy.Service("~reset_tracking", Trigger, self._reset_tracking),
        ]
        self._threads = [
            threading.Thread(target=loop, name=loop.__name__) for loop in (self._work, self._report)
        ]

    def run(self) -> None:
        """Judge frames until ROS shuts down."""
        rospy.loginfo(
            "%s on %s listens to %s and %s", self._predictor.name, self._predictor.runtime.device,
            self._depth.depth, self._depth.camera_info,
        )  # fmt: skip
        rospy.on_shutdown(self._stop.set)
        for thread in self._threads:
            thread.start()
        rospy.spin()
        for thread in self._threads:
            thread.join()

    # --- set-up ---------------------------------------------------------------------------------------------

    def _ready(self, checkpoint: Checkpoint) -> GraspPredictor:
        predictor = GraspPredictor.from_checkpoint(
            checkpoint, self._config.device, self._config.crop, self._config.detection, self._config.limits
        )
        predictor.warm_up()
        return predictor

    def _groups(self) -> Tuple[Tuple[str, Any], ...]:
        return tuple((name, getattr(self._config, name)) for name in ("crop", "detection", "limits"))

    def _setter(self, name: str) -> Any:
        def change(group: Any) -> None:
            with self._changing:
                self._predictor = dataclasses.replace(self._predictor, **{name: group})

        return change

    def _speak_ggcnn(self, robot_pose: str) -> Optional[GgcnnTopics]:
        if self._config.ggcnn == "off" or self._poses is None:
            return None
        self._ggcnn_service = GgcnnService(
            self._config.ggcnn_service, self._config.quirks, self._poses, lambda: self._predictor,
            self._network, self._config.predict_timeout_s,
        )  # fmt: skip
        return GgcnnTopics(self._config.ggcnn, self._config.quirks, robot_pose)

    # --- the worker: one arrival at a time --------------------------------------------------------------------

    def _work(self) -> None:
        while not self._stop.is_set():
            arrival = self._depth.mailbox.take(timeout_s=0.2)
            if arrival is not None and not self._stop.is_set():
                self._judgements.put(self._judge(arrival))

    def _judge(self, arrival: Arrival) -> Judgement:
        try:
            return self._judged(arrival)
        except PspGraspError as error:
            return self._failed(arrival, str(error))
        except Exception as error:  # noqa: BLE001 (whatever torch or OpenCV raise, the next frame must be served)
            rospy.logerr_throttle(
                self._config.info_timeout_s, f"unexpected {type(error).__name__} in a frame: {error}"
            )
            return self._failed(arrival, f"{type(error).__name__}: {error}")

    def _failed(self, arrival: Arrival, why: str) -> Judgement:
        rospy.logwarn_throttle(self._config.info_timeout_s, f"frame dropped: {why}")
        self._health.failed(why)
        return Judgement(arrival, None, why)

    def _judged(self, arrival: Arrival) -> Judgement:
        stamp = arrival.msg.header.stamp
        self._check_order(stamp)
        frame = self._depth.frame(arrival)
        predictor = self._predictor
        notes = []
        if self._ggcnn:
            self._check_age(stamp)
            with self._network:
                notes.append(self._ggcnn.publish(frame, predictor, arrival.msg))
        array = None
        # With GG-CNN's interfaces on, our own road is walked only for somebody.
        if self._ggcnn is None or self._waiting or self._outputs.wanted():
            array, note = self._grasps(frame, predictor, arrival)
            notes.append(note)
        self._record(arrival, array, next(filter(None, notes), ""))
        return Judgement(arrival, array, next(filter(None, notes), ""))

    def _grasps(
        self, frame: DepthFrame, predictor: GraspPredictor, arrival: Arrival
    ) -> Tuple[GraspArray, str]:
        with self._network:
            prediction = predictor.predict(frame)
        self._warn_of_crop(prediction)
        array = self._array(frame, prediction, arrival.msg.header)
        self._check_age(arrival.msg.header.stamp)
        self._outputs.publish(array, self._chosen(prediction), arrival.msg, frame, prediction)
        return array, prediction.nothing.value if prediction.nothing else ""

    def _array(self, frame: DepthFrame, prediction: Prediction, header: Header) -> GraspArray:
        """Return the grasps as a message, in the base frame if one is set."""
        base = self._config.frames.base
        rotation, translation_m = None, None
        if base and self._poses:
            rotation, translation_m = self._poses.pose(base, frame.frame_id, header.stamp)
        array = GraspArray(header=Header(stamp=header.stamp, frame_id=base or frame.frame_id))
        for image_grasp, grasp in zip(prediction.image_grasps, prediction.grasps):
            position_m, turned = grasp.position_m, grasp.rotation()
            if rotation is not None:
                position_m, turned = rotation @ position_m + translation_m, rotation @ turned
            array.grasps.append(to_grasp_msg(grasp, image_grasp, to_pose_msg(position_m, turned)))
        return array

    def _chosen(self, prediction: Prediction) -> int:
        if not self._config.tracking or not prediction.image_grasps:
            return 0
        places = [(g.v, g.u) for g in prediction.image_grasps]
        self._tracker = self._tracker or GraspTracker(places[0])
        return self._tracker.select(places)

    def _record(self, arrival: Arrival, array: Optional[GraspArray], note: str) -> None:
        latency_ms = 1000 * (time.monotonic() - arrival.time_s)
        age_ms = 1000 * (rospy.Time.now() - arrival.msg.header.stamp).to_sec()
        self._health.judged(latency_ms, age_ms, len(array.grasps) if array else 0, note)

    def _check_order(self, stamp: rospy.Time) -> None:
        """Refuse one frame when stamps go back; if they stay back, time was reset, and all goes on from there."""
        last, self._last_stamp = self._last_stamp, stamp
        if stamp < last:
            self._forget_time()
            raise DepthError(
                f"stamps went back from {last.to_sec():.3f} to {stamp.to_sec():.3f} s; frame dropped"
            )

    def _check_age(self, stamp: rospy.Time) -> None:
        age_s = (rospy.Time.now() - stamp).to_sec()
        if 0 < self._config.max_age_s < age_s:
            raise DepthError(
                f"the image is {age_s:.1f} s old, max_age_s is {self._config.max_age_s:g}; are the clocks in step? "
                "(a bag plays with --clock and /use_sim_time)"
            )

    def _forget_time(self) -> None:
        self._tracker = None
        if self._ggcnn:
            self._ggcnn.reset()
        if self._poses:
            self._poses.forget()

    def _warn_of_crop(self, prediction: Prediction) -> None:
        wanted_px, got_px = self._predictor.crop.size_px, prediction.crop.size_px
        if got_px < wanted_px:
            rospy.logwarn_once(
                f"the image is smaller than crop/size_px = {wanted_px}: the window is {got_px} px"
            )

    # --- services ---------------------------------------------------------------------------------------------

    def _predict(self, request: PredictRequest) -> PredictResponse:
        called_s, timeout_s = time.monotonic(), request.timeout or self._config.predict_timeout_s
        with self._changing:
            self._waiting += 1
        judgement = self._judgements.wait_for(lambda j: j.arrival.time_s >= called_s, timeout_s)
        with self._changing:
            self._waiting -= 1
        if judgement is None:
            missing = self._depth.missing()
            why = f"; there is no {missing}" if missing else ""
            return PredictResponse(success=False, message=f"no frame was judged in {timeout_s:g} s{why}")
        array = judgement.array or GraspArray()
        return PredictResponse(bool(array.grasps), judgement.message, array)

    def _set_model(self, request: SetModelRequest) -> SetModelResponse:
        try:
            checkpoint = find_checkpoint(request.model)
            predictor = self._ready(checkpoint)
        except Exception as error:  # noqa: BLE001 (out of memory, too: the old network must go on)
            return SetModelResponse(False, f"{error}; {self._predictor.name} goes on")
        with self._changing:
            old = self._predictor
            self._predictor = dataclasses.replace(
                predictor, crop=old.crop, detection=old.detection, limits=old.limits, allowed=old.allowed
            )
        self._health.runs(predictor.runtime.device, predictor.name)
        return SetModelResponse(True, f"{predictor.name} on {predictor.runtime.device}")

    def _reset_tracking(self, request: object) -> TriggerResponse:
        self._tracker = None
        if self._ggcnn:
            self._ggcnn.reset()
        return TriggerResponse(True, "tracking starts anew with the next frame")

    # --- the reporter: diagnostics and what is missing ----------------------------------------------------------

    def _report(self) -> None:
        diagnostics = updater(self._predictor.runtime.device, self._diagnose)
        warned_s = time.monotonic()
        while not self._stop.wait(REPORT_S):
            diagnostics.force_update()
            missing = self._depth.missing()
            if missing and time.monotonic() - warned_s > self._config.info_timeout_s:
                warned_s = time.monotonic()
                rospy.logwarn("still waiting for %s", missing)

    def _diagnose(self, stat: Any) -> Any:
        mailbox = self._depth.mailbox
        return self._health.report(stat, self._depth.missing(), mailbox.received, mailbox.dropped)


def main() -> None:
    """Run the node; what can't be started says why in one line."""
    rospy.init_node("grasp_detector")
    try:
        check_cv_bridge()
        node = GraspNode(NodeConfig.from_parameters(rospy.get_param("~", {})))
    except PspGraspError as error:
        rospy.logfatal("%s", error)
        sys.exit(1)
    node.run()
