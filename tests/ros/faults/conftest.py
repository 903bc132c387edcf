"""One node for all faults; after one that ends it the next test gets a new one, as roslaunch would see to."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Callable, Iterator, List

import numpy as np
import pytest
from rig import PATIENT, START_S
from watched import FAULTY, Watched, listening

LIMITS = {"watchdog_s": 4.0, "stall_s": 1.0, "failed_after_s": 1.0}


@pytest.fixture(scope="package")
def alive(
    graph: str, small_file: Path, scenes: List[np.ndarray], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], Watched]]:
    """Return what returns the node that runs, or starts one."""
    parameters = {**PATIENT, "checkpoint": str(small_file), "health": LIMITS, "info_timeout_s": 0.1}
    logs = tmp_path_factory.mktemp("robust")
    with ExitStack() as stack:
        robots: List[Watched] = []

        def one_that_lives() -> Watched:
            if not robots or not robots[-1].process.alive():
                stack.close()
                log = logs / f"log{len(robots)}"
                robots.append(stack.enter_context(listening("/robust", parameters, log, FAULTY)))
                robots[-1].camera.wait_for_listener()
            robots[-1].becomes_good(scenes[0], START_S)
            return robots[-1]

        yield one_that_lives


@pytest.fixture
def robot(alive: Callable[[], Watched]) -> Watched:
    """Return a node that gives grasps."""
    return alive()
