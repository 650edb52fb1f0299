"""Jobs spread over worker processes; the results do not depend on how they were spread."""

from __future__ import annotations

import contextlib
import multiprocessing
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

from so_arm.core.errors import SoArmError, UserError
from so_arm.core.interrupt import children_deaf_to_interrupt


@dataclass(frozen=True)
class _Fault:
    message: str
    user_can_fix: bool


def work_in_processes[Job, Done](
    setup: Callable[[], Callable[[Job], Done]],
    jobs: Sequence[Job],
    workers: int,
    on_done: Callable[[Done], None] | None = None,
) -> list[Done]:
    """Results in the order of `jobs`; `on_done` hears of each as it ends, in any order.

    Every worker calls `setup` for what does its jobs, and then asks for one job after the other; `setup` is pickled
    by reference, so a module-level function, a partial or an instance of such a class. However this call ends, no
    worker outlives it.
    """
    pending = list(reversed(list(enumerate(jobs))))
    results: dict[int, Done] = {}
    with _workers(setup, min(workers, len(jobs))) as lines:
        open_lines = list(lines)
        while open_lines:
            for line in wait(open_lines):
                assert isinstance(line, Connection)
                _take(line, results, on_done)
                if pending:
                    line.send(pending.pop())
                else:
                    line.send(None)
                    open_lines.remove(line)
    return [results[number] for number in range(len(jobs))]


def _take[Done](line: Connection, results: dict[int, Done], on_done: Callable[[Done], None] | None) -> None:
    """Receive what one worker says: a result, the None by which a new worker asks for its first job, or a fault."""
    try:
        said = line.recv()
    except EOFError:
        raise SoArmError("an evaluation worker died (killed, or out of memory?)") from None
    if isinstance(said, _Fault):
        raise UserError(said.message) if said.user_can_fix else SoArmError(said.message)
    if said is not None:
        number, done = said
        results[number] = done
        if on_done is not None:
            on_done(done)


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
        for process in processes:
            process.join(timeout=10.0)
    finally:
        for process in processes:
            process.kill()
            process.join()
        for line in lines:
            line.close()


def _work(setup: Callable[[], Callable[[Any], Any]], line: Connection) -> None:
    try:
        do = setup()
        line.send(None)
        while (numbered := line.recv()) is not None:
            number, job = numbered
            line.send((number, do(job)))
    except (EOFError, BrokenPipeError):
        return  # the caller is gone
    except UserError as fault:
        line.send(_Fault(str(fault), user_can_fix=True))
    except Exception:
        line.send(_Fault(f"an evaluation worker failed:\n{traceback.format_exc()}", user_can_fix=False))
