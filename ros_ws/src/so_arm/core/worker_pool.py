"""Jobs spread over worker processes; the results do not depend on how they were spread."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, Self

from so_arm.core.errors import SoArmError, UserError
from so_arm.core.interrupt import children_deaf_to_interrupt

#: From when a worker's line is cut to when the system knows how it ended [s].
_END_TIMEOUT_S = 5.0
#: Jobs of a stream that may be under way or done and not yet asked for, per worker.
_AHEAD = 2


class WorkerDied(UserError):
    """A worker process is gone without a word; what it was at is lost."""


@dataclass(frozen=True)
class _Fault:
    message: str
    user_can_fix: bool


class WorkerPool[Job, Done]:
    """Processes that do one set of jobs after the other. Used as a context: none of them outlives it.

    Every worker calls `setup` once for what does its jobs, and gets one job after the other; `setup` is pickled
    by reference, so a module-level function, a partial or an instance of such a class.
    """

    def __init__(self, setup: Callable[[], Callable[[Job], Done]], workers: int) -> None:
        self.workers = workers
        self._setup = setup
        self._stack = contextlib.ExitStack()
        self._carrier = ThreadPoolExecutor(1, thread_name_prefix="worker_pool")
        self._processes: dict[Connection, SpawnProcess] = {}
        self._idle: list[Connection] = []

    def __enter__(self) -> Self:
        self._processes = self._stack.enter_context(_workers(self._setup, self.workers))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        self._carrier.shutdown(wait=False)

    def start(self, jobs: Sequence[Job]) -> Future[list[Done]]:
        """Have `jobs` done in the background, results in their order. The set before has to be done."""
        return self._carrier.submit(self.do, jobs)

    def do(self, jobs: Sequence[Job], on_done: Callable[[Done], None] | None = None) -> list[Done]:
        """Results in the order of `jobs`; `on_done` hears of each as it ends, in any order.

        Raises a worker's UserError, `WorkerDied` for one that was killed, and SoArmError for a bug.
        """
        pending = list(reversed(list(enumerate(jobs))))
        results: dict[int, Done] = {}
        while len(results) < len(jobs):
            while pending and self._idle:
                self._tell(self._idle.pop(), pending.pop())
            for number, done in self._listen():
                results[number] = done
                if on_done is not None:
                    on_done(done)
        return [results[number] for number in range(len(jobs))]

    def stream(self, jobs: Iterable[Job]) -> Iterator[Done]:
        """Results in the order of `jobs`, which may be endless: few are taken before the results are asked for.

        A stream that is left before its end takes the pool with it: what is under way would be taken for another's.
        """
        ahead = _AHEAD * self.workers
        coming, results = enumerate(jobs), dict[int, Done]()
        taken = given = 0
        ended = False
        while not (ended and given == taken):
            can_tell = bool(self._idle) and not ended and taken - given < ahead
            results.update(self._listen(0.0 if can_tell or given in results else None))
            while self._idle and not ended and taken - given < ahead:
                job = next(coming, None)
                ended = job is None
                if job is not None:
                    self._tell(self._idle.pop(), job)
                    taken += 1
            if given in results:
                yield results.pop(given)
                given += 1

    def _listen(self, timeout_s: float | None = None) -> Iterator[tuple[int, Done]]:
        """Wait until something is said; the numbered results among it."""
        for line in wait(list(self._processes), timeout_s):
            assert isinstance(line, Connection)
            said = self._heard(line)
            self._idle.append(line)
            if said is not None:
                yield said

    def _tell(self, line: Connection, job: tuple[int, Job]) -> None:
        try:
            line.send(job)
        except OSError:
            raise _died(self._processes[line]) from None

    def _heard(self, line: Connection) -> Any:
        """What one worker says: a numbered result, the None of one that is ready for its first job, or a fault."""
        try:
            said = line.recv()
        except (EOFError, OSError):
            raise _died(self._processes[line]) from None
        if isinstance(said, _Fault):
            raise UserError(said.message) if said.user_can_fix else SoArmError(said.message)
        return said


def work_in_processes[Job, Done](
    setup: Callable[[], Callable[[Job], Done]],
    jobs: Sequence[Job],
    workers: int,
    on_done: Callable[[Done], None] | None = None,
) -> list[Done]:
    """One set of jobs by workers that are there for nothing else; see `WorkerPool`."""
    with WorkerPool(setup, min(workers, len(jobs))) as pool:
        return pool.do(jobs, on_done)


def _died(process: SpawnProcess) -> WorkerDied:
    process.join(_END_TIMEOUT_S)
    code = process.exitcode
    how = f"exit code {code}" if code is None or code >= 0 else str(signal.strsignal(-code)).lower()
    hint = ", out of memory? Fewer workers take less" if code == -signal.SIGKILL else ""
    return WorkerDied(f"a worker process died ({how}{hint})")


@contextlib.contextmanager
def _workers(setup: Callable[[], Callable[[Any], Any]], count: int) -> Iterator[dict[Connection, SpawnProcess]]:
    """Processes by the lines to them."""
    context = multiprocessing.get_context("spawn")  # a forked GL context or thread pool does not work
    processes: dict[Connection, SpawnProcess] = {}
    try:
        with children_deaf_to_interrupt():
            for _ in range(count):
                ours, theirs = context.Pipe()
                process = context.Process(target=_work, args=(setup, theirs), daemon=True)
                process.start()
                theirs.close()
                processes[ours] = process
        yield processes
    finally:
        for line, process in processes.items():
            process.kill()  # they hold nothing that a polite end would save
            process.join()
            line.close()


def _work(setup: Callable[[], Callable[[Any], Any]], line: Connection) -> None:
    try:
        do = setup()
        line.send(None)
        while True:
            number, job = line.recv()
            line.send((number, do(job)))
    except (EOFError, BrokenPipeError):
        return  # the caller is gone
    except UserError as fault:
        line.send(_Fault(str(fault), user_can_fix=True))
    except Exception:
        line.send(_Fault(f"a worker process failed:\n{traceback.format_exc()}", user_can_fix=False))
