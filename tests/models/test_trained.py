"""The networks that ship are the ones that were trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from pspgrasp.shipped import find_checkpoint

NAMES = {"efficientnet_lite0": "lite0", "resnet18": "resnet18", "ggcnn": "ggcnn"}


@pytest.mark.parametrize("shipped", NAMES)
def test_a_shipped_network_puts_out_what_it_put_out_when_it_was_trained(shipped: str, reference_weights: Path) -> None:
    with np.load(str(reference_weights / "reference.npz")) as reference:
        frames, name = torch.from_numpy(reference["input"]), NAMES[shipped]
        expected, peaks = reference[f"{name}_output"], reference[f"{name}_argmax"]
    with torch.inference_mode():
        output = find_checkpoint(shipped).network()(frames).numpy()
    np.testing.assert_allclose(output[..., ::3, ::3], expected, atol=1e-4)
    assert output[:, 0].reshape(len(frames), -1).argmax(axis=1).tolist() == peaks.tolist()


@pytest.mark.parametrize("shipped", NAMES)
def test_a_frame_alone_gives_what_it_gives_among_others(shipped: str) -> None:
    frames = torch.from_numpy(np.random.default_rng(0).normal(0, 0.05, (2, 1, 300, 300)).astype(np.float32))
    network = find_checkpoint(shipped).network()
    with torch.inference_mode():
        torch.testing.assert_close(network(frames)[1:], network(frames[1:]), atol=1e-4, rtol=1e-4)
