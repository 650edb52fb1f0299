"""The same episodes spread over worker processes; the results do not depend on how they were spread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from so_arm.core.episode import EpisodeResult
from so_arm.core.worker_pool import work_in_processes
from so_arm.learning.evaluation import Controller, Environment, run_episode

#: Builds one worker's environment and controller; pickled by reference, so a module-level function or a partial.
Setup = Callable[[], tuple[Environment, Controller]]


@dataclass(frozen=True)
class _Episodes:
    """A worker's part: from a seed to the result of its episode."""

    setup: Setup

    def __call__(self) -> Callable[[int], EpisodeResult]:
        return partial(run_episode, *self.setup())


def evaluate_in_processes(
    setup: Setup,
    seeds: Sequence[int],
    workers: int,
    on_episode: Callable[[EpisodeResult], None] | None = None,
) -> list[EpisodeResult]:
    """Results in the order of `seeds`; `on_episode` hears of each as it ends, in any order.

    Every worker makes its own environment and controller. However this call ends, no worker outlives it.
    """
    return work_in_processes(_Episodes(setup), seeds, workers, on_episode)
