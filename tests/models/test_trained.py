"""Networks put out what they put out when they were trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from pspgrasp.shipped import find_checkpoint

#: Network -> its name among the reference outputs, and the file of the weights that gave them, other code's own.
NAMES = {
    "efficientnet_lite0": ("lite0", "lite0_stride16_ppm_relief"),
    "resnet18": ("resnet18", "resnet18_stride16_ppm_relief"),
    "ggcnn": ("ggcnn", "ggcnn_scenes"),
}


@pytest.mark.parametrize("shipped", NAMES)
def test_a_network_puts_out_what_it_put_out_where_it_was_trained(shipped: str, reference_weights: Path) -> None:
    name, file = NAMES[shipped]
    with np.load(str(reference_weights / "reference.npz")) as reference:
        frames = torch.from_numpy(reference["input"])
        expected, peaks = reference[f"{name}_output"], reference[f"{name}_argmax"]
    with torch.inference_mode():
        network = find_checkpoint(shipped).network()
        network.load_state_dict(
            {key: value.float() for key, value in load_file(reference_weights / f"{file}.safetensors").items()}
        )
        output = network(frames).numpy()
    np.testing.assert_allclose(output[..., ::3, ::3], expected, atol=1e-4)
    assert output[:, 0].reshape(len(frames), -1).argmax(axis=1).tolist() == peaks.tolist()


@pytest.mark.parametrize("shipped", NAMES)
def test_a_frame_alone_gives_what_it_gives_among_others(shipped: str) -> None:
    frames = torch.from_numpy(np.random.default_rng(0).normal(0, 0.05, (2, 1, 300, 300)).astype(np.float32))
    network = find_checkpoint(shipped).network()
    with torch.inference_mode():
        torch.testing.assert_close(network(frames)[1:], network(frames[1:]), atol=1e-4, rtol=1e-4)
