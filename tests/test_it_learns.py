"""It learns: each kind of network learns four samples by heart, and finds their grasps."""

from __future__ import annotations

import math
from typing import Any, Dict, List, Tuple

import numpy as np
import pytest
import torch

from pspgrasp.config import PreprocessConfig
from pspgrasp.detect import peaks
from pspgrasp.grasp import ImageGrasp
from pspgrasp.maps import GraspMaps
from pspgrasp.models import ModelConfig, build_model
from pspgrasp.preprocess import prepare

SIDE, WIDTH_SCALE_PX = 60, 20.0
GRASPS = [
    ImageGrasp(20.0, 18.0, 0.0, 12.0, 1.0),
    ImageGrasp(40.0, 30.0, math.pi / 4, 18.0, 1.0),
    ImageGrasp(30.0, 42.0, 1.5, 9.0, 1.0),
    ImageGrasp(16.0, 40.0, -0.9, 15.0, 1.0),
]
NETWORKS: Dict[str, Tuple[Dict[str, Any], float, int]] = {
    "pspgraspnet": (
        {"backbone": "test_efficientnet", "relief_boxes_px": [15], "dropout": 0.0, "upsampling": "cells"},
        3e-3,
        150,
    ),
    "ggcnn": ({}, 2e-3, 150),
}


def sample(grasp: ImageGrasp) -> Tuple[np.ndarray, np.ndarray]:
    """Return depth (SIDE, SIDE) [m] of a bar as wide as the grasp opens, and the network output of its label."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    right, up = (columns - grasp.u).astype(np.float32), (grasp.v - rows).astype(np.float32)
    along = right * math.cos(grasp.angle_rad) + up * math.sin(grasp.angle_rad)
    across = up * math.cos(grasp.angle_rad) - right * math.sin(grasp.angle_rad)
    bar = (np.abs(along) < grasp.width_px / 3) & (np.abs(across) < 12)
    near = np.exp(-(along**2 + across**2) / 50)
    label = GraspMaps(
        near, near * math.cos(2 * grasp.angle_rad), near * math.sin(2 * grasp.angle_rad), near * grasp.width_px
    )
    return np.where(bar, 0.55, 0.6).astype(np.float32), label.encode(WIDTH_SCALE_PX)


@pytest.mark.parametrize("architecture", NETWORKS)
def test_four_samples_are_learned_by_heart(architecture: str) -> None:
    torch.manual_seed(0)
    settings, rate, steps = NETWORKS[architecture]
    network = build_model(ModelConfig.from_tree({"architecture": architecture, "network": settings})).train()
    depths_m, labels = zip(*map(sample, GRASPS))
    inputs = [prepare(depth_m, PreprocessConfig(input_size_px=SIDE))[0] for depth_m in depths_m]
    images, wanted = torch.from_numpy(np.stack(inputs)), torch.from_numpy(np.stack(labels))
    optimiser = torch.optim.Adam(network.parameters(), lr=rate)
    losses: List[float] = []
    for _ in range(steps):
        optimiser.zero_grad()
        loss = (network(images) - wanted).square().mean()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    nothing_learned = min(losses[0], float(wanted.square().mean()))
    assert losses[-1] < 0.1 * nothing_learned
    outputs = network(images).detach().numpy()
    for output, grasp in zip(outputs, GRASPS):
        best = next(peaks(GraspMaps.decode(output, WIDTH_SCALE_PX), 0.3))
        assert math.hypot(best.u - grasp.u, best.v - grasp.v) < 4
        assert math.cos(2 * (best.angle_rad - grasp.angle_rad)) > math.cos(math.radians(20))
        assert best.width_px == pytest.approx(grasp.width_px, rel=0.25)
