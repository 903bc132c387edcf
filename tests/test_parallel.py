"""Laws of the same work on many inputs: nothing is lost, errors come through, and jobs are taken as they are needed."""

from __future__ import annotations

import builtins
import multiprocessing
import operator
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest

from pspgrasp.data.output import make_folder
from pspgrasp.errors import ConfigError, DataError, PspGraspError
from pspgrasp.parallel import LostJobsError, results

CHECKOUT = Path(__file__).resolve().parents[1]


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


def terminated(number: int) -> int:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.01)
    return number


@pytest.mark.parametrize("work", [interrupted, terminated])
def test_a_process_hears_neither_ctrl_c_nor_sigterm(work: Callable[[int], int]) -> None:
    assert sorted(results(work, range(3), 2)) == [0, 1, 2]


def killed(number: int) -> int:
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_a_job_whose_process_dies_is_named_and_how_and_all_others_are_done() -> None:
    found: List[int] = []
    with pytest.raises(LostJobsError, match=r"worked on 2 died \(killed by SIGKILL\)") as lost:
        found.extend(results(killed, range(5), 2))
    assert sorted(found) == [0, 1, 3, 4]
    assert [one.job for one in lost.value.lost] == [2]


def hopeless(number: int) -> int:
    os._exit(3)


def test_where_processes_only_die_no_more_jobs_are_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pspgrasp.parallel.MOST_LOST", 3)
    with pytest.raises(LostJobsError, match=r"\(exit code 3\).*; and 2 more died") as lost:
        list(results(hopeless, range(50), 2))
    assert len(lost.value.lost) == 3
    assert not multiprocessing.active_children()


#: Says so as soon as its first two jobs are under way, which never end.
ENDLESS = """
import os, signal, time
from pspgrasp.parallel import results

def endless(number):
    os.write(1, b"begun\\n")
    time.sleep(3600)

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts in the background is deaf to Ctrl-C
    for _ in results(endless, range(5), 2):
        pass
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nobody_is_left_when_the_taking_process_ends(tmp_path: Path, how: signal.Signals) -> None:
    script = tmp_path / "endless.py"
    script.write_text(ENDLESS)
    started = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
    )
    assert started.stdout is not None
    try:
        assert [started.stdout.readline() for _ in range(2)] == ["begun\n"] * 2
        # A terminal sends Ctrl-C to all that belong together; other signals meet one process.
        (os.killpg if how is signal.SIGINT else os.kill)(started.pid, how)
        told = started.communicate(timeout=60)[1]  # comes back when nobody is left who could write
    finally:
        with suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
    assert started.returncode == -how
    assert told.count("Traceback") == (how is signal.SIGINT), "only of this process, and only for Ctrl-C"


def test_nobody_is_left_when_no_more_results_are_taken() -> None:
    found = results(doubled, range(50), 2)
    next(found)
    assert multiprocessing.active_children()
    found.close()  # type: ignore[attr-defined]
    assert not multiprocessing.active_children()


def test_jobs_are_taken_as_workers_get_free() -> None:
    taken = []

    def jobs() -> Iterator[int]:
        for number in range(50):
            taken.append(number)
            yield number

    found = results(doubled, jobs(), 2)
    next(found)
    assert len(taken) <= 3
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


@pytest.mark.slow
def test_a_cluster_does_the_same() -> None:
    pytest.importorskip("ray", reason="needs the extra ray")
    assert sorted(results(operator.neg, range(5), 2, ray="local")) == [-4, -3, -2, -1, 0]
    with pytest.raises(PspGraspError, match=r"^/dev/null/folder can't be made: [^\n]+$"):
        list(results(make_folder, [Path("/dev/null/folder")], 2, ray="local"))
