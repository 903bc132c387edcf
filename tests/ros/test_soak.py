"""A node that runs for minutes under load neither leaks nor stalls, and never says what isn't so."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import List

import numpy as np
import pytest
from rig import PATIENT, depth_msg
from scaled_network import judging, scaled
from soak import Faults, Grasps, Vitals, growth, loaded, vitals_of
from stream import halved
from watched import HALF, all_accounted_for, shows, watched

from pspgrasp.ros.interfaces import DetectorState
from pspgrasp.ros.messages import from_image_msg

pytestmark = [
    pytest.mark.ros,
    pytest.mark.slow,
    pytest.mark.skipif("PSPGRASP_SOAK" not in os.environ, reason="takes minutes: `make soak MINUTES=2` runs it"),
]

MINUTES = float(os.environ.get("PSPGRASP_SOAK") or 2.0)
SEED = 20
RATES_HZ = (30.0, 120.0)
MOST_GROWTH = 0.02
SPARE = 3  # connections, and their threads, that may be under way at a look


def test_minutes_of_load_with_faults_leave_no_trace(
    graph: str,
    scenes: List[np.ndarray],
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    networks = ("ggcnn", scaled(tmp_path / "other.safetensors", 1.1, "conv1", side_px=300))
    predictors = [judging(network) for network in networks]
    frames = [from_image_msg(depth_msg(halved(scene)), HALF) for scene in scenes]
    expected = [[predictor.predict(frame) for predictor in predictors] for frame in frames]
    grasps = Grasps("/soaked/grasps")
    with watched("/soaked", {**PATIENT, "backbone": "ggcnn"}, tmp_path / "log", scenes[0]) as robot:
        faults, first = Faults(robot, networks, SEED), Vitals.of(robot.process.pid)
        with vitals_of(robot.process.pid) as taken:
            loads = [loaded(robot, grasps, faults, scenes, rate_hz, 30 * MINUTES) for rate_hz in RATES_HZ]
        counts, last = robot.counts(), Vitals.of(robot.process.pid)
    sent = {stamp: number for load in loads for stamp, number in load.sent.items()}
    arrays = [array for array in grasps.messages if array.header.stamp in sent]
    wrong = [a for a in arrays if not any(shows(a, one) for one in expected[sent[a.header.stamp]])]
    grown = growth(taken)
    report = [load.told() for load in loads]
    report += [f"memory: {first.memory_mb:.0f} MB, {last.memory_mb:.0f} MB; {100 * grown:+.1f} % since it was warm"]
    report += [f"file descriptors: {first.descriptors}, {last.descriptors}; threads: {first.threads}, {last.threads}"]
    report += [f"images: {counts}; wrong grasps: {len(wrong)} of {len(arrays)}"]
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(report) + "\n")
    assert not wrong
    assert all_accounted_for(counts)
    assert all(load.ages_ms for load in loads)
    assert DetectorState.FAILED not in {msg.state for msg in robot.states.messages}
    assert not [msg.reason for msg in robot.states.messages if "no frame was judged in" in msg.reason], "it stalled"
    assert grown <= MOST_GROWTH
    assert last.descriptors <= first.descriptors + SPARE
    assert last.threads <= first.threads + SPARE
