"""Episodes of a base policy and of the base with its residual, on the same seeds, at any policy latency."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from so_arm.cli.gym_rollouts import env_and_policy
from so_arm.cli.rollouts import Rollouts

if TYPE_CHECKING:
    import numpy as np

    from so_arm.core.judged_episode import JudgedEpisode
    from so_arm.learning.controller import ActionCorrector, ChunkPolicy
    from so_arm.learning.watched_episode import Scene


class Run(NamedTuple):
    """One episode. delay: of the policy, in control ticks. corrected: with the residual."""

    delay: int
    corrected: bool
    seed: int


@dataclass(frozen=True)
class Parts:
    """What episodes are made of. bound: (6,) of the residual as it is in force, share of each joint's half range."""

    env: Scene
    policy: ChunkPolicy
    residual: ActionCorrector
    bound: np.ndarray


@dataclass(frozen=True)
class PairedSetup:
    """Builds what does the runs; picklable, so that every worker process can build its own.

    bound: narrows the residual's trained bound (one for all joints, or one per joint, share of the half range).
    """

    rollouts: Rollouts
    bound: tuple[float, ...] = (1.0,)

    def __call__(self) -> Callable[[Run], JudgedEpisode]:
        return partial(run_one, self.rollouts, self.parts())

    def parts(self) -> Parts:
        env, policy = env_and_policy(self.rollouts)
        return Parts(env, policy, *self.residual())

    def residual(self) -> tuple[ActionCorrector, np.ndarray]:
        """The residual and its bound; UserError where it does not fit the policy, the task or the bound asked for."""
        from so_arm.learning.residual.corrector import Residual

        wanted = self.rollouts
        residual = Residual.load(wanted.residual, wanted.policy, wanted.task)
        residual.limit(self.bound)
        return residual, residual.in_force


def run_one(rollouts: Rollouts, parts: Parts, run: Run) -> JudgedEpisode:
    """Scenes to draw are kept without delay alone; the delay study has no pictures."""
    from dataclasses import replace

    from so_arm.core.chunk_settings import ChunkSettings
    from so_arm.core.clock import CONTROL_HZ
    from so_arm.learning.controller import PolicyController
    from so_arm.learning.watched_episode import run_watched

    timeline = ChunkSettings.of_policy(rollouts.policy).timeline(CONTROL_HZ)
    residual, bound = (parts.residual, parts.bound) if run.corrected else (None, None)
    controller = PolicyController(parts.policy, timeline, residual, run.delay)
    episode = run_watched(parts.env, controller, run.seed, bound)
    return episode if run.delay == 0 else replace(episode, snapshots=episode.snapshots[:0])


def planned_runs(rollouts: Rollouts, delays: Sequence[int]) -> list[Run]:
    """The two of a seed one after the other, so that they can be compared while the runs go on."""
    return [Run(delay, corrected, seed) for delay in delays for seed in rollouts.seeds for corrected in (False, True)]


def run_all(
    setup: PairedSetup, runs: Sequence[Run], workers: int, on_done: Callable[[Run, JudgedEpisode], None]
) -> dict[Run, JudgedEpisode]:
    """By run, in the order of `runs` however many workers there are; `on_done` hears of each as it ends."""
    from so_arm.core.worker_pool import work_in_processes

    if workers > 1:
        done = work_in_processes(_Named(setup), runs, workers, lambda pair: on_done(*pair))
        return dict(done)
    do, found = setup(), {}
    for run in runs:
        found[run] = do(run)
        on_done(run, found[run])
    return found


@dataclass(frozen=True)
class _Named:
    """Runs come back with their results, so that the caller knows what it hears of."""

    setup: PairedSetup

    def __call__(self) -> Callable[[Run], tuple[Run, JudgedEpisode]]:
        return partial(_named, self.setup())


def _named(do: Callable[[Run], JudgedEpisode], run: Run) -> tuple[Run, JudgedEpisode]:
    return run, do(run)
