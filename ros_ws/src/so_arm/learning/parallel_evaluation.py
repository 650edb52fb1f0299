"""The same episodes spread over worker processes; the results do not depend on how they were spread."""

from __future__ import annotations

import contextlib
import multiprocessing
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from so_arm.core.episode import EpisodeResult
from so_arm.core.errors import SoArmError, UserError
from so_arm.core.interrupt import children_deaf_to_interrupt
from so_arm.learning.evaluation import Controller, Environment, run_episode

#: Builds one worker's environment and controller; pickled by reference, so a module-level function or a partial.
Setup = Callable[[], tuple[Environment, Controller]]


@dataclass(frozen=True)
class _Fault:
    message: str
    user_can_fix: bool


def evaluate_in_processes(
    setup: Setup,
    seeds: Sequence[int],
    workers: int,
    on_episode: Callable[[EpisodeResult], None] | None = None,
) -> list[EpisodeResult]:
    """Results in the order of `seeds`; `on_episode` hears of each as it ends, in any order.

    Every worker makes its own environment and controller and then asks for one seed after the other. However this
    call ends, no worker outlives it.
    """
    pending = list(reversed(seeds))
    results: dict[int, EpisodeResult] = {}
    with _workers(setup, min(workers, len(seeds))) as lines:
        open_lines = list(lines)
        while open_lines:
            for line in wait(open_lines):
                assert isinstance(line, Connection)
                _take(line, results, on_episode)
                if pending:
                    line.send(pending.pop())
                else:
                    line.send(None)
                    open_lines.remove(line)
    return [results[seed] for seed in seeds]


def _take(
    line: Connection, results: dict[int, EpisodeResult], on_episode: Callable[[EpisodeResult], None] | None
) -> None:
    """Receive what one worker says: a result, the None by which a new worker asks for its first seed, or a fault."""
    try:
        said = line.recv()
    except EOFError:
        raise SoArmError("an evaluation worker died (killed, or out of memory?)") from None
    if isinstance(said, _Fault):
        raise UserError(said.message) if said.user_can_fix else SoArmError(said.message)
    if said is not None:
        results[said.seed] = said
        if on_episode is not None:
            on_episode(said)


@contextlib.contextmanager
def _workers(setup: Setup, count: int) -> Iterator[list[Connection]]:
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


def _work(setup: Setup, line: Connection) -> None:
    try:
        env, controller = setup()
        line.send(None)
        while (seed := line.recv()) is not None:
            line.send(run_episode(env, controller, seed))
    except (EOFError, BrokenPipeError):
        return  # the caller is gone
    except UserError as fault:
        line.send(_Fault(str(fault), user_can_fix=True))
    except Exception:
        line.send(_Fault(f"an evaluation worker failed:\n{traceback.format_exc()}", user_can_fix=False))
