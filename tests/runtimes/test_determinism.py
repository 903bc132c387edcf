"""Same frame, same checkpoint, same device: the same grasps, bit for bit, in any process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Dict, List

import pytest

PROGRAM = Path(__file__).with_name("hashed_grasps.py")
pytestmark = pytest.mark.slow
RUNTIMES = ["torch", *(name for name in ("onnxruntime", "openvino") if find_spec(name) and find_spec("onnx"))]
Digests = Dict[str, List[str]]


def told(cache: Path, *threads: str) -> List[Digests]:
    """Return what a fresh process for each number of threads tells; "" is the default. They run side by side."""
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    environment.update(XDG_CACHE_HOME=str(cache), CUDA_VISIBLE_DEVICES="")
    running = [
        subprocess.Popen(
            [sys.executable, str(PROGRAM), *RUNTIMES],
            env={**environment, **({"OMP_NUM_THREADS": number} if number else {})},
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in threads
    ]
    answers = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0] * len(running)
    return [json.loads(answer) for answer in answers]


@pytest.fixture(scope="module")
def rounds(tmp_path_factory: pytest.TempPathFactory) -> List[List[Digests]]:
    """Return rounds of (one thread, the default number): the first exports and compiles, the second finds it kept."""
    cache = tmp_path_factory.mktemp("cache")
    return [told(cache, "1", ""), told(cache, "1", "")]


@pytest.mark.parametrize("threads", [0, 1], ids=["one thread", "default threads"])
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_fresh_processes_give_the_same_maps_and_grasps_bit_for_bit(
    rounds: List[List[Digests]], runtime: str, threads: int
) -> None:
    first, second = (one[threads][runtime] for one in rounds)
    assert first == second


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_frame_that_is_seen_again_gives_the_same_bits(rounds: List[List[Digests]], runtime: str) -> None:
    for digests in (digests[runtime] for one in rounds for digests in one):
        half = len(digests) // 2
        assert digests[:half] == digests[half:]


def test_digests_tell_runtimes_apart(rounds: List[List[Digests]]) -> None:
    outputs = [digests[0] for digests in rounds[0][0].values()]
    assert len(set(outputs)) == len(outputs)
