"""Laws of the same work on many inputs: nothing is lost, errors come through, and jobs are taken as they are needed."""

from __future__ import annotations

import builtins
import os
import signal
import time
from typing import Any, Iterator

import pytest

from pspgrasp.errors import ConfigError, DataError, PspGraspError
from pspgrasp.parallel import WAITING, results


def doubled(number: int) -> int:
    return 2 * number


def refused(number: int) -> int:
    raise DataError(f"{number} is refused")


@pytest.mark.parametrize("processes", [1, 2])
def test_every_job_has_its_result(processes: int) -> None:
    assert sorted(results(doubled, range(7), processes)) == [0, 2, 4, 6, 8, 10, 12]


@pytest.mark.parametrize("processes", [1, 2])
def test_what_the_work_raises_comes_through(processes: int) -> None:
    with pytest.raises(DataError, match="is refused"):
        list(results(refused, range(3), processes))


def interrupted(number: int) -> int:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.01)
    return number


def test_a_deaf_process_does_not_hear_ctrl_c() -> None:
    assert sorted(results(interrupted, range(3), 2, deaf=True)) == [0, 1, 2]


def test_jobs_are_taken_as_workers_get_free() -> None:
    taken = []

    def jobs() -> Iterator[int]:
        for number in range(50):
            taken.append(number)
            yield number

    found = results(doubled, jobs(), 2)
    next(found)
    assert len(taken) <= 2 * WAITING
    assert sorted([0, *found])[-1] == 98


def test_no_process_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least one process"):
        results(doubled, [1], 0)


def test_without_ray_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    there = builtins.__import__

    def without_ray(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "ray":
            raise ImportError(name)
        return there(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_ray)
    with pytest.raises(PspGraspError, match=r"pip install 'pspgrasp\[ray\]'"):
        list(results(doubled, [1], ray="local"))
