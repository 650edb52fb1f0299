"""Jobs spread over worker processes; the results do not depend on how they were spread."""

from __future__ import annotations

import contextlib
import multiprocessing
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, Self

from so_arm.core.errors import SoArmError, UserError
from so_arm.core.interrupt import children_deaf_to_interrupt


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
        self._lines: list[Connection] = []
        self._idle: list[Connection] = []

    def __enter__(self) -> Self:
        self._lines = self._stack.enter_context(_workers(self._setup, self.workers))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        self._carrier.shutdown(wait=False)

    def start(self, jobs: Sequence[Job]) -> Future[list[Done]]:
        """Have `jobs` done in the background, results in their order. The set before has to be done."""
        return self._carrier.submit(self.do, jobs)

    def do(self, jobs: Sequence[Job], on_done: Callable[[Done], None] | None = None) -> list[Done]:
        """Results in the order of `jobs`; `on_done` hears of each as it ends, in any order."""
        pending = list(reversed(list(enumerate(jobs))))
        results: dict[int, Done] = {}
        while len(results) < len(jobs):
            while pending and self._idle:
                _tell(self._idle.pop(), pending.pop())
            for line in wait(self._lines):
                assert isinstance(line, Connection)
                said = _heard(line)
                self._idle.append(line)
                if said is not None:
                    number, done = said
                    results[number] = done
                    if on_done is not None:
                        on_done(done)
        return [results[number] for number in range(len(jobs))]


def work_in_processes[Job, Done](
    setup: Callable[[], Callable[[Job], Done]],
    jobs: Sequence[Job],
    workers: int,
    on_done: Callable[[Done], None] | None = None,
) -> list[Done]:
    """One set of jobs by workers that are there for nothing else; see `WorkerPool`."""
    with WorkerPool(setup, min(workers, len(jobs))) as pool:
        return pool.do(jobs, on_done)


def _tell(line: Connection, job: Any) -> None:
    try:
        line.send(job)
    except OSError:
        raise _died() from None


def _died() -> SoArmError:
    return SoArmError("a worker process died (killed, or out of memory?)")


def _heard(line: Connection) -> Any:
    """What one worker says: a numbered result, the None of one that is ready for its first job, or a fault."""
    try:
        said = line.recv()
    except (EOFError, OSError):
        raise _died() from None
    if isinstance(said, _Fault):
        raise UserError(said.message) if said.user_can_fix else SoArmError(said.message)
    return said


@contextlib.contextmanager
def _workers(setup: Callable[[], Callable[[Any], Any]], count: int) -> Iterator[list[Connection]]:
    context = multiprocessing.get_context("spawn")  # a forked GL context or thread pool does not work
    processes: list[SpawnProcess] = []
    lines: list[Connection] = []
    try:
        with children_deaf_to_interrupt():
            for _ in range(count):
                ours, theirs = context.Pipe()
                process = context.Process(target=_work, args=(setup, theirs), daemon=True)
                process.start()
                theirs.close()
                processes.append(process)
                lines.append(ours)
        yield lines
    finally:
        for process in processes:
            process.kill()  # they hold nothing that a polite end would save
            process.join()
        for line in lines:
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
