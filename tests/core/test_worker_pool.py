"""Worker processes: one set of jobs after the other, faults, and a worker that is killed."""

from __future__ import annotations

import itertools
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from so_arm.core.errors import SoArmError, UserError
from so_arm.core.worker_pool import WorkerDied, WorkerPool

sys.path.insert(0, str(Path(__file__).parent))
from fake_jobs import broken, counter, large


def test_one_set_of_jobs_after_the_other_by_the_same_workers() -> None:
    """Each worker keeps what its setup made: it counts all of its jobs."""
    heard: list[tuple[int, int, int]] = []
    with WorkerPool(counter, 2) as pool:
        first = pool.do(list(range(7)), heard.append)
        coming = pool.start([20, 21, 22])
        second = coming.result(60)
        assert pool.do([]) == []
    assert [doubled for doubled, _, _ in first] == [0, 2, 4, 6, 8, 10, 12]
    assert [doubled for doubled, _, _ in second] == [40, 42, 44]
    assert sorted(heard) == sorted(first)
    workers = {worker for _, worker, _ in first + second}
    assert os.getpid() not in workers
    counts = {worker: [n for _, who, n in first + second if who == worker] for worker in workers}
    assert all(sorted(count) == list(range(1, len(count) + 1)) for count in counts.values())
    for worker in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(worker, 0)


@pytest.mark.parametrize(
    ("job", "fault", "message"),
    [
        ("user", UserError, "^not like that$"),
        ("ours", SoArmError, "(?s)a worker process failed:.*ValueError: oh dear"),
        ("die", WorkerDied, r"^a worker process died \(killed, out of memory\? Fewer workers take less\)$"),
        ("end", WorkerDied, r"^a worker process died \(exit code 3\)$"),
    ],
)
def test_a_fault_of_a_worker_is_the_callers(job: str, fault: type[Exception], message: str) -> None:
    with WorkerPool(counter, 1) as pool:
        assert pool.start([1]).result(60)[0][0] == 2
        with pytest.raises(fault, match=message):
            pool.start([2, job, 3]).result(60)


def test_a_worker_that_is_killed_while_it_has_nothing_to_do() -> None:
    with WorkerPool(counter, 1) as pool:
        worker = pool.do([1])[0][1]
        os.kill(worker, signal.SIGKILL)
        while Path(f"/proc/{worker}/stat").read_text().split()[2] != "Z":
            time.sleep(0.01)
        with pytest.raises(WorkerDied, match="killed"):
            pool.do([1, 2, 3, 4])


def test_a_stream_is_in_order_and_takes_few_jobs_ahead() -> None:
    taken: list[int] = []

    def endless() -> Iterator[int]:
        for job in itertools.count():
            taken.append(job)
            yield job

    with WorkerPool(counter, 2) as pool:
        source = pool.stream(endless())
        for expected in range(20):
            assert next(source)[0] == 2 * expected
            assert len(taken) <= expected + 2 * pool.workers
        deadline, workers = time.monotonic() + 60, set()
        while len(workers) < 2 and time.monotonic() < deadline:  # one of them may be up much later
            workers.add(next(source)[1])
        assert len(workers) == 2


def test_a_stream_ends_with_its_jobs() -> None:
    with WorkerPool(counter, 3) as pool:
        assert [doubled for doubled, _, _ in pool.stream(iter([5, 1, 4, 2]))] == [10, 2, 8, 4]
        assert list(pool.stream([])) == []
        assert [doubled for doubled, _, _ in pool.stream([7])] == [14]


def test_leaving_a_stream_whose_workers_are_in_the_middle_of_a_large_result() -> None:
    """A result that is cut off in the pipe must not be waited for."""
    for _ in range(5):
        with WorkerPool(large, 2) as pool:
            assert len(next(pool.stream(itertools.count()))) == 10_000_000


def test_a_setup_that_fails() -> None:
    with pytest.raises(UserError, match="no such policy"), WorkerPool(broken, 1) as pool:
        pool.do([1])


def test_jobs_under_way_do_not_hold_up_the_end() -> None:
    """As when the learner stops on a loss that is no number."""
    with pytest.raises(RuntimeError), WorkerPool(counter, 1) as pool:
        pool.do([1])
        coming = pool.start(["sleep"])
        raise RuntimeError
    assert isinstance(coming.exception(60), (SoArmError, OSError, ValueError))
