"""What all tests share: real data where it is at hand, and the shipped networks, loaded once."""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

# One thread a process: nodes and tests run side by side, and torch's threads would only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# The LLVM of torch's compiler must not come after another one, or the process dies: see sim/gl.py.
if find_spec("triton") is not None:
    import_module("triton")

import pytest

from pspgrasp.predictor import GraspPredictor
from pspgrasp.shipped import find_checkpoint

#: Real recordings and golden values are not part of the repository; tests that need them look here.
DATA = Path(os.environ.get("PSPGRASP_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
WEIGHTS = DATA.parent / "weights"


@pytest.fixture(scope="session")
def data() -> Path:
    """Return the folder of real recordings, published peers and golden values; skip where it is absent."""
    if not DATA.is_dir():
        pytest.skip(f"no real test data at {DATA}; PSPGRASP_TEST_DATA names another folder")
    return DATA


@pytest.fixture(scope="session")
def reference_weights() -> Path:
    """Return the folder with the first weights as trained and their reference outputs; skip where it is absent."""
    if not WEIGHTS.is_dir():
        pytest.skip(f"no reference weights at {WEIGHTS}; PSPGRASP_TEST_DATA/../weights would hold them")
    return WEIGHTS


@pytest.fixture(scope="session")
def predictor() -> GraspPredictor:
    """Return the default checkpoint on the CPU, ready to predict."""
    return GraspPredictor.from_checkpoint(find_checkpoint("efficientnet_lite0"), device="cpu")
