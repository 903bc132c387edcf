"""The same work on many inputs: in this process, in several, or on the machines of a Ray cluster."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from types import ModuleType
from typing import Any, Callable, Iterable, Iterator, Set, TypeVar

from pspgrasp.errors import ConfigError, PspGraspError

Job = TypeVar("Job")
Result = TypeVar("Result")

WAITING = 2  # jobs a worker has in hand or in waiting: it never idles, and memory stays flat


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def results(
    work: Callable[[Job], Result], jobs: Iterable[Job], processes: int = 1, ray: str = "", deaf: bool = False
) -> Iterator[Result]:
    """Yield the result of each job as it is done, in any order.

    Args:
        work: A function of a module; its jobs and results must be picklable.
        jobs: Taken one by one, as workers get free.
        processes: On this machine; 1 works here and in order.
        ray: Address of a Ray cluster, or `local` for one on this machine; "" doesn't use Ray.
        deaf: Processes here don't hear Ctrl-C, which a terminal sends to all: the caller tells them what to do.

    Raises:
        PspGraspError: Ray is asked for and not installed, or can't be reached; or what `work` raises.
        ConfigError: Fewer than one process.
    """
    if processes < 1:
        raise ConfigError(f"at least one process is needed, got {processes}")
    if ray:
        return _by_ray(work, jobs, ray, processes)
    return map(work, jobs) if processes == 1 else _by_processes(work, jobs, processes, deaf)


def _by_processes(work: Callable[[Job], Result], jobs: Iterable[Job], processes: int, deaf: bool) -> Iterator[Result]:
    # Fresh processes: a forked one would share the threads and locks of torch and of a GL context.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_begin, initargs=(deaf,))
    try:
        running: Set[Future[Result]] = set()
        for job in jobs:
            running.add(pool.submit(work, job))
            if len(running) >= WAITING * processes:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _begin(deaf: bool) -> None:
    if deaf:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    _one_thread()


def _one_thread() -> None:
    """Each process has one core; threads of many processes would stand in each other's way."""
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        import torch
    except ImportError:
        return
    torch.set_num_threads(1)


def _by_ray(work: Callable[[Job], Result], jobs: Iterable[Job], address: str, processes: int) -> Iterator[Result]:
    ray = _connected(address, processes)
    remote = ray.remote(_threaded(work))
    running: deque[Any] = deque()
    most = WAITING * max(1, int(ray.cluster_resources().get("CPU", processes)))
    try:
        for job in jobs:
            running.append(remote.remote(job))
            while len(running) >= most:
                yield _first(ray, running)
        while running:
            yield _first(ray, running)
    finally:
        for one in running:
            ray.cancel(one)
        ray.shutdown()


def _threaded(work: Callable[[Job], Result]) -> Callable[[Job], Result]:
    def worker(job: Job) -> Result:
        _one_thread()
        return work(job)

    return worker


def _first(ray: ModuleType, running: deque[Any]) -> Any:
    """Wait for the first that is done, take it out and return its result."""
    (done,), _ = ray.wait(list(running), num_returns=1)
    running.remove(done)
    try:
        return ray.get(done)
    except ray.exceptions.RayTaskError as error:
        # What the work itself raised, as if it had run here.
        raise error.as_instanceof_cause() from None


def _connected(address: str, processes: int) -> ModuleType:
    try:
        import ray
    except ImportError as error:
        advice = "pip install 'pspgrasp[ray]'; without it, --processes uses one machine"
        raise PspGraspError(f"--ray needs Ray: {advice}") from error
    try:
        if address == "local":
            ray.init(address="local", num_cpus=processes, include_dashboard=False, log_to_driver=False)
        else:
            ray.init(address=address, log_to_driver=False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise PspGraspError(f"no Ray cluster at {address!r}: {error}") from error
    return ray
