"""The ROS node: wires topics, services and parameters to a predictor.

Callbacks only store; one worker thread judges the newest frame, and another watches it.
"""

from __future__ import annotations

import dataclasses
import math
import threading
import time
from typing import Any, List, Optional

import rospy
from std_srvs.srv import Trigger, TriggerResponse

from pspgrasp.errors import PspGraspError
from pspgrasp.ggcnn_api import check_map_size
from pspgrasp.node_config import NodeConfig
from pspgrasp.predictor import GraspPredictor
from pspgrasp.ros.announcer import Announcer
from pspgrasp.ros.depth_topic import Arrival, DepthTopic
from pspgrasp.ros.fallback import fallback
from pspgrasp.ros.gate import Gate
from pspgrasp.ros.ggcnn_compat import GgcnnService, GgcnnTopics
from pspgrasp.ros.health import Health, updater
from pspgrasp.ros.interfaces import (
    GraspArray,
    Predict,
    PredictRequest,
    PredictResponse,
    SetModel,
    SetModelRequest,
    SetModelResponse,
)
from pspgrasp.ros.judge import Judge, Judgement
from pspgrasp.ros.mailbox import Mailbox
from pspgrasp.ros.outputs import Outputs
from pspgrasp.ros.reconfigure import serve
from pspgrasp.ros.registration import Registration
from pspgrasp.ros.transforms import CameraPoses
from pspgrasp.ros.watchdog import FrameWatch, guard
from pspgrasp.runtimes.start import start

REPORT_S = 1.0  # between two messages on /diagnostics
LONGEST_S = 3600.0  # that a call of ~predict may wait
RECONFIGURED = ("crop", "detection", "limits", "clearance")  # groups of settings that change while the node runs
IDLE_S = 0.2  # how long the worker waits before it looks whether ROS shuts down
PAUSED = "the node is paused: no frame is judged until ~resume is called"


class GraspNode:
    """One node: its predictor, its topics, its services, its threads."""

    def __init__(self, config: NodeConfig) -> None:
        """Load the network, warm it up, then listen.

        Raises:
            PspGraspError: No such checkpoint, a broken one, a device that isn't there, a wrong parameter.
        """
        self._config, self._topics = config, config.topics.resolved(config.ggcnn != "off")
        self._health, self._announcer = Health(config.health), Announcer()
        self._announcer.state(self._health.standing())
        self._predictor = self._ready(config.checkpoint or config.backbone)
        self._health.runs(self._predictor, fallback(config, self._predictor.runtime.device))
        self._changing, self._network, self._stop = threading.Lock(), threading.Lock(), threading.Event()
        self._gate, self._watch = Gate(), FrameWatch(_patience_s(config))
        self._judgements: Mailbox[Judgement] = Mailbox()
        self._asking = 0  # calls of ~predict under way
        self._judge = self._make_judge()
        self._reconfigure = [self._serve(name) for name in RECONFIGURED if config.services.reconfigure]
        self._depth = DepthTopic(self._topics.depth, self._topics.camera_info)
        self._diagnostics = updater(self._predictor.runtime.device, self._diagnose)
        with self._health.states() as states:
            states.ready()
        self._services = [rospy.Service("~predict", Predict, self._predict), *self._changing_services()]

    def run(self) -> None:
        """Judge frames until ROS shuts down, or a frame doesn't end."""
        name, device = self._predictor.name, self._predictor.runtime.device
        rospy.loginfo("%s on %s listens to %s and %s", name, device, self._depth.depth, self._depth.camera_info)
        threads = [threading.Thread(target=loop, name=loop.__name__) for loop in (self._work, self._report)]
        rospy.on_shutdown(self._stop.set)
        guard(self._watch, self._look, self._say_last_words)
        Registration().keep()
        for thread in threads:
            thread.start()
        rospy.spin()
        for thread in threads:
            thread.join()

    # --- set-up

    def _ready(self, checkpoint: str) -> GraspPredictor:
        config = self._config
        started = start(checkpoint, config.runtime, config.device)
        rospy.loginfo("runtime %s of %s: %s", started.runtime.name, started.network.name, started.why)
        predictor = config.of_robot(GraspPredictor.started(started, config.crop, config.detection, config.limits))
        if config.ggcnn != "off":
            check_map_size(predictor)
        predictor.warm_up()
        return predictor

    def _make_judge(self) -> Judge:
        config = self._config
        speaks_ggcnn = config.ggcnn != "off"
        poses = CameraPoses(config.frames.tf_timeout_s) if config.frames.base or speaks_ggcnn else None
        outputs = Outputs(config.publish_maps, config.frames.broadcast)
        ggcnn: Optional[GgcnnTopics] = None
        if speaks_ggcnn and poses:
            ggcnn = GgcnnTopics(config.ggcnn, config.quirks, config.topics.robot_pose)
            self._ggcnn_service = GgcnnService(
                config.ggcnn_service,
                self._topics,
                config.quirks,
                poses,
                self._current,
                self._network,
                config.predict_timeout_s,
            )
        return Judge(config, outputs, self._health, poses, ggcnn, self._network)

    def _changing_services(self) -> List[rospy.Service]:
        """Return the services that change the node's state, as far as they are wanted."""
        wanted, services = self._config.services, []
        if wanted.set_model:
            services += [rospy.Service("~set_model", SetModel, self._set_model)]
        if wanted.reset_tracking:
            services += [rospy.Service("~reset_tracking", Trigger, self._reset_tracking)]
        if wanted.pause:
            services += [rospy.Service("~pause", Trigger, self._pause), rospy.Service("~resume", Trigger, self._resume)]
        return services

    def _serve(self, group: str) -> Any:
        def change(settings: Any) -> None:
            with self._changing:
                self._predictor = dataclasses.replace(self._predictor, **{group: settings})

        settings = getattr(self._config, group)
        return serve(group, type(settings), settings, change)

    def _current(self) -> GraspPredictor:
        if self._gate.closed:
            raise PspGraspError(PAUSED)
        return self._predictor

    # --- the worker

    def _work(self) -> None:
        while not self._stop.is_set():
            arrival = self._depth.mailbox.take(IDLE_S) if self._gate.wait(IDLE_S) else None
            if arrival is not None and not self._stop.is_set():
                with self._gate.passing(arrival.time_s) as passes:
                    if passes:
                        self._take_on(arrival)
                    else:
                        self._depth.mailbox.drop()

    def _take_on(self, arrival: Arrival) -> None:
        with self._watch.frame():
            judgement = self._judge.judge(arrival, self._depth, self._predictor, self._asking > 0)
        self._announcer.status(judgement)
        self._judgements.put(judgement)

    # --- the watchdog

    def _tell(self) -> None:
        self._announcer.state(self._health.standing(self._depth))

    def _look(self) -> str:
        """Tell how the node fares; return why the process should end, "" if it needn't."""
        self._tell()
        with self._health.states() as states:
            return states.hopeless if self._config.health.watchdog_s else ""

    def _say_last_words(self, why: str) -> None:
        with self._health.states() as states:
            states.stuck(why)
        self._tell()
        self._diagnostics.force_update()

    # --- services

    def _predict(self, request: PredictRequest) -> PredictResponse:
        timeout_s = request.timeout or self._config.predict_timeout_s
        if not 0 < timeout_s <= LONGEST_S:
            return PredictResponse(
                success=False, message=f"timeout must lie in [0, {LONGEST_S:g}] s, got {timeout_s:g}"
            )
        if self._gate.closed:
            return PredictResponse(success=False, message=PAUSED)
        judgement = self._next_judgement(timeout_s)
        if judgement is None:
            missing = self._depth.missing()
            why = f"; {PAUSED}" if self._gate.closed else f"; still waiting for {missing}" if missing else ""
            return PredictResponse(success=False, message=f"no frame was judged in {timeout_s:g} s{why}")
        array = judgement.array or GraspArray()
        return PredictResponse(bool(array.grasps), judgement.message, array)

    def _next_judgement(self, timeout_s: float) -> Optional[Judgement]:
        called_s = time.monotonic()
        with self._changing:
            self._asking += 1
        try:
            # A frame that came before the call may be judged after it; it is not the one that was asked for.
            return self._judgements.wait_for(lambda judgement: judgement.arrival.time_s >= called_s, timeout_s)
        finally:
            with self._changing:
                self._asking -= 1

    def _set_model(self, request: SetModelRequest) -> SetModelResponse:
        try:
            new = self._ready(request.model)
        except Exception as error:  # noqa: BLE001 (out of memory, too: the old network must go on)
            return SetModelResponse(False, f"{error}; {self._predictor.name} goes on")
        with self._changing:
            old = self._predictor
            kept = {name: getattr(old, name) for name in (*RECONFIGURED, "allowed")}
            self._predictor = dataclasses.replace(new, **kept)
        self._health.runs(new, fallback(self._config, new.runtime.device))
        return SetModelResponse(True, f"{new.name} runs on {new.runtime.device} by {new.runtime.name}")

    def _reset_tracking(self, _request: object) -> TriggerResponse:
        self._judge.reset_tracking()
        return TriggerResponse(True, "tracking starts anew with the next frame")

    def _pause(self, _request: object) -> TriggerResponse:
        self._gate.close()
        with self._health.states() as states:
            states.pause()
        self._tell()
        return TriggerResponse(True, PAUSED)

    def _resume(self, _request: object) -> TriggerResponse:
        with self._health.states() as states:
            states.resume()
        self._gate.open()
        self._tell()
        return TriggerResponse(True, "frames that come from now on are judged")

    # --- the reporter

    def _report(self) -> None:
        warned_s = time.monotonic()
        while not self._stop.wait(REPORT_S):
            self._diagnostics.force_update()
            missing = self._depth.missing()
            if missing and time.monotonic() - warned_s > self._config.info_timeout_s:
                warned_s = time.monotonic()
                rospy.logwarn("still waiting for %s", missing)

    def _diagnose(self, stat: Any) -> Any:
        return self._health.report(stat, self._depth)


def _patience_s(config: NodeConfig) -> float:
    """Return how much longer than usual a frame may take [s]: it may wait for TF, for the table and for its grasps."""
    waits_s = 2 * config.frames.tf_timeout_s if config.frames.base else 0.0
    return config.health.watchdog_s + waits_s if config.health.watchdog_s else math.inf
