"""The check against the reference lets the network itself through, and nothing else."""

from __future__ import annotations

import math
from typing import Callable

import numpy as np
import pytest

from pspgrasp.checkpoint import Checkpoint
from pspgrasp.config import PreprocessConfig
from pspgrasp.runtimes import Runtime
from pspgrasp.runtimes.opening import open_runtime
from pspgrasp.runtimes.parity import TOLERANCES, Tolerance, compare, parity, probes
from pspgrasp.shipped import find_weights

Change = Callable[[np.ndarray], np.ndarray]
STRICT = TOLERANCES["float32"]
WRONG = {
    "scaled by a hundredth": lambda output: output * np.float32(1.01),
    "lifted": lambda output: output + np.float32(0.01),
    "cos and sin swapped": lambda output: output[[0, 2, 1, 3]],
    "quality and width swapped": lambda output: output[[3, 1, 2, 0]],
    "transposed": lambda output: output.transpose(0, 2, 1),
    "mirrored": lambda output: output[:, :, ::-1],
    "moved by a pixel": lambda output: np.roll(output, 1, axis=2),
    "sin upside down": lambda output: output * np.array([1, 1, -1, 1], np.float32)[:, None, None],
    "one row lost": lambda output: np.concatenate([output[:, :-1], np.zeros_like(output[:, -1:])], axis=1),
    "half as large": lambda output: output[:, ::2, ::2],
    "three maps": lambda output: output[:3],
    "NaN": lambda output: np.where(output == output.max(), np.float32(np.nan), output),
}


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    return find_weights("ggcnn")


@pytest.fixture(scope="module")
def reference(checkpoint: Checkpoint) -> Runtime:
    return open_runtime("torch", checkpoint, "cpu")


@pytest.mark.parametrize("precision", TOLERANCES)
def test_the_network_itself_passes(precision: str, checkpoint: Checkpoint, reference: Runtime) -> None:
    found = parity(reference, reference, checkpoint.preprocess, precision)
    assert (found.error, found.objection) == (0.0, "")


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_runtime_is_refused(wrong: str, checkpoint: Checkpoint, reference: Runtime) -> None:
    found = parity(reference, lambda image: WRONG[wrong](reference(image)), checkpoint.preprocess, "float32")
    assert found.objection


@pytest.mark.parametrize("wrong", ["cos and sin swapped", "quality and width swapped", "transposed", "mirrored", "NaN"])
@pytest.mark.parametrize("precision", ["half", "int8"])
def test_what_is_grossly_wrong_is_refused_at_any_precision(
    wrong: str, precision: str, checkpoint: Checkpoint, reference: Runtime
) -> None:
    found = parity(reference, lambda image: WRONG[wrong](reference(image)), checkpoint.preprocess, precision)
    assert found.objection


def test_the_noise_of_floats_passes_and_its_size_is_told(checkpoint: Checkpoint, reference: Runtime) -> None:
    rng = np.random.default_rng(0)

    def nearly(image: np.ndarray) -> np.ndarray:
        output = reference(image)
        return output + rng.normal(0, 1e-5, output.shape).astype(np.float32)

    found = parity(reference, nearly, checkpoint.preprocess, "float32")
    assert found.objection == ""
    assert 1e-6 < found.error < 1e-3


def bump(row: int, column: int, angle_rad: float = 0.3, quality: float = 0.9) -> np.ndarray:
    """Return an output with one clear grasp."""
    rows, columns = np.mgrid[:100, :100]
    output = np.zeros((4, 100, 100), np.float32)
    output[0] = quality * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 2 / 5.0**2)
    output[1], output[2] = math.cos(2 * angle_rad), math.sin(2 * angle_rad)
    return output


LAX = Tolerance(math.inf, math.inf, 1.0, math.radians(2), 0.05)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (bump(50, 40), ""),
        (bump(51, 40), ""),
        (bump(50, 42), "a clear grasp is 2 px and 0 degrees off"),
        (bump(50, 40, 0.3 + math.radians(3)), "a clear grasp is 0 px and 3 degrees off"),
        (bump(50, 40, 0.3 + math.pi), ""),
        (bump(50, 40) * 0, "it misses a grasp of quality 0.78"),
    ],
)
def test_a_clear_grasp_must_stay_where_it_is(found: np.ndarray, said: str) -> None:
    assert compare(bump(50, 40), found, LAX).objection == said


def both(first: np.ndarray, second: np.ndarray, share: float = 1.0) -> np.ndarray:
    """Return an output with two grasps, the second of a share of its quality."""
    return np.maximum(first, second * np.array([share, 1, 1, 1], np.float32)[:, None, None])


def test_two_grasps_may_change_ranks_but_neither_may_be_lost() -> None:
    one, other = bump(20, 20), bump(80, 80)
    assert compare(both(one, other, 0.99), both(other, one, 0.99), LAX).objection == ""
    assert compare(both(one, other, 0.99), one, LAX).objection == "it misses a grasp of quality 0.77"


def test_of_two_near_grasps_that_are_as_good_either_may_be_taken() -> None:
    one, other = bump(50, 40), bump(50, 56)
    assert compare(both(one, other, 0.98), both(other, one, 0.98), LAX).objection == ""
    assert "clear grasp is 16 px" in compare(both(one, other, 0.8), both(other, one, 0.8), LAX).objection


@pytest.mark.parametrize("config", [PreprocessConfig(), PreprocessConfig(64, 0.05, pixel_size_channel=True)])
def test_probes_are_inputs_as_the_network_takes_them_and_always_the_same(config: PreprocessConfig) -> None:
    seen, noise = probes(config)
    for probe, again in zip((seen, noise), probes(config)):
        assert (probe.shape, probe.dtype) == ((config.channels, *2 * (config.input_size_px,)), np.float32)
        assert np.isfinite(probe).all()
        assert np.abs(probe[0]).max() <= config.clip_m + 1e-6
        np.testing.assert_array_equal(probe, again)


def test_the_network_sees_grasps_in_the_probe_so_that_comparing_them_means_something() -> None:
    checkpoint = find_weights("efficientnet_lite0")
    reference = open_runtime("torch", checkpoint, "cpu")
    seen = probes(checkpoint.preprocess)[0]
    output = reference(seen)
    assert output[0].max() > 0.5
    assert "a clear grasp is 5 px" in compare(output, np.roll(output, 5, axis=2), LAX).objection
