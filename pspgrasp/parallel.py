"""The same work on many inputs: in this process, in several, or on the machines of a Ray cluster."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import textwrap
import threading
import traceback
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from types import ModuleType
from typing import Any, Callable, Dict, Generic, Iterable, Iterator, List, Protocol, Sequence, TypeVar

from pspgrasp.errors import ConfigError, PspGraspError

Job = TypeVar("Job")
Result = TypeVar("Result")
Taken = TypeVar("Taken", contravariant=True)
Given = TypeVar("Given", covariant=True)

WAITING = 2  # jobs that a machine of a cluster has in hand or in waiting, for each core: it never idles
MOST_LOST = 20  # jobs: so many dead processes are no accident, and more of them wouldn't help
TOLD_CHARACTERS = 100  # of a job in a message


class LostJob(Exception):  # noqa: N818 (never a user's error by itself: see `LostJobsError`)
    """A process died, and with it the job that it had.

    Attributes:
        job: Which.
        why: One line for the user.
    """

    def __init__(self, job: Any, why: str) -> None:
        super().__init__(why)
        self.job, self.why = job, why


class LostJobsError(PspGraspError):
    """Processes died over jobs; all other jobs were done, unless `MOST_LOST` are lost.

    Attributes:
        lost: At least one.
    """

    def __init__(self, lost: Sequence[LostJob]) -> None:
        more = f"; and {len(lost) - 1} more died" if len(lost) > 1 else ""
        super().__init__(f"{lost[0].why}{more}")
        self.lost = tuple(lost)


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def results(work: Callable[[Job], Result], jobs: Iterable[Job], processes: int = 1, ray: str = "") -> Iterator[Result]:
    """Yield the result of each job as it is done, in any order.

    Processes here hear neither Ctrl-C nor SIGTERM, which may be sent to all: this process decides. They end at once
    when no more results are taken, for an error or for Ctrl-C, and when this process ends, however it does. A job whose
    process dies is lost alone: the others are done, and the error comes behind the last result.

    Args:
        work: A function of a module; its jobs and results must be picklable.
        jobs: Taken one by one, as workers get free; a message names one by its `str`.
        processes: On this machine; 1 works here and in order.
        ray: Address of a Ray cluster, or `local` for one on this machine; "" doesn't use Ray.

    Raises:
        PspGraspError: Ray is asked for and not installed, or can't be reached; or what `work` raises.
        LostJobsError: Processes died.
        ConfigError: Fewer than one process.
    """
    if processes < 1:
        raise ConfigError(f"at least one process is needed, got {processes}")
    if ray:
        return _done_by(_Cluster(work, ray, processes), jobs)
    return map(work, jobs) if processes == 1 else _done_by(_Processes(work, processes), jobs)


class _Workers(Protocol[Taken, Given]):
    """The contract of whoever does jobs."""

    @property
    def most(self) -> int:
        """How many jobs they take."""

    @property
    def busy(self) -> int:
        """How many jobs they have."""

    def begin(self, job: Taken) -> None:
        """Begin a job, while fewer than `most` are under way."""

    def first(self) -> Given:
        """Wait for the first job that is done, and return its result.

        Raises:
            LostJob: Its process died.
        """

    def end(self) -> None:
        """Drop what is under way, and leave nobody behind."""


def _done_by(workers: _Workers[Job, Result], jobs: Iterable[Job]) -> Iterator[Result]:
    lost: List[LostJob] = []
    try:
        for job in jobs:
            if workers.busy == workers.most:
                yield from _first(workers, lost)
            workers.begin(job)
        while workers.busy:
            yield from _first(workers, lost)
    finally:
        workers.end()
    if lost:
        raise LostJobsError(lost)


def _first(workers: _Workers[Job, Result], lost: List[LostJob]) -> Iterator[Result]:
    """Yield the first result, or note that its job is lost."""
    try:
        result = workers.first()
    except LostJob as one:
        lost.append(one)
        if len(lost) == MOST_LOST:
            raise LostJobsError(lost) from one
        return
    yield result


def one_thread() -> None:
    """Let networks of this process run on one core, once torch is there: on another number their last digits differ."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def _one_core() -> None:
    """Let a process have one core; threads of many processes would stand in each other's way."""
    os.environ["OMP_NUM_THREADS"] = "1"  # torch reads it, if it is imported later
    one_thread()


def _told(job: object) -> str:
    return textwrap.shorten(str(job), TOLD_CHARACTERS, placeholder=" ...")


# --- processes of this machine


class _Worker:
    """A process, the line to it, and what it does."""

    def __init__(self, work: Callable[[Any], Any]) -> None:
        # A fresh process: a forked one would share the threads and locks of torch and of a GL context.
        context = multiprocessing.get_context("spawn")
        self.line, its_end = context.Pipe()
        self.job: object = None
        self.process = context.Process(target=_serve, args=(work, its_end), daemon=True)
        with _interrupts_held_back():
            self.process.start()
        its_end.close()  # so that the line breaks when the process dies

    def died(self) -> LostJob:
        self.process.join()
        code = self.process.exitcode or 0
        self.line.close()
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        advice = "if it was memory, fewer processes need less"
        return LostJob(self.job, f"the process that worked on {_told(self.job)} died ({how}); {advice}")

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.line.close()


class _Processes(Generic[Job, Result]):
    """Processes of this machine; each is started when there is a job for it."""

    def __init__(self, work: Callable[[Job], Result], most: int) -> None:
        self.most = most
        self._work = work
        self._idle: List[_Worker] = []
        self._busy: Dict[Any, _Worker] = {}  # by the line to it

    @property
    def busy(self) -> int:
        return len(self._busy)

    def begin(self, job: Job) -> None:
        self._idle = [worker for worker in self._idle if worker.process.is_alive()]  # some died in idleness
        worker = self._idle.pop() if self._idle else _Worker(self._work)
        worker.job, self._busy[worker.line] = job, worker
        with suppress(BrokenPipeError):  # it died just now: `first` meets it
            worker.line.send(job)

    def first(self) -> Result:
        worker = self._busy.pop(wait(list(self._busy))[0])
        self._idle.append(worker)
        try:
            result, error, text = pickle.loads(worker.line.recv_bytes())
        except (EOFError, ConnectionError):
            self._idle.remove(worker)
            raise worker.died() from None
        if error is not None:
            raise error from _WorkerError(text)
        return result

    def end(self) -> None:
        for worker in (*self._idle, *self._busy.values()):
            worker.end()


class _WorkerError(Exception):
    """Where in another process an error came from."""


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Begin a process that no signal can meet before it has learnt not to hear it; this one hears it a moment later."""
    if not hasattr(signal, "pthread_sigmask"):  # on Windows
        yield
        return
    resource_tracker.ensure_running()  # it lets Ctrl-C through again when it is started
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(work: Callable[[Any], Any], line: Connection) -> None:
    """Do the jobs that come along a line, until it breaks."""
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _one_core()
    with suppress(EOFError, ConnectionError):
        while True:
            line.send_bytes(_answer(work, line.recv()))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)  # in the middle of whatever it is: nobody waits for it


def _answer(work: Callable[[Any], Any], job: object) -> bytes:
    """Return result, error and where that came from."""
    try:
        return pickle.dumps((work(job), None, ""))
    except Exception as error:  # noqa: BLE001 (raised again where results are taken)
        return pickle.dumps((None, error, traceback.format_exc()))


# --- a cluster


class _Cluster(Generic[Job, Result]):
    """Workers of Ray, on any number of machines."""

    def __init__(self, work: Callable[[Job], Result], address: str, processes: int) -> None:
        self._ray = _connected(address, processes)
        self._work = self._ray.remote(_threaded(work))
        self._running: Dict[Any, Job] = {}
        self.most = WAITING * max(1, int(self._ray.cluster_resources().get("CPU", processes)))

    @property
    def busy(self) -> int:
        return len(self._running)

    def begin(self, job: Job) -> None:
        self._running[self._work.remote(job)] = job

    def first(self) -> Result:
        (done,), _ = self._ray.wait(list(self._running), num_returns=1)
        job = self._running.pop(done)
        try:
            return self._ray.get(done)
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from None  # what the work itself raised, as if it had run here
        except self._ray.exceptions.RayError as error:
            first_line = str(error).partition("\n")[0]
            raise LostJob(job, f"Ray could not finish {_told(job)} ({type(error).__name__}): {first_line}") from error

    def end(self) -> None:
        for one in self._running:
            self._ray.cancel(one)
        self._ray.shutdown()


def _threaded(work: Callable[[Job], Result]) -> Callable[[Job], Result]:
    def worker(job: Job) -> Result:
        _one_core()
        return work(job)

    return worker


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
